import { describe, expect, it } from 'vitest';
import { allocateBars, epochMs, MINUTE_MS, phaseOf } from '../core/index.ts';
import { byMinute, joinBars, withoutBars } from './bars.fixture.ts';
import { FAST_FEATURES } from './catalogue/fast.ts';
import { createFeatureEngineer } from './feature-engineer.ts';
import { featureSet } from './feature-set.ts';
import { generateSelfTestMarket } from './generated-market.ts';
import { computeIndicators } from './indicator-columns.ts';

const QUARTER_MS = 15 * MINUTE_MS;
const START = Date.UTC(2024, 1, 1);
const SYMBOLS = ['ONE', 'TWO'];
/** Fifty hours: every indicator is warm after forty-eight. */
const minutes = generateSelfTestMarket(SYMBOLS, { bars: 50 * 60, barMs: MINUTE_MS, start: START, seed: 'indicators' });
const gap = minutes.get('TWO') ?? allocateBars(0);
// An hour and a quarter is missing: more than is carried, so that the series begins anew.
minutes.set('TWO', withoutBars(gap, new Set(Array.from({ length: 75 }, (_, index) => 600 + index))));

describe('named indicators over columns of bars', () => {
  it('are those of the live engine to the last bit, from their warm-up on, and none where there is no bar', () => {
    const engineer = createFeatureEngineer({
      featureSet: featureSet(FAST_FEATURES.slice(0, 1)),
      symbols: SYMBOLS,
      references: [],
    });
    const quarters = new Map([...minutes].map(([symbol, bars]) => [symbol, joinBars(bars, MINUTE_MS, 15)]));
    const times = Float64Array.from({ length: 200 }, (_, row) => START + (row + 1) * QUARTER_MS);
    const columns = computeIndicators(quarters, times);
    let compared = 0;
    for (const [minute, candles] of byMinute(minutes)) {
      engineer.push(candles);
      if (phaseOf(epochMs(minute)) !== 0) continue;
      const row = (minute - START) / QUARTER_MS - 1;
      expect(SYMBOLS.map((symbol) => columns.at(symbol, row))).toEqual(engineer.indicators(epochMs(minute), SYMBOLS));
      compared++;
    }
    expect(compared).toBe(200);
    expect(Object.keys(columns.at('ONE', 199))).toHaveLength(38);
    expect(columns.at('TWO', 42)).toEqual({});
    expect(columns.at('ONE', 8)).not.toHaveProperty('sma_10');
    expect(columns.at('ONE', 9)).toHaveProperty('sma_10');
    expect(columns.at('NONE', 9)).toEqual({});
    // Earlier bars than the first time asked for only warm up.
    const late = computeIndicators(quarters, times.subarray(190));
    expect(late.at('ONE', 9)).toEqual(columns.at('ONE', 199));
  });
});
