import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type BarColumns, DAY_MS, type EpochMs, epochMs, type FinalCandle, MINUTE_MS } from '../core/index.ts';
import { type BarRange, countBars, findGaps, latestOpenTimes, listCoverage, readBars } from './bars.ts';
import { listCorrections, repairCandles, upsertCandles } from './candles.ts';
import { SOME_MINUTE, someCandle, someSymbols } from './fixtures.ts';
import { createTestDatabase, type TestDatabase } from './testing.ts';

const START = epochMs(Date.UTC(2025, 4, 31, 23, 50));
const at = (index: number): EpochMs => epochMs(START + index * MINUTE_MS);
const range = (from: number, until: number): BarRange => ({
  venue: 'v',
  timeframe: '1m',
  from: at(from),
  until: at(until),
});
const everything: BarRange = { venue: 'v', timeframe: '1m', from: epochMs(0), until: epochMs(9e12) };

let test: TestDatabase;
beforeAll(async () => {
  test = await createTestDatabase();
});
afterAll(() => test.drop());
beforeEach(async () => {
  await test.database.pool.query('TRUNCATE raw_market_data, candle_corrections');
});

const upsert = (candles: readonly FinalCandle[]) => upsertCandles(test.database, 'v', candles, SOME_MINUTE);
async function barsOf(symbol: string, within: BarRange = everything): Promise<BarColumns> {
  const bars = (await readBars(test.database, [symbol], within)).get(symbol);
  if (!bars) throw new Error(`no columns for ${symbol}`);
  return bars;
}

describe('storing candles', () => {
  it('keeps every value to the bit, over the edge of a month', async () => {
    const value = fc.double({ noNaN: true });
    const absent = fc.option(value, { nil: undefined });
    const row = fc.record({
      open: value,
      high: value,
      low: value,
      close: value,
      volume: value,
      quoteVolume: absent,
      takerBuyVolume: absent,
    });
    await fc.assert(
      fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 30 }), async (rows) => {
        await test.database.pool.query('TRUNCATE raw_market_data');
        const candles = rows.map(({ quoteVolume, takerBuyVolume, ...values }, index) => {
          const {
            quoteVolume: _quote,
            takerBuyVolume: _taker,
            ...base
          } = someCandle({ ...values, openTime: at(index) });
          return {
            ...base,
            ...(quoteVolume === undefined ? {} : { quoteVolume }),
            ...(takerBuyVolume === undefined ? {} : { takerBuyVolume }),
          };
        });
        expect(await upsert(candles)).toEqual({ inserted: rows.length, unchanged: 0, corrections: [] });
        const bars = await barsOf('BTCUSDT');
        const column = (pick: (candle: FinalCandle) => number | undefined) =>
          Float64Array.from(candles, (candle) => pick(candle) ?? Number.NaN);
        expect(bars).toEqual({
          length: rows.length,
          openTime: column(({ openTime }) => openTime),
          open: column(({ open }) => open),
          high: column(({ high }) => high),
          low: column(({ low }) => low),
          close: column(({ close }) => close),
          volume: column(({ volume }) => volume),
          quoteVolume: column(({ quoteVolume }) => quoteVolume),
          takerBuyVolume: column(({ takerBuyVolume }) => takerBuyVolume),
        });
      }),
      { numRuns: 20 },
    );
  });

  it('changes nothing when it is repeated, and takes what is new in any order', async () => {
    const candles = [3, 0, 2].map((index) => someCandle({ openTime: at(index) }));
    await upsert(candles);
    const again = await upsert([
      ...candles,
      someCandle({ openTime: at(1) }),
      someCandle({ symbol: 'ETHUSDT', openTime: at(1) }),
    ]);
    expect(again).toEqual({ inserted: 2, unchanged: 3, corrections: [] });
    expect([...(await barsOf('BTCUSDT')).openTime]).toEqual([at(0), at(1), at(2), at(3)]);
  });

  it('lets the first values win; what is reported later is recorded once and returned', async () => {
    const stored = someCandle({ openTime: at(0) });
    const reported = someCandle({ openTime: at(0), close: 100.2, finality: 'rest' });
    await upsert([stored]);
    const commit = await upsert([reported, someCandle({ openTime: at(1) })]);
    expect(commit).toEqual({ inserted: 1, unchanged: 0, corrections: [{ stored, reported }] });
    await upsert([reported]);
    expect((await barsOf('BTCUSDT')).close[0]).toBe(stored.close);
    expect(await listCorrections(test.database, everything)).toEqual([
      { kind: 'reported', recordedAt: SOME_MINUTE, stored, reported },
    ]);
  });

  it('takes one bar given twice at its first values', async () => {
    const first = someCandle({ openTime: at(0) });
    const second = someCandle({ openTime: at(0), volume: 13 });
    expect(await upsert([first, second, first])).toMatchObject({
      inserted: 1,
      corrections: [{ stored: first, reported: second }],
    });
  });

  it('does not take an optional column that one side lacks for a difference', async () => {
    const { quoteVolume: _quote, trades: _trades, takerBuyVolume: _taker, ...bare } = someCandle({ openTime: at(0) });
    await upsert([bare]);
    expect((await upsert([someCandle({ openTime: at(0) })])).corrections).toEqual([]);
    expect((await upsert([{ ...bare, quoteVolume: 5 }])).corrections).toEqual([]);
  });

  it('takes tens of thousands at once, of several timeframes', async () => {
    const candles = Array.from({ length: 25_000 }, (_, index) => someCandle({ openTime: at(index) }));
    const hours = [0, 1].map((index) => someCandle({ timeframe: '1h', openTime: epochMs(index * 3_600_000) }));
    expect((await upsert([...hours, ...candles.toReversed()])).inserted).toBe(25_002);
    expect(await countBars(test.database, everything)).toBe(25_000);
    expect(await countBars(test.database, { ...everything, timeframe: '1h' })).toBe(2);
    expect(await countBars(test.database, range(5, 15))).toBe(10);
  });

  it('does not block when two programs store the same candles in different orders', async () => {
    const candles = someSymbols(40).flatMap((symbol) =>
      Array.from({ length: 60 }, (_, index) => someCandle({ symbol, openTime: at(index) })),
    );
    const commits = await Promise.all([upsert(candles), upsert(candles.toReversed()), upsert(candles)]);
    expect(commits.reduce((sum, { inserted }) => sum + inserted, 0)).toBe(candles.length);
  });

  it('goes on when another program has dropped a partition this one remembers', async () => {
    await upsert([someCandle({ openTime: at(0) })]);
    await test.database.pool.query('DROP TABLE raw_market_data_2025_05');
    expect((await upsert([someCandle({ openTime: at(0) })])).inserted).toBe(1);
  });
});

describe('repairing candles', () => {
  it('replaces what differs, keeps the old values, and stores what was missing', async () => {
    const stored = someCandle({ openTime: at(0) });
    const right = someCandle({ openTime: at(0), high: 103, finality: 'archive' });
    await upsert([stored]);
    const replaced = await repairCandles(test.database, 'v', [right, someCandle({ openTime: at(1) })], SOME_MINUTE);
    expect(replaced).toEqual([{ stored, reported: right }]);
    expect([...(await barsOf('BTCUSDT')).high]).toEqual([103, 101.5]);
    expect(await listCorrections(test.database, everything)).toEqual([
      { kind: 'repaired', recordedAt: SOME_MINUTE, stored, reported: right },
    ]);
    expect(await repairCandles(test.database, 'v', [right], SOME_MINUTE)).toEqual([]);
  });
});

describe('what is stored', () => {
  it('is read by its opening time, the end excluded, with empty columns for a symbol without bars', async () => {
    await upsert([0, 1, 2, 3].map((index) => someCandle({ openTime: at(index) })));
    expect([...(await barsOf('BTCUSDT', range(1, 3))).openTime]).toEqual([at(1), at(2)]);
    expect((await barsOf('BTCUSDT', range(7, 9))).length).toBe(0);
    expect((await barsOf('NEVERUSDT')).length).toBe(0);
  });

  it('is counted with its first and last bar per symbol', async () => {
    await upsert([
      someCandle({ openTime: at(5) }),
      someCandle({ openTime: at(0) }),
      someCandle({ symbol: 'ETHUSDT', openTime: at(9) }),
    ]);
    expect(await listCoverage(test.database, 'v', '1m')).toEqual([
      { symbol: 'BTCUSDT', bars: 2, earliest: at(0), latest: at(5) },
      { symbol: 'ETHUSDT', bars: 1, earliest: at(9), latest: at(9) },
    ]);
    expect(await latestOpenTimes(test.database, 'v', '1m')).toEqual(
      new Map([
        ['BTCUSDT', at(5)],
        ['ETHUSDT', at(9)],
      ]),
    );
    expect(await latestOpenTimes(test.database, 'other', '1m')).toEqual(new Map());
  });

  it('has holes exactly where no bar is, whatever is there', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(fc.integer({ min: -3, max: 25 })), async (indexes) => {
        await test.database.pool.query('TRUNCATE raw_market_data');
        await upsert(indexes.map((index) => someCandle({ openTime: at(index) })));
        const gaps = await findGaps(test.database, ['BTCUSDT'], range(0, 20));
        const missing = gaps.flatMap(({ from, bars }) =>
          Array.from({ length: bars }, (_, index) => from + index * MINUTE_MS),
        );
        const expected = Array.from({ length: 20 }, (_, index) => at(index)).filter(
          (_, index) => !indexes.includes(index),
        );
        expect(missing).toEqual(expected);
        for (const gap of gaps) expect(gap.until - gap.from).toBe(gap.bars * MINUTE_MS);
      }),
      { numRuns: 25 },
    );
  });

  it('counts a minute the venue confirmed as empty as known', async () => {
    await upsert(
      [0, 1, 2].map((index) =>
        someCandle({ openTime: at(index), ...(index === 1 ? { finality: 'confirmed-empty', volume: 0 } : {}) }),
      ),
    );
    expect(await findGaps(test.database, ['BTCUSDT'], range(0, 3))).toEqual([]);
  });

  it('shows a symbol never seen as one hole', async () => {
    expect(await findGaps(test.database, ['NEVERUSDT'], range(0, 3))).toEqual([
      { symbol: 'NEVERUSDT', from: at(0), until: at(3), bars: 3 },
    ]);
    expect(
      await findGaps(test.database, ['NEVERUSDT'], { ...everything, from: epochMs(DAY_MS), until: epochMs(0) }),
    ).toEqual([]);
  });
});
