import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DAY_MS, type EpochMs, epochMs, MINUTE_MS, MinutehandError, silentLog } from '../core/index.ts';
import { createTestDatabase, listAudit, type TestDatabase } from '../database/index.ts';
import { createMetrics } from '../monitoring/index.ts';
import { ParityJob, type ParityResult } from './parity-job.ts';

let test: TestDatabase;
beforeAll(async () => {
  test = await createTestDatabase();
});
afterAll(() => test.drop());

const MIDNIGHT = epochMs(Date.UTC(2025, 5, 20));
const at = (days: number, minutes: number): EpochMs => epochMs(MIDNIGHT + days * DAY_MS + minutes * MINUTE_MS);
const nothingDiverged: ParityResult = {
  ok: true,
  from: 'a',
  to: 'b',
  minutes: 1_440,
  stages: { features: { compared: 72_000, diverged: 0 } },
  firstDivergence: null,
};

function start(book: string, prove: () => Promise<ParityResult> = async () => nothingDiverged) {
  const asked: { from: EpochMs; to: EpochMs }[] = [];
  const notices: string[] = [];
  const metrics = createMetrics({ strict: true });
  const job = new ParityJob({
    book,
    database: test.database,
    prove: (range) => {
      asked.push(range);
      return prove();
    },
    log: silentLog,
    metrics,
    onNotice: (text) => void notices.push(text),
  });
  const valueOfMetric = async (name: string) =>
    (await metrics.snapshot()).find((each) => each.name === name && each.labels.stage === 'features')?.value;
  return { job, asked, notices, valueOfMetric };
}

describe('the nightly proof of parity', () => {
  it('is made of each UTC day once, when it is over and stored, whatever restarts meanwhile', async () => {
    const { job, asked, notices, valueOfMetric } = start('once');
    for (const minute of [at(0, 0), at(0, 9)]) expect(job.step(minute)).toBeUndefined();
    await job.step(at(0, 10));
    expect(asked).toEqual([{ from: at(-1, 1), to: at(0, 0) }]);
    expect(job.step(at(0, 11))).toBeUndefined();
    await start('once').job.step(at(0, 700));
    await job.step(at(1, 15));
    expect(asked.map(({ to }) => to)).toEqual([at(0, 0), at(1, 0)]);
    expect(await valueOfMetric('minutehand_parity_compared_total')).toBe(144_000);
    expect(await valueOfMetric('minutehand_parity_divergences')).toBe(0);
    expect(notices).toEqual([]);
    const entries = (await listAudit(test.database, { limit: 9, action: 'parity.prove' })).filter(
      ({ subject }) => subject === 'once',
    );
    expect(entries.map(({ details }) => details.day)).toEqual(['2025-06-19', '2025-06-20']);
  });

  it('tells what it found', async () => {
    const stages = { features: { compared: 5, diverged: 2 } };
    const { job, notices, valueOfMetric } = start('found', async () => ({
      ...nothingDiverged,
      ok: false,
      stages,
      firstDivergence: { stage: 'features' },
    }));
    await job.step(at(0, 30));
    expect(await valueOfMetric('minutehand_parity_divergences')).toBe(2);
    expect(notices).toEqual([expect.stringContaining('backtest parity --from 2025-06-19')]);
  });

  it('passes over a day that was not recorded, and tells of every other failure', async () => {
    const failing = (code: string) => start(code, () => Promise.reject(new MinutehandError(code, 'no', 'Nothing.')));
    await failing('REPLAY_MISSING').job.step(at(0, 30));
    await expect(failing('PARITY_STOPPED').job.step(at(0, 30))).rejects.toThrow('no');
  });
});
