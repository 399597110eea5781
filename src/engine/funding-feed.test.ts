import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  type Clock,
  DAY_MS,
  type EpochMs,
  epochMs,
  type FinalCandle,
  type FundingRate,
  HOUR_MS,
  MINUTE_MS,
  milliseconds,
  type SymbolId,
  silentLog,
} from '../core/index.ts';
import type { FundingRequest } from '../data/index.ts';
import { createTestDatabase, type TestDatabase, upsertCandles } from '../database/index.ts';
import { formatPrice } from '../matching/index.ts';
import { FundingFeed } from './funding-feed.ts';

const START = Date.UTC(2025, 0, 1);
const at = (hours: number): EpochMs => epochMs(START + hours * HOUR_MS);
const SYMBOLS = ['BTCUSDT', 'ETHUSDT'];

describe('the funding feed', () => {
  let test: TestDatabase;
  let venue = '';
  let now = at(0);
  let rates: FundingRate[] = [];
  let requests: FundingRequest[] = [];
  let failure: Error | undefined;
  let learned: SymbolId[] = [];

  beforeAll(async () => {
    test = await createTestDatabase();
  });
  afterAll(() => test.drop());
  beforeEach((context) => {
    venue = context.task.id;
    rates = [];
    requests = [];
    failure = undefined;
    learned = [];
  });

  /** A market that settles every so many hours, at the hours since the start as rates. */
  function settle(symbol: SymbolId, every: number, until: number) {
    for (let hour = 0; hour <= until; hour += every) rates.push({ symbol, time: at(hour), rate: hour / 1e6 });
  }

  function open(symbols: readonly SymbolId[] = SYMBOLS): FundingFeed {
    const clock: Clock = { now: () => now, elapsed: () => milliseconds(now), sleep: async () => undefined };
    return new FundingFeed({
      venue,
      symbols: () => symbols,
      database: test.database,
      clock,
      log: silentLog,
      onRates: (some) => learned.push(...some.keys()),
      signal: new AbortController().signal,
      gateway: {
        fundingRates: async (request) => {
          requests.push(request);
          if (failure) throw failure;
          return rates
            .filter(
              ({ symbol, time }) => (request.symbol ?? symbol) === symbol && time >= (request.from ?? 0) && time <= now,
            )
            .sort((a, b) => a.time - b.time)
            .slice(0, 1_000);
        },
      },
    });
  }
  const hoursOf = (feed: FundingFeed, symbol: SymbolId) =>
    [...(feed.rates.get(symbol)?.times ?? [])].map((time) => (time - START) / HOUR_MS);

  it('fetches the past once: a restart asks for what has been settled since', async () => {
    settle('BTCUSDT', 1, 1_500);
    settle('ETHUSDT', 8, 1_500);
    now = at(1_400.5);
    const feed = open();
    await feed.fetch(at(0));
    expect(hoursOf(feed, 'BTCUSDT')).toEqual(Array.from({ length: 1_401 }, (_, hour) => hour));
    expect(hoursOf(feed, 'ETHUSDT')).toHaveLength(176);
    requests = [];
    now = at(1_402.5);
    const restarted = open();
    await restarted.fetch(at(0));
    expect(hoursOf(restarted, 'BTCUSDT').slice(-3)).toEqual([1_400, 1_401, 1_402]);
    expect(requests).toEqual([{ symbol: 'BTCUSDT', from: at(1_400) + MINUTE_MS }]);
  });

  it('follows each full hour with one request, and asks on for what is expected and late', async () => {
    settle('BTCUSDT', 8, 16);
    settle('ETHUSDT', 8, 8);
    now = at(15.5);
    const feed = open();
    await feed.fetch(at(0));
    requests = [];
    learned = [];
    now = epochMs(at(16) + 2_000);
    expect(feed.follow(epochMs(at(16) - MINUTE_MS))).toBeUndefined();
    await feed.follow(at(16));
    expect(hoursOf(feed, 'BTCUSDT').at(-1)).toBe(16);
    expect(requests).toEqual([{ from: at(16) }]);
    expect(learned).toEqual(['BTCUSDT']);
    await feed.follow(epochMs(at(16) + MINUTE_MS));
    expect(requests).toHaveLength(2);
    rates.push({ symbol: 'ETHUSDT', time: at(16), rate: 0.5 });
    await feed.follow(epochMs(at(16) + 2 * MINUTE_MS));
    expect(hoursOf(feed, 'ETHUSDT').at(-1)).toBe(16);
    expect(feed.follow(epochMs(at(16) + 3 * MINUTE_MS))).toBeUndefined();
  });

  it('leaves no hole behind an hour in which the venue did not answer', async () => {
    settle('BTCUSDT', 4, 24);
    now = at(5);
    const feed = open(['BTCUSDT']);
    await feed.fetch(at(0));
    failure = new Error('down');
    now = at(8);
    await expect(feed.follow(at(8))).rejects.toThrow('down');
    failure = undefined;
    now = at(12);
    await feed.follow(at(12));
    expect(hoursOf(feed, 'BTCUSDT')).toEqual([0, 4, 8, 12]);
  });

  it('goes on without the venue at a start', async () => {
    settle('BTCUSDT', 8, 8);
    now = at(9);
    failure = new Error('down');
    const feed = open();
    await feed.fetch(at(0));
    expect(feed.rates.size).toBe(0);
  });

  it('counts a rate per 8 hours, from after its settlement until it is a day old', async () => {
    settle('BTCUSDT', 4, 8);
    settle('ETHUSDT', 8, 8);
    now = at(30);
    const feed = open();
    await feed.fetch(at(0));
    const perPeriod = (minute: EpochMs) => Object.fromEntries(feed.ratesPerPeriod(minute));
    expect(perPeriod(at(0))).toEqual({});
    expect(perPeriod(at(8))).toEqual({ BTCUSDT: 8e-6, ETHUSDT: 0 });
    expect(perPeriod(epochMs(at(8) + MINUTE_MS))).toEqual({ BTCUSDT: 16e-6, ETHUSDT: 8e-6 });
    expect(perPeriod(epochMs(at(8) + DAY_MS + MINUTE_MS))).toEqual({});
  });

  it('tells settlements in order, and the close that stood then', async () => {
    settle('ETHUSDT', 8, 16);
    settle('BTCUSDT', 8, 16);
    now = at(16);
    const feed = open();
    await feed.fetch(at(0));
    expect(feed.settlements(at(0), at(8)).map(({ symbol, time }) => [symbol, time])).toEqual([
      ['BTCUSDT', at(8)],
      ['ETHUSDT', at(8)],
    ]);
    const candle = (openTime: EpochMs, close: number): FinalCandle => ({
      ...{ state: 'final', finality: 'archive', symbol: 'BTCUSDT', timeframe: '1m', openTime },
      ...{ open: close, high: close, low: close, close, volume: 1 },
    });
    const bars = [candle(epochMs(at(8) - 3 * MINUTE_MS), 99.5), candle(at(8), 101)];
    await upsertCandles(test.database, venue, bars, at(9));
    const price = await feed.priceAt('BTCUSDT', at(8));
    expect(price && formatPrice(price)).toBe('99.5');
    expect(await feed.priceAt('BTCUSDT', at(7))).toBeUndefined();
  });
});
