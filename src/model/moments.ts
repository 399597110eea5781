import { at32, at64 } from '../core/index.ts';

/**
 * Sums of products of rows [x, 1, y]: all that least squares needs of the data, so that any number of penalties, targets and held-out
 * errors costs one pass. Row-major [size, size], size = width + 1 + targets, upper triangle; of y only with x and 1 and itself.
 */
export interface Moments {
  readonly width: number;
  readonly targets: number;
  readonly sums: Float64Array;
}

/** Rows worked on at once: four products for each load and store of a sum. */
const BLOCK = 4;

/** Sums over rows [from, to) of `features` [rows, width] and `values` [rows, targets]. */
export function accumulateMoments(
  features: Float32Array,
  width: number,
  values: Float32Array,
  targets: number,
  from: number,
  to: number,
): Moments {
  const size = width + 1 + targets;
  const sums = new Float64Array(size * size);
  const a = new Float64Array(size);
  const b = new Float64Array(size);
  const c = new Float64Array(size);
  const d = new Float64Array(size);
  const blocks = [a, b, c, d];
  for (let row = from; row < to; row += BLOCK) {
    for (let k = 0; k < BLOCK; k++) loadRow(blocks[k] ?? a, features, width, values, targets, row + k, to);
    // Two rows of sums at a time: what is loaded of the block serves both.
    for (let i = 0; i <= width; i += 2) {
      addOuter(sums, size, i, Math.min(i + 1, width), a, b, c, d);
    }
    for (let i = width + 1; i < size; i++) {
      const at = i * size + i;
      sums[at] = at64(sums, at) + at64(a, i) ** 2 + at64(b, i) ** 2 + at64(c, i) ** 2 + at64(d, i) ** 2;
    }
  }
  return { width, targets, sums };
}

/** Adds the products of entries i and k (i, i + 1, or twice i at the end) with all from i on. */
function addOuter(
  sums: Float64Array,
  size: number,
  i: number,
  k: number,
  a: Float64Array,
  b: Float64Array,
  c: Float64Array,
  d: Float64Array,
): void {
  const ai = at64(a, i);
  const bi = at64(b, i);
  const ci = at64(c, i);
  const di = at64(d, i);
  const first = i * size;
  if (i === k) {
    for (let j = i; j < size; j++) {
      sums[first + j] = at64(sums, first + j) + ai * at64(a, j) + bi * at64(b, j) + ci * at64(c, j) + di * at64(d, j);
    }
    return;
  }
  const ak = at64(a, k);
  const bk = at64(b, k);
  const ck = at64(c, k);
  const dk = at64(d, k);
  const second = k * size;
  // Entry (k, i) lies below the diagonal; it is written and never read.
  for (let j = i; j < size; j++) {
    const aj = at64(a, j);
    const bj = at64(b, j);
    const cj = at64(c, j);
    const dj = at64(d, j);
    sums[first + j] = at64(sums, first + j) + ai * aj + bi * bj + ci * cj + di * dj;
    sums[second + j] = at64(sums, second + j) + ak * aj + bk * bj + ck * cj + dk * dj;
  }
}

/** Moments of the union of disjoint sets of rows. */
export function addMoments(first: Moments, ...others: readonly Moments[]): Moments {
  const sums = Float64Array.from(first.sums);
  for (const other of others) for (let i = 0; i < sums.length; i++) sums[i] = at64(sums, i) + at64(other.sums, i);
  return { ...first, sums };
}

const sizeOf = (moments: Moments): number => moments.width + 1 + moments.targets;
const entry = (moments: Moments, i: number, j: number): number => at64(moments.sums, i * sizeOf(moments) + j);

export const rowCount = (moments: Moments): number => entry(moments, moments.width, moments.width);

/** Means, standard deviations and correlations of the features; constant features have deviation 0 and correlate with nothing. */
export interface Standardisation {
  readonly mean: Float64Array;
  readonly deviation: Float64Array;
  /** [width, width], symmetric, unit diagonal. */
  readonly correlation: Float64Array;
}

/** Deviations below this are rounding of a constant: features are scaled to about 1 before they come here. */
const CONSTANT_DEVIATION = 1e-6;

export function standardise(moments: Moments): Standardisation {
  const { width } = moments;
  const count = rowCount(moments);
  const mean = new Float64Array(width);
  const deviation = new Float64Array(width);
  for (let i = 0; i < width; i++) {
    mean[i] = entry(moments, i, width) / count;
    const variance = entry(moments, i, i) / count - at64(mean, i) ** 2;
    const root = Math.sqrt(Math.max(0, variance));
    deviation[i] = root > CONSTANT_DEVIATION ? root : 0;
  }
  const correlation = new Float64Array(width * width);
  for (let i = 0; i < width; i++) {
    correlation[i * width + i] = 1;
    for (let j = i + 1; j < width; j++) {
      const scale = at64(deviation, i) * at64(deviation, j);
      if (scale === 0) continue;
      const value = (entry(moments, i, j) / count - at64(mean, i) * at64(mean, j)) / scale;
      correlation[i * width + j] = value;
      correlation[j * width + i] = value;
    }
  }
  return { mean, deviation, correlation };
}

export const targetMean = (moments: Moments, target: number): number =>
  entry(moments, moments.width, moments.width + 1 + target) / rowCount(moments);

/** Covariance of each standardised feature with a target; 0 for constant features. */
export function targetCovariance(moments: Moments, standard: Standardisation, target: number): Float64Array {
  const { width } = moments;
  const count = rowCount(moments);
  const mean = targetMean(moments, target);
  const covariance = new Float64Array(width);
  for (let i = 0; i < width; i++) {
    const deviation = at64(standard.deviation, i);
    if (deviation === 0) continue;
    covariance[i] = (entry(moments, i, width + 1 + target) / count - at64(standard.mean, i) * mean) / deviation;
  }
  return covariance;
}

/** Mean squared error of y against weights . x + bias over the rows of the moments. */
export function squaredError(moments: Moments, target: number, weights: Float64Array, bias: number): number {
  const { width } = moments;
  const y = width + 1 + target;
  let sum = entry(moments, y, y) - 2 * bias * entry(moments, width, y) + bias * bias * rowCount(moments);
  for (let i = 0; i < width; i++) {
    const wi = at64(weights, i);
    if (wi === 0) continue;
    let inner = at64(weights, i) * entry(moments, i, i);
    for (let j = i + 1; j < width; j++) inner += 2 * at64(weights, j) * entry(moments, i, j);
    sum += wi * (inner + 2 * bias * entry(moments, i, width) - 2 * entry(moments, i, y));
  }
  return sum / rowCount(moments);
}

/** Copies [x, 1, y] of a row; a row past the end counts as all zeros. */
function loadRow(
  into: Float64Array,
  features: Float32Array,
  width: number,
  values: Float32Array,
  targets: number,
  row: number,
  end: number,
): void {
  if (row >= end) {
    into.fill(0);
    return;
  }
  for (let j = 0; j < width; j++) into[j] = at32(features, row * width + j);
  into[width] = 1;
  for (let j = 0; j < targets; j++) into[width + 1 + j] = at32(values, row * targets + j);
}
