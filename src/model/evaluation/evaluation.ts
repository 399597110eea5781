import type { Horizon } from '../../core/index.ts';
import type { Estimate } from './day-resampling.ts';

/** What a model is judged beside, on the same rows. */
export const BASELINE_NAMES = ['majority', 'persistence', 'volatilityOnly', 'linear'] as const;
export type BaselineName = (typeof BASELINE_NAMES)[number];

/** Mean of the four horizons. */
export interface MeanScore {
  readonly macroF1: Estimate;
  readonly balancedAccuracy: Estimate;
  /** Nats. */
  readonly logLoss: Estimate;
  readonly brier: Estimate;
  readonly signAccuracy: Estimate;
  readonly informationCoefficient: Estimate;
  /** Of the return head before calibration, which shrinks a head of no use to nothing; null where it is not known. */
  readonly rawInformationCoefficient: Estimate;
}

export interface HorizonScore extends MeanScore {
  readonly accuracy: Estimate;
  readonly calibrationError: Estimate;
  /** Of up, down, flat; null of one that neither occurs nor is named. */
  readonly classF1: readonly (number | null)[];
  /** Rows by [realised class][named class]; up, down, flat. */
  readonly confusion: readonly (readonly number[])[];
  readonly meanSquaredError: number;
  /** Of forecasting that nothing moves. */
  readonly meanSquaredErrorOfZero: number;
  readonly meanAbsoluteForecast: number;
}

/** Model less baseline on the same days: a macro-F1 above 0 and a log-loss below 0 speak for the model. */
export interface Difference {
  readonly macroF1: Estimate;
  readonly logLoss: Estimate;
}

export interface BaselineScore {
  readonly mean: MeanScore;
  readonly difference: Difference;
  readonly horizons: Readonly<Record<Horizon, HorizonScore & { readonly difference: Difference }>>;
}

export interface LevelScore {
  readonly logLoss: Estimate;
  readonly brier: Estimate;
  readonly calibrationError: Estimate;
  /** Of the share of events in the training window. */
  readonly logLossOfBaseRate: number | null;
  readonly brierOfBaseRate: number | null;
  /** Share of events. */
  readonly share: number;
}

export interface SquaredScore {
  readonly meanSquaredError: number;
  /** Of the mean in the training window; for the rank, of the middle. */
  readonly meanSquaredErrorOfBaseline: number;
}

/** How good forecasts were on rows, with 95 % intervals from resampled UTC days. */
export interface Evaluation {
  readonly rows: number;
  readonly times: number;
  readonly days: number;
  readonly symbols: number;
  /** Epoch milliseconds: closes of the first and last row's bars. */
  readonly from: number;
  readonly to: number;
  /** Days resampled in a row. */
  readonly runLengthDays: number;
  /** The model was fitted or calibrated on some of these rows: the figures say nothing of new ones. */
  readonly inSample: boolean;
  readonly mean: MeanScore;
  readonly horizons: Readonly<Record<Horizon, HorizonScore>>;
  readonly levels: Readonly<Record<string, LevelScore>>;
  readonly risks: Readonly<Record<string, SquaredScore>>;
  readonly rank24h: SquaredScore & {
    readonly informationCoefficient: Estimate;
    readonly rawInformationCoefficient: Estimate;
  };
  /** Null: not given, or the model itself. */
  readonly baselines: Readonly<Record<BaselineName, BaselineScore | null>>;
}
