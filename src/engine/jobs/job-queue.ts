import { createHash } from 'node:crypto';
import type { JobWithMetadata, PgBoss } from 'pg-boss';
import { z } from 'zod';
import { type Log, MinutehandError, messageOf, milliseconds, waitReal } from '../../core/index.ts';
import type { Database } from '../../database/index.ts';
import { canonicalJson } from '../../model/index.ts';

/** A kind of work: the name of its queue, and what goes in and comes out. */
export interface JobType<Payload extends object, Result extends object> {
  readonly queue: string;
  readonly payload: z.ZodType<Payload>;
  readonly result: z.ZodType<Result>;
}

const failureSchema = z.object({ code: z.string(), message: z.string(), remedy: z.string() });
/** Why a job failed for good. */
export type JobFailure = z.infer<typeof failureSchema>;

export type JobState<Result> =
  | { readonly state: 'unknown' | 'waiting' | 'running' }
  | { readonly state: 'done'; readonly result: Result }
  | { readonly state: 'failed'; readonly failure: JobFailure };

/** What became of one attempt at a job. */
export type JobOutcome<Result> =
  | { readonly kind: 'done'; readonly result: Result }
  /** For good: the same job would fail again. */
  | { readonly kind: 'refused'; readonly failure: JobFailure }
  /** Its process ended without a word; it is tried again, a few times. */
  | { readonly kind: 'crashed'; readonly failure: JobFailure }
  /** Given back unfinished: the next worker goes on with it. */
  | { readonly kind: 'returned' };

export interface JobAttempt<Payload> {
  readonly id: string;
  readonly payload: Payload;
  /** Aborts when the job is to be given back, or is no longer this worker's. */
  readonly signal: AbortSignal;
}

export interface WorkOptions<Payload, Result> {
  /** Jobs at a time. */
  readonly concurrency: number;
  /** Resolves when nothing is queued any more, instead of waiting for more. */
  readonly untilEmpty: boolean;
  /** Ends the work: running jobs are given back. */
  readonly signal: AbortSignal;
  readonly run: (attempt: JobAttempt<Payload>) => Promise<JobOutcome<Result>>;
}

export interface JobQueue {
  /**
   * Queues a job unless the same payload is queued, running or done already; one that failed is queued anew, and so is one whose result
   * is not `valid` any more. Returns its id, which is a function of queue and payload.
   */
  submit<Payload extends object, Result extends object>(
    type: JobType<Payload, Result>,
    payload: Payload,
    isValid?: (result: Result) => Promise<boolean>,
  ): Promise<string>;
  stateOf<Payload extends object, Result extends object>(
    type: JobType<Payload, Result>,
    id: string,
  ): Promise<JobState<Result>>;
  /** Takes jobs, oldest first, until the signal aborts. Resolves when all that were begun have been settled or given back. */
  work<Payload extends object, Result extends object>(
    type: JobType<Payload, Result>,
    options: WorkOptions<Payload, Result>,
  ): Promise<void>;
  close(): Promise<void>;
}

export interface JobQueueOptions {
  readonly database: Database;
  readonly log: Log;
  /** A job whose worker has not been heard of for so long is given to another; at least 10. @defaultValue 30 */
  readonly heartbeatSeconds?: number;
}

const DAY_SECONDS = 86_400;
const YEAR_SECONDS = 365 * DAY_SECONDS;
const POLL_SECONDS = 1;
/** Attempts that ended with their process, after which a job fails. */
const MAX_CRASHES = 3;

/**
 * Opens the job queues of a database: pg-boss in its schema `pgboss`, made at first use, over the connections of `database`.
 * @throws MinutehandError JOB_QUEUE_UNAVAILABLE
 */
export async function openJobQueue(options: JobQueueOptions): Promise<JobQueue> {
  const { database, log, heartbeatSeconds = 30 } = options;
  const { PgBoss } = await import('pg-boss');
  const boss = new PgBoss({
    db: { executeSql: (text, values) => database.pool.query(text, values) },
    schema: 'pgboss',
    schedule: false,
    superviseIntervalSeconds: 10,
    monitorIntervalSeconds: 10,
  });
  boss.on('error', (error) => log.warn({ error: messageOf(error) }, 'the job queue could not be served'));
  boss.on('warning', ({ message }) => log.debug({}, message));
  try {
    await boss.start();
  } catch (error) {
    throw new MinutehandError(
      'JOB_QUEUE_UNAVAILABLE',
      `The job queue in ${database.displayUrl} cannot be opened: ${messageOf(error)}`,
      'Let the user of DATABASE_URL create the schema "pgboss" (GRANT CREATE ON DATABASE), and use one version of Minutehand on all machines.',
      { cause: error },
    );
  }
  const prepared = new Map<string, Promise<void>>();
  const prepare = (queue: string): Promise<void> => {
    const known = prepared.get(queue) ?? createQueue(boss, queue, heartbeatSeconds);
    prepared.set(queue, known);
    return known;
  };
  return {
    async submit(type, payload, isValid = async () => true) {
      await prepare(type.queue);
      const id = jobIdOf(type.queue, payload);
      const send = () => boss.send(type.queue, payload, { id });
      if ((await send()) !== null) return id;
      const known = await readState(boss, type, id);
      if (known.state === 'failed' || (known.state === 'done' && !(await isValid(known.result)))) {
        await boss.deleteJob(type.queue, id);
        await send();
      }
      return id;
    },
    async stateOf(type, id) {
      await prepare(type.queue);
      return readState(boss, type, id);
    },
    async work(type, work) {
      await prepare(type.queue);
      await takeJobs(boss, type, work);
    },
    close: () => boss.stop({ graceful: true, close: false }),
  };
}

/** The id of the job with this payload: a UUID made of its hash. */
export function jobIdOf(queue: string, payload: object): string {
  const hex = createHash('sha256')
    .update(`${queue}\0${canonicalJson(payload)}`)
    .digest('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), `8${hex.slice(13, 16)}`, `8${hex.slice(17, 20)}`, hex.slice(20, 32)].join(
    '-',
  );
}

async function createQueue(boss: PgBoss, queue: string, heartbeatSeconds: number): Promise<void> {
  const options = {
    heartbeatSeconds,
    // The most that pg-boss knows: an attempt that takes longer is given back and goes on as the next one.
    expireInSeconds: DAY_SECONDS,
    // Being given back counts as an attempt, so this is no limit on failures; that is MAX_CRASHES.
    retryLimit: 100,
    retryDelay: 0,
    retentionSeconds: YEAR_SECONDS,
    deleteAfterSeconds: YEAR_SECONDS,
  };
  await boss.createQueue(queue, options);
  await boss.updateQueue(queue, options);
}

async function readState<Payload extends object, Result extends object>(
  boss: PgBoss,
  type: JobType<Payload, Result>,
  id: string,
): Promise<JobState<Result>> {
  const [job] = await boss.findJobs<Payload>(type.queue, { id });
  switch (job?.state) {
    case undefined:
      return { state: 'unknown' };
    case 'created':
    case 'retry':
      return { state: 'waiting' };
    case 'active':
      return { state: 'running' };
    case 'completed': {
      const result = type.result.safeParse(job.output);
      return result.success ? { state: 'done', result: result.data } : { state: 'failed', failure: unreadable(id) };
    }
    case 'failed':
    case 'cancelled':
      return { state: 'failed', failure: failureOf(job) };
  }
}

async function takeJobs<Payload extends object, Result extends object>(
  boss: PgBoss,
  type: JobType<Payload, Result>,
  { concurrency, untilEmpty, signal, run }: WorkOptions<Payload, Result>,
): Promise<void> {
  let running = 0;
  const attempt = async (job: JobWithMetadata<Payload>) => {
    const payload = type.payload.safeParse(job.data);
    if (!payload.success) return settlement(job, { kind: 'refused', failure: invalidPayload(job.id, payload.error) });
    running++;
    try {
      const outcome = await run({
        id: job.id,
        payload: payload.data,
        signal: AbortSignal.any([job.signal, signal]),
      });
      return settlement(job, outcome);
    } finally {
      running--;
    }
  };
  const settings = {
    includeMetadata: true,
    perJobResults: true,
    localConcurrency: concurrency,
    pollingIntervalSeconds: POLL_SECONDS,
  } as const;
  const isQueued = async () => (await boss.findJobs(type.queue, { queued: true })).length > 0;
  do {
    await boss.work<Payload, Result, typeof settings>(type.queue, settings, (jobs) => Promise.all(jobs.map(attempt)));
    try {
      while (!signal.aborted) {
        await waitReal(milliseconds(POLL_SECONDS * 500), signal);
        if (untilEmpty && running === 0 && !(await isQueued())) break;
      }
    } finally {
      // Waits until what was done is recorded: only then is known whether it is to be tried again.
      await boss.offWork(type.queue, { wait: true });
    }
  } while (!signal.aborted && (await isQueued()));
}

/** How pg-boss is told: only what is `completed` or `deadletter` is settled for good, there being no dead letter queue. */
function settlement<Result extends object>(job: JobWithMetadata, outcome: JobOutcome<Result>) {
  const { id } = job;
  const before = crashesOf(job);
  switch (outcome.kind) {
    case 'done':
      return { id, status: 'completed', output: outcome.result } as const;
    case 'refused':
      return { id, status: 'deadletter', output: outcome.failure } as const;
    case 'returned':
      return { id, status: 'failed', output: { crashes: before } } as const;
    case 'crashed': {
      const crashes = before + 1;
      const status = crashes < MAX_CRASHES ? 'failed' : 'deadletter';
      return { id, status, output: { ...outcome.failure, crashes } } as const;
    }
  }
}

const crashesSchema = z.object({ crashes: z.number() });

/** A job that waits for another attempt keeps the count of its crashes as its output. */
function crashesOf({ output }: JobWithMetadata): number {
  const known = crashesSchema.safeParse(output);
  return known.success ? known.data.crashes : 0;
}

function failureOf(job: JobWithMetadata): JobFailure {
  const known = failureSchema.safeParse(job.output);
  if (known.success) return known.data;
  return {
    code: job.state === 'cancelled' ? 'JOB_CANCELLED' : 'JOB_ABANDONED',
    message:
      job.state === 'cancelled'
        ? 'the job was cancelled'
        : `no worker finished the job in ${job.retryCount + 1} attempts: ${JSON.stringify(job.output)}`,
    remedy: 'Queue it again by running the same command; it goes on from its last checkpoint.',
  };
}

const unreadable = (id: string): JobFailure => ({
  code: 'JOB_RESULT_INVALID',
  message: `the result of the job ${id} is of another version of Minutehand`,
  remedy: 'Run the same command again: the job is then done anew.',
});

function invalidPayload(id: string, error: z.ZodError): JobFailure {
  const issue = error.issues[0];
  return {
    code: 'JOB_INVALID',
    message: `the job ${id} cannot be read: ${issue?.path.join('.') || 'the whole'}: ${issue?.message}`,
    remedy: 'Use one version of Minutehand on all machines, and queue it again.',
  };
}
