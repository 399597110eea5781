import type { Command } from 'commander';
import { type EpochMs, epochMs, formatTime, milliseconds, type Signal, systemClock } from '../../core/index.ts';
import { listSignals } from '../../database/index.ts';
import { BOOK } from '../../engine/index.ts';
import { type CliContext, type CommonOptions, commandLog, perform, readConfig, withCommonOptions } from '../context.ts';
import { toJsonLine } from '../output.ts';
import { withStore } from '../store.ts';
import { wholeNumber } from './up.ts';

interface ListOptions extends CommonOptions {
  readonly symbol?: string;
  readonly limit: string;
  readonly accepted?: boolean;
}

/** Real time between two looks of `signals tail`. */
const TAIL_EVERY_MS = 500;

export function addSignals(program: Command, context: CliContext): void {
  const signals = program.command('signals').description('Candidates, and what each gate said of them.');
  const withFilter = (command: Command) =>
    withCommonOptions(command)
      .option('--symbol <SYMBOL>', 'of one symbol only')
      .option('--accepted', 'only those that passed every gate')
      .option('--limit <N>', 'the newest N', '20');
  withFilter(signals.command('list'))
    .description('The newest candidates.')
    .addHelpText('after', '\nExample: minutehand signals list --accepted --limit 5')
    .action((options: ListOptions) =>
      perform(context, options, async () => {
        const config = readConfig(context, options).values;
        const found = await withStore(
          config,
          commandLog(config, options),
          { create: false, migrate: true },
          (database) =>
            listSignals(database, {
              book: BOOK,
              ...filterOf(options),
              limit: wholeNumber('--limit', options.limit, 1),
            }),
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
        await withStore(config, commandLog(config, options), { create: false, migrate: true }, async (database) => {
          let after: EpochMs | undefined;
          const limit = wholeNumber('--limit', options.limit, 1);
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
}

const filterOf = ({ symbol, accepted }: ListOptions) => ({
  ...(symbol === undefined ? {} : { symbol: symbol.toUpperCase() }),
  ...(accepted ? { accepted: true } : {}),
});

function signalLine(signal: Signal): string {
  const percent = (value: number) => `${(value * 100).toFixed(2)} %`;
  const stopped = signal.verdicts.filter(({ passed }) => !passed).map(({ gate, reason }) => reason ?? gate);
  return [
    formatTime(signal.minute),
    signal.symbol.padEnd(12),
    signal.side.padEnd(5),
    signal.horizon.padEnd(3),
    `edge ${percent(signal.netEdge)}`,
    `P ${signal.probability.toFixed(2)}`,
    `confidence ${signal.confidence.toFixed(2)}`,
    signal.accepted ? 'SIGNAL' : stopped.join(' '),
  ].join('  ');
}
