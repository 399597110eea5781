import { at64 } from '../core/index.ts';

/** From here on a population counts as shifted. */
export const SHIFTED = 0.25;

const BINS = 10;
/** With fewer values in one of the parts, chance alone gives a tenth and more. */
const FEWEST_VALUES = 200;

/**
 * Population stability index of two samples: Σ (q - p)·ln(q/p) over ten bins that hold a tenth of the first sample each; p and q are the
 * shares of the first and the last sample in a bin, an empty one counting as half a value. Below 0.1 nothing has changed to speak of, up to
 * 0.25 something has, above that the population is another (Siddiqi, Credit Risk Scorecards, 2006).
 * @returns undefined when either sample has fewer than 200 values
 */
export function stabilityIndex(first: Float64Array, last: Float64Array): number | undefined {
  if (first.length < FEWEST_VALUES || last.length < FEWEST_VALUES) return undefined;
  const ascending = first.slice().sort();
  const tenths = Array.from({ length: BINS - 1 }, (_, bin) =>
    at64(ascending, Math.floor(((bin + 1) * ascending.length) / BINS)),
  );
  // A value that many rows share fills several tenths: they are one bin.
  const edges = Float64Array.from(new Set(tenths));
  const before = sharesOf(first, edges);
  const after = sharesOf(last, edges);
  let index = 0;
  before.forEach((p, bin) => {
    const q = at64(after, bin);
    index += (q - p) * Math.log(q / p);
  });
  return index;
}

/** Shares of the values up to each edge and above the one before, and of those above the last. */
function sharesOf(values: Float64Array, edges: Float64Array): Float64Array {
  const shares = new Float64Array(edges.length + 1);
  for (const value of values) {
    let bin = 0;
    while (bin < edges.length && value > at64(edges, bin)) bin++;
    shares[bin] = at64(shares, bin) + 1;
  }
  return shares.map((count) => Math.max(count, 0.5) / values.length);
}
