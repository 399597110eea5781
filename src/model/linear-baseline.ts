import { at32, at64, HORIZON_NAMES, TARGET_NAMES } from '../core/index.ts';
import { type DesignMatrix, lessMarket, targetColumn, thinRows, timeGroups } from './design-matrix.ts';
import type { LinearModel } from './linear-model.ts';
import { columnsOf, fitLogistic, type LogisticHead } from './logistic.ts';
import { accumulateMoments, addMoments, type Moments, type Standardisation, standardise } from './moments.ts';
import { quantile } from './quantile.ts';
import { RAW_COLUMNS } from './raw-outputs.ts';
import { type RidgeGroup, selectPenalties, solveRidge } from './ridge.ts';
import { splitTimeBlocks } from './splits.ts';
import { TARGET_WIDTH } from './targets.ts';

export interface LinearFitOptions {
  /** Label horizon and gap between the fitted and the held-out part of the training window. */
  readonly horizonMs: number;
  readonly embargoMs: number;
  /** Most rows for the logistic heads: they pass over the rows many times. */
  readonly maxLogisticRows: number;
}

export interface LinearFit {
  readonly model: LinearModel;
  /** Chosen ridge penalty per head. */
  readonly penalties: Readonly<Record<string, number>>;
  /** Bounds the returns were winsorised at, per horizon, fractions. */
  readonly winsorisedReturns: readonly (readonly [number, number])[];
  readonly logisticIterations: number;
}

/** Returns are fitted after cutting them at these quantiles of the training window: one crash must not decide the weights. */
export const WINSOR_QUANTILES = [0.01, 0.99] as const;
/** Drawdowns and rallies are skewed: only the far tail is cut. */
const RISK_WINSOR_QUANTILE = 0.995;
/** Share of the training window that penalties are chosen on. */
const HELD_OUT_SHARE = 0.2;

const RETURNS = 0;
const DIRECTIONS = 4;
const LEVELS = 8;
const RISKS = 16;
const RANK = 20;

/**
 * Fits the linear baseline on a scaled training matrix (masked = 0).
 *
 * Returns, drawdowns, rallies and the rank are ridge regressions; directions (multinomial) and levels (binary) penalised logistic
 * regressions. All squared-error work goes through one Gram matrix. Penalties are chosen per head by the squared error on the last
 * fifth of the training window (purged and embargoed); those of the logistic heads by the Brier score of the linear probability model
 * on the same sums, which costs nothing more.
 *
 * Returns are fitted less the market's (their mean over the symbols of the same time) and without an intercept: of where the whole market
 * goes there is one observation per time, so some weeks of it teach drift, not skill. The forecast of the market itself is 0.
 */
export function fitLinearBaseline(matrix: DesignMatrix, options: LinearFitOptions): LinearFit {
  const { width, features } = matrix;
  const returnBounds = [0, 1, 2, 3].map((h) => bounds(matrix, RETURNS + h, WINSOR_QUANTILES));
  const problem = regressionTargets(matrix, returnBounds);
  const [fitRows, heldOutRows] = innerSplit(matrix, options);
  const moments = (from: number, to: number) =>
    accumulateMoments(features, width, problem.values, REGRESSIONS, from, to);
  const fit = moments(0, fitRows);
  const heldOut = moments(heldOutRows, matrix.rows);
  const penalties = selectPenalties(fit, heldOut, GROUPS);
  const all = addMoments(fit, moments(fitRows, heldOutRows), heldOut);
  const penaltyOf = (name: string) => penalties[GROUPS.findIndex((group) => group.name === name)] ?? 1;

  const model: LinearModel = {
    width,
    weights: new Float32Array(RAW_COLUMNS.count * width),
    bias: new Float32Array(RAW_COLUMNS.count),
  };
  for (const group of GROUPS) {
    for (const target of group.targets) {
      const column = DIRECT_COLUMNS[target];
      if (column === undefined) continue;
      const { weights, bias } = solveRidge(all, target, penaltyOf(group.name), group.intercept);
      model.weights.set(weights, column * width);
      model.bias[column] = bias + (column === RAW_COLUMNS.rank ? 0.5 : 0);
    }
  }
  const logistic = fitLogisticHeads(matrix, all, penaltyOf, options.maxLogisticRows, model);
  return {
    model,
    penalties: Object.fromEntries(GROUPS.map(({ name }, index) => [name, penalties[index] ?? 1])),
    winsorisedReturns: returnBounds,
    logisticIterations: logistic,
  };
}

/** Least-squares targets: 4 returns, 4 risks, the rank, 12 class indicators, 8 levels. */
const REGRESSIONS = 29;
const INDICATORS = 9;
const LEVEL_INDICATORS = 21;
/** Where the weights of a directly served regression go; the indicators only choose penalties. */
const DIRECT_COLUMNS: readonly (number | undefined)[] = [
  ...[0, 1, 2, 3].map((h) => RAW_COLUMNS.returns + h),
  ...[0, 1, 2, 3].map((k) => RAW_COLUMNS.risks + k),
  RAW_COLUMNS.rank,
];
const GROUPS: readonly RidgeGroup[] = [
  ...[0, 1, 2, 3].map((h) => ({ name: TARGET_NAMES[RETURNS + h] ?? '', targets: [h], intercept: false })),
  ...[0, 1, 2, 3].map((k) => ({ name: TARGET_NAMES[RISKS + k] ?? '', targets: [4 + k], intercept: true })),
  { name: 'rank24h', targets: [8], intercept: false },
  ...[0, 1, 2, 3].map((h) => ({
    name: TARGET_NAMES[DIRECTIONS + h] ?? '',
    targets: [0, 1, 2].map((k) => INDICATORS + h * 3 + k),
    intercept: true,
  })),
  ...[0, 1, 2, 3, 4, 5, 6, 7].map((k) => ({
    name: TARGET_NAMES[LEVELS + k] ?? '',
    targets: [LEVEL_INDICATORS + k],
    intercept: true,
  })),
];

function regressionTargets(
  matrix: DesignMatrix,
  returnBounds: readonly (readonly [number, number])[],
): { values: Float32Array } {
  const values = new Float32Array(matrix.rows * REGRESSIONS);
  const groups = timeGroups(matrix.times);
  const returns = returnBounds.map((limits, h) =>
    lessMarket(
      targetColumn(matrix, RETURNS + h).map((value) => clip(value, limits)),
      groups,
    ),
  );
  const riskBounds = [0, 1, 2, 3].map((k) => bounds(matrix, RISKS + k, [0, RISK_WINSOR_QUANTILE]));
  for (let row = 0; row < matrix.rows; row++) {
    const from = row * TARGET_WIDTH;
    const to = row * REGRESSIONS;
    for (let k = 0; k < 4; k++) {
      values[to + k] = returns[k]?.[row] ?? 0;
      values[to + 4 + k] = clip(at32(matrix.targets, from + RISKS + k), riskBounds[k]);
      values[to + INDICATORS + k * 3 + at32(matrix.targets, from + DIRECTIONS + k)] = 1;
    }
    values[to + 8] = at32(matrix.targets, from + RANK) - 0.5;
    for (let k = 0; k < 8; k++) values[to + LEVEL_INDICATORS + k] = at32(matrix.targets, from + LEVELS + k);
  }
  return { values };
}

/** Rows [0, first) are fitted, [second, rows) held out; between them purge and embargo. */
function innerSplit(matrix: DesignMatrix, options: LinearFitOptions): [number, number] {
  const [fit, heldOut] = splitTimeBlocks(matrix.times, {
    windows: [
      { name: 'fitting', share: 1 - HELD_OUT_SHARE },
      { name: 'held-out', share: HELD_OUT_SHARE },
    ],
    // The times here are those of labels that end inside the training window already: only the inner boundary is purged.
    horizonMs: 0,
    embargoMs: options.horizonMs + options.embargoMs,
  });
  return [fit?.endRow ?? 0, heldOut?.firstRow ?? 0];
}

function fitLogisticHeads(
  matrix: DesignMatrix,
  moments: Moments,
  penaltyOf: (name: string) => number,
  maxRows: number,
  model: LinearModel,
): number {
  const standard = standardise(moments);
  const sample = thinRows(matrix, maxRows);
  const head = (column: number, classes: number): LogisticHead => {
    const name = TARGET_NAMES[column] ?? '';
    return { name, classes, labels: Uint8Array.from(targetColumn(sample, column)), penalty: penaltyOf(name) };
  };
  const heads = [
    ...HORIZON_NAMES.map((_, h) => head(DIRECTIONS + h, 3)),
    ...[0, 1, 2, 3, 4, 5, 6, 7].map((k) => head(LEVELS + k, 2)),
  ];
  const solutions = fitLogistic(standardiseRows(sample, standard), sample.width, standard, heads);
  const { width } = matrix;
  let column: number = RAW_COLUMNS.directions;
  solutions.forEach(({ weights, bias }, index) => {
    for (let k = 0; k < columnsOf(heads[index]?.classes ?? 2); k++, column++) {
      let intercept = at64(bias, k);
      for (let j = 0; j < width; j++) {
        const deviation = at64(standard.deviation, j);
        const weight = deviation === 0 ? 0 : at64(weights, k * width + j) / deviation;
        model.weights[column * width + j] = weight;
        intercept -= weight * at64(standard.mean, j);
      }
      model.bias[column] = intercept;
    }
  });
  return Math.max(...solutions.map(({ iterations }) => iterations));
}

function standardiseRows(matrix: DesignMatrix, standard: Standardisation): Float32Array {
  const { rows, width } = matrix;
  const result = new Float32Array(rows * width);
  for (let j = 0; j < width; j++) {
    const deviation = at64(standard.deviation, j);
    if (deviation === 0) continue;
    const mean = at64(standard.mean, j);
    for (let at = j; at < result.length; at += width) result[at] = (at32(matrix.features, at) - mean) / deviation;
  }
  return result;
}

function bounds(matrix: DesignMatrix, column: number, shares: readonly [number, number]): [number, number] {
  const ascending = targetColumn(matrix, column).sort();
  return [quantile(ascending, shares[0]), quantile(ascending, shares[1])];
}

const clip = (value: number, limits: readonly [number, number] | undefined): number =>
  limits ? Math.min(limits[1], Math.max(limits[0], value)) : value;
