import { describe, expect, it } from 'vitest';
import { createRandom } from '../core/index.ts';
import { bootstrapMean, brierScore, calibrationError, logLoss, quantile, spearman } from './scores.ts';

describe('scores of probabilities', () => {
  const labels = Uint8Array.from([0, 1, 1, 2]);

  it('are 0 for certain and right, and those of the base rate for constant forecasts', () => {
    const certain = Float64Array.from([1, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 1]);
    expect(logLoss(certain, 3, labels)).toBeCloseTo(0, 12);
    expect(brierScore(certain, 3, labels)).toBe(0);
    expect(calibrationError(certain, 3, labels)).toBe(0);
    const rates = Float64Array.from({ length: 12 }, (_, index) => [0.25, 0.5, 0.25][index % 3] ?? 0);
    expect(logLoss(rates, 3, labels)).toBeCloseTo(-(2 * Math.log(0.25) + 2 * Math.log(0.5)) / 4, 12);
    expect(calibrationError(rates, 3, labels)).toBeCloseTo(0, 12);
  });

  it('measure how far probabilities are from frequencies', () => {
    const always = Float64Array.from([0.1, 0.9, 0.1, 0.9]);
    expect(calibrationError(always, 2, Uint8Array.from([0, 1]))).toBeCloseTo(0.4, 12);
    expect(brierScore(always, 2, Uint8Array.from([0, 1]))).toBeCloseTo((2 * 0.81 + 2 * 0.01) / 2, 12);
  });
});

describe('spearman', () => {
  it('is the correlation of the ranks', () => {
    expect(spearman([1, 2, 3, 4], [10, 20, 30, 400])).toBeCloseTo(1, 12);
    expect(spearman([1, 2, 3, 4], [4, 3, 2, 1])).toBeCloseTo(-1, 12);
    expect(spearman([1, 2, 3, 4, 5], [2, 1, 4, 3, 5])).toBeCloseTo(0.8, 12);
    expect(spearman([1, 1, 1], [1, 2, 3])).toBeNaN();
  });
});

describe('bootstrapMean', () => {
  it('covers the mean of independent blocks about as often as it claims', () => {
    let covered = 0;
    for (let trial = 0; trial < 100; trial++) {
      const random = createRandom(`trial ${trial}`);
      const blockOf = Int32Array.from({ length: 400 }, (_, index) => Math.floor(index / 10));
      const shift = Float64Array.from({ length: 40 }, () => random.normal());
      const values = Float64Array.from(blockOf, (block) => (shift[block] ?? 0) + 0.1 * random.normal());
      const { low, high } = bootstrapMean(values, blockOf, random.fork('bootstrap'));
      if ((low ?? 0) <= 0 && (high ?? 0) >= 0) covered++;
    }
    expect(covered).toBeGreaterThanOrEqual(86);
    expect(covered).toBeLessThanOrEqual(100);
  });

  it('gives no interval below five blocks, and nothing of nothing', () => {
    const two = bootstrapMean(Float64Array.from([1, 3]), Int32Array.from([0, 1]), createRandom(1));
    expect(two).toEqual({ mean: 2, low: null, high: null, blocks: 2 });
    expect(bootstrapMean(Float64Array.from([Number.NaN]), Int32Array.from([0]), createRandom(1)).mean).toBeNull();
  });
});

describe('quantile', () => {
  it('is linear between order statistics', () => {
    expect(quantile([1, 2, 3, 4], 0.5)).toBe(2.5);
    expect(quantile([1, 2, 3, 4], 1)).toBe(4);
    expect(quantile([], 0.5)).toBeNaN();
  });
});
