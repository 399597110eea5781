import { at64, atByte, type Random } from '../core/index.ts';
import { unitRanks } from './targets.ts';

/** Probabilities below this count as this in a log-loss. */
const SMALLEST_PROBABILITY = 1e-7;
const CALIBRATION_BINS = 15;

/** Mean negative log-likelihood, nats, of `probabilities` [rows, classes]. */
export function logLoss(probabilities: Float64Array, classes: number, labels: Uint8Array): number {
  let loss = 0;
  for (let row = 0; row < labels.length; row++) {
    loss -= Math.log(Math.max(SMALLEST_PROBABILITY, at64(probabilities, row * classes + atByte(labels, row))));
  }
  return loss / labels.length;
}

/** Mean squared distance of the probability vector from the outcome, summed over the classes (Brier 1950). */
export function brierScore(probabilities: Float64Array, classes: number, labels: Uint8Array): number {
  let sum = 0;
  for (let row = 0; row < labels.length; row++) {
    for (let k = 0; k < classes; k++) {
      sum += (at64(probabilities, row * classes + k) - (atByte(labels, row) === k ? 1 : 0)) ** 2;
    }
  }
  return sum / labels.length;
}

/**
 * Expected calibration error: the mean over classes of |mean probability - frequency| over 15 equal bins of probability, weighted by
 * rows (classwise ECE, Kull et al. 2019).
 */
export function calibrationError(probabilities: Float64Array, classes: number, labels: Uint8Array): number {
  let total = 0;
  for (let k = 0; k < classes; k++) {
    const gaps = new Float64Array(CALIBRATION_BINS);
    for (let row = 0; row < labels.length; row++) {
      const p = at64(probabilities, row * classes + k);
      const bin = Math.min(CALIBRATION_BINS - 1, Math.floor(p * CALIBRATION_BINS));
      gaps[bin] = at64(gaps, bin) + p - (atByte(labels, row) === k ? 1 : 0);
    }
    for (let bin = 0; bin < CALIBRATION_BINS; bin++) total += Math.abs(at64(gaps, bin)) / labels.length;
  }
  return total / classes;
}

/** Spearman's rank correlation; NaN below two values or where one side is constant. */
export function spearman(first: readonly number[], second: readonly number[]): number {
  const a = unitRanks(first);
  const b = unitRanks(second);
  let product = 0;
  let squareA = 0;
  let squareB = 0;
  for (let i = 0; i < a.length; i++) {
    const x = (a[i] ?? 0.5) - 0.5;
    const y = (b[i] ?? 0.5) - 0.5;
    product += x * y;
    squareA += x * x;
    squareB += y * y;
  }
  return squareA > 0 && squareB > 0 ? product / Math.sqrt(squareA * squareB) : Number.NaN;
}

/** A mean with a 95 % interval over `blocks` resampled blocks; null where there is too little to say. */
export interface Estimate {
  readonly mean: number | null;
  readonly low: number | null;
  readonly high: number | null;
  readonly blocks: number;
}

/** Below this many blocks an interval would pretend to know. */
export const FEWEST_BLOCKS = 5;
const RESAMPLES = 1000;

/**
 * The mean of values whose time blocks (days) are resampled whole, `runLength` blocks in a row (circular block bootstrap, Politis and
 * Romano 1992): values of one time or one day are not independent.
 */
export function bootstrapMean(values: Float64Array, blockOf: Int32Array, random: Random, runLength = 1): Estimate {
  const sums = new Map<number, { sum: number; count: number }>();
  for (let i = 0; i < values.length; i++) {
    const value = at64(values, i);
    if (Number.isNaN(value)) continue;
    const block = blockOf[i] ?? 0;
    const entry = sums.get(block) ?? { sum: 0, count: 0 };
    entry.sum += value;
    entry.count++;
    sums.set(block, entry);
  }
  const blocks = [...sums.entries()].sort((a, b) => a[0] - b[0]).map(([, entry]) => entry);
  if (blocks.length === 0) return { mean: null, low: null, high: null, blocks: 0 };
  const meanOf = (chosen: readonly { sum: number; count: number }[]) => {
    const total = chosen.reduce((sum, entry) => sum + entry.sum, 0);
    return total / chosen.reduce((sum, entry) => sum + entry.count, 0);
  };
  const mean = meanOf(blocks);
  if (blocks.length < FEWEST_BLOCKS) return { mean, low: null, high: null, blocks: blocks.length };
  const means: number[] = [];
  for (let resample = 0; resample < RESAMPLES; resample++) {
    const chosen: { sum: number; count: number }[] = [];
    while (chosen.length < blocks.length) {
      const start = random.integer(blocks.length);
      for (let i = 0; i < runLength && chosen.length < blocks.length; i++) {
        const entry = blocks[(start + i) % blocks.length];
        if (entry) chosen.push(entry);
      }
    }
    means.push(meanOf(chosen));
  }
  means.sort((a, b) => a - b);
  return { mean, low: quantile(means, 0.025), high: quantile(means, 0.975), blocks: blocks.length };
}

/** Quantile of ascending values, linear between order statistics; NaN of none. */
export function quantile(ascending: ArrayLike<number>, share: number): number {
  const position = (ascending.length - 1) * share;
  const below = Math.floor(position);
  const low = ascending[below] ?? Number.NaN;
  const high = ascending[Math.min(below + 1, ascending.length - 1)] ?? low;
  return low + (high - low) * (position - below);
}
