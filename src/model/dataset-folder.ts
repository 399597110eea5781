import { availableParallelism } from 'node:os';
import {
  at64,
  type BarColumns,
  barsBetween,
  type EpochMs,
  formatTime,
  HOUR_MS,
  MinutehandError,
  type SymbolId,
} from '../core/index.ts';
import { computeFeaturesInParallel, type FeatureSet, requiredHistory } from '../features/index.ts';
import { readFolderBars } from '../marketfiles/index.ts';
import { BAR_MS, type Dataset } from './dataset.ts';

export interface DatasetFolderRequest {
  /** Candle files of 15 minutes. */
  readonly directory: string;
  /** That many of the largest by dollar volume of the folder's first 30 days, or these. */
  readonly symbols: number | readonly SymbolId[];
  /** BTC, ETH: used as far as they are among the symbols. */
  readonly references: readonly SymbolId[];
  /**
   * Close of the first row's bar or a time before it. By default the first time at which every symbol has begun; where the symbols were
   * chosen by their volume, not before the end of the time it was summed over, so that no row knows who was to be large.
   */
  readonly from?: EpochMs;
  /** Bars that close later are not read: not by features, not by targets. By default all are. */
  readonly until?: EpochMs;
  /** By default the whole catalogue. */
  readonly featureSet?: FeatureSet;
  /** Threads; by default one per core. */
  readonly workers?: number;
  readonly onProgress?: (progress: { readonly stage: 'bars' | 'features'; done: number; total: number }) => void;
}

/**
 * Reads a folder of 15-minute candle files and computes the features of its symbols. Bars of the {@link requiredHistory} before `from` warm
 * the features up, as they do when the engine starts; the 1h bars of the slow ones are four clock-aligned quarters each.
 * Memory: the features, once (4 bytes x symbols x rows x features), and some hundred megabytes of bars while they are read.
 * @throws MinutehandError as readFolderBars; DATASET_TOO_SHORT when no bar closes between `from` and `until`; FEATURE_BARS_INVALID
 */
export async function readDatasetFolder(request: DatasetFolderRequest): Promise<Dataset> {
  const { references, workers = availableParallelism(), onProgress } = request;
  const { bars, from } = await readBars(request);
  const features = await computeFeaturesInParallel(
    {
      bars15m: bars,
      references: references.filter((symbol) => bars.has(symbol)),
      from,
      ...(request.featureSet ? { featureSet: request.featureSet } : {}),
      onProgress: (done, total) => onProgress?.({ stage: 'features', done, total }),
    },
    workers,
  );
  if (features.times.length === 0) throw tooShort(request);
  return {
    featureSetHash: features.featureSetHash,
    featureNames: features.names,
    symbols: features.symbols,
    times: features.times,
    width: features.width,
    features: features.values,
    bars,
  };
}

/**
 * The times of the rows that {@link readDatasetFolder} would give, without computing their features.
 * @throws MinutehandError as readFolderBars; DATASET_TOO_SHORT when no bar closes between `from` and `until`
 */
export async function readDatasetTimes(request: DatasetFolderRequest): Promise<Float64Array> {
  const { bars, from } = await readBars(request);
  const closes = [...bars.values()].flatMap(({ openTime, length }) =>
    length > 0 ? [[at64(openTime, 0) + BAR_MS, at64(openTime, length - 1) + BAR_MS] as const] : [],
  );
  const oldest = Math.min(...closes.map(([first]) => first));
  const newest = Math.max(...closes.map(([, last]) => last));
  const first = oldest + Math.max(0, Math.ceil((from - oldest) / BAR_MS)) * BAR_MS;
  return Float64Array.from({ length: Math.max(0, (newest - first) / BAR_MS + 1) }, (_, row) => first + row * BAR_MS);
}

/** The bars of the rows and of their warm-up, and the close time from which rows count. Nothing else of the folder stays in memory. */
async function readBars(request: DatasetFolderRequest): Promise<{ bars: Map<SymbolId, BarColumns>; from: number }> {
  const { directory, symbols, until, onProgress } = request;
  onProgress?.({ stage: 'bars', done: 0, total: 1 });
  const { bars, chosenAt } = await readFolderBars({ directory, symbols, timeframes: ['15m'] });
  onProgress?.({ stage: 'bars', done: 1, total: 1 });
  const listed = [...bars.values()].filter(({ length }) => length > 0);
  const begun = Math.max(...listed.map(({ openTime }) => at64(openTime, 0) + BAR_MS));
  const from = request.from ?? Math.max(begun, chosenAt ?? begun);
  const newest = Math.max(...listed.map(({ openTime, length }) => at64(openTime, length - 1) + BAR_MS));
  const last = Math.min(newest, until ?? newest);
  if (listed.length === 0 || from > last) throw tooShort(request);
  const opens = [from - requiredHistory().hours * HOUR_MS, last - BAR_MS + 1] as const;
  return { bars: new Map([...bars].map(([symbol, all]) => [symbol, copyOf(barsBetween(all, ...opens))])), from };
}

/** A copy that does not keep the rest of the columns in memory. */
function copyOf(bars: BarColumns): BarColumns {
  return {
    length: bars.length,
    openTime: bars.openTime.slice(),
    open: bars.open.slice(),
    high: bars.high.slice(),
    low: bars.low.slice(),
    close: bars.close.slice(),
    volume: bars.volume.slice(),
    quoteVolume: bars.quoteVolume.slice(),
    takerBuyVolume: bars.takerBuyVolume.slice(),
  };
}

function tooShort({ directory, from, until }: DatasetFolderRequest): MinutehandError {
  const start = from === undefined ? 'once all symbols have begun and are chosen' : `from ${formatTime(from)} on`;
  return new MinutehandError(
    'DATASET_TOO_SHORT',
    `${directory} holds no bars ${start}${until === undefined ? '' : `, until ${formatTime(until)}`}`,
    'Name an earlier start or a later end, or leave out symbols that began late.',
    { exitCode: 2 },
  );
}
