import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type EpochMs, epochMs, type FeatureRows, MINUTE_MS } from '../core/index.ts';
import { storedSpans } from './bars.ts';
import { upsertCandles } from './candles.ts';
import { insertFeatures, readFeatureRows, replaceFeatures } from './features.ts';
import { SOME_MINUTE, someCandle } from './fixtures.ts';
import { createTestDatabase, type TestDatabase } from './testing.ts';

let test: TestDatabase;
beforeAll(async () => {
  test = await createTestDatabase();
});
afterAll(() => test.drop());

const minuteAt = (index: number): EpochMs => epochMs(SOME_MINUTE + index * MINUTE_MS);
const NAMES = ['a', 'b', 'c'];

function rowsOf(minute: EpochMs, features: Record<string, number[]>, hash = 'abc'): FeatureRows {
  const symbols = Object.keys(features);
  const values = Float32Array.from(Object.values(features).flat());
  const masked = Uint8Array.from(values, (value) => (Number.isNaN(value) ? 1 : 0));
  return {
    panel: { minute, symbols, width: NAMES.length, featureSetHash: hash, values, masked },
    featureNames: NAMES,
    indicators: symbols.map((symbol) => ({ rsi: features[symbol]?.[0] ?? 0, sma: 0.1 + 0.2 })),
  };
}

const read = (symbols: string[], minutes: EpochMs[], featureSetHash = 'abc') =>
  readFeatureRows(test.database, { venue: 'v', symbols, minutes, featureSetHash });

describe('stored rows of features and indicators', () => {
  it('come back to the last bit, of the symbols, minutes and set asked for', async () => {
    const third = Math.fround(1 / 3);
    await insertFeatures(test.database, 'v', rowsOf(minuteAt(0), { A: [third, Number.NaN, -1e-30], B: [1, 2, 3] }));
    await insertFeatures(test.database, 'v', rowsOf(minuteAt(1), { A: [4, 5, 6] }));
    await insertFeatures(test.database, 'v', rowsOf(minuteAt(0), { A: [9, 9, 9] }, 'other'));
    expect(await read(['A'], [minuteAt(0)])).toEqual([
      {
        symbol: 'A',
        minute: minuteAt(0),
        features: Float32Array.of(third, Number.NaN, -1e-30),
        indicators: { rsi: third, sma: 0.1 + 0.2 },
      },
    ]);
    const all = await read(['A', 'B', 'UNKNOWN'], [minuteAt(0), minuteAt(1), minuteAt(2)]);
    expect(all.map(({ symbol, minute }) => `${symbol} ${minute}`).sort()).toEqual(
      [`A ${minuteAt(0)}`, `A ${minuteAt(1)}`, `B ${minuteAt(0)}`].sort(),
    );
    // Indicators belong to no feature set: a row of another set has them, and no features.
    expect(await read(['B'], [minuteAt(0)], 'third')).toEqual([
      { symbol: 'B', minute: minuteAt(0), indicators: { rsi: 1, sma: 0.1 + 0.2 } },
    ]);
  });

  it('stay when they are inserted again, and give way when they are replaced; others stay in either case', async () => {
    const minute = minuteAt(16);
    await insertFeatures(test.database, 'v', rowsOf(minute, { A: [1, 2, 3], B: [4, 5, 6] }));
    await insertFeatures(test.database, 'v', rowsOf(minute, { A: [7, 7, 7] }));
    const values = async () =>
      Object.fromEntries(
        (await read(['A', 'B', 'C'], [minute])).map(({ symbol, features, indicators }) => [
          symbol,
          [...(features ?? []), indicators?.rsi],
        ]),
      );
    expect(await values()).toEqual({ A: [1, 2, 3, 1], B: [4, 5, 6, 4] });
    await replaceFeatures(test.database, 'v', rowsOf(minute, { A: [7, 7, 7], C: [8, 8, 8] }));
    expect(await values()).toEqual({ A: [7, 7, 7, 7], B: [4, 5, 6, 4], C: [8, 8, 8, 8] });
  });
});

describe('the span of stored bars', () => {
  it('reaches from the first to the last of each symbol and timeframe', async () => {
    const candles = [3, 1, 7].map((index) => someCandle({ symbol: 'SPANUSDT', openTime: minuteAt(index) }));
    const quarter = someCandle({ symbol: 'SPANUSDT', timeframe: '15m', openTime: minuteAt(-15) });
    await upsertCandles(test.database, 'v', [...candles, quarter], SOME_MINUTE);
    expect((await storedSpans(test.database, 'v', '1m')).get('SPANUSDT')).toEqual({
      earliest: minuteAt(1),
      latest: minuteAt(7),
    });
    expect([...(await storedSpans(test.database, 'v', '15m')).keys()]).toEqual(['SPANUSDT']);
    expect((await storedSpans(test.database, 'elsewhere', '1m')).size).toBe(0);
  });
});
