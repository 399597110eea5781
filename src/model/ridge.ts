import { at64 } from '../core/index.ts';
import { choleskyFactor, choleskySolve } from './cholesky.ts';
import {
  type Moments,
  type Standardisation,
  squaredError,
  standardise,
  targetCovariance,
  targetMean,
} from './moments.ts';

/** Penalties tried, per unit of a standardised feature's variance, strongest first: of equal errors the strongest wins. */
export const RIDGE_PENALTIES = [100, 30, 10, 3, 1, 0.3, 0.1, 0.03, 0.01, 0.001] as const;

/** Targets that share one penalty. */
export interface RidgeGroup {
  readonly name: string;
  readonly targets: readonly number[];
  /** false: the forecast has mean zero over the fitted rows (a drift is not forecast). */
  readonly intercept: boolean;
}

export interface RidgeSolution {
  /** In units of the features as given, [width]. */
  readonly weights: Float64Array;
  readonly bias: number;
}

/**
 * The penalty of each group: that which, fitted on `fit`, has the smallest mean squared error on `heldOut`, summed over the group's
 * targets. The null forecast is as good as approached by the strongest.
 */
export function selectPenalties(fit: Moments, heldOut: Moments, groups: readonly RidgeGroup[]): number[] {
  const standard = standardise(fit);
  const best = groups.map(() => ({ penalty: RIDGE_PENALTIES[0] as number, error: Number.POSITIVE_INFINITY }));
  for (const penalty of RIDGE_PENALTIES) {
    const factor = factorise(standard, penalty);
    groups.forEach((group, index) => {
      let error = 0;
      for (const target of group.targets) {
        const { weights, bias } = solve(fit, standard, factor, target, group.intercept);
        error += squaredError(heldOut, target, weights, bias);
      }
      const current = best[index];
      if (current && error < current.error) best[index] = { penalty, error };
    });
  }
  return best.map(({ penalty }) => penalty);
}

/** Ridge regression of one target: minimises mean squared error + penalty x |standardised weights|^2, the intercept free. */
export function solveRidge(moments: Moments, target: number, penalty: number, intercept: boolean): RidgeSolution {
  const standard = standardise(moments);
  return solve(moments, standard, factorise(standard, penalty), target, intercept);
}

/** The Cholesky factor of correlation x curvature + penalty x I. */
export function factorise(standard: Standardisation, penalty: number, curvature = 1): Float64Array {
  const width = standard.mean.length;
  const matrix = new Float64Array(width * width);
  for (let i = 0; i < matrix.length; i++) matrix[i] = at64(standard.correlation, i) * curvature;
  // The floor keeps the factorisation defined where features are exact copies of each other.
  for (let i = 0; i < width; i++) matrix[i * width + i] = at64(matrix, i * width + i) + Math.max(penalty, 1e-7);
  return choleskyFactor(matrix, width);
}

function solve(
  moments: Moments,
  standard: Standardisation,
  factor: Float64Array,
  target: number,
  intercept: boolean,
): RidgeSolution {
  const weights = choleskySolve(factor, moments.width, targetCovariance(moments, standard, target));
  let bias = intercept ? targetMean(moments, target) : 0;
  for (let i = 0; i < weights.length; i++) {
    const deviation = at64(standard.deviation, i);
    weights[i] = deviation === 0 ? 0 : at64(weights, i) / deviation;
    bias -= at64(weights, i) * at64(standard.mean, i);
  }
  return { weights, bias };
}
