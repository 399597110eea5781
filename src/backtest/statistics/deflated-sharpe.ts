import { at64 } from '../../core/index.ts';
import { normalQuantile } from './normal.ts';
import { type SampleShape, shapeOf } from './sample.ts';
import { probabilisticSharpe } from './sharpe.ts';

const EULER_GAMMA = 0.5772156649015329;

/** What was tried before one variant was chosen. Sharpe ratios per period, not annual. */
export interface SharpeTrials {
  /** Variance of the trials' Sharpe ratios. */
  readonly variance: number;
  /** As many as were run. */
  readonly count: number;
  /** As many independent ones as they are worth: at most `count`. */
  readonly effectiveCount: number;
}

/**
 * The Sharpe ratio that the best of `count` independent trials without any skill is expected to show, where theirs vary by `variance`
 * (Bailey and López de Prado 2014, "The Deflated Sharpe Ratio", eq. 1); 0 of one trial.
 */
export function expectedMaximumSharpe(variance: number, count: number): number {
  return Math.sqrt(variance) * expectedMaximumNormal(count);
}

function expectedMaximumNormal(count: number): number {
  if (!(count > 1)) return 0;
  const expected =
    (1 - EULER_GAMMA) * normalQuantile(1 - 1 / count) + EULER_GAMMA * normalQuantile(1 - 1 / (count * Math.E));
  return Math.max(0, expected);
}

/** A Sharpe ratio judged by what the best of as many trials would show without skill. */
export interface DeflatedSharpe {
  /** Per period. */
  readonly expectedMaximum: number;
  /** Probability that the true Sharpe ratio exceeds it; and with the effective number of trials. */
  readonly probability: number;
  readonly effectiveProbability: number;
}

/**
 * Probability that a Sharpe ratio, chosen as the best of several, is more than luck (Bailey and López de Prado 2014). `sharpe` per
 * period, not annual.
 */
export function deflatedSharpe(
  sharpe: number,
  shape: Omit<SampleShape, 'mean' | 'deviation'>,
  trials: SharpeTrials,
): DeflatedSharpe {
  const expectedMaximum = expectedMaximumSharpe(trials.variance, trials.count);
  const effective = expectedMaximumSharpe(trials.variance, trials.effectiveCount);
  return {
    expectedMaximum,
    probability: probabilisticSharpe(sharpe, expectedMaximum, shape),
    effectiveProbability: probabilisticSharpe(sharpe, effective, shape),
  };
}

/**
 * Number and spread of trials from their returns, a series each over the same periods. The effective number is r + (1 - r) n with r the
 * mean correlation between them (Bailey and López de Prado 2014, appendix 3), r not below 0. Trials that never traded have a Sharpe
 * ratio of 0 and correlate with none.
 */
export function trialsOf(series: readonly Float64Array[]): SharpeTrials {
  const count = series.length;
  const sharpes = Float64Array.from(series, (returns) => {
    const { mean, deviation } = shapeOf(returns);
    return deviation > 0 ? mean / deviation : 0;
  });
  const { deviation } = shapeOf(sharpes);
  // The sum over all pairs is the square of the sum of standardised returns: no pair is looked at.
  const periods = Math.min(...series.map(({ length }) => length));
  const sums = new Float64Array(count > 0 ? periods : 0);
  let varying = 0;
  for (const returns of series) {
    const shape = shapeOf(returns.subarray(0, periods));
    if (!(shape.deviation > 0)) continue;
    varying++;
    for (let i = 0; i < periods; i++) sums[i] = at64(sums, i) + (at64(returns, i) - shape.mean) / shape.deviation;
  }
  let square = 0;
  for (const sum of sums) square += sum * sum;
  const pairs = count * (count - 1);
  const correlation = pairs > 0 && periods > 1 ? (square / (periods - 1) - varying) / pairs : 0;
  const shared = Math.min(1, Math.max(0, correlation));
  return {
    variance: count > 1 ? deviation ** 2 : 0,
    count,
    effectiveCount: shared + (1 - shared) * count,
  };
}

/**
 * Years a backtest needs so that the best of `count` trials without skill is not expected to show an annual Sharpe ratio of `sharpe`
 * (Bailey, Borwein, López de Prado and Zhu 2014, "Pseudo-Mathematics and Financial Charlatanism", theorem 1).
 */
export function minimumBacktestYears(count: number, sharpe: number): number {
  return (expectedMaximumNormal(count) / sharpe) ** 2;
}
