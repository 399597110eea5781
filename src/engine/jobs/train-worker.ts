import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Log, systemClock } from '../../core/index.ts';
import type { TrainingProgress } from '../../model/index.ts';
import { superviseProcess } from '../supervised-process.ts';
import type { JobAttempt, JobFailure, JobOutcome, JobQueue } from './job-queue.ts';
import { TRAIN_JOBS, type TrainJob, type TrainResult } from './train-job.ts';

/** What a process that trains is started with. */
export interface TrainProcessRequest {
  readonly id: string;
  readonly job: TrainJob;
  readonly databaseUrl: string;
  readonly spin: boolean;
}

/** What it reports while it works. */
export type TrainProcessReport =
  | { readonly kind: 'stage'; readonly stage: string }
  | { readonly kind: 'progress'; readonly progress: TrainingProgress };

export type TrainWorkerEvent = { readonly id: string; readonly job: TrainJob } & (
  | { readonly kind: 'started' }
  | TrainProcessReport
  | { readonly kind: 'ended'; readonly outcome: JobOutcome<TrainResult> }
);

export interface TrainWorkerOptions {
  readonly queue: JobQueue;
  readonly databaseUrl: string;
  readonly binary: string;
  /** Where the processes' output goes. */
  readonly logDirectory: string;
  readonly log: Log;
  /** Jobs at a time, each in a process of its own. */
  readonly concurrency: number;
  readonly untilEmpty: boolean;
  readonly signal: AbortSignal;
  readonly onEvent: (event: TrainWorkerEvent) => void;
}

/** Time for a step of training and a checkpoint, after which a process is killed: it goes on from the checkpoint before. */
const GRACE_MS = 20_000;

/** Takes jobs from the queue `train` and runs each in a process of its own, so that none can take the worker down with it. */
export async function workOnTraining(options: TrainWorkerOptions): Promise<void> {
  const { queue, concurrency, untilEmpty, signal } = options;
  mkdirSync(options.logDirectory, { recursive: true, mode: 0o700 });
  await queue.work(TRAIN_JOBS, {
    concurrency,
    untilEmpty,
    signal,
    run: (attempt) => runInProcess(attempt, options),
  });
}

async function runInProcess(
  { id, payload: job, signal }: JobAttempt<TrainJob>,
  { databaseUrl, binary, logDirectory, log, concurrency, onEvent }: TrainWorkerOptions,
): Promise<JobOutcome<TrainResult>> {
  onEvent({ id, job, kind: 'started' });
  const outputFile = join(logDirectory, 'jobs.out');
  const request: TrainProcessRequest = { id, job, databaseUrl, spin: concurrency === 1 };
  let result: TrainResult | undefined;
  let failure: JobFailure | undefined;
  const child = superviseProcess({
    name: 'train',
    binary,
    args: ['worker', 'train'],
    start: request,
    outputFile,
    clock: systemClock,
    log,
    onMessage: (message) => {
      if (message.type === 'report') onEvent({ id, job, ...(message.report as TrainProcessReport) });
      if (message.type === 'finished') result = message.result as TrainResult;
      if (message.type === 'failed') {
        const { code, message: text, remedy } = message.error;
        failure = { code, message: text, remedy };
      }
    },
  });
  const stop = () => void child.stop(GRACE_MS);
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  const ended = await child.exited;
  signal.removeEventListener('abort', stop);
  const outcome = outcomeOf({ result, failure, isStopped: signal.aborted, ...ended, outputFile });
  onEvent({ id, job, kind: 'ended', outcome });
  return outcome;
}

function outcomeOf(ended: {
  readonly result: TrainResult | undefined;
  readonly failure: JobFailure | undefined;
  readonly isStopped: boolean;
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly outputFile: string;
}): JobOutcome<TrainResult> {
  if (ended.result) return { kind: 'done', result: ended.result };
  if (ended.isStopped) return { kind: 'returned' };
  if (ended.failure) return { kind: 'refused', failure: ended.failure };
  return {
    kind: 'crashed',
    failure: {
      code: 'JOB_CRASHED',
      message: `the process that trained ended early (${ended.signal ?? `exit ${ended.code}`})`,
      remedy: `See ${ended.outputFile} on its machine, and whether its memory suffices; then run the same command again.`,
    },
  };
}
