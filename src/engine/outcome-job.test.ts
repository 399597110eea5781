import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { epochMs, MINUTE_MS, noMetrics, silentLog } from '../core/index.ts';
import { createTestDatabase, type TestDatabase } from '../database/index.ts';
import { OutcomeJob } from './outcome-job.ts';

const START = Date.UTC(2025, 5, 20, 12);
const minuteAt = (index: number) => epochMs(START + index * MINUTE_MS);

describe('the job of outcomes', () => {
  let test: TestDatabase;
  beforeAll(async () => {
    test = await createTestDatabase();
  });
  afterAll(() => test.drop());

  it('takes a step every quarter of an hour, one at a time, and goes on after one that failed', async () => {
    const parts = {
      book: 'main',
      venue: 'v',
      servedModel: () => undefined,
      evidence: null,
      log: silentLog,
      metrics: noMetrics,
    };
    const job = new OutcomeJob({ ...parts, database: test.database });
    expect(job.step(minuteAt(1))).toBeUndefined();
    const first = job.step(minuteAt(15));
    expect(first).toBeDefined();
    expect(job.step(minuteAt(30))).toBeUndefined();
    await first;
    await job.step(minuteAt(60));

    await test.database.pool.query('ALTER TABLE outcome_progress RENAME TO away');
    await expect(job.step(minuteAt(75))).rejects.toThrow(/outcome_progress/);
    await test.database.pool.query('ALTER TABLE away RENAME TO outcome_progress');
    await job.step(minuteAt(90));
  });
});
