export { EDGE_UNIT, type EdgeHistories, noEdgeHistories } from './confidence.ts';
export {
  type ExplainRequest,
  explainSignal,
  nearestRejected,
  type RejectedAlternative,
  type SignalExplanation,
} from './explain-signal.ts';
export { entryBar, isFirm, isWarm } from './gates.ts';
export {
  type GeneratedSignals,
  MLSignalGenerator,
  rankSignals,
  type SignalInput,
  type SymbolContext,
  strongestPerSymbol,
} from './ml-signal-generator.ts';
export { gatherEvidence, judgeRanking, type ModelEvidence } from './model-evidence.ts';
export {
  FEWEST_FORECASTS,
  FEWEST_STRETCHES,
  type OutcomeStep,
  type RollingAccuracy,
  rollingAccuracy,
  stepOutcomes,
} from './outcomes.ts';
export {
  DEFAULT_REGIME_SETTINGS,
  noRegimes,
  type RegimeEffect,
  type RegimeSettings,
  type RegimeState,
  type Regimes,
  updateRegimes,
} from './regime.ts';
export { DEFAULT_SIGNAL_SETTINGS, type SignalSettings } from './settings.ts';
