import { at64, type Horizon, TARGET_NAMES } from '../core/index.ts';
import { fitAffine, fitPlatt, fitShrinkage, type PlattScaling } from './calibration.ts';
import { columnOf, lessMarket, timeGroups } from './design-matrix.ts';
import { quantile } from './quantile.ts';
import { RAW_COLUMNS } from './raw-outputs.ts';
import { TARGET_WIDTH } from './targets.ts';
import { fitVectorScaling, type VectorScaling } from './vector-scaling.ts';

/** What was folded into the heads, as found on the calibration window. */
export interface OutputCalibration {
  readonly rows: number;
  /** Factor on the forecast return, 0 to 1, per horizon. */
  readonly returnShrinkage: Readonly<Record<Horizon, number>>;
  readonly directions: Readonly<Record<Horizon, VectorScaling>>;
  readonly levels: Readonly<Record<string, PlattScaling>>;
  readonly risks: Readonly<Record<string, { readonly slope: number; readonly intercept: number }>>;
  /** Factor on the forecast rank's distance from the middle, 0 to 1. */
  readonly rankShrinkage: number;
}

export interface OutputCalibrationResult {
  readonly adjustment: OutputAdjustment;
  readonly calibration: OutputCalibration;
  /** Ascending quantiles (0, 1, ..., 100 %) of |expected return| on the calibration window; empty where all forecasts are 0. */
  readonly edgeReference: Readonly<Record<Horizon, readonly number[]>>;
}

/** slope x raw + intercept per column of the raw outputs: all of calibration is affine. */
export interface OutputAdjustment {
  /** [RAW_COLUMNS.count] */
  readonly slope: Float64Array;
  readonly intercept: Float64Array;
}

/** Rows that outputs are calibrated on: in time order, all targets finite. */
export interface CalibrationRows {
  readonly rows: number;
  /** [rows, RAW_COLUMNS.count] of an uncalibrated model, in the targets' units. */
  readonly raw: Float32Array;
  /** [rows, TARGET_WIDTH] */
  readonly targets: Float32Array;
  /** Epoch milliseconds. */
  readonly times: Float64Array;
}

/** Calibrates every head on a window that the model was not fitted on. @param winsorisedReturns where returns were cut in the fit, per horizon */
export function calibrateOutputs(
  matrix: CalibrationRows,
  winsorisedReturns: readonly (readonly [number, number])[],
): OutputCalibrationResult {
  const slope = new Float64Array(RAW_COLUMNS.count).fill(1);
  const intercept = new Float64Array(RAW_COLUMNS.count);
  const rescale = (index: number, by: number, shift: number): void => {
    slope[index] = by;
    intercept[index] = shift;
  };
  const column = (index: number) => columnOf(matrix.raw, RAW_COLUMNS.count, index);
  const target = (index: number) => columnOf(matrix.targets, TARGET_WIDTH, index);
  const groups = timeGroups(matrix.times);
  const horizons = forEachHorizon((h) => {
    const [low, high] = winsorisedReturns[h] ?? [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
    const forecast = column(RAW_COLUMNS.returns + h);
    const cut = target(h).map((value) => Math.min(high, Math.max(low, value)));
    // As in the fit: the market's own move, which is not forecast, would only blur the slope.
    const realised = lessMarket(cut, groups);
    const shrinkage = fitShrinkage(forecast, realised);
    rescale(RAW_COLUMNS.returns + h, shrinkage, 0);

    const first = RAW_COLUMNS.directions + h * 3;
    const logits = new Float64Array(matrix.rows * 3);
    for (let k = 0; k < 3; k++)
      column(first + k).forEach((value, row) => {
        logits[row * 3 + k] = value;
      });
    const scaling = fitVectorScaling(logits, 3, Uint8Array.from(target(4 + h)));
    for (let k = 0; k < 3; k++) rescale(first + k, scaling.slopes[k] ?? 1, scaling.intercepts[k] ?? 0);
    return { shrinkage, scaling, edges: edgeQuantiles(forecast, shrinkage) };
  });
  const levels: Record<string, PlattScaling> = {};
  for (let k = 0; k < 8; k++) {
    const scaling = fitPlatt(column(RAW_COLUMNS.levels + k), Uint8Array.from(target(8 + k)));
    levels[TARGET_NAMES[8 + k] ?? ''] = scaling;
    rescale(RAW_COLUMNS.levels + k, scaling.slope, scaling.intercept);
  }
  const risks: Record<string, { slope: number; intercept: number }> = {};
  for (let k = 0; k < 4; k++) {
    const forecast = column(RAW_COLUMNS.risks + k).map((value) => Math.max(0, value));
    const { slope, intercept } = fitAffine(forecast, target(16 + k));
    risks[TARGET_NAMES[16 + k] ?? ''] = { slope, intercept };
    rescale(RAW_COLUMNS.risks + k, slope, intercept);
  }
  const rankShrinkage = fitShrinkage(
    column(RAW_COLUMNS.rank).map((value) => value - 0.5),
    target(20).map((value) => value - 0.5),
  );
  rescale(RAW_COLUMNS.rank, rankShrinkage, 0.5 * (1 - rankShrinkage));
  return {
    adjustment: { slope, intercept },
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

function edgeQuantiles(forecast: Float64Array, shrinkage: number): number[] {
  if (shrinkage === 0 || forecast.length === 0) return [];
  const ascending = forecast.map((value) => Math.abs(value) * shrinkage).sort();
  if (at64(ascending, ascending.length - 1) === 0) return [];
  return Array.from({ length: 101 }, (_, percent) => quantile(ascending, percent / 100));
}
