import type { Command } from 'commander';
import { showConfig } from '../../config/index.ts';
import { type CliContext, type CommonOptions, perform, readConfig, withCommonOptions } from '../context.ts';
import { formatTable } from '../terminal.ts';

export function addConfig(program: Command, context: CliContext): void {
  const config = program.command('config').description('The settings in force.');
  withCommonOptions(config.command('show'))
    .description('Every setting, its value and where it comes from; secrets are hidden.')
    .addHelpText('after', '\nExample: MINUTEHAND__RISK__MAX_POSITIONS=4 minutehand config show')
    .action((options: CommonOptions) =>
      perform(context, options, async () => {
        const rows = showConfig(readConfig(context, options));
        return {
          result: { settings: rows },
          lines: () =>
            formatTable(
              [{ title: 'key' }, { title: 'value' }, { title: 'from' }],
              rows.map(({ key, value, where }) => [key, JSON.stringify(value), where]),
            ),
        };
      }),
    );
  withCommonOptions(config.command('check'))
    .description('Check both files, the environment and the flags; every fault with its line and remedy.')
    .addHelpText('after', '\nExample: minutehand config check --config my-system.yaml')
    .action((options: CommonOptions) =>
      perform(context, options, async () => {
        const rows = showConfig(readConfig(context, options));
        const changed = rows.filter(({ source }) => source !== 'default').length;
        return {
          result: { ok: true, settings: rows.length, set: changed },
          lines: () => [`the configuration is sound: ${rows.length} settings`],
        };
      }),
    );
}
