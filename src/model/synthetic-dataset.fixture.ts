import { allocateBars, type BarColumns, createRandom } from '../core/index.ts';
import { BAR_MS, type Dataset } from './dataset.ts';

export interface SyntheticOptions {
  readonly seed: string | number;
  readonly symbols: number;
  readonly rows: number;
  readonly width: number;
  /** Return per bar and unit of feature 0, as a fraction of the bar's standard deviation; 0 = nothing to find. */
  readonly edge: number;
}

/** Standard deviation of one bar's return. */
export const BAR_DEVIATION = 0.004;
const START = Date.UTC(2025, 0, 1);

/**
 * A market whose next bar's return is edge x feature 0 + noise, with feature 0 slow (AR 0.97) and feature 1 the logarithm of the
 * volatility; the others are noise, and every 97th value is masked.
 */
export function syntheticDataset({ seed, symbols, rows, width, edge }: SyntheticOptions): Dataset {
  const random = createRandom(seed);
  const names = Array.from({ length: symbols }, (_, index) => `S${String(index).padStart(2, '0')}USDT`);
  const features = new Map<string, Float32Array>();
  const bars = new Map<string, BarColumns>();
  for (const symbol of names) {
    const own = random.fork(symbol);
    const values = new Float32Array(rows * width);
    const columns = allocateBars(rows);
    let close = 100;
    let signal = 0;
    let volatility = 0;
    for (let row = 0; row < rows; row++) {
      columns.openTime[row] = START + row * BAR_MS;
      columns.open[row] = close;
      // The bar moves by what the features said at its open: the row before.
      const move = BAR_DEVIATION * Math.exp(volatility) * (edge * signal + own.normal());
      const next = close * Math.exp(move);
      const wick = BAR_DEVIATION * Math.exp(volatility) * close * 0.3;
      columns.high[row] = Math.max(close, next) + wick * own.uniform();
      columns.low[row] = Math.min(close, next) - wick * own.uniform();
      columns.close[row] = next;
      columns.volume[row] = 1;
      close = next;
      signal = 0.97 * signal + Math.sqrt(1 - 0.97 ** 2) * own.normal();
      volatility = 0.98 * volatility + 0.1 * own.normal();
      for (let j = 0; j < width; j++) values[row * width + j] = j === 0 ? signal : j === 1 ? volatility : own.normal();
    }
    for (let at = 5; at < values.length; at += 97) if (at % width > 1) values[at] = Number.NaN;
    features.set(symbol, values);
    bars.set(symbol, columns);
  }
  return {
    featureSetHash: `synthetic-${width}`,
    featureNames: Array.from({ length: width }, (_, index) => (index === 1 ? 'vol_96' : `f${index}`)),
    symbols: names,
    times: Float64Array.from({ length: rows }, (_, row) => START + (row + 1) * BAR_MS),
    width,
    features,
    bars,
  };
}
