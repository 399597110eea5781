import { at32, at64, type Horizon, TARGET_NAMES } from '../core/index.ts';
import {
  fitAffine,
  fitPlatt,
  fitShrinkage,
  fitTemperature,
  type PlattScaling,
  type TemperatureScaling,
} from './calibration.ts';
import { columnOf, type DesignMatrix, lessMarket, targetColumn, timeGroups } from './design-matrix.ts';
import { LINEAR_COLUMNS, type LinearModel, linearPart } from './linear-model.ts';
import { quantile } from './scores.ts';

/** What was folded into the heads, as found on the calibration window. */
export interface LinearCalibration {
  readonly rows: number;
  /** Factor on the forecast return, 0 to 1, per horizon. */
  readonly returnShrinkage: Readonly<Record<Horizon, number>>;
  readonly directions: Readonly<Record<Horizon, TemperatureScaling>>;
  readonly levels: Readonly<Record<string, PlattScaling>>;
  readonly risks: Readonly<Record<string, { readonly slope: number; readonly intercept: number }>>;
  /** Factor on the forecast rank's distance from the middle, 0 to 1. */
  readonly rankShrinkage: number;
}

export interface CalibratedModel {
  readonly model: LinearModel;
  readonly calibration: LinearCalibration;
  /** Ascending quantiles (0, 1, ..., 100 %) of |expected return| on the calibration window; empty where all forecasts are 0. */
  readonly edgeReference: Readonly<Record<Horizon, readonly number[]>>;
}

/** Calibrates every head on a scaled calibration matrix and folds the result into the weights: all of it is affine. */
export function calibrateLinearModel(
  raw: LinearModel,
  matrix: DesignMatrix,
  winsorisedReturns: readonly (readonly [number, number])[],
): CalibratedModel {
  const model: LinearModel = {
    width: raw.width,
    weights: Float32Array.from(raw.weights),
    bias: Float32Array.from(raw.bias),
  };
  const linear = linearPart(raw, matrix.features);
  const column = (index: number) => columnOf(linear, LINEAR_COLUMNS.count, index);
  const groups = timeGroups(matrix.times);
  const horizons = forEachHorizon((h) => {
    const [low, high] = winsorisedReturns[h] ?? [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
    const forecast = column(LINEAR_COLUMNS.returns + h);
    const cut = targetColumn(matrix, h).map((value) => Math.min(high, Math.max(low, value)));
    // As in the fit: the market's own move, which is not forecast, would only blur the slope.
    const realised = lessMarket(cut, groups);
    const shrinkage = fitShrinkage(forecast, realised);
    rescale(model, LINEAR_COLUMNS.returns + h, shrinkage, 0);

    const first = LINEAR_COLUMNS.directions + h * 3;
    const logits = new Float64Array(matrix.rows * 3);
    for (let k = 0; k < 3; k++)
      column(first + k).forEach((value, row) => {
        logits[row * 3 + k] = value;
      });
    const scaling = fitTemperature(logits, 3, Uint8Array.from(targetColumn(matrix, 4 + h)));
    for (let k = 0; k < 3; k++) rescale(model, first + k, 1 / scaling.temperature, 0);
    return { shrinkage, scaling, edges: edgeQuantiles(forecast, shrinkage) };
  });
  const levels: Record<string, PlattScaling> = {};
  for (let k = 0; k < 8; k++) {
    const scaling = fitPlatt(column(LINEAR_COLUMNS.levels + k), Uint8Array.from(targetColumn(matrix, 8 + k)));
    levels[TARGET_NAMES[8 + k] ?? ''] = scaling;
    rescale(model, LINEAR_COLUMNS.levels + k, scaling.slope, scaling.intercept);
  }
  const risks: Record<string, { slope: number; intercept: number }> = {};
  for (let k = 0; k < 4; k++) {
    const forecast = column(LINEAR_COLUMNS.risks + k).map((value) => Math.max(0, value));
    const { slope, intercept } = fitAffine(forecast, targetColumn(matrix, 16 + k));
    risks[TARGET_NAMES[16 + k] ?? ''] = { slope, intercept };
    rescale(model, LINEAR_COLUMNS.risks + k, slope, intercept);
  }
  const rankShrinkage = fitShrinkage(
    column(LINEAR_COLUMNS.rank).map((value) => value - 0.5),
    targetColumn(matrix, 20).map((value) => value - 0.5),
  );
  rescale(model, LINEAR_COLUMNS.rank, rankShrinkage, 0.5 * (1 - rankShrinkage));
  return {
    model,
    calibration: {
      rows: matrix.rows,
      returnShrinkage: pick(horizons, ({ shrinkage }) => shrinkage),
      directions: pick(horizons, ({ scaling }) => scaling),
      levels,
      risks,
      rankShrinkage,
    },
    edgeReference: pick(horizons, ({ edges }) => edges),
  };
}

const forEachHorizon = <Value>(work: (index: number) => Value): Record<Horizon, Value> => ({
  '15m': work(0),
  '1h': work(1),
  '4h': work(2),
  '12h': work(3),
});

const pick = <Value, Part>(by: Record<Horizon, Value>, part: (value: Value) => Part): Record<Horizon, Part> => ({
  '15m': part(by['15m']),
  '1h': part(by['1h']),
  '4h': part(by['4h']),
  '12h': part(by['12h']),
});

/** Replaces a head z by slope x z + intercept. */
function rescale(model: LinearModel, column: number, slope: number, intercept: number): void {
  const { width, weights, bias } = model;
  for (let j = column * width; j < (column + 1) * width; j++) weights[j] = at32(weights, j) * slope;
  bias[column] = at32(bias, column) * slope + intercept;
}

function edgeQuantiles(forecast: Float64Array, shrinkage: number): number[] {
  if (shrinkage === 0 || forecast.length === 0) return [];
  const ascending = forecast.map((value) => Math.abs(value) * shrinkage).sort();
  if (at64(ascending, ascending.length - 1) === 0) return [];
  return Array.from({ length: 101 }, (_, percent) => quantile(ascending, percent / 100));
}
