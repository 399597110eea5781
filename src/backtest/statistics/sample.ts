import { at64, type Random } from '../../core/index.ts';
import {
  type DayResampling,
  type Estimate,
  type EstimateOptions,
  estimate,
  RESAMPLES,
  resampleDays,
  usualRunLength,
} from '../../model/index.ts';

/** What a figure needs before it is shown: below that it would say more about luck than about the strategy. */
export const MINIMUM_SAMPLES = {
  /** Whole days for volatility, Sharpe, Sortino, probabilistic Sharpe, and for the interval of any figure made of days. */
  days: 30,
  /** Whole days before a return is stretched to a year: CAGR and Calmar. */
  annualisedDays: 90,
  /** Closed round trips for win rate, payoff, profit factor and expectancy. */
  roundTrips: 20,
  /** Fills for capacity. */
  fills: 20,
} as const;

/** What is said where there is too little to say. */
export const NO_ESTIMATE: Estimate = { value: null, low: null, high: null };

export interface ResamplingOptions {
  readonly random: Random;
  readonly resamples?: number;
}

/**
 * Draws the days of a book in runs twice as long as usual: positions, and with them returns, carry over from one day to the next, and
 * what the longer run knows worse of its own variance widens the interval.
 */
export function resampleBook(days: number, { random, resamples = RESAMPLES }: ResamplingOptions): DayResampling {
  return resampleDays(days, random, resamples, Math.min(Math.max(1, days), 2 * usualRunLength(days)));
}

/** {@link estimate}, without the figure or without its interval below a number of days. */
export function estimateFrom(
  resampling: DayResampling,
  figure: (draw: number) => number,
  options: EstimateOptions & { readonly needs?: number } = {},
): Estimate {
  const { needs = 0, days = resampling.days, ...rest } = options;
  if (days < needs) return NO_ESTIMATE;
  const found = estimate(resampling, figure, { days, ...rest });
  return days < MINIMUM_SAMPLES.days ? { ...found, low: null, high: null } : found;
}

/** Mean, spread and shape of a sample. */
export interface SampleShape {
  readonly count: number;
  readonly mean: number;
  /** With n - 1; 0 where nothing but rounding varies. */
  readonly deviation: number;
  /** Third standardised moment, and fourth (3 of a normal); with n; 0 and 3 where nothing varies. */
  readonly skewness: number;
  readonly kurtosis: number;
}

/** Shape of `values`; `mean` and `deviation` are NaN below one value and two. */
export function shapeOf(values: Float64Array): SampleShape {
  const count = values.length;
  let sum = 0;
  for (let i = 0; i < count; i++) sum += at64(values, i);
  const mean = sum / count;
  let second = 0;
  let third = 0;
  let fourth = 0;
  for (let i = 0; i < count; i++) {
    const off = at64(values, i) - mean;
    second += off * off;
    third += off ** 3;
    fourth += off ** 4;
  }
  const variance = second / count;
  const varies = variance > (1e-12 * mean) ** 2;
  return {
    count,
    mean,
    deviation: count < 2 ? Number.NaN : varies ? Math.sqrt(second / (count - 1)) : 0,
    skewness: varies ? third / count / variance ** 1.5 : 0,
    kurtosis: varies ? fourth / count / variance ** 2 : 3,
  };
}
