import { at64, atInt32, DAY_MS, type Random } from '../../core/index.ts';
import { quantile } from '../quantile.ts';

/** A figure with its 95 % interval; null where there is too little to say. */
export interface Estimate {
  readonly value: number | null;
  readonly low: number | null;
  readonly high: number | null;
}

/** Below this many UTC days an interval would pretend to know. */
export const FEWEST_DAYS = 5;
/** Resamplings of an interval, where nothing else is asked for. */
export const RESAMPLES = 1000;

/** The UTC days of rows, in order of time. */
export interface DayBlocks {
  /** Days since the epoch, ascending. */
  readonly days: readonly number[];
  /** [rows] Position of each row's day in `days`. */
  readonly dayOf: Int32Array;
}

/** How often each day counts: once in draw 0, which is the data as they are, and as drawn in every other. */
export interface DayResampling {
  readonly days: number;
  /** Days drawn in a row. */
  readonly runLength: number;
  readonly draws: number;
  /** [draws, days] */
  readonly counts: Uint16Array;
  /** [draws, runs] The first day of each run, in the order drawn; the last run of a draw may be cut. */
  readonly starts: Uint16Array;
}

/** The days of ascending `times`, epoch milliseconds. */
export function dayBlocks(times: Float64Array): DayBlocks {
  const days: number[] = [];
  const dayOf = new Int32Array(times.length);
  for (let row = 0; row < times.length; row++) {
    const day = Math.floor(at64(times, row) / DAY_MS);
    if (days[days.length - 1] !== day) days.push(day);
    dayOf[row] = days.length - 1;
  }
  return { days, dayOf };
}

/**
 * Draws whole days with replacement, `runLength` neighbours in a row (circular block bootstrap, Politis and Romano 1992): what happens on
 * one day, to all symbols, is one observation. The run is, unless given, the cube root of the number of days, rounded up (the order at which the
 * bootstrap's error is smallest, Hall, Horowitz and Jing 1995): from five days on two days and more, so longer than any label. One
 * resampling serves every figure of an evaluation, so that differences between models are paired.
 */
export function resampleDays(
  days: number,
  random: Random,
  resamples = RESAMPLES,
  runLength = usualRunLength(days),
): DayResampling {
  const draws = days < FEWEST_DAYS ? 1 : 1 + resamples;
  const counts = new Uint16Array(draws * days).fill(1, 0, days);
  const runs = Math.ceil(days / runLength);
  const starts = new Uint16Array(draws * runs);
  for (let run = 0; run < runs; run++) starts[run] = run * runLength;
  for (let draw = 1; draw < draws; draw++) {
    for (let drawn = 0, run = draw * runs; drawn < days; run++) {
      const start = random.integer(days);
      starts[run] = start;
      for (let i = 0; i < runLength && drawn < days; i++, drawn++) {
        const at = draw * days + ((start + i) % days);
        counts[at] = (counts[at] ?? 0) + 1;
      }
    }
  }
  return { days, runLength, draws, counts, starts };
}

/** The cube root of the number of days, rounded up. */
export const usualRunLength = (days: number): number => Math.max(1, Math.ceil(Math.cbrt(days) - 1e-9));

/** Calls `visit` with the days of a draw in their order: where that matters, as in a drawdown. */
export function visitDays(resampling: DayResampling, draw: number, visit: (day: number) => void): void {
  const { days, runLength, starts } = resampling;
  const runs = Math.ceil(days / runLength);
  for (let at = 0; at < days; at++) {
    visit((atUint16(starts, draw * runs + Math.floor(at / runLength)) + (at % runLength)) % days);
  }
}

const atUint16 = (values: Uint16Array, index: number): number => values[index] as number;

/** Sums of a table [days, width] over the days of each draw: [draws, width]. */
export function resampledSums(table: Float64Array, width: number, resampling: DayResampling): Float64Array {
  const { days, draws, counts } = resampling;
  // Many columns, such as the bins of probabilities that hardly occur, are empty: the others are put next to each other.
  const filled: number[] = [];
  for (let k = 0; k < width; k++) {
    for (let at = k; at < table.length; at += width) {
      if (at64(table, at) === 0) continue;
      filled.push(k);
      break;
    }
  }
  const dense = new Float64Array(days * filled.length);
  for (let day = 0; day < days; day++) {
    filled.forEach((k, j) => {
      dense[day * filled.length + j] = at64(table, day * width + k);
    });
  }
  const sums = new Float64Array(draws * width);
  const row = new Float64Array(filled.length);
  for (let draw = 0; draw < draws; draw++) {
    row.fill(0);
    for (let day = 0; day < days; day++) addTimes(row, dense, day * filled.length, counts[draw * days + day] ?? 0);
    for (let j = 0; j < filled.length; j++) sums[draw * width + (filled[j] ?? 0)] = at64(row, j);
  }
  return sums;
}

function addTimes(row: Float64Array, table: Float64Array, from: number, count: number): void {
  if (count === 0) return;
  for (let j = 0; j < row.length; j++) row[j] = at64(row, j) + count * at64(table, from + j);
}

/** What of an estimate its resampling does not say. */
export interface EstimateOptions {
  /** Days that the figure has rows on; by default all that are resampled. */
  readonly days?: number;
  /** What the figure cannot be less than. */
  readonly least?: number;
}

/**
 * The figure of draw 0 with the 2.5 and 97.5 % quantiles of the others, moved away from their median by {@link intervalWidening}. A figure
 * that is not finite is null; draws in which it is not are left out. Where they are more than half, or the days fewer than
 * {@link FEWEST_DAYS}, there is no interval.
 */
export function estimate(
  resampling: DayResampling,
  figure: (draw: number) => number,
  { days = resampling.days, least = Number.NEGATIVE_INFINITY }: EstimateOptions = {},
): Estimate {
  const value = figure(0);
  if (!Number.isFinite(value)) return { value: null, low: null, high: null };
  if (days < FEWEST_DAYS) return { value, low: null, high: null };
  const drawn = new Float64Array(resampling.draws - 1);
  let count = 0;
  for (let draw = 1; draw < resampling.draws; draw++) {
    const one = figure(draw);
    if (Number.isFinite(one)) drawn[count++] = one;
  }
  if (count === 0 || count < drawn.length / 2) return { value, low: null, high: null };
  const ascending = drawn.subarray(0, count).sort();
  const middle = quantile(ascending, 0.5);
  const widening = intervalWidening(resampling.runLength / days);
  const end = (share: number) => Math.max(least, middle + widening * (quantile(ascending, share) - middle));
  return { value, low: end(0.025), high: end(0.975) };
}

/**
 * By how much an interval must be wider than its draws say: a few runs of days know their own variance poorly, and too small. The variance of a
 * circular block bootstrap is the long-run variance under Bartlett's kernel with the run as its bandwidth; where that is a share b of the
 * days, the mean over its standard error has a 97.5 % quantile of 1.96 + 2.9694 b + 0.4160 b^2 - 0.5324 b^3 instead of 1.96 (Kiefer and
 * Vogelsang 2005, A New Asymptotic Theory for Heteroskedasticity-Autocorrelation Robust Tests, table 1).
 */
export function intervalWidening(runShare: number): number {
  const b = Math.min(1, runShare);
  return (NORMAL_QUANTILE + 2.9694 * b + 0.416 * b ** 2 - 0.5324 * b ** 3) / NORMAL_QUANTILE;
}

const NORMAL_QUANTILE = 1.96;

/** Puts values of single times or rows into a table [days, 2] of their sum and count; NaN is left out. */
export function sumByDay(values: Float64Array, dayOf: Int32Array, days: number): Float64Array {
  const table = new Float64Array(days * 2);
  for (let i = 0; i < values.length; i++) {
    const value = at64(values, i);
    if (Number.isNaN(value)) continue;
    const at = atInt32(dayOf, i) * 2;
    table[at] = at64(table, at) + value;
    table[at + 1] = at64(table, at + 1) + 1;
  }
  return table;
}
