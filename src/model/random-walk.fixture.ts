import { allocateBars, type BarColumns, createRandom } from '../core/index.ts';
import { BAR_MS } from './dataset.ts';

/** Close of row 0. */
export const START = Date.UTC(2025, 3, 1);

export const grid = (rows: number): Float64Array =>
  Float64Array.from({ length: rows }, (_, row) => START + row * BAR_MS);

/** Bars of a random walk; rows in `missing` are left out. */
export function walk(seed: number, rows: number, missing: ReadonlySet<number> = new Set()): BarColumns {
  const random = createRandom(seed);
  const kept = Array.from({ length: rows }, (_, row) => row).filter((row) => !missing.has(row));
  const bars = allocateBars(kept.length);
  let close = 50;
  let at = 0;
  for (let row = 0; row < rows; row++) {
    close *= Math.exp(0.006 * random.normal());
    const high = close * (1 + 0.004 * random.uniform());
    const low = close * (1 - 0.004 * random.uniform());
    if (missing.has(row)) continue;
    bars.openTime[at] = START + (row - 1) * BAR_MS;
    bars.close[at] = close;
    bars.high[at] = high;
    bars.low[at] = low;
    at++;
  }
  return bars;
}
