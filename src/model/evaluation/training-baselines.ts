import { epochMs, formatTime, MinutehandError } from '../../core/index.ts';
import { BAR_MS, type Dataset } from '../dataset.ts';
import { type DesignMatrix, gatherRows, scaleRows } from '../design-matrix.ts';
import { DEFAULT_FIT_SETTINGS, FEWEST_ROWS, type FitSettings } from '../fit-settings.ts';
import type { Manifest } from '../manifest.ts';
import { computeTargets, RANK_BARS } from '../targets.ts';
import { type FeatureBaseline, fitFeatureBaseline } from './feature-baseline.ts';
import { type BaseRates, baseRates } from './simple-baselines.ts';
import { volatilityColumns } from './volatility-columns.ts';

/** What a model stands beside, from the windows that it was fitted and calibrated on. */
export interface TrainingBaselines {
  readonly rates: BaseRates;
  /** Null where no feature is one of volatility. */
  readonly volatilityOnly: FeatureBaseline | null;
  /** Null where it was not asked for: the model is the linear baseline. */
  readonly linear: FeatureBaseline | null;
}

/**
 * Fits the baselines on a model's own training window, calibrates them on its own calibration window, and scales features with its own scaler.
 * @throws MinutehandError DATASET_TOO_SHORT (exit 2) when the dataset does not hold these windows
 */
export function fitTrainingBaselines(
  dataset: Dataset,
  { windows, scaler }: Pick<Manifest, 'windows' | 'scaler'>,
  options: { readonly linear: boolean; readonly settings?: Partial<FitSettings> },
): TrainingBaselines {
  const settings: FitSettings = { ...DEFAULT_FIT_SETTINGS, ...options.settings };
  const targets = computeTargets(dataset);
  const gather = (name: 'train' | 'calibration', maxRows: number): DesignMatrix => {
    const matrix = gatherRows(dataset, targets, rowsWithin(dataset.times, windows[name]), maxRows);
    if (matrix.rows >= FEWEST_ROWS) {
      scaleRows(matrix, scaler);
      return matrix;
    }
    const { from, to } = windows[name];
    throw new MinutehandError(
      'DATASET_TOO_SHORT',
      `the candles give ${matrix.rows} rows of the model's ${name} window, ${formatTime(epochMs(from))} to ${formatTime(epochMs(to))}: too few to fit the baselines on`,
      'Name a folder of candles that reaches back to where the model was fitted.',
      { exitCode: 2 },
    );
  };
  const train = gather('train', settings.maxTrainingRows);
  const calibration = gather('calibration', settings.maxEvaluationRows);
  const fitOn = (columns: readonly number[]) =>
    fitFeatureBaseline(train, calibration, columns, {
      horizonMs: RANK_BARS * BAR_MS,
      embargoMs: settings.embargoBars * BAR_MS,
      maxLogisticRows: settings.maxLogisticRows,
    });
  const volatility = volatilityColumns(dataset.featureNames);
  return {
    rates: baseRates(dataset, train),
    volatilityOnly: volatility.length === 0 ? null : fitOn(volatility),
    linear: options.linear ? fitOn(dataset.featureNames.map((_, column) => column)) : null,
  };
}

/** Rows of ascending times whose bar closes and whose longest label ends within a window. */
export function rowsWithin(
  times: Float64Array,
  { from, to }: { readonly from: number; readonly to: number },
): { firstRow: number; endRow: number } {
  const first = times.findIndex((time) => time >= from);
  const after = times.findIndex((time) => time > to - RANK_BARS * BAR_MS);
  return { firstRow: first === -1 ? times.length : first, endRow: after === -1 ? times.length : after };
}
