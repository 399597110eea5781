import { type DesignMatrix, selectColumns } from '../design-matrix.ts';
import { fitLinearBaseline, type LinearFitOptions } from '../linear-baseline.ts';
import { calibrateLinearModel } from '../linear-calibration.ts';
import { type LinearModel, linearPart } from '../linear-model.ts';
import { applyLinks, rankingHeads } from '../raw-outputs.ts';
import type { RowForecasts } from './forecast-rows.ts';

/** The linear baseline on some of the features. */
export interface FeatureBaseline {
  /** Columns of the scaled features that are its inputs. */
  readonly columns: readonly number[];
  readonly model: LinearModel;
  /** The model before calibration. */
  readonly raw: LinearModel;
}

/** Fits the linear baseline's regressions on these columns of scaled matrices, and calibrates them, as the linear baseline itself is. */
export function fitFeatureBaseline(
  train: DesignMatrix,
  calibration: DesignMatrix,
  columns: readonly number[],
  options: LinearFitOptions,
): FeatureBaseline {
  const fit = fitLinearBaseline(selectColumns(train, columns), options);
  const { model } = calibrateLinearModel(fit.model, selectColumns(calibration, columns), fit.winsorisedReturns);
  return { columns, model, raw: fit.model };
}

/** Forecasts of scaled features. */
export function forecastMatrix({ columns, model, raw }: FeatureBaseline, matrix: DesignMatrix): RowForecasts {
  const { features } = selectColumns(matrix, columns);
  return { values: applyLinks(linearPart(model, features)), raw: rankingHeads(linearPart(raw, features)) };
}
