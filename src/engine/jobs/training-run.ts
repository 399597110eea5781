import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DAY_MS, type EpochMs, epochMs, milliseconds, type SymbolId, waitReal } from '../../core/index.ts';
import {
  canonicalJson,
  type FitWindows,
  type Manifest,
  readDatasetTimes,
  sha256,
  type TrainingSettings,
  trainingMargins,
  type WindowBounds,
  walkForwardFolds,
  walkForwardSpans,
} from '../../model/index.ts';
import type { JobFailure, JobQueue, JobState } from './job-queue.ts';
import { TRAIN_JOBS, type TrainJob, type TrainResult } from './train-job.ts';

/** How walk-forward folds are cut from a folder's time; lengths in days. */
export interface FoldRequest {
  readonly kind: Manifest['kind'];
  readonly data: string;
  readonly symbols: number | readonly SymbolId[];
  readonly references: readonly SymbolId[];
  readonly settings: TrainingSettings;
  readonly folds: number;
  readonly trainDays: number | 'expanding';
  readonly earlyStoppingDays: number;
  readonly calibrationDays: number;
  readonly testDays: number;
  /** By default the time that the folder's rows begin and end at. */
  readonly from?: EpochMs;
  readonly until?: EpochMs;
}

export interface PlannedFold {
  /** From 1, oldest first. */
  readonly fold: number;
  readonly bounds: WindowBounds;
  /** What is left of them between the margins. */
  readonly windows: FitWindows;
}

/**
 * The folds of a folder of candles.
 * @throws MinutehandError as readFolderBars and walkForwardFolds
 */
export async function planFolds(request: FoldRequest): Promise<PlannedFold[]> {
  const { kind, settings, data, symbols, references, folds, trainDays, from, until } = request;
  const times = await readDatasetTimes({
    directory: data,
    symbols,
    references,
    ...(from === undefined ? {} : { from }),
    ...(until === undefined ? {} : { until }),
  });
  const lengths = {
    folds,
    trainMs: trainDays === 'expanding' ? trainDays : trainDays * DAY_MS,
    earlyStoppingMs: request.earlyStoppingDays * DAY_MS,
    calibrationMs: request.calibrationDays * DAY_MS,
    testMs: request.testDays * DAY_MS,
  };
  const windows = walkForwardFolds(times, { ...lengths, ...trainingMargins(kind, settings) });
  return walkForwardSpans(times, lengths).flatMap((spans, index) => {
    const own = windows[index];
    if (!own) return [];
    const bounds = {
      train: epochMs(spans.train.from),
      earlyStopping: epochMs(spans.earlyStopping.from),
      calibration: epochMs(spans.calibration.from),
      test: epochMs(spans.test.from),
      end: epochMs(spans.test.to),
    };
    return [{ fold: index + 1, bounds, windows: own }];
  });
}

/** Names a run by what all its jobs share, so that the same command finds its work folders again, also with further seeds. */
export const runIdOf = (shared: object): string => sha256(canonicalJson(shared)).slice(0, 12);

export interface TrainingRunState {
  readonly job: TrainJob;
  readonly state: JobState<TrainResult>;
}

/**
 * Queues jobs and waits until all are done or failed, or the signal aborts; then some are unfinished, and remain queued. A job that was
 * done before is not done again while its artefact is there.
 */
export async function followTrainingJobs(
  queue: JobQueue,
  jobs: readonly TrainJob[],
  options: {
    readonly signal: AbortSignal;
    readonly onChange: (states: readonly TrainingRunState[]) => void;
  },
): Promise<TrainingRunState[]> {
  const isThere = async ({ directory }: TrainResult) => existsSync(join(directory, 'manifest.json'));
  const queued: { job: TrainJob; id: string }[] = [];
  for (const job of jobs) queued.push({ job, id: await queue.submit(TRAIN_JOBS, job, isThere) });
  const finished = new Map<string, JobState<TrainResult>>();
  for (;;) {
    const states: TrainingRunState[] = [];
    for (const { job, id } of queued) {
      const state = finished.get(id) ?? (await queue.stateOf(TRAIN_JOBS, id));
      if (isFinished(state)) finished.set(id, state);
      states.push({ job, state });
    }
    options.onChange(states);
    if (options.signal.aborted || states.every(({ state }) => isFinished(state))) return states;
    await waitReal(milliseconds(POLL_MS), options.signal);
  }
}

const POLL_MS = 1_000;

/** A job that is not known any more was deleted by somebody: nothing is to be waited for. */
const isFinished = ({ state }: JobState<TrainResult>): boolean =>
  state === 'done' || state === 'failed' || state === 'unknown';

export const RUN_FIGURES = ['macroF1', 'logLoss', 'informationCoefficient', 'rawInformationCoefficient'] as const;
export type RunFigures = Readonly<Record<(typeof RUN_FIGURES)[number], number | null>>;

export interface TrainingSummary {
  readonly done: readonly ({ readonly fold: number; readonly seed: number } & TrainResult)[];
  readonly failed: readonly { readonly fold: number; readonly seed: number; readonly failure: JobFailure }[];
  /** Still queued or being worked on. */
  readonly unfinished: number;
  readonly mean: RunFigures;
  /** Standard deviation over all jobs (n - 1); null below two. */
  readonly spread: RunFigures;
}

/** Figures of the jobs that are done, in the order of the jobs; a figure that a job does not have counts neither way. */
export function summariseRun(states: readonly TrainingRunState[]): TrainingSummary {
  const done = states.flatMap(({ job: { fold, seed }, state }) =>
    state.state === 'done' ? [{ fold, seed, ...state.result }] : [],
  );
  const failed = states.flatMap(({ job: { fold, seed }, state }) => {
    if (state.state === 'failed') return [{ fold, seed, failure: state.failure }];
    return state.state === 'unknown' ? [{ fold, seed, failure: DELETED }] : [];
  });
  const figures = (of: (values: readonly number[]) => number | null): RunFigures => {
    const figure = (name: keyof RunFigures) => of(done.flatMap(({ [name]: value }) => (value === null ? [] : [value])));
    return {
      macroF1: figure('macroF1'),
      logLoss: figure('logLoss'),
      informationCoefficient: figure('informationCoefficient'),
      rawInformationCoefficient: figure('rawInformationCoefficient'),
    };
  };
  const unfinished = states.length - done.length - failed.length;
  return { done, failed, unfinished, mean: figures(meanOf), spread: figures(spreadOf) };
}

const DELETED: JobFailure = {
  code: 'JOB_CANCELLED',
  message: 'the job was deleted from the queue',
  remedy: 'Run the same command again; it goes on from its last checkpoint.',
};

const meanOf = (values: readonly number[]): number | null =>
  values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length;

function spreadOf(values: readonly number[]): number | null {
  const mean = meanOf(values);
  if (mean === null || values.length < 2) return null;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1));
}
