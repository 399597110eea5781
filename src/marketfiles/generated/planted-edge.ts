import type { InstrumentProfile } from './generated-instruments.ts';
import { type ReversalBook, reversalBook } from './reversal-book.ts';

/** Parameters of the mean reversion planted with `edge: true`, the same for all instruments. */
export const PLANTED = {
  /** Share of the variance of an instrument's own return that lies in the mean-reverting part. */
  revertingShare: 0.62,
  /** Rate of the reversion per day: a half-life of 16.6 hours. */
  reversionRate: 1,
} as const;

export const EDGE_HORIZONS = ['1h', '4h', '12h', '24h'] as const;
export type EdgeHorizon = (typeof EDGE_HORIZONS)[number];
const HOURS: Record<EdgeHorizon, number> = { '1h': 1, '4h': 4, '12h': 12, '24h': 24 };

/** Horizons that models are judged at; the last is that of the rank. */
export const BEST_FORECAST_HORIZONS = ['15m', '1h', '4h', '12h', '24h'] as const;
export type BestForecastHorizon = (typeof BEST_FORECAST_HORIZONS)[number];

/** What was planted, how well the simplest predictor does by construction, and the best one. */
export interface PlantedEdge {
  readonly description: string;
  /** Hours the predictor looks back. */
  readonly lookbackHours: number;
  /**
   * Expected cross-sectional rank correlation of minus the return over the look-back with the return over each horizon,
   * computed from the parameters.
   */
  readonly rankInformationCoefficient: Readonly<Record<EdgeHorizon, number>>;
  /** The same of the best linear forecast from all prices so far: what a model can find at most. */
  readonly bestRankInformationCoefficient: Readonly<Record<BestForecastHorizon, number>>;
  /** What trading the simplest predictor earns by construction. */
  readonly reversalBook: ReversalBook;
}

const LOOKBACK_DAYS = 1;

/**
 * With X a random walk of variance (1-q) v a day and U an Ornstein-Uhlenbeck process of innovation variance q v and rate k, in
 * the stationary state (variance s = q v / 2k):
 *   var of the return over h   (1-q) v h + 2 s (1 - exp(-k h))
 *   cov of past w and next h   -s (1 - exp(-k h)) (1 - exp(-k w))
 * Variances are averaged over the instruments; the market, through the spread of betas, and the sectors add noise to both sides.
 *
 * Of U only its sum with the walk is seen. With R the variance a day of all that moves an instrument against the others, and r = q v / R, the
 * Kalman-Bucy filter in its steady state estimates U with a variance of R / 2k (1 - sqrt(1 - r))^2 instead of s; its forecast of the next h is
 * minus that estimate times 1 - exp(-k h).
 */
export function describeEdge(
  profiles: readonly InstrumentProfile[],
  market: {
    volatility: number;
    sectorVolatility: number;
    /** Jumps of an instrument: probability of a day, and their mean variance in units of the own one. */
    ownJumps: { probability: number; variance: number };
  },
): PlantedEdge {
  const { revertingShare: share, reversionRate: rate } = PLANTED;
  const others = profiles.length;
  const mean = (values: number[]): number => values.reduce((sum, value) => sum + value, 0) / others;
  const own = mean(profiles.map((profile) => profile.ownVolatility ** 2));
  const beta = mean(profiles.map((profile) => profile.beta));
  const betaSpread = mean(profiles.map((profile) => (profile.beta - beta) ** 2));
  const sector = mean(profiles.map((profile) => profile.sectorBeta ** 2)) * market.sectorVolatility ** 2;
  const stationary = (share * own) / (2 * rate);
  const jumpVariance = market.ownJumps.probability * market.ownJumps.variance;
  const ownVariance = (days: number) =>
    (1 - share + jumpVariance) * own * days + 2 * stationary * (1 - Math.exp(-rate * days));
  const shared = sector + betaSpread * market.volatility ** 2;
  const predictor = ownVariance(LOOKBACK_DAYS) + shared * LOOKBACK_DAYS;
  const targetVariance = (days: number) => ownVariance(days) + shared * days;
  const expected = (hours: number): number => {
    const days = hours / 24;
    const covariance = stationary * (1 - Math.exp(-rate * days)) * (1 - Math.exp(-rate * LOOKBACK_DAYS));
    return rankCorrelation(covariance / Math.sqrt(predictor * targetVariance(days)));
  };
  const moves = (1 + jumpVariance) * own + shared;
  const known = (moves / (2 * rate)) * (1 - Math.sqrt(1 - (share * own) / moves)) ** 2;
  const best = (hours: number): number => {
    const days = hours / 24;
    return rankCorrelation((1 - Math.exp(-rate * days)) * Math.sqrt(known / targetVariance(days)));
  };
  const rounded = (hours: number) => thousandths(expected(hours));
  return {
    description:
      `planted: ${Math.round(share * 100)} % of the variance of each instrument's own return (beyond market and sector) reverts ` +
      `with a half-life of ${((24 * Math.LN2) / rate).toFixed(1)} hours, so that the return of the past day relative to the other instruments predicts that of the next hours with the opposite sign`,
    lookbackHours: 24 * LOOKBACK_DAYS,
    rankInformationCoefficient: {
      '1h': rounded(HOURS['1h']),
      '4h': rounded(HOURS['4h']),
      '12h': rounded(HOURS['12h']),
      '24h': rounded(HOURS['24h']),
    },
    bestRankInformationCoefficient: {
      '15m': thousandths(best(0.25)),
      '1h': thousandths(best(HOURS['1h'])),
      '4h': thousandths(best(HOURS['4h'])),
      '12h': thousandths(best(HOURS['12h'])),
      '24h': thousandths(best(HOURS['24h'])),
    },
    reversalBook: reversalBook(profiles, {
      share,
      rate,
      marketVariance: market.volatility ** 2,
      sectorVariance: market.sectorVolatility ** 2,
      jumpProbability: market.ownJumps.probability,
      jumpVariance: market.ownJumps.variance,
    }),
  };
}

/** Rank correlation of a bivariate normal (Pearson 1907). */
const rankCorrelation = (correlation: number): number => (6 / Math.PI) * Math.asin(correlation / 2);

const thousandths = (value: number): number => Math.round(value * 1_000) / 1_000;
