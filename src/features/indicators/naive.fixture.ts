import { expect } from 'vitest';
import { at64, createRandom } from '../../core/index.ts';

/*
 * What tests of indicators share: bars to run over, and the words that formulas are written in once more, over whole columns and
 * windows, without any code of the indicators. A value that is not there yet is NaN, as the indicators have it.
 */

export interface SampleBars {
  readonly open: Float64Array;
  readonly high: Float64Array;
  readonly low: Float64Array;
  readonly close: Float64Array;
  readonly volume: Float64Array;
}

/** A walk from about 100 with jumps, stretches where nothing moves, bars without a range and bars without volume. */
export function sampleBars(seed: string | number, length = 400): SampleBars {
  const random = createRandom(seed);
  const [open, high, low, close, volume] = columns(length);
  let price = 100 * (1 + random.uniform());
  let flat = 0;
  for (let i = 0; i < length; i++) {
    if (flat > 0) flat--;
    else if (random.uniform() < 0.01) flat = 5 + random.integer(60);
    const still = flat > 0;
    const jump = random.uniform() < 0.02 ? 10 : 1;
    const before = price;
    if (!still) price *= Math.exp(0.003 * jump * random.normal());
    const range = still || random.uniform() < 0.05 ? 0 : 0.004 * random.uniform();
    open[i] = before;
    close[i] = price;
    high[i] = Math.max(before, price) * (1 + range);
    low[i] = Math.min(before, price) * (1 - range * random.uniform());
    volume[i] = still || random.uniform() < 0.1 ? 0 : 1_000 * random.uniform();
  }
  return { open, high, low, close, volume };
}

/** Bars that never move nor trade. */
export function flatBars(price: number, length: number): SampleBars {
  const [open, high, low, close, volume] = columns(length);
  for (const column of [open, high, low, close]) column.fill(price);
  return { open, high, low, close, volume };
}

/** The bars from `start` on, up to `end`, their prices and volumes multiplied. */
export function cutBars(bars: SampleBars, start: number, end: number, price = 1, volume = 1): SampleBars {
  const cut = (column: Float64Array, factor: number) => column.slice(start, end).map((value) => value * factor);
  return {
    open: cut(bars.open, price),
    high: cut(bars.high, price),
    low: cut(bars.low, price),
    close: cut(bars.close, price),
    volume: cut(bars.volume, volume),
  };
}

/** Expects equal values, NaN where NaN is, to `tolerance` of the value or of `scale`, whichever is more. */
export function expectValues(
  actual: Float64Array,
  expected: ArrayLike<number>,
  scale: number,
  tolerance = 1e-9,
  label = 'value',
): void {
  expect(actual.length, `${label}: length`).toBe(expected.length);
  for (let i = 0; i < actual.length; i++) {
    const is = at64(actual, i);
    const should = expected[i] ?? Number.NaN;
    if (Number.isNaN(should) && Number.isNaN(is)) continue;
    if (Math.abs(is - should) <= tolerance * Math.max(Math.abs(should), scale)) continue;
    expect.fail(`${label} at ${i}: ${is}, expected ${should}`);
  }
}

export const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
export const mean = (values: readonly number[]): number => sum(values) / values.length;
/** a / b, 0 where b is. */
export const over = (a: number, b: number): number => (b === 0 ? 0 : a / b);

/** `f` at each position from `from` on. */
export const from = (length: number, start: number, f: (i: number) => number): number[] =>
  Array.from({ length }, (_, i) => (i < start ? Number.NaN : f(i)));

/** Element by element. */
export const zip = (f: (...values: number[]) => number, ...all: ArrayLike<number>[]): number[] =>
  Array.from({ length: all[0]?.length ?? 0 }, (_, i) => f(...all.map((column) => column[i] ?? Number.NaN)));

/** `f` of each window of `period` values; NaN while one of them is. */
export const windows = (values: ArrayLike<number>, period: number, f: (window: number[]) => number): number[] =>
  from(values.length, period - 1, (i) => {
    const window = Array.from(values).slice(i - period + 1, i + 1);
    return window.some(Number.isNaN) ? Number.NaN : f(window);
  });

/** The value `lag` positions before; NaN where there is none. */
export const earlier = (values: ArrayLike<number>, lag = 1): number[] =>
  from(values.length, lag, (i) => values[i - lag] ?? Number.NaN);

/** A recursive average with weight `alpha` for the newest value, seeded with the mean of the first `period` values that are there. */
export function recursive(values: ArrayLike<number>, period: number, alpha: number): number[] {
  const first = Array.from(values).findIndex((value) => !Number.isNaN(value));
  const out = new Array<number>(values.length).fill(Number.NaN);
  if (first < 0 || first + period > values.length) return out;
  let average = mean(Array.from(values).slice(first, first + period));
  for (let i = first + period - 1; i < values.length; i++) {
    if (i >= first + period) average = alpha * (values[i] ?? Number.NaN) + (1 - alpha) * average;
    out[i] = average;
  }
  return out;
}

export const ema = (values: ArrayLike<number>, period: number) => recursive(values, period, 2 / (period + 1));
export const wilder = (values: ArrayLike<number>, period: number) => recursive(values, period, 1 / period);

type Columns = [Float64Array, Float64Array, Float64Array, Float64Array, Float64Array];

function columns(length: number): Columns {
  const column = () => new Float64Array(length);
  return [column(), column(), column(), column(), column()];
}
