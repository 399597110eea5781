import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { silentLog } from '../../core/index.ts';
import { createTestDatabase, type TestDatabase } from '../../database/index.ts';
import { type JobAttempt, type JobOutcome, type JobQueue, type JobType, jobIdOf, openJobQueue } from './job-queue.ts';

type Square = { readonly of: number };
type Result = { readonly square: number };

let test: TestDatabase;
let queue: JobQueue;
let type: JobType<Square, Result>;
let queues = 0;
beforeAll(async () => {
  test = await createTestDatabase();
  queue = await openJobQueue({ database: test.database, log: silentLog });
});
beforeEach(() => {
  type = {
    queue: `squares-${++queues}`,
    payload: z.strictObject({ of: z.number().max(1_000) }),
    result: z.object({ square: z.number() }),
  };
});
afterAll(async () => {
  await queue.close();
  await test.drop();
});

const failure = { code: 'NO_SQUARE', message: 'no', remedy: 'Ask for less.' };
const square = async ({ payload }: JobAttempt<Square>): Promise<JobOutcome<Result>> => ({
  kind: 'done',
  result: { square: payload.of ** 2 },
});
const workUntilEmpty = (run: (attempt: JobAttempt<Square>) => Promise<JobOutcome<Result>>, concurrency = 1) =>
  queue.work(type, { concurrency, untilEmpty: true, signal: new AbortController().signal, run });

describe('a job queue', () => {
  it('does each job once, however often it is submitted, and keeps its result', async () => {
    const ids = [await queue.submit(type, { of: 3 }), await queue.submit(type, { of: 4 })];
    expect(await queue.submit(type, { of: 3 })).toBe(ids[0]);
    expect(await queue.stateOf(type, ids[0] ?? '')).toEqual({ state: 'waiting' });
    const done: number[] = [];
    await workUntilEmpty(async (attempt) => {
      done.push(attempt.payload.of);
      return square(attempt);
    }, 2);
    expect(done.sort()).toEqual([3, 4]);
    expect(await queue.stateOf(type, ids[1] ?? '')).toEqual({ state: 'done', result: { square: 16 } });
    await queue.submit(type, { of: 3 });
    expect(await queue.stateOf(type, ids[0] ?? '')).toMatchObject({ state: 'done' });
    await queue.submit(type, { of: 3 }, async () => false);
    expect(await queue.stateOf(type, ids[0] ?? '')).toEqual({ state: 'waiting' });
  });

  it('does not try again what was refused, until it is submitted again', async () => {
    const id = await queue.submit(type, { of: 5 });
    let attempts = 0;
    await workUntilEmpty(async () => {
      attempts++;
      return { kind: 'refused', failure };
    });
    expect(attempts).toBe(1);
    expect(await queue.stateOf(type, id)).toEqual({ state: 'failed', failure });
    await queue.submit(type, { of: 5 });
    await workUntilEmpty(square);
    expect(await queue.stateOf(type, id)).toMatchObject({ state: 'done' });
  });

  it('tries again what was given back, and three times what crashed', async () => {
    const id = await queue.submit(type, { of: 6 });
    const kinds = ['crashed', 'returned', 'crashed', 'returned', 'crashed'] as const;
    let attempts = 0;
    await workUntilEmpty(async () => {
      const kind = kinds[attempts++] ?? 'returned';
      return kind === 'crashed' ? { kind, failure } : { kind };
    });
    expect(attempts).toBe(kinds.length);
    expect(await queue.stateOf(type, id)).toEqual({ state: 'failed', failure });
  });

  it('refuses a payload that is not of its schema, naming the field', async () => {
    const id = await queue.submit(type, { of: 2_000 });
    await workUntilEmpty(square);
    expect(await queue.stateOf(type, id)).toMatchObject({
      state: 'failed',
      failure: { code: 'JOB_INVALID', message: expect.stringContaining('of: Too big') },
    });
  });

  it('gives running jobs back when it is stopped', async () => {
    const id = await queue.submit(type, { of: 7 });
    const stopping = new AbortController();
    await queue.work(type, {
      concurrency: 1,
      untilEmpty: false,
      signal: stopping.signal,
      run: ({ signal }) =>
        new Promise((resolve) => {
          signal.addEventListener('abort', () => resolve({ kind: 'returned' }));
          stopping.abort();
        }),
    });
    expect(await queue.stateOf(type, id)).toEqual({ state: 'waiting' });
  });

  it('names a job by its payload, whatever the order of its keys', () => {
    const id = jobIdOf('train', { fold: 1, seed: 2 });
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(jobIdOf('train', { seed: 2, fold: 1 })).toBe(id);
    expect(jobIdOf('train', { fold: 1, seed: 3 })).not.toBe(id);
  });
});
