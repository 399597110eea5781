import { at64 } from '../../core/index.ts';
import { type DayResampling, type Estimate, resampledSums } from '../../model/index.ts';
import { DAYS_PER_YEAR, type DailyReturns } from './daily-returns.ts';
import { normalProbability, normalQuantile } from './normal.ts';
import { estimateFrom, MINIMUM_SAMPLES, type ResamplingOptions, resampleBook, type SampleShape } from './sample.ts';

/** Columns of {@link sumsOfReturns}. */
const RETURN = 0;
const SQUARE = 1;
const DOWNSIDE_SQUARE = 2;
const LOG_GROWTH = 3;
const WIDTH = 4;

/** Sums over the days of each draw, from which figures follow that do not depend on the days' order. */
export interface ReturnSums {
  readonly days: number;
  readonly sums: Float64Array;
}

export function sumsOfReturns(returns: Float64Array, resampling: DayResampling): ReturnSums {
  const table = new Float64Array(returns.length * WIDTH);
  for (let day = 0; day < returns.length; day++) {
    const value = at64(returns, day);
    table[day * WIDTH + RETURN] = value;
    table[day * WIDTH + SQUARE] = value * value;
    table[day * WIDTH + DOWNSIDE_SQUARE] = Math.min(0, value) ** 2;
    table[day * WIDTH + LOG_GROWTH] = Math.log1p(value);
  }
  return { days: returns.length, sums: resampledSums(table, WIDTH, resampling) };
}

const meanIn = ({ days, sums }: ReturnSums, draw: number) => at64(sums, draw * WIDTH + RETURN) / days;

/** Sum of log returns of a draw: the logarithm of its growth. */
export const logGrowthIn = ({ sums }: ReturnSums, draw: number): number => at64(sums, draw * WIDTH + LOG_GROWTH);

/** Standard deviation of the days of a draw, with n - 1. */
export function deviationIn({ days, sums }: ReturnSums, draw: number): number {
  const square = at64(sums, draw * WIDTH + SQUARE);
  const sum = at64(sums, draw * WIDTH + RETURN);
  const excess = square - (sum * sum) / days;
  // What is left of equal values is rounding.
  return excess > 1e-12 * square ? Math.sqrt(excess / (days - 1)) : 0;
}

/** Mean over standard deviation of daily returns, annual; NaN where nothing varies. */
export function sharpeIn(sums: ReturnSums, draw: number): number {
  const deviation = deviationIn(sums, draw);
  return deviation > 0 ? (meanIn(sums, draw) / deviation) * Math.sqrt(DAYS_PER_YEAR) : Number.NaN;
}

/** Mean over the root of the mean squared loss of all days, annual (Sortino and van der Meer 1991); NaN without a losing day. */
export function sortinoIn(sums: ReturnSums, draw: number): number {
  const downside = at64(sums.sums, draw * WIDTH + DOWNSIDE_SQUARE) / sums.days;
  return downside > 0 ? (meanIn(sums, draw) / Math.sqrt(downside)) * Math.sqrt(DAYS_PER_YEAR) : Number.NaN;
}

/** Annual Sharpe ratio of daily returns with its interval; null below {@link MINIMUM_SAMPLES}. */
export function sharpeOf(returns: Float64Array, options: ResamplingOptions): Estimate {
  const resampling = resampleBook(returns.length, options);
  const sums = sumsOfReturns(returns, resampling);
  return estimateFrom(resampling, (draw) => sharpeIn(sums, draw), { needs: MINIMUM_SAMPLES.days });
}

/**
 * Standard error of a Sharpe ratio per period when the true one is that (Mertens 2002; Bailey and López de Prado 2012, eq. 8); NaN where
 * skewness and kurtosis admit none.
 */
export function sharpeError(sharpe: number, { count, skewness, kurtosis }: Omit<SampleShape, 'mean' | 'deviation'>) {
  const variance = 1 - skewness * sharpe + ((kurtosis - 1) / 4) * sharpe * sharpe;
  return variance > 0 && count > 1 ? Math.sqrt(variance / (count - 1)) : Number.NaN;
}

/**
 * Probability that the true Sharpe ratio exceeds `benchmark` (Bailey and López de Prado 2012, "The Sharpe Ratio Efficient Frontier"). Both
 * are per period, not annual; returns are taken for independent.
 */
export function probabilisticSharpe(
  sharpe: number,
  benchmark: number,
  shape: Omit<SampleShape, 'mean' | 'deviation'>,
): number {
  return normalProbability((sharpe - benchmark) / sharpeError(sharpe, shape));
}

/**
 * Periods that a Sharpe ratio must be kept up for until it exceeds `benchmark` with `confidence` (Bailey and López de Prado 2012, minimum
 * track record length); infinite where it does not exceed it. Per period, not annual.
 */
export function minimumTrackRecord(
  sharpe: number,
  benchmark: number,
  { skewness, kurtosis }: Pick<SampleShape, 'skewness' | 'kurtosis'>,
  confidence = 0.95,
): number {
  if (!(sharpe > benchmark)) return Number.POSITIVE_INFINITY;
  const error = sharpeError(sharpe, { count: 2, skewness, kurtosis });
  return 1 + (error * (normalQuantile(confidence) / (sharpe - benchmark))) ** 2;
}

/** How two books differ over the days both have. */
export interface PairedDifference {
  readonly days: number;
  /** Mean daily return of the first less that of the second, times 365. */
  readonly annualReturn: Estimate;
  readonly sharpe: Estimate;
}

/**
 * The first book less the second, paired: the same days are drawn of both, so that what moves both cancels. Null below
 * {@link MINIMUM_SAMPLES} common whole days.
 */
export function pairedDifference(
  first: DailyReturns,
  second: DailyReturns,
  options: ResamplingOptions,
): PairedDifference {
  const from = Math.max(first.firstDay, second.firstDay);
  const to = Math.min(first.firstDay + first.returns.length, second.firstDay + second.returns.length);
  const days = Math.max(0, to - from);
  const resampling = resampleBook(days, options);
  const sumsOf = ({ firstDay, returns }: DailyReturns) =>
    sumsOfReturns(returns.subarray(from - firstDay, from - firstDay + days), resampling);
  const a = sumsOf(first);
  const b = sumsOf(second);
  const needs = MINIMUM_SAMPLES.days;
  return {
    days,
    annualReturn: estimateFrom(resampling, (draw) => (meanIn(a, draw) - meanIn(b, draw)) * DAYS_PER_YEAR, { needs }),
    sharpe: estimateFrom(resampling, (draw) => sharpeIn(a, draw) - sharpeIn(b, draw), { needs }),
  };
}
