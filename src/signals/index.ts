export { EDGE_UNIT, type EdgeHistories, noEdgeHistories } from './confidence.ts';
export { isFirm } from './gates.ts';
export {
  type GeneratedSignals,
  MLSignalGenerator,
  rankSignals,
  type SignalInput,
  type SymbolContext,
  strongestPerSymbol,
} from './ml-signal-generator.ts';
export { DEFAULT_SIGNAL_SETTINGS, type SignalSettings } from './settings.ts';
