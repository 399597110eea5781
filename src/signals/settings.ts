import type { Horizon } from '../core/index.ts';
import { DEFAULT_REGIME_SETTINGS, type RegimeSettings } from './regime.ts';

export interface SignalSettings {
  /** Least confidence (percentile of the net edge) of a signal. */
  readonly confidenceThreshold: number;
  /** Most signals of one symbol in one decision. */
  readonly maxSignalsPerSymbol: number;
  /** Horizons a forecast is judged at, each its own candidate; the first is the primary one. */
  readonly horizons: readonly Horizon[];
  /** Largest share of masked model inputs. */
  readonly maxMaskedShare: number;
  /** Least share of the universe with a final candle. */
  readonly minCoverage: number;
  /** Least lead of the side's direction probability over the opposite one. */
  readonly minDirectionLead: number;
  /** Least cross-sectional rank in the direction of the side; 0.5 = the better half. */
  readonly minRank: number;
  /** Least share of the horizons that forecast a return in the direction of the side. */
  readonly minAgreement: number;
  /** Largest entropy of the direction probabilities over that of three equal ones. */
  readonly maxUncertainty: number;
  /** Least distance of the target, in distances of the stop. */
  readonly minRewardToRisk: number;
  /** Least distance of the stop, in standard deviations of the return over the horizon. */
  readonly stopVolatilityFloor: number;
  readonly regimes: RegimeSettings;
  /** How long a signal may be acted upon: the validity of the entries that follow from it. */
  readonly validityMinutes: number;
  /** Observations of the net edge kept per symbol and horizon. */
  readonly edgeHistory: number;
  /** Minutes between two observations, aligned to UTC. */
  readonly edgeSampleMinutes: number;
  /** How many observations the model's own reference distribution counts for, until the symbol has as many of its own. */
  readonly edgePriorWeight: number;
  /** Own observations needed where the model brings no reference. */
  readonly minEdgeHistory: number;
}

export const DEFAULT_SIGNAL_SETTINGS: SignalSettings = {
  confidenceThreshold: 0.6,
  maxSignalsPerSymbol: 1,
  horizons: ['12h'],
  maxMaskedShare: 0.2,
  minCoverage: 0.8,
  minDirectionLead: 0,
  minRank: 0.5,
  minAgreement: 0.5,
  maxUncertainty: 0.995,
  minRewardToRisk: 1,
  stopVolatilityFloor: 0.5,
  regimes: DEFAULT_REGIME_SETTINGS,
  validityMinutes: 15,
  edgeHistory: 360,
  edgeSampleMinutes: 60,
  edgePriorWeight: 100,
  minEdgeHistory: 24,
};
