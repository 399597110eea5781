import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { allocateBars, type BarColumns, epochMs } from '../core/index.ts';
import { aggregateBars } from './aggregate-bars.ts';
import { createGeneratedMarket } from './generated/generated-market.ts';

const MINUTE = 60_000;
const market = createGeneratedMarket({ seed: 3, symbols: 3, start: epochMs(Date.UTC(2025, 0, 6)) });

function barsAt(minutes: number[]): BarColumns {
  const bars = allocateBars(minutes.length);
  minutes.forEach((minute, i) => {
    bars.openTime[i] = minute * MINUTE;
    bars.open[i] = 100 + minute;
    bars.high[i] = 110 + minute;
    bars.low[i] = 90 + minute;
    bars.close[i] = 101 + minute;
    bars.volume[i] = 1;
  });
  return bars;
}

describe('aggregating bars', () => {
  it('takes first open, highest high, lowest low, last close and the sum of volumes', () => {
    const five = aggregateBars(barsAt([0, 1, 2, 3, 4]), '1m', '5m');
    expect([five.openTime, five.open, five.high, five.low, five.close, five.volume].map((column) => column[0])).toEqual(
      [0, 100, 114, 90, 105, 5],
    );
    expect(five.quoteVolume[0]).toBeNaN();
  });

  it('drops an incomplete last bar unless asked to keep it', () => {
    expect(aggregateBars(barsAt([0, 1, 2, 3, 4, 5]), '1m', '5m').length).toBe(1);
    expect(aggregateBars(barsAt([0, 1, 2, 3, 4, 5]), '1m', '5m', { keepIncomplete: true }).length).toBe(2);
  });

  it('lets a missing bar inside contribute nothing, and makes no bar where all are missing', () => {
    const five = aggregateBars(barsAt([0, 2, 4, 17, 19]), '1m', '5m');
    expect([...five.openTime]).toEqual([0, 15 * MINUTE]);
    expect([...five.volume]).toEqual([3, 2]);
  });

  it('gives the same in one step as in two', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2_000 }), fc.integer({ min: 1, max: 900 }), (first, length) => {
        const from = epochMs(market.start + first * MINUTE);
        const bars = market.bars('G03USDT', from, epochMs(from + length * MINUTE));
        const direct = aggregateBars(bars, '1m', '1h');
        const stepwise = aggregateBars(aggregateBars(bars, '1m', '15m', { keepIncomplete: true }), '15m', '1h');
        // Judged by its newest 15-minute bar, the last hour may look complete a little early.
        expect(stepwise.length - direct.length).toBeLessThanOrEqual(1);
        for (const column of ['openTime', 'open', 'high', 'low', 'close'] as const) {
          expect([...stepwise[column].subarray(0, direct.length)]).toEqual([...direct[column]]);
        }
      }),
      { numRuns: 30 },
    );
  });

  it('refuses a timeframe that is no multiple', () => {
    expect(() => aggregateBars(barsAt([0]), '15m', '5m')).toThrow(RangeError);
  });
});
