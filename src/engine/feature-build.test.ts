import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Config, loadConfig } from '../config/index.ts';
import {
  at64,
  DAY_MS,
  type EpochMs,
  epochMs,
  type FinalCandle,
  HOUR_MS,
  MINUTE_MS,
  type Timeframe,
} from '../core/index.ts';
import { createTestDatabase, saveUniverse, type TestDatabase, upsertCandles } from '../database/index.ts';
import { buildFeatures } from './feature-build.ts';
import { readHours } from './stored-hours.ts';

const QUARTER_MS = 15 * MINUTE_MS;
const END = epochMs(Date.UTC(2025, 5, 20, 12));
const config: Config = loadConfig({ workingDirectory: process.cwd(), env: {} }).values;
const venue = config.exchange.id;
let test: TestDatabase;

beforeAll(async () => {
  test = await createTestDatabase();
});
afterAll(() => test.drop());

/** Bars that wander, from the open of the first to the close of the last. */
async function store(symbol: string, timeframe: Timeframe, from: number, until: number, step: number): Promise<void> {
  const candles: FinalCandle[] = [];
  for (let openTime = from; openTime < until; openTime += step) {
    const wave = (shift: number) => 100 + Math.sin((openTime / HOUR_MS) * 1.7 + symbol.length + shift);
    const [open, close] = [wave(0), wave(0.3)];
    candles.push({
      state: 'final',
      finality: 'archive',
      symbol,
      timeframe,
      openTime: epochMs(openTime),
      open,
      high: Math.max(open, close) + 0.1,
      low: Math.min(open, close) - 0.1,
      close,
      volume: 10 + Math.abs(wave(1) - 100),
    });
  }
  await upsertCandles(test.database, venue, candles, END);
}

const build = (options: { from?: EpochMs; to?: EpochMs; symbols?: number | string[]; book?: string } = {}) =>
  buildFeatures({ database: test.database, config, book: 'main', ...options });

const minutesOf = async (symbol: string): Promise<number[]> => {
  const { rows } = await test.database.pool.query<{ minute: number }>(
    'SELECT minute FROM processed_market_data JOIN instruments USING (instrument_id) WHERE symbol = $1 ORDER BY minute',
    [symbol],
  );
  return rows.map(({ minute }) => minute);
};

describe('a build of stored features', () => {
  it('is refused without candles', async () => {
    await expect(build()).rejects.toMatchObject({ code: 'FEATURE_DATA_MISSING', exitCode: 1 });
  });

  it('makes phase 0 of the last 48 hours where there are 15-minute bars alone', async () => {
    for (const symbol of ['ZZZUSDT', 'ETHUSDT', 'BTCUSDT']) {
      await store(symbol, '15m', END - 20 * DAY_MS, END, QUARTER_MS);
    }
    const report = await build();
    expect(report.rows).toMatchObject({ written: 193 * 3, different: 0 });
    expect(report).toMatchObject({ ok: true, symbols: 3, absent: [] });
    expect([Date.parse(report.from), Date.parse(report.to)]).toEqual([END - 2 * DAY_MS, END]);
    expect(await minutesOf('ZZZUSDT')).toEqual(
      Array.from({ length: 193 }, (_, index) => END - 2 * DAY_MS + index * QUARTER_MS),
    );
  });

  it('takes the references first, then the others by name, and of a number the first', async () => {
    await test.database.pool.query('DELETE FROM processed_market_data');
    expect((await build({ symbols: 2, from: epochMs(END - HOUR_MS) })).rows.written).toBe(5 * 2);
    expect((await minutesOf('BTCUSDT')).length + (await minutesOf('ETHUSDT')).length).toBe(10);
    await expect(build({ symbols: ['BTCUSDT', 'NONE'] })).rejects.toMatchObject({
      code: 'FEATURE_SYMBOL_UNKNOWN',
      exitCode: 2,
    });
  });

  it('leaves one-minute candles of too few symbols for a panel aside', async () => {
    await store('BTCUSDT', '1m', END - 3 * HOUR_MS, END + HOUR_MS, MINUTE_MS);
    await build({ from: epochMs(END - HOUR_MS), to: END });
    expect((await minutesOf('BTCUSDT')).every((minute) => minute % QUARTER_MS === 0)).toBe(true);
  });

  it('ends with the newest minute that all symbols have, and makes every minute from candles', async () => {
    await store('ETHUSDT', '1m', END - 3 * HOUR_MS, END + HOUR_MS - MINUTE_MS, MINUTE_MS);
    await store('ZZZUSDT', '1m', END - 3 * HOUR_MS, END + HOUR_MS, MINUTE_MS);
    const report = await build({ from: epochMs(END + 30 * MINUTE_MS) });
    const last = END + HOUR_MS - MINUTE_MS;
    expect(Date.parse(report.to)).toBe(last);
    expect(report.rows.written).toBe(30 * 3);
    expect((await minutesOf('ETHUSDT')).at(-1)).toBe(last);
    // One whose candles ended long ago does not hold the others up.
    await store('OLDUSDT', '1m', END - 3 * HOUR_MS, END, MINUTE_MS);
    const without = await build({ from: epochMs(END + 30 * MINUTE_MS) });
    expect(Date.parse(without.to)).toBe(last);
    expect(without).toMatchObject({ ok: false, absent: ['OLDUSDT'], rows: { written: 0, different: 0 } });
  });

  it("computes over the book's universe where there is one", async () => {
    await saveUniverse(test.database, { book: 'other', fromMinute: END, symbols: ['ETHUSDT', 'ZZZUSDT'] });
    const report = await build({ book: 'other', from: epochMs(END + 50 * MINUTE_MS) });
    expect(report.symbols).toBe(2);
    // Without BTC what is measured against it is masked: the stored rows, made with it, differ, and stay.
    expect(report).toMatchObject({ ok: false, rows: { written: 0, different: 20, shorter: 0 } });
  });

  it('refuses a range that ends before it begins, or lies where no candles are', async () => {
    await expect(build({ from: END, to: epochMs(END - 1) })).rejects.toMatchObject({ code: 'FEATURE_RANGE_EMPTY' });
    const before = epochMs(END - 400 * DAY_MS);
    await expect(build({ from: before, to: epochMs(before + HOUR_MS) })).rejects.toThrow(/none lie in the range/);
    await expect(build({ from: epochMs(END + DAY_MS) })).rejects.toMatchObject({ code: 'FEATURE_DATA_MISSING' });
  });
});

describe('the hours of a symbol', () => {
  it('are the stored ones, then those that whole quarters, then those that whole minutes make', async () => {
    const symbol = 'HOURUSDT';
    const day = Date.UTC(2025, 4, 1);
    await store(symbol, '1h', day, day + 2 * HOUR_MS, HOUR_MS);
    // The third hour lacks its last quarter; the minutes have it, but not all of the fifth.
    await store(symbol, '15m', day + HOUR_MS, day + 2 * HOUR_MS + 3 * QUARTER_MS, QUARTER_MS);
    await store(symbol, '15m', day + 3 * HOUR_MS, day + 4 * HOUR_MS, QUARTER_MS);
    await store(symbol, '1m', day + 2 * HOUR_MS, day + 5 * HOUR_MS - MINUTE_MS, MINUTE_MS);
    const range = { from: epochMs(day), until: epochMs(day + 6 * HOUR_MS) };
    const hours = await readHours(test.database, venue, symbol, range);
    const opens = [...hours.openTime].map((time) => (time - day) / HOUR_MS);
    expect([...opens].sort()).toEqual([0, 1, 2, 3]);
    const volume = (hour: number) => at64(hours.volume, opens.indexOf(hour));
    expect(volume(1)).toBeLessThan(12);
    expect(volume(3)).toBeGreaterThan(40);
    expect(volume(3)).toBeLessThan(48);
    expect(volume(2)).toBeGreaterThan(600);
  });
});
