import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { at64 } from '../../core/index.ts';
import { expectLikeTalib, talibSeries } from './talib.fixture.ts';
import { WindowExtremes } from './window-extremes.ts';

describe('WindowExtremes', () => {
  it('says what looking through the whole window says, ages of equal extremes being those of the newest', () => {
    const bar = fc.record({ high: fc.integer({ min: -4, max: 4 }), low: fc.integer({ min: -4, max: 4 }) });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 9 }), fc.array(bar, { maxLength: 60 }), (window, bars) => {
        const extremes = new WindowExtremes(window);
        bars.forEach(({ high, low }, i) => {
          extremes.update(high, low);
          const newestFirst = bars.slice(Math.max(0, i + 1 - window), i + 1).reverse();
          const highs = newestFirst.map((each) => each.high);
          const lows = newestFirst.map((each) => each.low);
          expect(extremes.highest).toBe(Math.max(...highs));
          expect(extremes.lowest).toBe(Math.min(...lows));
          expect(extremes.highestAge).toBe(highs.indexOf(Math.max(...highs)));
          expect(extremes.lowestAge).toBe(lows.indexOf(Math.min(...lows)));
        });
      }),
    );
  });

  it("gives TA-Lib's MAX and MIN over a million bars", () => {
    const { high, low } = talibSeries();
    const extremes = new WindowExtremes(20);
    const highest = new Float64Array(high.length).fill(Number.NaN);
    const lowest = new Float64Array(low.length).fill(Number.NaN);
    for (let i = 0; i < high.length; i++) {
      extremes.update(at64(high, i), at64(low, i));
      if (i < 19) continue;
      highest[i] = extremes.highest;
      lowest[i] = extremes.lowest;
    }
    expectLikeTalib('MAX(20)', { outReal: highest });
    expectLikeTalib('MIN(20)', { outReal: lowest });
  });
});
