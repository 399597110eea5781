import { mkdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import {
  type FoldJob,
  type FoldTraining,
  planWalkForward,
  rangeOf,
  runWalkForward,
  type Variant,
} from '../../backtest/index.ts';
import { epochMs, MinutehandError, systemClock } from '../../core/index.ts';
import { superviseProcess } from '../../engine/index.ts';
import { MODEL_KINDS, readTrainingSettings, trainingMargins, trainingThreads } from '../../model/index.ts';
import { DEVICES } from '../../tensor/index.ts';
import { type MarketOptions, marketOf } from '../backtest-market.ts';
import { binaryOf, type CliContext, commandLog, perform, VERSION, withCommonOptions } from '../context.ts';
import { usageError } from '../output.ts';
import { createProgress } from '../terminal.ts';
import { readVariants, variantConfig } from '../walk-forward-variants.ts';
import { walkForwardLines, walkForwardResult } from '../walk-forward-view.ts';
import { dayOf, factorOf, tradedConfig, withTradedOptions } from './backtest-run.ts';
import { wholeNumber } from './up.ts';

interface WalkForwardOptions extends MarketOptions {
  readonly data: string;
  readonly from?: string;
  readonly to?: string;
  readonly strategy?: string;
  readonly costs: string;
  readonly window: string;
  readonly folds?: string;
  readonly testDays?: string;
  readonly trainDays: string;
  readonly earlyStoppingDays: string;
  readonly calibrationDays: string;
  readonly selectionDays: string;
  readonly kind: string;
  readonly variants?: string;
  readonly settings?: string;
  readonly seed: string;
  readonly device: string;
  readonly threads?: string;
  readonly workers: string;
}

const WINDOWS = ['rolling', 'expanding'] as const;
const KINDS = [...MODEL_KINDS, 'none'] as const;
const DEFAULT_TEST_DAYS = '30';

/** `backtest walk-forward`. */
export function addWalkForward(backtest: Command, context: CliContext): void {
  withTradedOptions(
    withCommonOptions(backtest.command('walk-forward')).requiredOption(
      '--data <DIR>',
      'a folder of candle files of 15m; funding rates lie in a folder "funding" beside it',
    ),
  )
    .description('Retrain and choose fold by fold, trade the days after each, and judge them by all that was tried.')
    .option('--from <DAY>', 'the first UTC day that is traded; by default as early as the training windows allow')
    .option('--window <WINDOW>', `training windows: ${WINDOWS.join(' or ')}`, 'expanding')
    .option('--folds <N>', 'as many folds, as equal as days allow')
    .option('--test-days <N>', `instead of --folds: traded days of each; by default ${DEFAULT_TEST_DAYS}`)
    .option('--train-days <N>', 'days that weights are fitted on; of an expanding window, at least', '120')
    .option(
      '--early-stopping-days <N>',
      'days after them that tell when to stop; a linear model is fitted on them',
      '20',
    )
    .option('--calibration-days <N>', 'days after those, for probabilities and confidence', '30')
    .option('--selection-days <N>', 'days after those, on which the variant is chosen', '30')
    .option('--kind <KIND>', `model of each fold: ${KINDS.join(', ')}`, 'linear-baseline')
    .option('--variants <FILE>', 'parameter sets to choose from, YAML or JSON: a list of maps of configuration keys')
    .option('--settings <FILE>', 'training settings, YAML or JSON')
    .option('--seed <N>', 'of weights, order and dropout', '1')
    .option('--device <DEVICE>', DEVICES.join(', '), 'cpu')
    .option('--threads <N>', 'of a training; by default one per core')
    .option('--workers <N>', 'folds at a time, each in a process of its own', '1')
    .addHelpText(
      'after',
      '\nExample: minutehand backtest walk-forward --data DIR --from 2025-03-01 --to 2025-06-30 --folds 4 --variants variants.yaml --json',
    )
    .action((options: WalkForwardOptions) => perform(context, options, () => walkForward(context, options)));
}

async function walkForward(context: CliContext, options: WalkForwardOptions) {
  const pathOf = (path: string) => resolve(context.invokedFrom, path);
  const days = (flag: string, text: string) => wholeNumber(flag, text, 1);
  const config = tradedConfig(context, options);
  const window = oneOf('--window', options.window, WINDOWS);
  const kind = oneOf('--kind', options.kind, KINDS);
  const device = oneOf('--device', options.device, DEVICES);
  const workers = wholeNumber('--workers', options.workers, 1);
  const settings = await readTrainingSettings(options.settings === undefined ? undefined : pathOf(options.settings));
  const training: FoldTraining | undefined =
    kind === 'none'
      ? undefined
      : {
          kind,
          settings,
          device,
          seed: wholeNumber('--seed', options.seed, 0),
          threads: options.threads === undefined ? trainingThreads() : wholeNumber('--threads', options.threads, 1),
          codeVersion: VERSION,
        };
  const variants: Variant[] =
    options.variants === undefined
      ? [{ name: 'as-configured', config }]
      : readVariants(pathOf(options.variants)).map((set) => ({
          name: set.name,
          config: variantConfig(set, (pairs) =>
            tradedConfig(context, { ...options, set: [...(options.set ?? []), ...pairs] }),
          ),
        }));
  if (options.folds !== undefined && options.testDays !== undefined) {
    throw usageError('--folds and --test-days are both given', 'Give one of them.');
  }
  const from = options.from === undefined ? undefined : dayOf('--from', options.from);
  const to = options.to === undefined ? undefined : dayOf('--to', options.to);

  const progress = createProgress(context.terminal.stderr, systemClock);
  const work = async () => {
    progress.update('reading candles');
    const market = await marketOf(context, config, options, { from, to });
    const range = rangeOf(market.bars);
    if (range === undefined) {
      throw new MinutehandError('BACKTEST_WINDOW_INVALID', `${market.source} holds no bars`, 'Name other candles.', {
        exitCode: 2,
      });
    }
    const folds = planWalkForward({
      window,
      data: { first: epochMs(Math.max(range.first, market.chosenAt ?? 0)), last: range.last },
      from,
      to,
      length:
        options.folds === undefined
          ? { testDays: days('--test-days', options.testDays ?? DEFAULT_TEST_DAYS) }
          : { folds: days('--folds', options.folds) },
      // Without a model there is nothing to fit, to stop or to calibrate.
      trainDays: training ? days('--train-days', options.trainDays) : 0,
      earlyStoppingDays: training ? days('--early-stopping-days', options.earlyStoppingDays) : 0,
      calibrationDays: training ? days('--calibration-days', options.calibrationDays) : 0,
      selectionDays: days('--selection-days', options.selectionDays),
      embargoMs: trainingMargins(training?.kind ?? 'linear-baseline', settings).embargoMs,
    });
    const logDirectory = join(config.data_dir, 'logs');
    mkdirSync(logDirectory, { recursive: true, mode: 0o700 });
    const outputFile = join(logDirectory, 'jobs.out');
    return runWalkForward({
      market,
      data: pathOf(options.data),
      minutes: options.minutes === undefined ? undefined : pathOf(options.minutes),
      window,
      folds,
      variants,
      training,
      costFactor: factorOf(options.costs),
      directory: join(config.data_dir, 'walk-forward'),
      forecasts: join(config.data_dir, 'forecasts'),
      concurrency: workers,
      workers: Math.max(1, Math.floor(availableParallelism() / workers)),
      runFold: (job, onStage, signal) =>
        runInProcess(job, onStage, signal, {
          binary: binaryOf(context),
          outputFile,
          log: commandLog(config, options),
        }),
      onProgress: progress.update,
      signal: context.signal,
    });
  };
  const report = await work()
    .catch((error: unknown) => {
      throw context.signal.aborted ? interrupted() : error;
    })
    .finally(() => progress.finish());
  return { result: walkForwardResult(report), lines: () => walkForwardLines(report) };
}

/** Time for a step of training and its checkpoint. */
const GRACE_MS = 20_000;

async function runInProcess(
  job: FoldJob,
  onStage: (stage: string) => void,
  signal: AbortSignal,
  process: Pick<Parameters<typeof superviseProcess>[0], 'binary' | 'outputFile' | 'log'>,
): Promise<void> {
  let failure: MinutehandError | undefined;
  let isFinished = false;
  const child = superviseProcess({
    ...process,
    name: `fold ${job.fold.fold}`,
    args: ['worker', 'walk-forward'],
    start: job,
    clock: systemClock,
    onMessage: (message) => {
      if (message.type === 'report') onStage(String(message.report));
      if (message.type === 'finished') isFinished = true;
      if (message.type === 'failed') {
        const { code, message: text, remedy, exitCode } = message.error;
        failure = new MinutehandError(code, `fold ${job.fold.fold}: ${text}`, remedy, {
          exitCode: exitCode === 2 || exitCode === 3 ? exitCode : 1,
        });
      }
    },
  });
  const stop = () => void child.stop(GRACE_MS);
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  const { code, signal: endedBy } = await child.exited;
  signal.removeEventListener('abort', stop);
  if (isFinished) return;
  signal.throwIfAborted();
  throw (
    failure ??
    new MinutehandError(
      'JOB_CRASHED',
      `the process of fold ${job.fold.fold} ended early (${endedBy ?? `exit ${code}`})`,
      `See ${process.outputFile}, and whether its memory suffices; then run the same command again: it goes on.`,
    )
  );
}

const interrupted = () =>
  new MinutehandError(
    'BACKTEST_INTERRUPTED',
    'the walk forward was stopped; what its folds have finished is kept',
    'Run the same command again: it goes on from there.',
  );

function oneOf<Value extends string>(flag: string, text: string, values: readonly Value[]): Value {
  const found = values.find((value) => value === text);
  if (found !== undefined) return found;
  throw usageError(`${flag} ${text} is unknown`, `Give one of ${values.join(', ')}.`);
}
