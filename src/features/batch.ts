import { type ColumnRequest, type Columns, computeColumns } from './columns.ts';
import { type FeatureSet, featureSet } from './feature-set.ts';

export interface FeatureRequest extends ColumnRequest {
  /** By default the whole catalogue. */
  readonly featureSet?: FeatureSet;
}

/** Features of many symbols on one 15-minute grid, NaN = masked. */
export interface FeatureColumns extends Columns {
  readonly featureSetHash: string;
  /** [width] */
  readonly names: readonly string[];
}

/**
 * Computes features over columns of bars with the kernels of the live engine: equal bit for bit to what the FeatureEngineer says of
 * the same bars. Memory: the output, and some 12 bytes per symbol and bar.
 * @throws MinutehandError FEATURE_BARS_INVALID when bars are off their common grid or not ascending; FEATURE_REFERENCE_UNKNOWN
 */
export function computeFeatures(request: FeatureRequest): FeatureColumns {
  const set = request.featureSet ?? featureSet();
  return { ...computeColumns(set.features, request), featureSetHash: set.hash, names: set.names };
}
