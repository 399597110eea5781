import { type DesignMatrix, selectColumns } from '../design-matrix.ts';
import { fitLinearBaseline, type LinearFitOptions } from '../linear-baseline.ts';
import { calibrateLinearModel } from '../linear-calibration.ts';
import { type LinearModel, linearPart } from '../linear-model.ts';
import { applyLinks } from '../raw-outputs.ts';
import type { RowForecasts } from './forecast-rows.ts';

/** The linear baseline on some of the features. */
export interface FeatureBaseline {
  /** Columns of the scaled features that are its inputs. */
  readonly columns: readonly number[];
  readonly model: LinearModel;
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
  return { columns, model };
}

/** Forecasts of scaled features. */
export const forecastMatrix = ({ columns, model }: FeatureBaseline, matrix: DesignMatrix): RowForecasts => ({
  values: applyLinks(linearPart(model, selectColumns(matrix, columns).features)),
});
