import { describe, expect, it } from 'vitest';
import { createRandom } from '../../core/index.ts';
import { resampleDays } from '../../model/index.ts';
import { dayPathsOf, dayPathsOfReturns, drawdownOf, pathOfDraw } from './drawdown.ts';
import { curveOf } from './record.fixture.ts';

const CURVE = curveOf([
  ['2025-03-01T00:00', 100],
  ['2025-03-01T12:00', 120],
  ['2025-03-02T00:00', 90],
  ['2025-03-02T12:00', 108],
  ['2025-03-03T00:00', 120],
  ['2025-03-04T00:00', 150],
  ['2025-03-05T00:00', 135],
]);

describe('drawdownOf', () => {
  it('says how far, from when to when, and how long below a peak', () => {
    expect(drawdownOf(CURVE)).toEqual({
      maximum: 0.25,
      peak: Date.UTC(2025, 2, 1, 12),
      trough: Date.UTC(2025, 2, 2),
      recovery: Date.UTC(2025, 2, 3),
      days: 1.5,
      // Half a day down, half a day still below, and the last day, of four.
      timeUnderWater: 0.5,
      longestUnderWaterDays: 1.5,
    });
  });

  it('lasts to the end where the peak is not reached again', () => {
    const drawdown = drawdownOf(
      curveOf([
        ['2025-03-01T00:00', 100],
        ['2025-03-02T00:00', 80],
        ['2025-03-05T00:00', 90],
      ]),
    );
    expect(drawdown).toMatchObject({
      maximum: 0.2,
      recovery: null,
      days: 4,
      timeUnderWater: 1,
      longestUnderWaterDays: 4,
    });
  });

  it('is nothing of a curve that only rises, and undefined of none', () => {
    const rising = curveOf([
      ['2025-03-01T00:00', 100],
      ['2025-03-02T00:00', 100],
      ['2025-03-03T00:00', 101],
    ]);
    expect(drawdownOf(rising)).toMatchObject({ maximum: 0, days: 0, timeUnderWater: 0, longestUnderWaterDays: 0 });
    expect(drawdownOf(curveOf([]))).toBeUndefined();
  });
});

describe('pathOfDraw', () => {
  it('finds the drawdown of the bars from what it knows of days', () => {
    const random = createRandom('bars');
    const rows: [string, number][] = [['2025-01-01T00:00', 100]];
    for (let hour = 1; hour <= 24 * 12; hour++) {
      const at = new Date(Date.UTC(2025, 0, 1, hour)).toISOString().slice(0, 16);
      rows.push([at, (rows[rows.length - 1]?.[1] ?? 0) * (1 + 0.02 * random.normal())]);
    }
    const curve = curveOf(rows);
    const path = pathOfDraw(dayPathsOf(curve), resampleDays(12, random), 0);
    expect(path.drawdown).toBeCloseTo(drawdownOf(curve)?.maximum ?? 0, 12);
    expect(path.growth).toBeCloseTo((rows[rows.length - 1]?.[1] ?? 0) / 100, 12);
    expect(path.lowest).toBeCloseTo(Math.min(...curve.equity) / 100, 12);
  });

  it('goes through the days in the order drawn', () => {
    const paths = dayPathsOfReturns(Float64Array.from([1, -0.5, 0, 0, 0]));
    const resampling = resampleDays(5, createRandom(3), 200);
    const growths = new Set<number>();
    for (let draw = 0; draw < resampling.draws; draw++) {
      const { growth, drawdown } = pathOfDraw(paths, resampling, draw);
      const counts = resampling.counts.subarray(draw * 5, draw * 5 + 5);
      expect(growth).toBe(2 ** (counts[0] ?? 0) * 0.5 ** (counts[1] ?? 0));
      expect(drawdown > 0).toBe((counts[1] ?? 0) > 0);
      growths.add(growth);
    }
    expect(growths.size).toBeGreaterThan(3);
  });
});
