export {
  type CheckedArtefact,
  checkArtefact,
  LEAST_UNIVERSE_SHARE,
  ModelRefusedError,
  putFolder,
  type ServingExpectation,
} from './artefact.ts';
export { importArtefact } from './artefact-transfer.ts';
export { type BenchRow, benchModel, type ModelBench } from './bench-model.ts';
export { marketText } from './card.ts';
export { BAR_MS, type Dataset } from './dataset.ts';
export { type DatasetFolderRequest, readDatasetFolder, readDatasetTimes } from './dataset-folder.ts';
export { sectionCorrelations, sectionRanks } from './evaluation/cross-section.ts';
export {
  type DayResampling,
  dayBlocks,
  type Estimate,
  type EstimateOptions,
  estimate,
  RESAMPLES,
  resampleDays,
  resampledSums,
  sumByDay,
  usualRunLength,
  visitDays,
} from './evaluation/day-resampling.ts';
export { evaluateForecasts } from './evaluation/evaluate.ts';
export {
  type ArtefactEvaluation,
  type ArtefactEvaluationRequest,
  evaluateArtefact,
} from './evaluation/evaluate-artefact.ts';
export {
  BASELINE_NAMES,
  type BaselineName,
  type Evaluation,
  type MeanScore,
} from './evaluation/evaluation.ts';
export { namedWindows } from './evaluation/evaluation-window.ts';
export { forecastArtefactRows, servableRows } from './evaluation/forecast-artefact.ts';
export {
  type JudgedPart,
  type JudgeRequest,
  judgeForecasts,
  type MadeForecasts,
} from './evaluation/judge-forecasts.ts';
export { estimateSchema, evaluationSchema } from './evaluation-schema.ts';
export { type ExplainedInput, type ExplainedInputs, explainInputs } from './explain-inputs.ts';
export { type FitBaselineOptions, type FitStage, type FittedBaseline, fitBaseline } from './fit-baseline.ts';
export { DEFAULT_FIT_SETTINGS, type FitSettings } from './fit-settings.ts';
export {
  canonicalJson,
  hashUniverse,
  type Manifest,
  type MarketLabel,
  MODEL_KINDS,
  marketLabelSchema,
  modelRecord,
  sha256,
} from './manifest.ts';
export type { HorizonFigures, ModelSummary } from './model-summary.ts';
export {
  learnableRows,
  openPanel,
  type PanelDescription,
  type PanelExpectation,
  type TrainingPanel,
  writePanel,
} from './panel.ts';
export { loadPredictor } from './predictor.ts';
export { createPredictorSlot, type PredictorSlot } from './predictor-slot.ts';
export { quantile } from './quantile.ts';
export {
  exportModel,
  importModel,
  listRegistry,
  type ModelRegistry,
  promoteRegistered,
  type Refusal,
  type RegistryAct,
  type RegistryEntry,
  type RegistryList,
  rollbackRegistered,
  showModel,
} from './registered-models.ts';
export { type ListedArtefact, listArtefacts, loadModel, loadNewest, type Servable } from './registry.ts';
export { evaluationReport } from './report/evaluation-report.ts';
export { type PredictorOptions, type ServedPredictor, SMALLEST_BATCH } from './served-predictor.ts';
export { type SplitMargins, splitTimeBlocks, type TimeWindow, type WindowRequest } from './splits.ts';
export { compareModels, type ModelStanding, modelStanding } from './standing.ts';
export { computeTargets, DIRECTION_THRESHOLDS, LEVELS, RANK_BARS, TARGET_COLUMNS, TARGET_WIDTH } from './targets.ts';
export {
  computeScaledTargets,
  DEFAULT_SCALED_TARGET_SETTINGS,
  SCALED_TARGET_WIDTH,
  SCALED_TARGETS,
  type ScaledTarget,
  type ScaledTargetSettings,
} from './targets-scaled.ts';
export { PANEL_FOLDER } from './training/fit-network.ts';
export { type TrainingSettings, trainingSettingsSchema } from './training/settings.ts';
export {
  planTraining,
  readTrainingSettings,
  type TrainingPlan,
  type TrainModelRequest,
  trainingMargins,
  trainingThreads,
  trainModel,
  type WindowBounds,
} from './training/train-model.ts';
export { CHECKPOINT_FILE, readTrainingHistory, type TrainingProgress } from './training/train-network.ts';
export { trainingCurves } from './training/training-curves.ts';
export {
  FIT_WINDOWS,
  type FitSpans,
  type FitWindowName,
  type FitWindowRequests,
  type FitWindows,
  splitFitWindows,
  type WalkForwardOptions,
  walkForwardFolds,
  walkForwardSpans,
} from './walk-forward-folds.ts';
