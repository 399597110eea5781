import { RESAMPLES } from './evaluation/day-resampling.ts';

export interface FitSettings {
  /** Shares of the time span. */
  readonly trainShare: number;
  readonly calibrationShare: number;
  /** Bars left out after each boundary, beyond the purge of the longest label. */
  readonly embargoBars: number;
  readonly maxTrainingRows: number;
  readonly maxScalerRows: number;
  readonly maxLogisticRows: number;
  readonly maxEvaluationRows: number;
  /** Resamplings of the intervals. */
  readonly resamples: number;
}

export const DEFAULT_FIT_SETTINGS: FitSettings = {
  trainShare: 0.6,
  calibrationShare: 0.2,
  embargoBars: 16,
  maxTrainingRows: 150_000,
  maxScalerRows: 40_000,
  maxLogisticRows: 30_000,
  maxEvaluationRows: 50_000,
  resamples: RESAMPLES,
};

/** Too few rows to fit or to judge anything on: a tenth of a day of fifty symbols. */
export const FEWEST_ROWS = 500;
