export * from './audit/index.ts';
export { computeFeatures, computeFeaturesInParallel, type FeatureColumns, type FeatureRequest } from './batch.ts';
export {
  DataProcessor,
  type DataProcessorParts,
  type FeatureStore,
  type RebuildReport,
  type RebuildRequest,
} from './data-processor.ts';
export type { CrossFeature, Feature, FeatureStage, SeriesFeature } from './feature.ts';
export {
  createFeatureEngineer,
  type FeatureEngineer,
  type FeatureEngineerOptions,
  type SymbolWarmUp,
  type WarmUpStatus,
} from './feature-engineer.ts';
export {
  type FeatureFault,
  type FeatureFaultKind,
  type FeatureQualityOptions,
  featureQuality,
} from './feature-quality.ts';
export { type RawMarketData, type RebuildPlan, rebuildRows } from './feature-rebuild.ts';
export { featureRowsOf, rowsOfMinute } from './feature-rows.ts';
export {
  CATALOGUE,
  describeFeature,
  type FeatureDescription,
  type FeatureSet,
  featureSet,
  requiredHistory,
} from './feature-set.ts';
export { featureTable, rangeText, warmUpText } from './feature-table.ts';
export * from './indicators/index.ts';
export {
  applyScaler,
  fitScaler,
  isModelInput,
  LEAST_KNOWN_SHARE,
  parseScaler,
  SCALER_VERSION,
  type Scaler,
  type ScalerKind,
  type ScalerOptions,
  scaleColumns,
} from './scaler.ts';
export { sectorOf } from './sectors.ts';
