import { at32, at64 } from '../core/index.ts';
import type { DesignMatrix } from './design-matrix.ts';
import { type LinearModel, linearPart } from './linear-model.ts';
import { calibrateOutputs, type OutputAdjustment, type OutputCalibrationResult } from './output-calibration.ts';
import { RAW_COLUMNS } from './raw-outputs.ts';

/** Calibrates a linear model on a scaled calibration matrix and folds the result into its weights. */
export function calibrateLinearModel(
  raw: LinearModel,
  matrix: DesignMatrix,
  winsorisedReturns: readonly (readonly [number, number])[],
): { readonly model: LinearModel } & OutputCalibrationResult {
  const outputs = { ...matrix, raw: linearPart(raw, matrix.features) };
  const result = calibrateOutputs(outputs, winsorisedReturns);
  return { model: adjusted(raw, result.adjustment), ...result };
}

function adjusted({ width, weights, bias }: LinearModel, { slope, intercept }: OutputAdjustment): LinearModel {
  const model = { width, weights: Float32Array.from(weights), bias: Float32Array.from(bias) };
  for (let column = 0; column < RAW_COLUMNS.count; column++) {
    for (let j = column * width; j < (column + 1) * width; j++)
      model.weights[j] = at32(weights, j) * at64(slope, column);
    model.bias[column] = at32(bias, column) * at64(slope, column) + at64(intercept, column);
  }
  return model;
}
