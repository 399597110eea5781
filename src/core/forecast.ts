import type { SymbolId } from './candle.ts';
import type { ReasonCode } from './reason-codes.ts';
import type { EpochMs } from './units.ts';

/** Horizons of returns and directions, in 15-minute bars. */
export const HORIZONS = { '15m': 1, '1h': 4, '4h': 16, '12h': 48 } as const;
export type Horizon = keyof typeof HORIZONS;
export const HORIZON_NAMES = ['15m', '1h', '4h', '12h'] as const satisfies readonly Horizon[];

/** Class ids of a direction. */
export const DIRECTION_UP = 0;
export const DIRECTION_DOWN = 1;
export const DIRECTION_FLAT = 2;

/** The roadmap's twenty targets, by name and in order. Returns, drawdowns and rallies are fractions. */
export const TARGET_NAMES = [
  'future_return_15m',
  'future_return_1h',
  'future_return_4h',
  'future_return_12h',
  'direction_15m',
  'direction_1h',
  'direction_4h',
  'direction_12h',
  'long_will_reach_1pct_4h',
  'long_will_reach_2pct_4h',
  'long_will_reach_3pct_12h',
  'long_will_reach_5pct_12h',
  'short_will_reach_1pct_4h',
  'short_will_reach_2pct_4h',
  'short_will_reach_3pct_12h',
  'short_will_reach_5pct_12h',
  'max_drawdown_1h',
  'max_drawdown_4h',
  'max_rally_1h',
  'max_rally_4h',
] as const;
export type TargetName = (typeof TARGET_NAMES)[number];

/** Calibrated probabilities of the three classes of each horizon: `direction_4h_up`. */
export const DIRECTION_PROBABILITY_NAMES = [
  'direction_15m_up',
  'direction_15m_down',
  'direction_15m_flat',
  'direction_1h_up',
  'direction_1h_down',
  'direction_1h_flat',
  'direction_4h_up',
  'direction_4h_down',
  'direction_4h_flat',
  'direction_12h_up',
  'direction_12h_down',
  'direction_12h_flat',
] as const;

/**
 * All values of a forecast, in their stored order: the twenty targets (the levels as calibrated probabilities), the direction
 * probabilities, and `rank24h`: the forecast cross-sectional rank of the 24 h return, in [0, 1], 0.5 = the middle.
 */
export const FORECAST_OUTPUTS = [...TARGET_NAMES, ...DIRECTION_PROBABILITY_NAMES, 'rank24h'] as const;
export type ForecastOutput = (typeof FORECAST_OUTPUTS)[number];
export const FORECAST_WIDTH = FORECAST_OUTPUTS.length;

const OUTPUT_INDEX = new Map<string, number>(FORECAST_OUTPUTS.map((name, index) => [name, index]));

/** Position of an output in `Forecast.values`. */
export function outputIndex(name: ForecastOutput): number {
  return OUTPUT_INDEX.get(name) ?? -1;
}

/** What a model says of one symbol at one minute. */
export interface Forecast {
  readonly symbol: SymbolId;
  /** The close of the newest bar used. */
  readonly minute: EpochMs;
  readonly modelId: string;
  /** [FORECAST_WIDTH], by `FORECAST_OUTPUTS`. */
  readonly values: Float32Array;
  /** Share of model inputs that were masked (not warm, source absent), 0 to 1. */
  readonly maskedShare: number;
}

export const outputOf = (forecast: Forecast, name: ForecastOutput): number =>
  forecast.values[outputIndex(name)] ?? Number.NaN;

/** Features of a panel at one minute: row-major `[symbols, width]`, NaN exactly where `masked` is 1. */
export interface FeaturePanel {
  readonly minute: EpochMs;
  /** In canonical order (the universe's), those with a row. */
  readonly symbols: readonly SymbolId[];
  readonly width: number;
  readonly featureSetHash: string;
  readonly values: Float32Array;
  readonly masked: Uint8Array;
}

/** A served model. One call per cycle; safe to call again only after the promise settles. */
export interface Predictor {
  readonly modelId: string;
  readonly featureSetHash: string;
  /**
   * Trailing out-of-sample net-edge quantiles the confidence percentile starts from: sorted ascending |expected return| at the
   * signal horizon on the calibration window, in fractions; empty when unknown.
   */
  readonly edgeReference: Readonly<Record<Horizon, readonly number[]>>;
  /** Closed 15-minute bars of a symbol that one forecast is made of; 1 where the newest is enough. */
  readonly contextBars: number;
  /**
   * Takes the rows of a minute in without forecasting, so that later ones have them in their context. Each minute is given once, to
   * `observe` or to `predict`, and minutes ascend.
   * @throws MinutehandError as `predict` does
   */
  observe(panel: FeaturePanel): Promise<void>;
  /**
   * Forecasts of a minute, in the panel's order, of the symbols whose context is whole.
   * @throws MinutehandError MODEL_REFUSED when the panel's feature set differs, MODEL_OUTPUT_INVALID on non-finite outputs,
   * MODEL_MINUTE_PAST when a later minute of the same phase was given before.
   */
  predict(panel: FeaturePanel): Promise<Forecast[]>;
  /** Why symbols of a panel that was just taken in have no forecast; empty where all have one. */
  withheld(panel: FeaturePanel): ReadonlyMap<SymbolId, ReasonCode>;
  close(): Promise<void>;
}
