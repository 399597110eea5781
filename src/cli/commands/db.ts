import type { Command } from 'commander';
import { migrate, migrationStatus, rollback } from '../../database/index.ts';
import { type CliContext, type CommonOptions, commandLog, perform, readConfig, withCommonOptions } from '../context.ts';
import { withStore } from '../store.ts';
import { formatTable } from '../terminal.ts';
import { wholeNumber } from './up.ts';

export function addDb(program: Command, context: CliContext): void {
  const db = program.command('db').description('The schema of the store.');
  withCommonOptions(db.command('migrate'))
    .description('Bring the schema up to date.')
    .addHelpText('after', '\nExample: DATABASE_URL=postgres://… minutehand db migrate')
    .action((options: CommonOptions) =>
      perform(context, options, async () => {
        const config = readConfig(context, options).values;
        const applied = await withStore(
          config,
          commandLog(config, options),
          { create: true, migrate: false },
          (database) => migrate(database),
        );
        return {
          result: { applied },
          lines: () => (applied.length === 0 ? ['the schema is up to date'] : applied.map((id) => `applied ${id}`)),
        };
      }),
    );
  withCommonOptions(db.command('rollback'))
    .description('Take the newest migrations back. What only they hold is lost.')
    .option('--steps <N>', 'how many', '1')
    .addHelpText('after', '\nExample: minutehand db rollback --steps 1')
    .action((options: CommonOptions & { readonly steps: string }) =>
      perform(context, options, async () => {
        const config = readConfig(context, options).values;
        const steps = wholeNumber('--steps', options.steps, 1);
        const reverted = await withStore(
          config,
          commandLog(config, options),
          { create: false, migrate: false },
          (database) => rollback(database, steps),
        );
        return { result: { reverted }, lines: () => reverted.map((id) => `took ${id} back`) };
      }),
    );
  withCommonOptions(db.command('status'))
    .description('Which migrations are applied.')
    .addHelpText('after', '\nExample: minutehand db status --json')
    .action((options: CommonOptions) =>
      perform(context, options, async () => {
        const config = readConfig(context, options).values;
        const migrations = await withStore(
          config,
          commandLog(config, options),
          { create: false, migrate: false },
          (database) => migrationStatus(database),
        );
        return {
          result: { migrations },
          lines: () =>
            formatTable(
              [{ title: 'migration' }, { title: 'state' }],
              migrations.map(({ id, applied }) => [id, applied ? 'applied' : 'pending']),
            ),
        };
      }),
    );
}
