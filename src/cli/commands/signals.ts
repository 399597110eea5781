import type { Command } from 'commander';
import { type EpochMs, epochMs, HORIZON_NAMES, type Horizon, milliseconds, systemClock } from '../../core/index.ts';
import { lastCycleMinute, listSignals } from '../../database/index.ts';
import { BOOK } from '../../engine/index.ts';
import { featureSet } from '../../features/index.ts';
import { explainSignal, rollingAccuracy } from '../../signals/index.ts';
import { type CliContext, type CommonOptions, commandLog, perform, readConfig, withCommonOptions } from '../context.ts';
import { toJsonLine, usageError } from '../output.ts';
import { accuracyLines, explanationLines, signalLine } from '../signal-view.ts';
import { withStore } from '../store.ts';
import { modelsFolder } from './model-registry.ts';
import { wholeNumber } from './up.ts';

interface ListOptions extends CommonOptions {
  readonly symbol?: string;
  readonly limit: string;
  readonly accepted?: boolean;
  readonly explain?: string;
}

interface OutcomeOptions extends CommonOptions {
  readonly horizon?: string;
  readonly days: string;
}

/** Real time between two looks of `signals tail`. */
const TAIL_EVERY_MS = 500;

export function addSignals(program: Command, context: CliContext): void {
  const signals = program
    .command('signals')
    .description('Candidates, what each gate said of them, and what became of the forecasts.');
  const withFilter = (command: Command) =>
    withCommonOptions(command)
      .option('--symbol <SYMBOL>', 'of one symbol only')
      .option('--accepted', 'only those that passed every gate')
      .option('--limit <N>', 'the newest N', '20');
  withFilter(signals.command('list'))
    .description('The newest candidates, or everything about one of them.')
    .option('--explain <ID>', 'inputs, outputs, gates, orders and alternatives of one candidate')
    .addHelpText('after', '\nExample: minutehand signals list --accepted --limit 5')
    .action((options: ListOptions) =>
      perform(context, options, async () => {
        const config = readConfig(context, options).values;
        const { explain } = options;
        if (explain !== undefined) {
          const request = {
            book: BOOK,
            venue: config.exchange.id,
            id: explain,
            featureSetHash: featureSet().hash,
            modelsFolder: modelsFolder(config),
          };
          const stored = { create: false, migrate: true };
          const explanation = await withStore(config, commandLog(config, options), stored, (database) =>
            explainSignal(database, request),
          );
          return { result: { ...explanation }, lines: () => explanationLines(explanation) };
        }
        const filter = { book: BOOK, ...filterOf(options), limit: wholeNumber('--limit', options.limit, 1) };
        const stored = { create: false, migrate: true };
        const found = await withStore(config, commandLog(config, options), stored, (database) =>
          listSignals(database, filter),
        );
        return {
          result: { signals: found },
          lines: () => (found.length === 0 ? ['no candidates yet'] : found.map(signalLine)),
        };
      }),
    );
  withFilter(signals.command('tail'))
    .description('Candidates as they are decided, until Ctrl-C; with --json one object per line.')
    .addHelpText('after', '\nExample: minutehand signals tail --accepted')
    .action((options: ListOptions) =>
      perform(context, options, async () => {
        const config = readConfig(context, options).values;
        const limit = wholeNumber('--limit', options.limit, 1);
        await withStore(config, commandLog(config, options), { create: false, migrate: true }, async (database) => {
          let after: EpochMs | undefined;
          while (!context.signal.aborted) {
            const range = after === undefined ? { limit } : { after };
            const found = await listSignals(database, { book: BOOK, ...filterOf(options), ...range });
            for (const signal of found) {
              context.terminal.stdout.write(`${options.json ? toJsonLine({ ...signal }) : signalLine(signal)}\n`);
            }
            after = found.at(-1)?.minute ?? after ?? epochMs(0);
            await systemClock.sleep(milliseconds(TAIL_EVERY_MS), context.signal);
          }
        });
        return undefined;
      }),
    );
  withCommonOptions(signals.command('outcomes'))
    .description('How the forecasts of the last days came true, by horizon and model.')
    .option('--horizon <HORIZON>', `one of ${HORIZON_NAMES.join(', ')}; all without it`)
    .option('--days <N>', 'of the last N days of the book', '7')
    .addHelpText('after', '\nExample: minutehand signals outcomes --horizon 4h --days 7')
    .action((options: OutcomeOptions) =>
      perform(context, options, async () => {
        const config = readConfig(context, options).values;
        const horizons = options.horizon === undefined ? HORIZON_NAMES : [horizonNamed(options.horizon)];
        const days = wholeNumber('--days', options.days, 1);
        const stored = { create: false, migrate: true };
        const accuracies = await withStore(config, commandLog(config, options), stored, async (database) => {
          const last = (await lastCycleMinute(database, BOOK)) ?? epochMs(0);
          const until = epochMs(last + 1);
          return rollingAccuracy(database, { book: BOOK, venue: config.exchange.id, horizons, days, until });
        });
        return {
          result: { days, outcomes: accuracies },
          lines: () => accuracyLines(accuracies, horizons, days),
        };
      }),
    );
}

function horizonNamed(text: string): Horizon {
  const found = HORIZON_NAMES.find((name) => name === text);
  if (found) return found;
  throw usageError(`--horizon ${text} is none`, `Write one of ${HORIZON_NAMES.join(', ')}.`);
}

const filterOf = ({ symbol, accepted }: ListOptions) => ({
  ...(symbol === undefined ? {} : { symbol: symbol.toUpperCase() }),
  ...(accepted ? { accepted: true } : {}),
});
