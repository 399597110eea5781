import { describe, expect, it } from 'vitest';
import { gatherRows, lessMarket, thinRows, timeGroups } from './design-matrix.ts';
import { syntheticDataset } from './synthetic-dataset.fixture.ts';
import { computeTargets } from './targets.ts';

const dataset = syntheticDataset({ seed: 2, symbols: 6, rows: 2100, width: 4, edge: 0 });
const targets = computeTargets(dataset);
const whole = { firstRow: 0, endRow: dataset.times.length };
const quarterOf = (time: number) => (time / 900_000) % 96;

describe('gatherRows', () => {
  it('takes every row whose targets are known, time by time', () => {
    const matrix = gatherRows(dataset, targets, whole, 1e6);
    expect(matrix.rows).toBe((2100 - 96) * 6);
    expect([...matrix.times].every((time, row) => row === 0 || time >= (matrix.times[row - 1] ?? 0))).toBe(true);
    expect(matrix.targets.every(Number.isFinite)).toBe(true);
    expect(matrix.features.subarray(0, 4)).toEqual(dataset.features.get('S00USDT')?.subarray(0, 4));
  });

  it('leaves out rows of which more than half is masked', () => {
    const features = new Map([...dataset.features].map(([symbol, values]) => [symbol, Float32Array.from(values)]));
    features.get('S01USDT')?.fill(Number.NaN, 10 * 4, 10 * 4 + 3);
    const matrix = gatherRows({ ...dataset, features }, targets, whole, 1e6);
    expect(matrix.rows).toBe((2100 - 96) * 6 - 1);
  });

  it('thins by whole times, and keeps every time of day', () => {
    for (const matrix of [
      gatherRows(dataset, targets, whole, 3000),
      thinRows(gatherRows(dataset, targets, whole, 1e6), 3000),
    ]) {
      expect(Math.abs(matrix.rows - 3000)).toBeLessThan(30);
      expect(timeGroups(matrix.times).every(([from, to]) => to - from === 6)).toBe(true);
      expect(new Set([...matrix.times].map(quarterOf)).size).toBe(96);
    }
  });
});

describe('lessMarket', () => {
  it('removes the mean of each cross-section of five and more', () => {
    const values = Float64Array.from([1, 2, 3, 4, 5, 10, 20]);
    expect([
      ...lessMarket(values, [
        [0, 5],
        [5, 7],
      ]),
    ]).toEqual([-2, -1, 0, 1, 2, 10, 20]);
  });
});
