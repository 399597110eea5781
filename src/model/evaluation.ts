import {
  at64,
  DAY_MS,
  DIRECTION_FLAT,
  FORECAST_WIDTH,
  HORIZON_NAMES,
  outputIndex,
  type Random,
  TARGET_NAMES,
} from '../core/index.ts';
import { columnOf, type DesignMatrix, SMALLEST_CROSS_SECTION, targetColumn, timeGroups } from './design-matrix.ts';
import { bootstrapMean, brierScore, calibrationError, type Estimate, logLoss, spearman } from './scores.ts';

/** What is known before looking at any feature: the yardstick. From the training window. */
export interface BaseRates {
  /** Per horizon [up, down, flat]. */
  readonly directions: readonly (readonly number[])[];
  readonly levels: readonly number[];
  readonly risks: readonly number[];
}

export interface ReturnScore {
  /** Mean cross-sectional Spearman correlation per time. */
  readonly informationCoefficient: Estimate;
  /** Share of rows beyond the direction threshold whose sign was forecast; rows forecast as exactly 0 count one half. */
  readonly signAccuracy: number | null;
  /** That of always naming the commoner sign of these rows, known only in hindsight. */
  readonly signAccuracyMajority: number | null;
  readonly meanSquaredError: number;
  readonly meanSquaredErrorOfZero: number;
  readonly meanAbsoluteForecast: number;
}

export interface ProbabilityScore {
  readonly logLoss: number;
  readonly logLossOfBaseRate: number;
  readonly brier: number;
  readonly brierOfBaseRate: number;
  readonly calibrationError: number;
  /** Observed share of each class. */
  readonly shares: readonly number[];
}

export interface SquaredScore {
  readonly meanSquaredError: number;
  readonly meanSquaredErrorOfBaseline: number;
}

export interface Evaluation {
  readonly rows: number;
  readonly times: number;
  readonly returns: Readonly<Record<string, ReturnScore>>;
  readonly directions: Readonly<Record<string, ProbabilityScore & { readonly accuracy: number }>>;
  readonly levels: Readonly<Record<string, ProbabilityScore>>;
  readonly risks: Readonly<Record<string, SquaredScore>>;
  readonly rank24h: SquaredScore & { readonly informationCoefficient: Estimate };
}

/** Scores forecasts [rows, FORECAST_WIDTH] against the targets of the same rows, each beside its baseline. */
export function evaluateForecasts(
  matrix: DesignMatrix,
  forecasts: Float32Array,
  rates: BaseRates,
  random: Random,
): Evaluation {
  const forecast = (column: number) => columnOf(forecasts, FORECAST_WIDTH, column);
  const groups = timeGroups(matrix.times);
  const coefficient = (values: Float64Array, realised: Float64Array, name: string, runLength: number) =>
    informationCoefficient(groups, matrix.times, values, realised, random.fork(name), runLength);

  const returns: Record<string, ReturnScore> = {};
  const directions: Record<string, ProbabilityScore & { accuracy: number }> = {};
  HORIZON_NAMES.forEach((horizon, h) => {
    const realised = targetColumn(matrix, h);
    const labels = Uint8Array.from(targetColumn(matrix, 4 + h));
    const values = forecast(h);
    returns[horizon] = {
      informationCoefficient: coefficient(values, realised, horizon, 1),
      ...signScores(values, realised, labels),
      meanSquaredError: meanSquared(values, realised),
      meanSquaredErrorOfZero: meanSquared(new Float64Array(matrix.rows), realised),
      meanAbsoluteForecast: values.reduce((sum, value) => sum + Math.abs(value), 0) / matrix.rows,
    };
    const at = outputIndex('direction_15m_up') + h * 3;
    const probabilities = interleave([forecast(at), forecast(at + 1), forecast(at + 2)]);
    const named = forecast(outputIndex('direction_15m') + h);
    directions[horizon] = {
      ...probabilityScore(probabilities, 3, labels, rates.directions[h] ?? []),
      accuracy: named.reduce((sum, id, row) => sum + (id === labels[row] ? 1 : 0), 0) / matrix.rows,
    };
  });
  const levels: Record<string, ProbabilityScore> = {};
  const risks: Record<string, SquaredScore> = {};
  for (let k = 0; k < 8; k++) {
    const p = forecast(8 + k);
    const rate = rates.levels[k] ?? 0.5;
    levels[TARGET_NAMES[8 + k] ?? ''] = probabilityScore(
      interleave([p.map((value) => 1 - value), p]),
      2,
      Uint8Array.from(targetColumn(matrix, 8 + k)),
      [1 - rate, rate],
    );
  }
  for (let k = 0; k < 4; k++) {
    risks[TARGET_NAMES[16 + k] ?? ''] = squaredScore(
      forecast(16 + k),
      targetColumn(matrix, 16 + k),
      rates.risks[k] ?? 0,
    );
  }
  const rank = forecast(outputIndex('rank24h'));
  const rankTarget = targetColumn(matrix, 20);
  return {
    rows: matrix.rows,
    times: groups.length,
    returns,
    directions,
    levels,
    risks,
    rank24h: {
      ...squaredScore(rank, rankTarget, 0.5),
      // A label spans a day, so that neighbouring days are resampled together.
      informationCoefficient: coefficient(rank, rankTarget, 'rank24h', 2),
    },
  };
}

function informationCoefficient(
  groups: readonly (readonly [number, number])[],
  times: Float64Array,
  forecast: Float64Array,
  realised: Float64Array,
  random: Random,
  runLength: number,
): Estimate {
  const values = new Float64Array(groups.length);
  const days = new Int32Array(groups.length);
  groups.forEach(([from, to], index) => {
    days[index] = Math.floor(at64(times, from) / DAY_MS);
    values[index] =
      to - from < SMALLEST_CROSS_SECTION
        ? Number.NaN
        : spearman(Array.from(forecast.subarray(from, to)), Array.from(realised.subarray(from, to)));
  });
  return bootstrapMean(values, days, random, runLength);
}

function signScores(
  forecast: Float64Array,
  realised: Float64Array,
  labels: Uint8Array,
): { signAccuracy: number | null; signAccuracyMajority: number | null } {
  let moved = 0;
  let right = 0;
  let up = 0;
  for (let row = 0; row < realised.length; row++) {
    if (labels[row] === DIRECTION_FLAT) continue;
    moved++;
    const product = at64(forecast, row) * at64(realised, row);
    right += product > 0 ? 1 : product === 0 ? 0.5 : 0;
    if (at64(realised, row) > 0) up++;
  }
  if (moved === 0) return { signAccuracy: null, signAccuracyMajority: null };
  return { signAccuracy: right / moved, signAccuracyMajority: Math.max(up, moved - up) / moved };
}

function probabilityScore(
  probabilities: Float64Array,
  classes: number,
  labels: Uint8Array,
  rates: readonly number[],
): ProbabilityScore {
  const base = new Float64Array(probabilities.length);
  for (let index = 0; index < base.length; index++) base[index] = rates[index % classes] ?? 0;
  const counts = new Array<number>(classes).fill(0);
  for (const label of labels) counts[label] = (counts[label] ?? 0) + 1;
  return {
    logLoss: logLoss(probabilities, classes, labels),
    logLossOfBaseRate: logLoss(base, classes, labels),
    brier: brierScore(probabilities, classes, labels),
    brierOfBaseRate: brierScore(base, classes, labels),
    calibrationError: calibrationError(probabilities, classes, labels),
    shares: counts.map((count) => count / labels.length),
  };
}

function squaredScore(forecast: Float64Array, realised: Float64Array, baseline: number): SquaredScore {
  return {
    meanSquaredError: meanSquared(forecast, realised),
    meanSquaredErrorOfBaseline: meanSquared(new Float64Array(forecast.length).fill(baseline), realised),
  };
}

function meanSquared(first: Float64Array, second: Float64Array): number {
  let sum = 0;
  for (let row = 0; row < first.length; row++) sum += (at64(first, row) - at64(second, row)) ** 2;
  return sum / first.length;
}

function interleave(columns: readonly Float64Array[]): Float64Array {
  const classes = columns.length;
  const rows = columns[0]?.length ?? 0;
  const result = new Float64Array(rows * classes);
  columns.forEach((column, k) => {
    for (let row = 0; row < rows; row++) result[row * classes + k] = at64(column, row);
  });
  return result;
}
