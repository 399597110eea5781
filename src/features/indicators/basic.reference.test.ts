import { describe, expect, it } from 'vitest';
import { at64, createRandom } from '../../core/index.ts';
import { Rsi } from './momentum/rsi.ts';
import { Stochastic } from './momentum/stochastic.ts';
import { Adx, Adxr, Dx } from './trend/adx.ts';
import { Ema } from './trend/ema.ts';
import { Macd } from './trend/macd.ts';
import { Sma } from './trend/sma.ts';
import { WilderAverage } from './trend/wilder-average.ts';
import { Atr, Natr, TrueRange } from './volatility/atr.ts';
import { BollingerBands } from './volatility/bollinger-bands.ts';
import { WindowMoments } from './window-moments.ts';

/*
 * Each indicator against its formula, written here anew, over plain arrays and window by window. `undefined` is where the formula has no
 * value yet.
 */
type Series = readonly (number | undefined)[];

const bars = generateBars(400);
const { high, low, close } = bars;
const highs = Array.from(high);
const lows = Array.from(low);
const closes = Array.from(close);

const window = (values: Series, i: number, length: number): number[] | undefined => {
  const part = values.slice(Math.max(0, i + 1 - length), i + 1);
  return part.length === length ? (part.includes(undefined) ? undefined : (part as number[])) : undefined;
};
const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
const means = (values: Series, length: number): Series =>
  values.map((_, i) => {
    const part = window(values, i, length);
    return part && mean(part);
  });

/** (1 − weight) · before + weight · value, seeded with the mean of the first `length` values from `first` on. */
function smooth(
  values: Series,
  length: number,
  weight: number,
  first = values.findIndex((v) => v !== undefined),
): Series {
  const out: (number | undefined)[] = [];
  const seedAt = first + length - 1;
  values.forEach((value, i) => {
    const before = out[i - 1];
    if (i < seedAt || value === undefined) out.push(undefined);
    else if (i === seedAt || before === undefined) out.push(mean(values.slice(first, i + 1) as number[]));
    else out.push((1 - weight) * before + weight * value);
  });
  return out;
}
const ema = (values: Series, length: number, first?: number) => smooth(values, length, 2 / (length + 1), first);
const wilder = (values: Series, length: number) => smooth(values, length, 1 / length);

const change = (values: readonly number[], i: number): number | undefined => {
  const [now, before] = [values[i], values[i - 1]];
  return now === undefined || before === undefined ? undefined : now - before;
};
const both = (a: Series, b: Series, join: (a: number, b: number) => number): Series =>
  a.map((value, i) => {
    const other = b[i];
    return value === undefined || other === undefined ? undefined : join(value, other);
  });
const ratio = (a: number, b: number) => (b === 0 ? 0 : a / b);

const trueRanges: Series = closes.map((_, i) => {
  const before = closes[i - 1];
  const [top = 0, bottom = 0] = [highs[i], lows[i]];
  return before === undefined ? undefined : Math.max(top - bottom, Math.abs(top - before), Math.abs(bottom - before));
});

function directional(length: number): { plusDi: Series; minusDi: Series; dx: Series } {
  const moves = closes.map((_, i) => {
    const up = change(highs, i);
    const fall = change(lows, i);
    if (up === undefined || fall === undefined) return undefined;
    const down = -fall;
    return { plus: up > down && up > 0 ? up : 0, minus: down > up && down > 0 ? down : 0 };
  });
  // Wilder's sum after `i` bars, from the beginning each time: length − 1 values as they are, then with decay.
  const sum = (values: Series, i: number): number | undefined => {
    if (i < length) return undefined;
    let total = 0;
    for (let k = 1; k <= i; k++) total = (k < length ? total : total * (1 - 1 / length)) + (values[k] ?? 0);
    return total;
  };
  const sums = (values: Series): Series => values.map((_, i) => sum(values, i));
  const range = sums(trueRanges);
  const plusDi = both(sums(moves.map((m) => m?.plus)), range, (m, r) => 100 * ratio(m, r));
  const minusDi = both(sums(moves.map((m) => m?.minus)), range, (m, r) => 100 * ratio(m, r));
  return { plusDi, minusDi, dx: both(plusDi, minusDi, (p, m) => 100 * ratio(Math.abs(p - m), p + m)) };
}

describe('the formula gives the values of', () => {
  it('Sma', () => expectClose(new Sma(20).batch(close), means(closes, 20)));
  it('Ema', () => expectClose(new Ema(20).batch(close), ema(closes, 20)));
  it('Ema that leaves the first values out', () => expectClose(new Ema(12, 14).batch(close), ema(closes, 12, 14)));
  it('WilderAverage', () => expectClose(new WilderAverage(14).batch(close), wilder(closes, 14)));
  it('TrueRange', () => expectClose(new TrueRange().batch(bars), trueRanges));
  it('Atr', () => expectClose(new Atr(14).batch(bars), wilder(trueRanges, 14)));

  it('Natr', () => {
    const percent = both(wilder(trueRanges, 14), closes, (range, price) => (100 * range) / price);
    expectClose(new Natr(14).batch(bars), percent);
  });

  it('Rsi', () => {
    const changes = closes.map((_, i) => change(closes, i));
    const rises = wilder(
      changes.map((each) => each && Math.max(each, 0)),
      14,
    );
    const falls = wilder(
      changes.map((each) => each && Math.max(-each, 0)),
      14,
    );
    expectClose(
      new Rsi(14).batch(close),
      both(rises, falls, (rise, fall) => 100 - 100 / (1 + rise / fall)),
    );
  });

  it('Macd', () => {
    const difference = both(ema(closes, 12, 14), ema(closes, 26), (fast, slow) => fast - slow);
    const expectedSignal = ema(difference, 9);
    const { macd, signal, histogram } = new Macd(12, 26, 9).batch(close);
    expectClose(
      macd,
      both(difference, expectedSignal, (value) => value),
      100,
    );
    expectClose(signal, expectedSignal, 100);
    expectClose(
      histogram,
      both(difference, expectedSignal, (value, smoothed) => value - smoothed),
      100,
    );
  });

  it('Stochastic', () => {
    const places = closes.map((price, i) => {
      const [tops, bottoms] = [window(highs, i, 14), window(lows, i, 14)];
      if (!tops || !bottoms) return undefined;
      return 100 * ratio(price - Math.min(...bottoms), Math.max(...tops) - Math.min(...bottoms));
    });
    const slow = means(places, 3);
    const slowest = means(slow, 4);
    const { k, d } = new Stochastic(14, 3, 4).batch(bars);
    expectClose(
      k,
      both(slow, slowest, (value) => value),
      100,
    );
    expectClose(d, slowest, 100);
  });

  it('BollingerBands', () => {
    const middles = means(closes, 20);
    const deviations = closes.map((_, i) => {
      const part = window(closes, i, 20);
      return part && Math.sqrt(mean(part.map((value) => (value - mean(part)) ** 2)));
    });
    const { upper, middle, lower } = new BollingerBands(20, 2.5).batch(close);
    expectClose(middle, middles);
    expectClose(
      upper,
      both(middles, deviations, (value, deviation) => value + 2.5 * deviation),
    );
    expectClose(
      lower,
      both(middles, deviations, (value, deviation) => value - 2.5 * deviation),
    );
  });

  it('WindowMoments, however high the level and however far a value lies out', () => {
    for (const level of [0, 1e9]) {
      const values = closes.map((value, i) => level + Math.round(value * 64) / 64 + (i % 97 === 0 ? 5_000 : 0));
      const moments = new WindowMoments(20);
      const variances = values.map((value) => {
        moments.update(value);
        return moments.variance;
      });
      const expected = values.map((_, i) => {
        const part = window(values, i, 20)?.map((value) => value - level);
        return part && mean(part.map((value) => (value - mean(part)) ** 2));
      });
      expectClose(Float64Array.from(variances).fill(Number.NaN, 0, 19), expected);
    }
  });

  it('Dx', () => {
    const expected = directional(14);
    const { dx, plusDi, minusDi } = new Dx(14).batch(bars);
    expectClose(plusDi, expected.plusDi);
    expectClose(minusDi, expected.minusDi);
    expectClose(dx, expected.dx, 100);
  });

  it('Adx and Adxr', () => {
    const { plusDi, minusDi, dx } = directional(14);
    const expected = wilder(dx, 14);
    const actual = new Adx(14).batch(bars);
    expectClose(actual.adx, expected, 100);
    expectClose(
      actual.plusDi,
      both(plusDi, expected, (value) => value),
    );
    expectClose(
      actual.minusDi,
      both(minusDi, expected, (value) => value),
    );
    const rating = expected.map((value, i) => {
      const before = expected[i - 13];
      return value === undefined || before === undefined ? undefined : (value + before) / 2;
    });
    expectClose(new Adxr(14).batch(bars), rating, 100);
  });
});

/** Relative to the value, or to `scale` where that is more: differences of like values are as exact as those. */
function expectClose(actual: Float64Array, expected: Series, scale = 0): void {
  expect(actual.length).toBe(expected.length);
  expected.forEach((value, i) => {
    const is = at64(actual, i);
    if (value === undefined) expect(is, `at ${i}`).toBeNaN();
    else
      expect(Math.abs(is - value), `at ${i}: ${is}, expected ${value}`).toBeLessThanOrEqual(
        1e-9 * Math.max(Math.abs(value), scale),
      );
  });
}

/** A walk on quarters with jumps, gaps to the close before, bars that reach as far up as down, and stretches where nothing moves. */
function generateBars(length: number) {
  const random = createRandom('reference');
  const [tops, bottoms, prices] = [new Float64Array(length), new Float64Array(length), new Float64Array(length)];
  const onGrid = (price: number) => Math.round(price * 4) / 4;
  let price = 100;
  for (let i = 0; i < length; i++) {
    const flat = i % 150 >= 100 && i % 150 < 135;
    const opened = flat || random.uniform() < 0.7 ? price : onGrid(price * (1 + 0.02 * random.normal()));
    if (!flat) price = onGrid(opened * (1 + 0.01 * random.normal() + (random.uniform() < 0.02 ? 0.1 : 0)));
    tops[i] = Math.max(opened, price) + (flat ? 0 : random.integer(3) / 4);
    bottoms[i] = Math.min(opened, price) - (flat ? 0 : random.integer(3) / 4);
    prices[i] = price;
  }
  return { high: tops, low: bottoms, close: prices };
}
