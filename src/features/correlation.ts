import { at64 } from '../core/index.ts';

/** The earlier column that a column goes with most. */
export interface Partner {
  readonly column: number;
  readonly correlation: number;
  /** Rows in which both are known. */
  readonly rows: number;
}

/** Fewer common rows say nothing. */
const FEWEST_ROWS = 30;
/** Rows worked on at once: a block of all columns stays in the cache. */
const BLOCK = 512;

/**
 * For each column the earlier one of the greatest absolute correlation, if that is above the limit: over the rows in which both are
 * known (NaN = not). `undefined` for a column leaves it out.
 *
 * Columns become z-scores with 0 where unknown, so that one product of the whole matrix with itself gives the mixed sums of every pair. The
 * sums of one column over the rows of another depend on the other's mask alone, and few masks differ.
 */
export function strongestPartners(
  columns: readonly (Float64Array | undefined)[],
  limit: number,
): (Partner | undefined)[] {
  const rows = columns.find((values) => values !== undefined)?.length ?? 0;
  const kept = columns.flatMap((values, column) => {
    const scores = values && scoresOf(values);
    return values && scores ? [{ column, scores, values }] : [];
  });
  const scores = kept.map((one) => one.scores);
  const { masks, maskOf } = distinctMasks(kept.map(({ values }) => values));
  const products = mixedSums(scores, rows);
  const sums = sumsUnder(scores, masks, (score) => score);
  const squares = sumsUnder(scores, masks, (score) => score * score);
  const counts = sumsUnder(masks, masks, (known) => known);
  const partners: (Partner | undefined)[] = columns.map(() => undefined);
  const entry = (matrix: Float64Array, i: number, mask: number) => at64(matrix, i * masks.length + mask);
  for (let j = 1; j < kept.length; j++) {
    const maskJ = maskOf[j] ?? 0;
    let best: Partner | undefined;
    for (let i = 0; i < j; i++) {
      const maskI = maskOf[i] ?? 0;
      const n = entry(counts, maskI, maskJ);
      if (n < FEWEST_ROWS) continue;
      const [sumI, sumJ] = [entry(sums, i, maskJ), entry(sums, j, maskI)];
      const varianceI = entry(squares, i, maskJ) - (sumI * sumI) / n;
      const varianceJ = entry(squares, j, maskI) - (sumJ * sumJ) / n;
      // Constant where both are known: correlated with nothing.
      if (varianceI <= 1e-9 * n || varianceJ <= 1e-9 * n) continue;
      const correlation = (at64(products, i * kept.length + j) - (sumI * sumJ) / n) / Math.sqrt(varianceI * varianceJ);
      const isStronger = Math.abs(correlation) > Math.abs(best?.correlation ?? 0);
      if (isStronger) best = { column: kept[i]?.column ?? 0, correlation, rows: n };
    }
    const column = kept[j]?.column;
    if (column !== undefined && best && Math.abs(best.correlation) > limit) partners[column] = best;
  }
  return partners;
}

/** (value - mean) / deviation, 0 where unknown; undefined without any spread. */
function scoresOf(values: Float64Array): Float64Array | undefined {
  const known = values.filter((value) => !Number.isNaN(value));
  const mean = known.reduce((sum, value) => sum + value, 0) / known.length;
  const deviation = Math.sqrt(known.reduce((sum, value) => sum + (value - mean) ** 2, 0) / known.length);
  if (!(deviation > 0)) return undefined;
  return values.map((value) => (Number.isNaN(value) ? 0 : (value - mean) / deviation));
}

/** The masks that occur (1 = known), and which of them each column has. */
function distinctMasks(columns: readonly Float64Array[]): { masks: Float64Array[]; maskOf: number[] } {
  const masks: Float64Array[] = [];
  const maskOf = columns.map((values) => {
    const mask = values.map((value) => (Number.isNaN(value) ? 0 : 1));
    const found = masks.findIndex((other) => other.every((known, row) => known === at64(mask, row)));
    return found < 0 ? masks.push(mask) - 1 : found;
  });
  return { masks, maskOf };
}

/** Σ xᵢ·xⱼ for i < j, row-major [columns, columns]. */
function mixedSums(columns: readonly Float64Array[], rows: number): Float64Array {
  const size = columns.length;
  const sums = new Float64Array(size * size);
  for (let from = 0; from < rows; from += BLOCK) {
    const block = columns.map((values) => values.subarray(from, Math.min(from + BLOCK, rows)));
    block.forEach((x, i) => {
      let j = i + 1;
      // Four at a time: what is loaded of x serves all of them.
      for (; j + 3 < size; j += 4) addFour(x, block, j, sums, i * size + j);
      for (; j < size; j++) sums[i * size + j] = at64(sums, i * size + j) + product(x, block[j] ?? x);
    });
  }
  return sums;
}

function addFour(x: Float64Array, block: readonly Float64Array[], j: number, sums: Float64Array, at: number): void {
  const a = block[j] ?? x;
  const b = block[j + 1] ?? x;
  const c = block[j + 2] ?? x;
  const d = block[j + 3] ?? x;
  let [sumA, sumB, sumC, sumD] = [0, 0, 0, 0];
  for (let row = 0; row < x.length; row++) {
    const value = at64(x, row);
    sumA += value * at64(a, row);
    sumB += value * at64(b, row);
    sumC += value * at64(c, row);
    sumD += value * at64(d, row);
  }
  sums[at] = at64(sums, at) + sumA;
  sums[at + 1] = at64(sums, at + 1) + sumB;
  sums[at + 2] = at64(sums, at + 2) + sumC;
  sums[at + 3] = at64(sums, at + 3) + sumD;
}

function product(x: Float64Array, y: Float64Array): number {
  let sum = 0;
  for (let row = 0; row < x.length; row++) sum += at64(x, row) * at64(y, row);
  return sum;
}

/** Σ of(x) of each column over the rows of each mask, row-major [columns, masks]. */
function sumsUnder(
  columns: readonly Float64Array[],
  masks: readonly Float64Array[],
  of: (value: number) => number,
): Float64Array {
  const sums = new Float64Array(columns.length * masks.length);
  columns.forEach((values, i) => {
    const terms = values.map(of);
    masks.forEach((mask, k) => {
      sums[i * masks.length + k] = product(terms, mask);
    });
  });
  return sums;
}
