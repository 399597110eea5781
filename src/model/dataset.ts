import { createHash } from 'node:crypto';
import { at64, type BarColumns, durationOf, MinutehandError, type SymbolId } from '../core/index.ts';

/** The bar that the roadmap's horizons count in. */
export const BAR_MS: number = durationOf('15m');

/** What a model is fitted and judged on: features and bars of many symbols on one 15-minute grid. */
export interface Dataset {
  readonly featureSetHash: string;
  /** [width] */
  readonly featureNames: readonly string[];
  /** In canonical order (the universe's). */
  readonly symbols: readonly SymbolId[];
  /** Closes of the bars, epoch milliseconds: each 15 minutes after the one before, without a hole. */
  readonly times: Float64Array;
  readonly width: number;
  /** Per symbol, row-major [times, width]; NaN = masked. A row belongs to the bar that closes at its time. */
  readonly features: ReadonlyMap<SymbolId, Float32Array>;
  /** Closed 15-minute bars per symbol, ascending; they may begin, end and have holes where they like. */
  readonly bars: ReadonlyMap<SymbolId, BarColumns>;
}

/** Close, high and low of one symbol on the grid of a dataset; NaN where there is no bar. */
export interface AlignedBars {
  readonly close: Float64Array;
  readonly high: Float64Array;
  readonly low: Float64Array;
}

/** @throws MinutehandError DATASET_INVALID when grid, shapes or symbols do not fit together. */
export function checkDataset(dataset: Dataset): void {
  const { times, symbols, width, featureNames, features, bars } = dataset;
  const rows = times.length;
  const invalid = (what: string) =>
    new MinutehandError('DATASET_INVALID', `the dataset is inconsistent: ${what}`, 'Build the dataset again.');
  if (rows === 0 || symbols.length === 0 || width === 0) throw invalid('it has no times, no symbols or no features');
  if (featureNames.length !== width) throw invalid(`${featureNames.length} feature names for a width of ${width}`);
  for (let i = 1; i < rows; i++) {
    if (at64(times, i) - at64(times, i - 1) !== BAR_MS)
      throw invalid(`time ${i} is not 15 minutes after the one before`);
  }
  for (const symbol of symbols) {
    const values = features.get(symbol);
    if (values === undefined || !bars.has(symbol)) throw invalid(`${symbol} has no ${values ? 'bars' : 'features'}`);
    if (values.length !== rows * width) {
      throw invalid(`${symbol} has ${values.length} feature values instead of ${rows} x ${width}`);
    }
  }
}

/** Puts the bars of one symbol on the grid by their close times; bars outside the grid are left out. */
export function alignBars(times: Float64Array, bars: BarColumns): AlignedBars {
  const rows = times.length;
  const column = () => new Float64Array(rows).fill(Number.NaN);
  const aligned = { close: column(), high: column(), low: column() };
  const first = at64(times, 0);
  for (let bar = 0; bar < bars.length; bar++) {
    const row = (at64(bars.openTime, bar) + BAR_MS - first) / BAR_MS;
    if (row < 0 || row >= rows || !Number.isInteger(row)) continue;
    aligned.close[row] = at64(bars.close, bar);
    aligned.high[row] = at64(bars.high, bar);
    aligned.low[row] = at64(bars.low, bar);
  }
  return aligned;
}

/** How many bars without a hole follow bar t; -1 where bar t itself is missing. */
export function barsUntilHole({ close, high, low }: AlignedBars): Float64Array {
  const rows = close.length;
  const unbroken = new Float64Array(rows).fill(-1);
  let run = -1;
  for (let t = rows - 1; t >= 0; t--) {
    const present = at64(close, t) > 0 && at64(high, t) > 0 && at64(low, t) > 0;
    run = present ? run + 1 : -1;
    unbroken[t] = run;
  }
  return unbroken;
}

/** SHA-256 of everything the dataset holds: its provenance in a model's manifest. */
export function hashDataset(dataset: Dataset): string {
  const hash = createHash('sha256');
  hash.update(JSON.stringify([dataset.featureSetHash, dataset.featureNames, dataset.symbols, dataset.width]));
  hash.update(bytesOf(dataset.times));
  for (const symbol of dataset.symbols) {
    const values = dataset.features.get(symbol);
    const bars = dataset.bars.get(symbol);
    if (values) hash.update(bytesOf(values));
    if (bars) for (const column of [bars.openTime, bars.high, bars.low, bars.close]) hash.update(bytesOf(column));
  }
  return hash.digest('hex');
}

const bytesOf = (values: Float64Array | Float32Array): Uint8Array =>
  new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
