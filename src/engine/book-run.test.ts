import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { epochMs } from '../core/index.ts';
import { createTestDatabase, saveRun, type TestDatabase } from '../database/index.ts';
import { enterOpenRun, requireSameMarket } from './book-run.ts';
import { type MarketDescription, marketIdentity } from './venue.ts';

let test: TestDatabase;
beforeAll(async () => {
  test = await createTestDatabase();
});
afterAll(() => test.drop());

const SOME_MINUTE = epochMs(Date.UTC(2025, 5, 20, 12));
const market: MarketDescription = { kind: 'real', label: 'binanceusdm', edge: false, speed: 1 };

describe('a book that has run', () => {
  it('is gone on with on its own market and in its own mode only', async () => {
    const { database } = test;
    await expect(requireSameMarket(database, 'new', market, 'live')).resolves.toBeUndefined();
    await enterOpenRun(database, 'live', { market, mode: 'live', after: SOME_MINUTE });
    await expect(requireSameMarket(database, 'live', market, 'live')).resolves.toBeUndefined();
    await expect(requireSameMarket(database, 'live', market, 'paper')).rejects.toMatchObject({
      code: 'MODE_DIFFERS',
      exitCode: 2,
    });
    const other = { ...market, label: 'another' };
    await expect(requireSameMarket(database, 'live', other, 'live')).rejects.toMatchObject({ code: 'MARKET_DIFFERS' });
  });

  it('is on paper where its runs say nothing of a mode', async () => {
    const { database } = test;
    await saveRun(database, {
      runId: 'older',
      book: 'older',
      fromMinute: SOME_MINUTE,
      status: 'running',
      market: { ...market, identity: marketIdentity(market) },
      startedAt: SOME_MINUTE,
    });
    await expect(requireSameMarket(database, 'older', market, 'paper')).resolves.toBeUndefined();
    await expect(requireSameMarket(database, 'older', market, 'live')).rejects.toMatchObject({ code: 'MODE_DIFFERS' });
  });
});
