import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type BarColumns, DIRECTION_DOWN, DIRECTION_FLAT, DIRECTION_UP, sliceBars } from '../core/index.ts';
import { DEFAULT_COST_SETTINGS, roundTripCosts } from '../matching/index.ts';
import { BAR_MS } from './dataset.ts';
import { grid, START, walk } from './random-walk.fixture.ts';
import {
  computeScaledTargets,
  DEFAULT_SCALED_TARGET_SETTINGS,
  SCALED_TARGET_WIDTH,
  SCALED_TARGETS,
  type ScaledTargetSettings,
} from './targets-scaled.ts';
import { trailingVolatility } from './trailing-volatility.ts';

const HALF_LIFE = 10;
const SETTINGS = { halfLifeBars: HALF_LIFE, directionWidth: 0.5, barrierWidth: 0.7, roundTripCost: 0.004 };

const compute = (bars: BarColumns, times: Float64Array, settings: Partial<ScaledTargetSettings> = SETTINGS) =>
  computeScaledTargets({ times, symbols: ['A'], bars: new Map([['A', bars]]) }, settings).get('A') ??
  new Float32Array(0);
const column = (name: string): number => SCALED_TARGETS.findIndex((target) => target.name === name);
const at = (values: Float32Array, row: number, name: string): number =>
  values[row * SCALED_TARGET_WIDTH + column(name)] ?? Number.NaN;

/** σ_t by its formula; `close` gives the close of a row or NaN. */
function naiveVolatility(close: (row: number) => number, t: number, first: number): number {
  let squares = 0;
  let weight = 0;
  for (let i = 0; t - i - 1 >= first; i++) {
    const change = Math.log(close(t - i) / close(t - i - 1));
    if (Number.isNaN(change)) continue;
    squares += 2 ** (-i / HALF_LIFE) * change ** 2;
    weight += 2 ** (-i / HALF_LIFE);
  }
  const ofHalfLife = Array.from({ length: HALF_LIFE }, (_, i) => 2 ** (-i / HALF_LIFE)).reduce((sum, w) => sum + w);
  return Number.isNaN(close(t)) || weight < ofHalfLife - 1e-6 ? Number.NaN : Math.sqrt(squares / weight);
}

/** All targets of a row by their definitions, one bar at a time. */
function naiveTargets(bars: BarColumns, t: number, first: number): Record<string, number> {
  const index = new Map(Array.from(bars.openTime, (time, i) => [(time + BAR_MS - START) / BAR_MS, i]));
  const of = (values: Float64Array) => (row: number) => values[index.get(row) ?? -1] ?? Number.NaN;
  const [close, high, low] = [of(bars.close), of(bars.high), of(bars.low)];
  const sigma = naiveVolatility(close, t, first);
  const result: Record<string, number> = {};
  for (const [horizon, n] of [
    ['15m', 1],
    ['1h', 4],
    ['4h', 16],
    ['12h', 48],
  ] as const) {
    const future = Array.from({ length: n }, (_, i) => t + 1 + i);
    const isWhole = [t, ...future].every((row) => index.has(row));
    const change = close(t + n) / close(t) - 1;
    const threshold = Math.max(0.5 * sigma * Math.sqrt(n), 0.004);
    const direction = change > threshold ? DIRECTION_UP : change <= -threshold ? DIRECTION_DOWN : DIRECTION_FLAT;
    result[`scaled_direction_${horizon}`] = isWhole && !Number.isNaN(sigma) ? direction : Number.NaN;
    if (horizon === '15m') continue;
    const width = 0.7 * sigma * Math.sqrt(n);
    const up = future.findIndex((row) => high(row) >= close(t) * Math.exp(width));
    const down = future.findIndex((row) => low(row) <= close(t) * Math.exp(-width));
    const isKnown = isWhole && !Number.isNaN(sigma) && (up !== down || up < 0);
    const isUpFirst = up >= 0 && (down < 0 || up < down);
    const touched = up < 0 && down < 0 ? DIRECTION_FLAT : isUpFirst ? DIRECTION_UP : DIRECTION_DOWN;
    const bar = touched === DIRECTION_FLAT ? n : (isUpFirst ? up : down) + 1;
    result[`barrier_${horizon}`] = isKnown ? touched : Number.NaN;
    result[`barrier_bars_${horizon}`] = isKnown ? bar : Number.NaN;
    const squares = future.map((row) => Math.log(close(row) / close(row - 1)) ** 2);
    const mean = squares.reduce((sum, square) => sum + square, 0) / n;
    result[`log_volatility_${horizon}`] = isWhole ? Math.log(Math.sqrt(mean)) : Number.NaN;
  }
  return result;
}

describe('computeScaledTargets', () => {
  it('agrees with the definitions computed bar by bar, holes and bars before the first time included', () => {
    const seen = new Map<string, Set<number>>();
    fc.assert(
      fc.property(fc.integer(), fc.array(fc.integer({ min: 0, max: 219 }), { maxLength: 4 }), (seed, holes) => {
        const bars = walk(seed, 220, new Set(holes));
        const first = Math.round(((bars.openTime[0] ?? 0) + BAR_MS - START) / BAR_MS);
        const values = compute(bars, grid(220).subarray(20));
        for (let row = 20; row < 220; row += 3) {
          const expected = naiveTargets(bars, row, first);
          expect(Object.keys(expected).sort()).toEqual(SCALED_TARGETS.map(({ name }) => name).sort());
          for (const [name, value] of Object.entries(expected)) {
            const actual = at(values, row - 20, name);
            if (Number.isNaN(value)) expect(actual, `${name} ${row}`).toBeNaN();
            else expect(actual, `${name} ${row}`).toBeCloseTo(value, 5);
            seen.set(name, (seen.get(name) ?? new Set()).add(actual));
          }
        }
      }),
      { numRuns: 8 },
    );
    for (const name of ['scaled_direction_15m', 'barrier_1h', 'barrier_4h']) {
      expect([...(seen.get(name) ?? [])].sort(), name).toEqual([0, 1, 2, Number.NaN]);
    }
  });

  it('knows the volatility of a row from the bars up to it alone', () => {
    const bars = walk(3, 200);
    const whole = compute(bars, grid(200));
    const cut = compute(sliceBars(bars, 0, 150), grid(200));
    for (let row = 0; row < 150 - 48; row++) {
      for (let k = 0; k < SCALED_TARGET_WIDTH; k++) {
        expect(cut[row * SCALED_TARGET_WIDTH + k]).toEqual(whole[row * SCALED_TARGET_WIDTH + k]);
      }
    }
    const poisoned = walk(3, 200);
    for (const values of [poisoned.close, poisoned.high, poisoned.low]) values.fill(1e9, 150);
    expect(compute(poisoned, grid(200)).subarray(0, 102 * SCALED_TARGET_WIDTH)).toEqual(
      whole.subarray(0, 102 * SCALED_TARGET_WIDTH),
    );
  });

  it('leaves a move that does not pay its costs flat, however calm the market', () => {
    const bars = walk(5, 40);
    for (const values of [bars.close, bars.high, bars.low]) values.set(values.map((_, row) => 100 + (row % 2) / 100));
    bars.close[31] = 100.139;
    bars.close[33] = 100.141;
    bars.close[35] = 99.859;
    const values = compute(bars, grid(40), { halfLifeBars: HALF_LIFE, directionWidth: 0.01 });
    expect([30, 32, 34].map((row) => at(values, row, 'scaled_direction_15m'))).toEqual([
      DIRECTION_FLAT,
      DIRECTION_UP,
      DIRECTION_DOWN,
    ]);
  });

  it('does not say which barrier came first when one bar touches both, unless an earlier bar touched one', () => {
    const bars = walk(7, 60);
    const close = bars.close[40] ?? 0;
    const set = (row: number, high: number, low: number) => {
      bars.high[row] = close * high;
      bars.low[row] = close * low;
    };
    for (let row = 41; row < 60; row++) set(row, 1, 1);
    set(43, 1.5, 0.5);
    expect(at(compute(bars, grid(60)), 40, 'barrier_1h')).toBeNaN();
    expect(at(compute(bars, grid(60)), 40, 'barrier_bars_4h')).toBeNaN();
    set(42, 1.5, 1);
    expect(at(compute(bars, grid(60)), 40, 'barrier_1h')).toBe(DIRECTION_UP);
    expect(at(compute(bars, grid(60)), 40, 'barrier_bars_1h')).toBe(2);
    set(41, 1, 0.5);
    expect(at(compute(bars, grid(60)), 40, 'barrier_4h')).toBe(DIRECTION_DOWN);
    expect(at(compute(bars, grid(60)), 40, 'barrier_bars_4h')).toBe(1);
  });

  it('has no barriers and no logarithm of volatility where nothing moves', () => {
    const bars = walk(9, 60);
    for (const values of [bars.close, bars.high, bars.low]) values.fill(100);
    const values = compute(bars, grid(60));
    expect(at(values, 30, 'scaled_direction_4h')).toBe(DIRECTION_FLAT);
    for (const name of ['barrier_1h', 'barrier_bars_1h', 'log_volatility_1h']) {
      expect(at(values, 30, name), name).toBeNaN();
    }
  });

  it('counts the fee and the spread that matching counts, for an order of a four-hundredth of a minute’s volume', () => {
    expect(DEFAULT_SCALED_TARGET_SETTINGS.roundTripCost).toBeCloseTo(0.0014, 12);
    const trip = { price: 10n ** 12n, tick: 1n, notional: 1, minuteNotional: 400 };
    const { fees, spread, impact } = roundTripCosts(DEFAULT_COST_SETTINGS, trip);
    expect(fees + spread + impact).toBeCloseTo(DEFAULT_SCALED_TARGET_SETTINGS.roundTripCost, 12);
  });
});

describe('trailingVolatility', () => {
  it('is known after one half-life of returns, and again later after a hole that outweighs what came before', () => {
    const closes = walk(11, 100).close;
    const known = (values: Float64Array) => Array.from(values).map((value) => !Number.isNaN(value));
    expect(known(trailingVolatility(closes, HALF_LIFE)).indexOf(true)).toBe(HALF_LIFE);
    closes.fill(Number.NaN, 60, 75);
    const after = known(trailingVolatility(closes, HALF_LIFE));
    expect(after.slice(50, 60)).toEqual(new Array(10).fill(true));
    expect(after.slice(60, 78)).toEqual(new Array(18).fill(false));
    expect(after.indexOf(true, 60)).toBeLessThan(60 + 15 + HALF_LIFE);
  });

  it('weighs a return half as much after one half-life', () => {
    const closes = new Float64Array(200).fill(1);
    for (let row = 100; row < 200; row++) closes[row] = Math.E;
    const volatility = trailingVolatility(closes, HALF_LIFE);
    expect(((volatility[100 + HALF_LIFE] ?? 0) / (volatility[100] ?? 1)) ** 2).toBeCloseTo(0.5, 2);
  });
});
