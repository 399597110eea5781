import { describe, expect, it } from 'vitest';
import {
  earlier,
  ema,
  expectValues,
  from,
  mean,
  over,
  sampleBars,
  sum,
  wilder,
  windows,
  zip,
} from '../naive.fixture.ts';
import { Aroon } from './aroon.ts';
import { Dema } from './dema.ts';
import { Hma } from './hma.ts';
import { Ichimoku } from './ichimoku.ts';
import { Kama } from './kama.ts';
import { LinearRegression } from './linear-regression.ts';
import { Psar } from './psar.ts';
import { SuperTrend } from './super-trend.ts';
import { Tema } from './tema.ts';
import { Vortex } from './vortex.ts';
import { Vwma } from './vwma.ts';
import { Wma } from './wma.ts';

/* Each indicator against its formula, written down once more over whole windows. */

const SEEDS = ['trend-1', 'trend-2', 'trend-3'];

describe.each(SEEDS)('over the bars of seed %s', (seed) => {
  const bars = sampleBars(seed);
  const { high, low, close, volume } = bars;
  const price = 100;

  it.each([1, 5, 20])('Dema(%i) is twice the average less its average', (period) => {
    const first = ema(close, period);
    const expected = zip((a, b) => 2 * a - b, first, ema(first, period));
    expectValues(new Dema(period).batch(close), expected, 0);
  });

  it.each([1, 5, 20])('Tema(%i) is three averages, less three of them, and one of those', (period) => {
    const first = ema(close, period);
    const second = ema(first, period);
    const expected = zip((a, b, c) => 3 * a - 3 * b + c, first, second, ema(second, period));
    expectValues(new Tema(period).batch(close), expected, 0);
  });

  it.each([1, 2, 9, 30])('Wma(%i) weighs the newest most', (period) => {
    expectValues(new Wma(period).batch(close), wma(close, period), 0);
  });

  it.each([2, 9, 20])('Hma(%i) smooths the doubled half less the whole', (period) => {
    const raw = zip((half, whole) => 2 * half - whole, wma(close, Math.floor(period / 2)), wma(close, period));
    expectValues(new Hma(period).batch(close), wma(raw, Math.floor(Math.sqrt(period))), 0);
  });

  it.each([
    [1, 2, 30],
    [10, 2, 30],
    [5, 3, 20],
  ])('Kama(%i, %i, %i) follows as fast as the move is straight', (period, fast, slow) => {
    const closes = Array.from(close);
    let average = closes[period - 1] ?? 0;
    const expected = from(closes.length, period, (i) => {
      const window = closes.slice(i - period, i + 1);
      const moves = window.slice(1).map((value, k) => Math.abs(value - (window[k] ?? 0)));
      const straight = Math.abs((window[period] ?? 0) - (window[0] ?? 0));
      const efficiency = sum(moves) === 0 ? 1 : straight / sum(moves);
      const weight = (efficiency * (2 / (fast + 1) - 2 / (slow + 1)) + 2 / (slow + 1)) ** 2;
      average = (1 - weight) * average + weight * (closes[i] ?? 0);
      return average;
    });
    expectValues(new Kama(period, fast, slow).batch(close), expected, 0);
  });

  it.each([1, 4, 20])('Vwma(%i) weighs by volume, and evenly without any', (period) => {
    const traded = windows(
      zip((a, b) => a * b, close, volume),
      period,
      sum,
    );
    const expected = zip(
      (money, total, plain) => (total === 0 ? plain : money / total),
      traded,
      windows(volume, period, sum),
      windows(close, period, mean),
    );
    expect(windows(volume, period, sum)).toContain(0);
    expectValues(new Vwma(period).batch(bars), expected, 0);
  });

  it.each([2, 14, 33])('LinearRegression(%i) is the least-squares line', (period) => {
    const steps = Array.from({ length: period }, (_, i) => i - (period - 1) / 2);
    const slopeOf = (window: number[]) => {
      const middle = mean(window);
      return sum(window.map((y, i) => (steps[i] ?? 0) * (y - middle))) / sum(steps.map((x) => x * x));
    };
    const slope = windows(close, period, slopeOf);
    const value = windows(close, period, (window) => mean(window) + (slopeOf(window) * (period - 1)) / 2);
    const r2 = windows(close, period, (window) => {
      // Of differences to the oldest: a window of equal values has no variance, whatever its mean rounds to.
      const y = window.map((it) => it - (window[0] ?? 0));
      const rest = sum(y.map((it, i) => (it - mean(y) - slopeOf(y) * (steps[i] ?? 0)) ** 2));
      const total = sum(y.map((it) => (it - mean(y)) ** 2));
      return total === 0 ? 0 : 1 - rest / total;
    });
    const actual = new LinearRegression(period).batch(close);
    expectValues(actual.value, value, 0);
    expectValues(actual.slope, slope, 1e-3 * price);
    expectValues(actual.r2, r2, 1);
  });

  it.each([
    [0.02, 0.2],
    [0.1, 0.3],
    [0.5, 0.25],
  ])('Psar(%d, %d) trails the trade and turns when it is touched', (step, maximum) => {
    expectValues(new Psar(step, maximum).batch(bars), stops(Array.from(high), Array.from(low), step, maximum), 0);
  });

  it.each([
    [1, 1],
    [10, 3],
    [10, 0.5],
  ])('SuperTrend(%i, %d) is the band that the closes did not cross', (period, multiplier) => {
    const ranges = wilder(
      zip((h, l, c) => Math.max(h - l, Math.abs(h - c), Math.abs(l - c)), high, low, earlier(close)),
      period,
    );
    const expected = bands(
      zip((h, l) => (h + l) / 2, high, low),
      ranges,
      Array.from(close),
      multiplier,
    );
    const actual = new SuperTrend(period, multiplier).batch(bars);
    expectValues(actual.value, expected.value, 0);
    expectValues(actual.direction, expected.direction, 0);
    expect(expected.direction).toEqual(expect.arrayContaining([1, -1]));
  });

  it.each([1, 14])('Vortex(%i) sets the reach up and down against the true range', (period) => {
    const range = zip((h, l, c) => Math.max(h - l, Math.abs(h - c), Math.abs(l - c)), high, low, earlier(close));
    const total = windows(range, period, sum);
    const reach = (a: ArrayLike<number>, b: ArrayLike<number>) =>
      windows(
        zip((x, y) => Math.abs(x - y), a, earlier(b)),
        period,
        sum,
      );
    const actual = new Vortex(period).batch(bars);
    expectValues(actual.plus, zip(over, reach(high, low), total), 1);
    expectValues(actual.minus, zip(over, reach(low, high), total), 1);
  });
});

describe.each(SEEDS)('over the extremes of the bars of seed %s', (seed) => {
  const bars = sampleBars(seed);
  const { high, low } = bars;

  it.each([1, 25])('Aroon(%i) counts the bars since the newest of the extremes', (period) => {
    const age = (window: number[], extreme: number) => period - window.lastIndexOf(extreme);
    const highest = windows(high, period + 1, (window) => age(window, Math.max(...window)));
    const lowest = windows(low, period + 1, (window) => age(window, Math.min(...window)));
    const score = (ages: readonly number[]) => ages.map((it) => (100 * (period - it)) / period);
    const actual = new Aroon(period).batch(bars);
    expectValues(actual.up, score(highest), 0);
    expectValues(actual.down, score(lowest), 0);
    expectValues(
      actual.oscillator,
      zip((a, b) => a - b, score(highest), score(lowest)),
      100,
    );
  });

  it.each([
    [9, 26, 52],
    [5, 3, 2],
  ])('Ichimoku(%i, %i, %i) gives the middles of three windows', (conversion, base, spanB) => {
    const longest = Math.max(conversion, base, spanB);
    const middle = (period: number) =>
      zip(
        (a, b, there) => (Number.isNaN(there) ? there : (a + b) / 2),
        windows(high, period, (window) => Math.max(...window)),
        windows(low, period, (window) => Math.min(...window)),
        windows(high, longest, mean),
      );
    const actual = new Ichimoku(conversion, base, spanB).batch(bars);
    expectValues(actual.conversion, middle(conversion), 0);
    expectValues(actual.base, middle(base), 0);
    expectValues(
      actual.spanA,
      zip((a, b) => (a + b) / 2, middle(conversion), middle(base)),
      0,
    );
    expectValues(actual.spanB, middle(spanB), 0);
  });
});

describe('a straight line', () => {
  const line = Float64Array.from({ length: 60 }, (_, i) => 100 + i / 4);

  it('is its own double and triple average: they do not lag', () => {
    expectValues(new Dema(5).batch(line).subarray(8), line.subarray(8), 0);
    expectValues(new Tema(5).batch(line).subarray(12), line.subarray(12), 0);
  });

  it('is its own regression', () => {
    const { value, slope, r2 } = new LinearRegression(10).batch(line);
    expectValues(value.subarray(9), line.subarray(9), 0);
    expect(Array.from(slope.subarray(9))).toEqual(Array(51).fill(0.25));
    expect(Array.from(r2.subarray(9))).toEqual(Array(51).fill(1));
  });
});

it('a regression never explains more than everything', () => {
  const lines = Array.from({ length: 50 }, (_, k) =>
    Float64Array.from({ length: 40 }, (_, i) => 100 + i * 0.1 * (k + 1)),
  );
  for (const line of lines) {
    const { r2 } = new LinearRegression(14).batch(line);
    expect(Math.max(...r2.subarray(13))).toBeLessThanOrEqual(1);
    expectValues(r2.subarray(13), new Float64Array(27).fill(1), 1);
  }
});

it('a regression of equal values is exactly level and explains nothing, right after a jump', () => {
  const values = Float64Array.from({ length: 100 }, (_, i) => (i < 50 ? 1e8 : 0.1));
  const { value, slope, r2 } = new LinearRegression(14).batch(values);
  expect([value[63], slope[63], r2[63]]).toEqual([0.1, 0, 0]);
});

const wma = (values: ArrayLike<number>, period: number) =>
  windows(values, period, (window) => sum(window.map((value, i) => (i + 1) * value)) / ((period * (period + 1)) / 2));

/** Wilder's stop, told as a story of trades: each holds its direction, its extreme and how often that was renewed. */
function stops(high: readonly number[], low: readonly number[], step: number, maximum: number): number[] {
  const at = (values: readonly number[], i: number) => values[i] ?? Number.NaN;
  const fall = at(low, 0) - at(low, 1);
  let direction = fall > 0 && at(high, 1) - at(high, 0) < fall ? -1 : 1;
  // Mirrored for a short trade, so that there is one set of rules: stop below, extreme above.
  const best = (i: number) => (direction > 0 ? at(high, i) : -at(low, i));
  const worst = (i: number) => (direction > 0 ? at(low, i) : -at(high, i));
  let stop = worst(0);
  let extreme = best(1);
  let renewed = 1;
  return from(high.length, 1, (i) => {
    const limit = () => Math.min(worst(Math.max(1, i - 1)), worst(i));
    let shown = stop;
    if (worst(i) <= stop) {
      // Seen from the other side, the extreme of the old trade is a stop below.
      const old = -extreme;
      direction = -direction;
      renewed = 1;
      extreme = best(i);
      shown = Math.min(old, limit());
    } else if (best(i) > extreme) {
      extreme = best(i);
      renewed++;
    }
    const acceleration = Math.min(renewed * Math.min(step, maximum), maximum);
    stop = Math.min(shown + acceleration * (extreme - shown), limit());
    return direction * shown;
  });
}

/** The bands as sequences of their own, each bar's from the bar before; then the trend that runs between them. */
function bands(middle: readonly number[], ranges: readonly number[], close: readonly number[], multiplier: number) {
  const band = (side: 1 | -1) => {
    let level = Number.NaN;
    return zip(
      (m, range, previousClose) => {
        const raw = side * (m + side * multiplier * range);
        if (!(level <= raw) || side * previousClose > level) level = raw;
        return side * level;
      },
      middle,
      ranges,
      earlier(close),
    );
  };
  const upper = band(1);
  const lower = band(-1);
  let direction = -1;
  const directions = zip(
    (up, down, now) => {
      if (Number.isNaN(up)) return Number.NaN;
      if (now > up) direction = 1;
      else if (now < down) direction = -1;
      return direction;
    },
    upper,
    lower,
    close,
  );
  return { value: zip((side, up, down) => (side > 0 ? down : up), directions, upper, lower), direction: directions };
}
