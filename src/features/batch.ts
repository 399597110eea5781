import { computeColumnsInParallel } from './column-workers.ts';
import { type ColumnRequest, type Columns, computeColumns } from './columns.ts';
import { CATALOGUE, type FeatureSet, featureSet } from './feature-set.ts';

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

/**
 * The same numbers, bit for bit, computed by worker threads: the series symbol by symbol, then the panel by stretches of time. Features that
 * are not of the catalogue are computed on this thread.
 * @param threads how many workers; 1 needs none
 * @throws MinutehandError as {@link computeFeatures}
 */
export async function computeFeaturesInParallel(request: FeatureRequest, threads: number): Promise<FeatureColumns> {
  const set = request.featureSet ?? featureSet();
  if (threads < 2 || set.features.some((feature) => !CATALOGUE.includes(feature))) return computeFeatures(request);
  const columns = await computeColumnsInParallel(set.names, request, threads);
  return { ...columns, featureSetHash: set.hash, names: set.names };
}
