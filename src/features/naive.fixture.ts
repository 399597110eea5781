import { HOUR_MS } from '../core/index.ts';

/*
 * The words in which features are written down once more, from their definitions: plain arrays, whole windows, no code shared with the kernels.
 * Arrays run from the oldest value to the newest, and hold only what is known: one that is too short for a window throws a RangeError,
 * so that a formula also tells from which bar on it holds.
 */

/** A series up to and including its newest bar, missing bars carried: flat at the last close, without volume. */
export interface Series {
  /** Closes of the bars, epoch milliseconds. */
  readonly time: readonly number[];
  readonly O: readonly number[];
  readonly H: readonly number[];
  readonly L: readonly number[];
  readonly C: readonly number[];
  readonly V: readonly number[];
  /** Volume bought by takers. */
  readonly bought: readonly number[];
  /** Newest funding rate known; NaN = none. */
  readonly rate: readonly number[];
  /** ln(C/C₋₁), from the second bar on. */
  readonly r: readonly number[];
}
/** A formula, and one with a window. */
export type Formula = (x: Series) => number;
export type Windowed = (x: Series, n: number) => number;

/** Formulas of one kind, `*` in their name standing for the window. */
export const family = (name: string, windows: readonly number[], formula: Windowed): Record<string, Formula> =>
  Object.fromEntries(windows.map((n) => [name.replace('*', String(n)), (x: Series) => formula(x, n)]));

export const last = (values: readonly number[], n: number): number[] => {
  if (values.length < n) throw new RangeError(`${n} values wanted, ${values.length} known`);
  return values.slice(values.length - n);
};
export const now = (values: readonly number[]): number => last(values, 1)[0] as number;
/** Without the newest `k`. */
export const before = (values: readonly number[], k = 1): number[] => {
  if (values.length < k) throw new RangeError(`${k} values before wanted, ${values.length} known`);
  return values.slice(0, values.length - k);
};
/** The value of `k` bars ago. */
export const ago = (values: readonly number[], k: number): number => now(before(values, k));
/** Pairs from the newest back, as far as both reach. */
export const zip = (a: readonly number[], b: readonly number[], f: (a: number, b: number) => number): number[] => {
  const n = Math.min(a.length, b.length);
  const right = last(b, n);
  return last(a, n).map((value, i) => f(value, right[i] as number));
};
/** f(value, the one before), from the second value on. */
export const successive = (values: readonly number[], f: (now: number, before: number) => number): number[] =>
  zip(values.slice(1), values.slice(0, -1), f);
/** A window's value at each bar at which the window is full. */
export const rolling = (values: readonly number[], n: number, f: (window: number[]) => number): number[] =>
  Array.from({ length: Math.max(0, values.length - n + 1) }, (_, i) => f(values.slice(i, i + n)));

export const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
export const mean = (values: readonly number[]): number => sum(values) / values.length;
export const variance = (values: readonly number[]): number => {
  const middle = mean(values);
  return mean(values.map((value) => (value - middle) ** 2));
};
export const deviation = (values: readonly number[]): number => Math.sqrt(variance(values));
export const moment = (values: readonly number[], power: number): number => {
  const middle = mean(values);
  return mean(values.map((value) => (value - middle) ** power));
};
export const meanSquare = (values: readonly number[]): number => mean(values.map((value) => value * value));
export const square = (value: number): number => value * value;
export const plus = (a: number, b: number): number => a + b;
export const minus = (a: number, b: number): number => a - b;
export const times = (a: number, b: number): number => a * b;
/** A quotient whose denominator is 0 is 0. */
export const over = (a: number, b: number): number => (b === 0 ? 0 : a / b);
export const balance = (a: number, b: number): number => over(a - b, a + b);
export const correlation = (x: readonly number[], y: readonly number[]): number => {
  const [middleX, middleY] = [mean(x), mean(y)];
  return over(mean(zip(x, y, (a, b) => (a - middleX) * (b - middleY))), deviation(x) * deviation(y));
};
/** Share of `values` below `value`, ties half; closer than rounding can tell is a tie. */
export const shareBelow = (values: readonly number[], value: number): number =>
  mean(values.map((other) => (Math.abs(other - value) <= 1e-13 * Math.abs(value) ? 0.5 : other < value ? 1 : 0)));
/** Least-squares slope per step of evenly spaced values. */
export const slope = (y: readonly number[]): number => {
  const t = y.map((_, i) => i);
  return mean(zip(t, y, (a, b) => (a - mean(t)) * b)) / variance(t);
};

/** Recursive average: the mean of the first n values, then alpha of each further one. */
const average = (values: readonly number[], n: number, alpha: number): number[] => {
  if (values.length < n) return [];
  const out = [mean(values.slice(0, n))];
  for (const value of values.slice(n)) out.push(alpha * value + (1 - alpha) * now(out));
  return out;
};
export const ema = (values: readonly number[], n: number): number[] => average(values, n, 2 / (n + 1));
export const wilder = (values: readonly number[], n: number): number[] => average(values, n, 1 / n);

/** Wilder's true range, from the second bar on. */
export const trueRanges = ({ H, L, C }: Series): number[] =>
  C.slice(1).map((_, i) => {
    const [high, low, close] = [H[i + 1] as number, L[i + 1] as number, C[i] as number];
    return Math.max(high - low, Math.abs(high - close), Math.abs(low - close));
  });
export const atr: Windowed = (x, n) => now(wilder(trueRanges(x), n));
export const typical = ({ H, L, C }: Series): number[] =>
  zip(zip(H, L, plus), C, (highAndLow, close) => (highAndLow + close) / 3);
export const middle = ({ H, L }: Series): number[] => zip(H, L, (high, low) => (high + low) / 2);
/** Place of the close in its bar, -1 to 1. */
export const places = ({ H, L, C }: Series): number[] =>
  C.map((close, i) => over(2 * close - (H[i] as number) - (L[i] as number), (H[i] as number) - (L[i] as number)));
/** C - O as a share of the bar. */
export const bodies = ({ O, H, L, C }: Series): number[] => zip(zip(C, O, minus), zip(H, L, minus), over);
export const upperWicks = ({ O, H, L, C }: Series): number[] =>
  zip(zip(H, zip(O, C, Math.max), minus), zip(H, L, minus), over);
export const lowerWicks = ({ O, H, L, C }: Series): number[] =>
  zip(zip(zip(O, C, Math.min), L, minus), zip(H, L, minus), over);

export const highest: Windowed = ({ H }, n) => Math.max(...last(H, n));
export const lowest: Windowed = ({ L }, n) => Math.min(...last(L, n));
/** Bars since the window's highest high and lowest low, the newest where equal. */
export const highestAge: Windowed = (x, n) => last(x.H, n).reverse().indexOf(highest(x, n));
export const lowestAge: Windowed = (x, n) => last(x.L, n).reverse().indexOf(lowest(x, n));
export const change: Windowed = ({ C }, n) => Math.log(now(C) / ago(C, n));
export const volatility: Windowed = ({ r }, n) => Math.sqrt(meanSquare(last(r, n)));
export const efficiency: Windowed = ({ r }, n) => over(sum(last(r, n)), sum(last(r, n).map(Math.abs)));
export const parkinson: Windowed = ({ H, L }, n) =>
  Math.sqrt(mean(zip(last(H, n), last(L, n), (h, l) => Math.log(h / l) ** 2)) / (4 * Math.log(2)));
/** (ΣG-ΣL)/(ΣG+ΣL) of n changes of the close. */
export const momentumBalance: Windowed = ({ C }, n) => {
  const moves = last(successive(C, minus), n);
  return balance(sum(moves.map((move) => Math.max(move, 0))), sum(moves.map((move) => Math.max(-move, 0))));
};
export const position: Windowed = (x, n) =>
  over(2 * now(x.C) - lowest(x, n) - highest(x, n), highest(x, n) - lowest(x, n));
export const score = (values: readonly number[], n: number): number =>
  over(now(values) - mean(last(values, n)), deviation(last(values, n)));
export const aroon: Windowed = (x, n) => (lowestAge(x, n) - highestAge(x, n)) / (n - 1);

/** Without the newest k bars. */
export const seriesBefore = (x: Series, k: number): Series => upTo(x, x.C.length - k);

/** The first n bars of a series. */
export function upTo(x: Series, n: number): Series {
  if (n < 0) throw new RangeError('no bars');
  const first = (values: readonly number[]) => values.slice(0, n);
  const [O, H, L, C, V] = [x.O, x.H, x.L, x.C, x.V].map(first) as [number[], number[], number[], number[], number[]];
  return {
    time: first(x.time),
    O,
    H,
    L,
    C,
    V,
    bought: first(x.bought),
    rate: first(x.rate),
    r: x.r.slice(0, Math.max(0, n - 1)),
  };
}

/** A formula on the closed bars of `hours` hours, aligned in UTC, that the hours of a series make. */
export const onBars =
  (hours: number, formula: Formula): Formula =>
  (x) => {
    const duration = hours * HOUR_MS;
    const bars: number[][] = [];
    x.time.forEach((time, i) => {
      const whole = i + 1 >= hours && time % duration === 0;
      if (whole) bars.push(Array.from({ length: hours }, (_, k) => i + 1 - hours + k));
    });
    const of = (values: readonly number[], f: (values: number[]) => number) =>
      bars.map((bar) => f(bar.map((i) => values[i] as number)));
    const C = of(x.C, now);
    return formula({
      time: of(x.time, now),
      O: of(x.O, (values) => values[0] as number),
      H: of(x.H, (values) => Math.max(...values)),
      L: of(x.L, (values) => Math.min(...values)),
      C,
      V: of(x.V, sum),
      bought: of(x.bought, sum),
      rate: of(x.rate, now),
      r: successive(C, (close, earlier) => Math.log(close / earlier)),
    });
  };
