import type { Command } from 'commander';
import { PARITY_STAGES, type ParityReport, parityRange, proveParity } from '../../backtest/index.ts';
import { systemClock } from '../../core/index.ts';
import { BOOK } from '../../engine/index.ts';
import { type CliContext, type CommonOptions, commandLog, perform, readConfig, withCommonOptions } from '../context.ts';
import { withStore } from '../store.ts';
import { createProgress, formatTable } from '../terminal.ts';
import { modelsFolder } from './model-registry.ts';
import { timeOf } from './sim.ts';

interface ParityCommandOptions extends CommonOptions {
  readonly run?: string;
  readonly from?: string;
  readonly to?: string;
}

/** `backtest parity`. */
export function addBacktestParity(backtest: Command, context: CliContext): void {
  withCommonOptions(backtest.command('parity'))
    .description(
      'Go through the minutes of a run once more, stage by stage from what was recorded, and compare everything with what happened.',
    )
    .option('--run <ID>', 'the run, as "minutehand status" names it; by default the newest')
    .option('--from <TIME>', "the first minute, by its close; by default the run's")
    .option('--to <TIME>', "the last minute, by its close; by default the run's")
    .addHelpText('after', '\nExample: minutehand backtest parity --json')
    .action((options: ParityCommandOptions) =>
      perform(context, options, async () => {
        const config = readConfig(context, options).values;
        const log = commandLog(config, options);
        const progress = createProgress(context.terminal.stderr, systemClock);
        const { runId, report } = await withStore(config, log, { create: false, migrate: true }, async (database) => {
          const range = await parityRange(database, BOOK, {
            ...(options.run === undefined ? {} : { runId: options.run }),
            ...(options.from === undefined ? {} : { from: timeOf('--from', options.from) }),
            ...(options.to === undefined ? {} : { to: timeOf('--to', options.to) }),
          });
          const proven = await proveParity({
            database,
            book: BOOK,
            venue: config.exchange.id,
            from: range.from,
            to: range.to,
            modelsFolder: modelsFolder(config),
            log,
            signal: context.signal,
            onProgress: (done, total) => progress.update(`parity: ${done} of ${total} minutes`),
          });
          return { runId: range.runId, report: proven };
        });
        progress.finish();
        return {
          result: { run: runId, ...report },
          exitCode: report.ok ? 0 : 1,
          lines: () => linesOf(runId, report),
        };
      }),
    );
}

function linesOf(runId: string, { minutes, from, to, stages, firstDivergence }: ParityReport): string[] {
  return [
    `run ${runId}: ${minutes} minutes from ${from} to ${to}`,
    ...formatTable(
      [
        { title: 'stage' },
        { title: 'compared', align: 'right' },
        { title: 'diverged', align: 'right' },
        { title: 'first divergence' },
      ],
      PARITY_STAGES.map((stage) => {
        const { compared, diverged, firstDivergence: first } = stages[stage];
        return [stage, String(compared), String(diverged), first === null ? '-' : placeOf(first)];
      }),
    ),
    firstDivergence === null
      ? 'nothing diverged'
      : `first divergence: ${placeOf(firstDivergence)}: recorded ${textOf(firstDivergence.recorded)}, replayed ${textOf(firstDivergence.replayed)}`,
  ];
}

const placeOf = ({ stage, minute, symbol, subject, field }: NonNullable<ParityReport['firstDivergence']>): string =>
  [stage, minute, symbol, subject, field].filter((part) => part !== undefined && part !== '').join(' ');

const textOf = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));
