import { join } from 'node:path';
import type { Config } from '../../config/index.ts';
import { type EpochMs, epochMs, formatTime, MinutehandError, type SymbolId, systemClock } from '../../core/index.ts';
import {
  followTrainingJobs,
  openJobQueue,
  type PlannedFold,
  planFolds,
  RUN_FIGURES,
  type RunFigures,
  runIdOf,
  summariseRun,
  type TrainingRunState,
  type TrainingSummary,
  type TrainJob,
  workOnTraining,
} from '../../engine/index.ts';
import { featureSet } from '../../features/index.ts';
import { candleFolderFingerprint } from '../../marketfiles/index.ts';
import { FIT_WINDOWS, type Manifest, type TrainingSettings } from '../../model/index.ts';
import type { Device } from '../../tensor/index.ts';
import { binaryOf, type CliContext, commandLog, type Report, VERSION } from '../context.ts';
import { usageError } from '../output.ts';
import { withStore } from '../store.ts';
import { createProgress, formatTable } from '../terminal.ts';
import { timeOf } from './sim.ts';
import { boundsOf, DEFAULT_SEED, type TrainOptions, trainingCommand } from './training-options.ts';
import { jobName, trainingProgressText } from './training-progress.ts';
import { wholeNumber } from './up.ts';

const DEFAULT_DAYS = { earlyStopping: '20', calibration: '30', test: '30' };
const MAX_JOBS = 1_000;

/** What all jobs of a run share; paths are absolute. */
interface SharedJob {
  readonly kind: Manifest['kind'];
  readonly device: Device;
  readonly threads: number;
  readonly settings: TrainingSettings;
  readonly symbols: number | SymbolId[];
  readonly data: string;
  readonly outputDirectory: string;
  readonly workDirectory: string;
}

/** A fold, or the windows as given. */
type JobWindows = Pick<PlannedFold, 'fold'> & Partial<PlannedFold>;

/** @throws MinutehandError USAGE_INVALID for flags that mean nothing without `--folds` or `--seeds` */
export function refuseJobOptions(options: TrainOptions): void {
  const given = [...foldFlags(options), ['--workers', options.workers] as const].find(([, text]) => text !== undefined);
  if (given) throw usageError(`${given[0]} is of use with jobs only`, 'Give --folds or --seeds too, or leave it out.');
}

/** `model train --folds` and `--seeds`: a job for each fold and seed. */
export async function trainFolds(
  context: CliContext,
  options: TrainOptions,
  config: Config,
  shared: SharedJob,
): Promise<Report> {
  const seeds = seedsOf(options);
  const workers = options.workers === undefined ? 1 : wholeNumber('--workers', options.workers, 0);
  const folds = await windowsOf(options, config, shared);
  if (folds.length * seeds.length > MAX_JOBS) {
    throw usageError(
      `${folds.length} folds with ${seeds.length} seeds are more than ${MAX_JOBS} jobs`,
      'Give fewer of them.',
    );
  }
  if (options.dryRun) return dryRun(folds, seeds);
  const jobs = await jobsOf({ options, config, shared, folds, seeds });

  const log = commandLog(config, options);
  const progress = createProgress(context.terminal.stderr, systemClock);
  const describe = trainingProgressText();
  let counts = '';
  let newest = '';
  const show = () => progress.update(newest === '' ? counts : `${counts} | ${newest}`);
  const states = await withStore(config, log, { create: true, migrate: true }, async (database, databaseUrl) => {
    const queue = await openJobQueue({ database, log });
    const finished = new AbortController();
    const stop = AbortSignal.any([finished.signal, context.signal]);
    const worker =
      workers === 0
        ? Promise.resolve()
        : workOnTraining({
            queue,
            databaseUrl,
            binary: binaryOf(context),
            logDirectory: join(config.data_dir, 'logs'),
            log,
            concurrency: workers,
            untilEmpty: false,
            signal: stop,
            onEvent: (event) => {
              newest = describe(event);
              show();
            },
          });
    // A worker that cannot work ends the wait; its error is thrown below.
    worker.catch(() => finished.abort());
    try {
      return await followTrainingJobs(queue, jobs, {
        signal: stop,
        onChange: (now) => {
          counts = countsText(now, workers);
          show();
        },
      });
    } finally {
      finished.abort();
      await worker.finally(() => queue.close());
    }
  }).finally(() => progress.finish());

  const summary = summariseRun(states);
  if (summary.unfinished > 0) throw unfinished(summary, states.length);
  return reportOf(summary, folds, seeds);
}

/** Flags of the folds, with what was given. */
const foldFlags = (options: TrainOptions) =>
  [
    ['--train-days', options.trainDays],
    ['--early-stopping-days', options.earlyStoppingDays],
    ['--calibration-days', options.calibrationDays],
    ['--test-days', options.testDays],
  ] as const;

function seedsOf({ seed, seeds }: TrainOptions): number[] {
  if (seeds === undefined) return [wholeNumber('--seed', seed ?? DEFAULT_SEED, 0)];
  if (seed !== undefined) throw usageError('--seed and --seeds are both given', 'Give one of them.');
  return [...new Set(seeds.split(',').map((text) => wholeNumber('--seeds', text.trim() || '?', 0)))];
}

async function windowsOf(options: TrainOptions, config: Config, shared: SharedJob): Promise<JobWindows[]> {
  if (options.folds === undefined) {
    const given = foldFlags(options).find(([, text]) => text !== undefined);
    if (given) throw usageError(`${given[0]} is of use with --folds only`, 'Give --folds too, or leave it out.');
    const bounds = boundsOf(options);
    return [{ fold: 1, ...(bounds ? { bounds } : {}) }];
  }
  const fixed = (['earlyStopping', 'calibration', 'test'] as const).find((name) => options[name] !== undefined);
  if (fixed) {
    throw usageError(
      '--folds makes the windows itself; --early-stopping, --calibration and --test give those of one model',
      'Give lengths: --early-stopping-days, --calibration-days, --test-days.',
    );
  }
  const days = (flag: string, text: string) => wholeNumber(flag, text, 1);
  const { trainDays = 'expanding', from, until } = options;
  return planFolds({
    kind: shared.kind,
    data: shared.data,
    symbols: shared.symbols,
    references: config.universe.references,
    settings: shared.settings,
    folds: wholeNumber('--folds', options.folds, 1),
    trainDays: trainDays === 'expanding' ? trainDays : days('--train-days', trainDays),
    earlyStoppingDays: days('--early-stopping-days', options.earlyStoppingDays ?? DEFAULT_DAYS.earlyStopping),
    calibrationDays: days('--calibration-days', options.calibrationDays ?? DEFAULT_DAYS.calibration),
    testDays: days('--test-days', options.testDays ?? DEFAULT_DAYS.test),
    ...(from === undefined ? {} : { from: timeOf('--from', from) }),
    ...(until === undefined ? {} : { until: timeOf('--until', until) }),
  });
}

async function jobsOf(run: {
  readonly options: TrainOptions;
  readonly config: Config;
  readonly shared: SharedJob;
  readonly folds: readonly JobWindows[];
  readonly seeds: readonly number[];
}): Promise<TrainJob[]> {
  const { options, config, folds, seeds } = run;
  const { workDirectory, outputDirectory, symbols, ...shared } = run.shared;
  const { description } = options;
  const common = {
    ...shared,
    symbols: typeof symbols === 'number' ? symbols : [...symbols],
    dataFingerprint: await candleFolderFingerprint(shared.data),
    references: [...config.universe.references],
    market: {
      source: 'real' as const,
      plantedEdge: false,
      ...(description === undefined ? {} : { description }),
    },
    codeVersion: VERSION,
    featureSetHash: featureSet().hash,
  };
  const runId = runIdOf({ ...common, windows: folds.map(({ bounds }) => bounds ?? null) });
  return folds.flatMap(({ fold, bounds }) =>
    seeds.map((seed) => ({
      ...common,
      fold,
      seed,
      ...(bounds ? { windows: bounds } : {}),
      outputDirectory,
      workDirectory: join(workDirectory, runId, `fold-${fold}-seed-${seed}`),
      command: trainingCommand({ ...options, ...flagsOf(options, bounds), seed: String(seed) }),
    })),
  );
}

/** The flags that give a single training the windows of a fold. */
function flagsOf(options: TrainOptions, bounds: PlannedFold['bounds'] | undefined): Partial<TrainOptions> {
  if (options.folds === undefined || !bounds) return {};
  const { train, earlyStopping, calibration, test, end } = bounds;
  return {
    from: formatTime(train),
    earlyStopping: formatTime(earlyStopping),
    calibration: formatTime(calibration),
    test: formatTime(test),
    until: formatTime(end),
  };
}

function countsText(states: readonly TrainingRunState[], workers: number): string {
  const count = (wanted: string) => states.filter(({ state: { state } }) => state === wanted).length;
  const [done, running, waiting, failed] = ['done', 'running', 'waiting', 'failed'].map(count);
  const hint = workers === 0 && running === 0 ? ' for a "minutehand worker"' : '';
  return `${done} of ${states.length} jobs done, ${running} running, ${waiting} waiting${hint}${failed ? `, ${failed} failed` : ''}`;
}

function unfinished({ unfinished: left, failed }: TrainingSummary, jobs: number): MinutehandError {
  return new MinutehandError(
    'JOBS_UNFINISHED',
    `stopped with ${jobs - left - failed.length} of ${jobs} jobs done${failed.length > 0 ? `, ${failed.length} failed` : ''}; ${left} remain queued`,
    'Run the same command again, or "minutehand worker": what is begun goes on from its last checkpoint.',
  );
}

/** Epoch milliseconds as text. */
const spanOf = ({ from, to }: { readonly from: number; readonly to: number }) => ({
  from: formatTime(epochMs(from)),
  to: formatTime(epochMs(to)),
});
const dayOf = (time: number): string => formatTime(time as EpochMs).slice(0, 10);

function dryRun(folds: readonly JobWindows[], seeds: readonly number[]): Report {
  const planned = folds.flatMap(({ fold, windows }) => (windows ? [{ fold, windows }] : []));
  return {
    result: {
      dryRun: true,
      folds: folds.length,
      seeds,
      jobs: folds.length * seeds.length,
      windows: planned.map(({ fold, windows }) => ({
        fold,
        ...Object.fromEntries(FIT_WINDOWS.map((name) => [name, spanOf(windows[name])])),
      })),
    },
    lines: () => [
      ...(planned.length === 0
        ? []
        : formatTable(
            [
              { title: 'fold' },
              { title: 'train' },
              { title: 'early stopping' },
              { title: 'calibration' },
              { title: 'test' },
            ],
            planned.map(({ fold, windows }) => [
              String(fold),
              ...FIT_WINDOWS.map((name) => `${dayOf(windows[name].from)} to ${dayOf(windows[name].to)}`),
            ]),
          )),
      `${folds.length * seeds.length} jobs: ${folds.length} folds, seeds ${seeds.join(', ')}`,
    ],
  };
}

function reportOf(summary: TrainingSummary, folds: readonly JobWindows[], seeds: readonly number[]): Report {
  const { done, failed, mean, spread } = summary;
  return {
    result: {
      ok: failed.length === 0,
      folds: folds.length,
      seeds,
      jobs: done.map(({ windows, ...job }) => ({
        ...job,
        windows: Object.fromEntries(
          Object.entries(windows).map(([name, own]) => [name, own && { ...spanOf(own), rows: own.rows }]),
        ),
      })),
      mean,
      spread,
      failed: failed.map(({ fold, seed, failure }) => ({ fold, seed, error: failure })),
    },
    exitCode: failed.length === 0 ? 0 : 1,
    lines: () => [
      ...formatTable(
        [
          { title: 'fold' },
          { title: 'seed' },
          { title: 'test' },
          { title: 'macro-F1', align: 'right' },
          { title: 'log-loss', align: 'right' },
          { title: 'IC', align: 'right' },
          { title: 'raw IC', align: 'right' },
          { title: 'model' },
        ],
        [
          ...done.map((job) => [
            String(job.fold),
            String(job.seed),
            `${dayOf(job.windows.test.from)} to ${dayOf(job.windows.test.to)}`,
            ...figureCells(job),
            job.modelId,
          ]),
          ['mean', '', '', ...figureCells(mean)],
          ['spread', '', '', ...figureCells(spread)],
        ],
      ),
      ...failed.map(
        ({ failure, ...job }) => `${jobName(job)} failed: ${failure.message} (${failure.code}). ${failure.remedy}`,
      ),
    ],
  };
}

const figureCells = (figures: RunFigures): string[] => RUN_FIGURES.map((name) => figures[name]?.toFixed(4) ?? 'n/a');
