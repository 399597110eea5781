export { LEAST_UNIVERSE_SHARE, ModelRefusedError, type ServingExpectation } from './artefact.ts';
export { BAR_MS, type Dataset } from './dataset.ts';
export {
  DEFAULT_FIT_SETTINGS,
  type FitBaselineOptions,
  type FitSettings,
  type FitStage,
  type FittedBaseline,
  fitBaseline,
} from './fit-baseline.ts';
export { hashUniverse, type Manifest, type MarketLabel } from './manifest.ts';
export { loadPredictor, type PredictorOptions, type ServedPredictor, SMALLEST_BATCH } from './predictor.ts';
export { createPredictorSlot, type PredictorSlot } from './predictor-slot.ts';
export { findServable, type ListedArtefact, listArtefacts, type Servable } from './registry.ts';
export { splitTimeBlocks, type TimeWindow, type WindowRequest } from './splits.ts';
export { computeTargets, DIRECTION_THRESHOLDS, LEVELS, RANK_BARS, TARGET_COLUMNS, TARGET_WIDTH } from './targets.ts';
