import { DAILY_SCALE } from './daily-path.ts';
import type { InstrumentProfile } from './generated-instruments.ts';

/**
 * What the simplest book on the planted edge is worth by construction. At 00:15 UTC it ranks the instruments by their return over the past
 * 24 hours, buys the lower half and sells the upper one, with equal weights, and gives all of them up at midnight.
 */
export interface ReversalBook {
  /** Of a day's return before costs, per unit of gross exposure. */
  readonly meanReturn: number;
  readonly volatility: number;
}

export interface ReversalParameters {
  /** Share of the own variance that reverts, and the rate per day. */
  readonly share: number;
  readonly rate: number;
  /** Variances per day: of the market, jumps included, and of a sector. */
  readonly marketVariance: number;
  readonly sectorVariance: number;
  /** Jumps of an instrument: probability of a day, and their mean variance in units of the own one. */
  readonly jumpProbability: number;
  readonly jumpVariance: number;
}

const LOOKBACK_DAYS = 1;
const HOLDING_DAYS = 23.75 / 24;

/**
 * The mean is the sum over the instruments of E(-sign(x) y) = sqrt(2 / pi) cov / sd(x), x the past return against the others and y the next
 * one; signs that must balance take pi / 4n of it (of n normals, what the median moves with the sample). x is normal with one variance on days
 * with a jump and another on days without. The variance is the sum over all pairs of E(sign sign) cov(y, y), E(sign sign) = 2 / pi asin(corr).
 * Both are those of a day of the average variance: as variance varies, the mean goes with the mean of its root, the volatility with the root of its mean.
 */
export function reversalBook(profiles: readonly InstrumentProfile[], parameters: ReversalParameters): ReversalBook {
  const { share, rate, marketVariance, sectorVariance, jumpProbability, jumpVariance } = parameters;
  const count = profiles.length;
  const meanBeta = profiles.reduce((sum, { beta }) => sum + beta, 0) / count;
  const reverted = (days: number) => 1 - Math.exp(-rate * days);
  const diffusive = (days: number) => (1 - share) * days + (share / rate) * reverted(days);
  const shared = (a: InstrumentProfile, b: InstrumentProfile): number =>
    (a.beta - meanBeta) * (b.beta - meanBeta) * marketVariance +
    (a.sector === b.sector ? a.sectorBeta * b.sectorBeta * sectorVariance : 0);
  const varianceOver = (one: InstrumentProfile, days: number, jumps: number): number =>
    (diffusive(days) + jumps) * one.ownVolatility ** 2 + shared(one, one) * days;

  const averageJumps = jumpProbability * jumpVariance;
  const mean = profiles.reduce((sum, one) => {
    const covariance = (share / (2 * rate)) * one.ownVolatility ** 2 * reverted(LOOKBACK_DAYS) * reverted(HOLDING_DAYS);
    const inverse = (jumps: number) => 1 / Math.sqrt(varianceOver(one, LOOKBACK_DAYS, jumps));
    return sum + covariance * ((1 - jumpProbability) * inverse(0) + jumpProbability * inverse(jumpVariance));
  }, 0);
  const past = profiles.map((one) => varianceOver(one, LOOKBACK_DAYS, averageJumps * LOOKBACK_DAYS));
  let variance = 0;
  profiles.forEach((one, i) => {
    variance += varianceOver(one, HOLDING_DAYS, averageJumps * HOLDING_DAYS);
    profiles.forEach((other, j) => {
      if (i === j) return;
      const together = shared(one, other);
      const correlation = (together * LOOKBACK_DAYS) / Math.sqrt((past[i] ?? 0) * (past[j] ?? 0));
      variance += (2 / Math.PI) * Math.asin(correlation) * together * HOLDING_DAYS;
    });
  });
  return {
    meanReturn: Math.sqrt(2 / Math.PI) * (1 - Math.PI / (4 * count)) * (mean / count) * DAILY_SCALE.meanRoot,
    volatility: (Math.sqrt(variance) / count) * Math.sqrt(DAILY_SCALE.mean),
  };
}
