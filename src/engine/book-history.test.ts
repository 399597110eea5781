import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadConfig } from '../config/index.ts';
import { DAY_MS, durationOf, epochMs, type FinalCandle, MINUTE_MS, type Timeframe } from '../core/index.ts';
import type { BackfillRequest } from '../data/index.ts';
import { createTestDatabase, saveInstruments, type TestDatabase, upsertCandles } from '../database/index.ts';
import { BookHistory } from './book-history.ts';

const VENUE = 'binanceusdm';
const SYMBOLS = ['AUSDT', 'BUSDT'];
const MINUTE = epochMs(Date.UTC(2025, 5, 20, 12, 7));

let test: TestDatabase;
beforeAll(async () => {
  test = await createTestDatabase();
  await saveInstruments(
    test.database,
    SYMBOLS.map((symbol) => ({
      venue: VENUE,
      symbol,
      base: symbol.slice(0, 1),
      quote: 'USDT',
      tickSize: '0.1',
      stepSize: '1',
      minQuantity: '1',
      minNotional: '5',
      status: 'trading' as const,
    })),
  );
});
afterAll(() => test.drop());

const candle = (symbol: string, timeframe: Timeframe, openTime: number): FinalCandle => ({
  state: 'final',
  finality: 'archive',
  symbol,
  timeframe,
  openTime: epochMs(openTime),
  open: 100,
  high: 101,
  low: 99,
  close: 100,
  volume: 1,
});

type Asked = Pick<BackfillRequest, 'timeframe' | 'from' | 'to'>;

/** A history whose loader brings what is asked for into the store. */
function historyOf(asked: Asked[]): BookHistory {
  const backfill = async ({ symbols, timeframe, from, to }: BackfillRequest) => {
    asked.push({ timeframe, from, to });
    const candles: FinalCandle[] = [];
    for (let time: number = from; time < to; time += durationOf(timeframe)) {
      candles.push(...symbols.map((symbol) => candle(symbol, timeframe, time)));
    }
    await upsertCandles(test.database, VENUE, candles, MINUTE);
    return { fetched: candles.length, inserted: candles.length, corrections: [], failed: [] };
  };
  return new BookHistory({
    book: 'main',
    venue: VENUE,
    isQuickFit: false,
    config: loadConfig({ workingDirectory: '/', invokedFrom: '/', env: {}, flags: [] }).values,
    universe: SYMBOLS,
    references: [],
    database: test.database,
    loader: { backfill },
    funding: { fetch: async () => undefined, rates: new Map() },
    clock: { now: () => MINUTE },
    signal: new AbortController().signal,
    onEvent: () => undefined,
  });
}

describe('what a new book looks back on', () => {
  beforeAll(async () => {
    const minutes = Array.from({ length: 30 }, (_, index) => MINUTE - (index + 1) * MINUTE_MS);
    const lastDay = [...minutes, MINUTE - DAY_MS].flatMap((time) =>
      SYMBOLS.map((symbol) => candle(symbol, '1m', time)),
    );
    await upsertCandles(test.database, VENUE, lastDay, MINUTE);
  });

  it('is the day before, minute by minute, where that is enough', async () => {
    const asked: Asked[] = [];
    const candles = await historyOf(asked).lookBack(MINUTE, 96);
    expect(asked).toEqual([]);
    expect(candles).toHaveLength(2 * 31);
    expect(candles[0]).toMatchObject({ timeframe: '1m', openTime: MINUTE - DAY_MS, symbol: 'AUSDT' });
  });

  it('has bars of 15 minutes before it, fetched, for as many returns as are asked for', async () => {
    const asked: Asked[] = [];
    const candles = await historyOf(asked).lookBack(MINUTE, 2 * 96);
    const day = MINUTE - DAY_MS;
    const to = Math.floor(day / (15 * MINUTE_MS)) * 15 * MINUTE_MS;
    expect(asked).toEqual([{ timeframe: '15m', from: to - 97 * 15 * MINUTE_MS, to }]);
    const bars = candles.filter(({ timeframe }) => timeframe === '15m');
    expect(bars).toHaveLength(2 * 97);
    expect(candles.slice(0, bars.length)).toEqual(bars);
    expect(candles.map(({ openTime }) => openTime)).toEqual(
      candles.map(({ openTime }) => openTime).sort((a, b) => a - b),
    );
  });
});
