import type { Command } from 'commander';
import { type Config, exchangeKeySources, requireExchangeKeys, showConfig } from '../../config/index.ts';
import { messageOf } from '../../core/index.ts';
import { migrationStatus } from '../../database/index.ts';
import { BOOK, type CapitalNeed, describeCapital, readBookOverview } from '../../engine/index.ts';
import { type CliContext, type CommonOptions, commandLog, perform, readConfig, withCommonOptions } from '../context.ts';
import { hasStore, withStore } from '../store.ts';
import { formatTable } from '../terminal.ts';

export function addConfig(program: Command, context: CliContext): void {
  const config = program.command('config').description('The settings in force.');
  withCommonOptions(config.command('show'))
    .description(
      'Every setting, its value and where it comes from; secrets are hidden, of keys only whether they are set.',
    )
    .addHelpText('after', '\nExample: MINUTEHAND__RISK__MAX_POSITIONS=4 minutehand config show')
    .action((options: CommonOptions) =>
      perform(context, options, async () => {
        const rows = showConfig(readConfig(context, options));
        const keys = exchangeKeySources(context.terminal.env);
        return {
          result: { settings: rows, exchangeKeys: keys },
          lines: () =>
            formatTable(
              [{ title: 'key' }, { title: 'value' }, { title: 'from' }],
              [
                ...rows.map(({ key, value, where }) => [key, JSON.stringify(value), where]),
                ...keys.map(({ variable, where }) => [variable, where === null ? 'not set' : 'set', where ?? '-']),
              ],
            ),
        };
      }),
    );
  withCommonOptions(config.command('check'))
    .description(
      'Check both files, the environment and the flags; every fault with its line and remedy. Also what equity the book needs.',
    )
    .addHelpText('after', '\nExample: minutehand config check --config my-system.yaml')
    .action((options: CommonOptions) =>
      perform(context, options, async () => {
        const resolved = readConfig(context, options);
        requireExchangeKeys(resolved.values, context.terminal.env, context.invokedFrom);
        const rows = showConfig(resolved);
        const changed = rows.filter(({ source }) => source !== 'default').length;
        const { capital, unknown } = await leastCapital(resolved.values, options);
        return {
          result: {
            ok: true,
            settings: rows.length,
            set: changed,
            capital: capital ?? null,
            ...(unknown === undefined ? {} : { capitalUnknown: unknown }),
          },
          lines: () => [
            `the configuration is sound: ${rows.length} settings`,
            capital
              ? describeCapital(capital, resolved.values.universe.quote)
              : `what equity the book needs is not known yet: ${unknown}`,
          ],
        };
      }),
    );
}

/** What equity the book needs with this configuration, or why nobody can say yet: it takes the instruments and prices of a stored book. */
async function leastCapital(
  config: Config,
  options: CommonOptions,
): Promise<{ capital: CapitalNeed; unknown?: never } | { unknown: string; capital?: never }> {
  if (!hasStore(config)) return { unknown: `there is no store in ${config.data_dir}` };
  try {
    const read = { create: false, migrate: false };
    return await withStore(config, commandLog(config, options), read, async (database) => {
      const migrations = await migrationStatus(database);
      if (migrations.some(({ applied }) => !applied)) return { unknown: 'the schema of the database is out of date' };
      const overview = await readBookOverview(database, config, BOOK);
      if (overview === undefined) return { unknown: 'no minute has been decided' };
      return overview.capital ? { capital: overview.capital } : { unknown: 'no symbol has a price' };
    });
  } catch (error) {
    // A store that cannot be read is no fault of the configuration.
    return { unknown: messageOf(error) };
  }
}
