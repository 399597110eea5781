import { describe, expect, it } from 'vitest';
import { createRandom, DAY_MS, type Random } from '../../core/index.ts';
import {
  dayBlocks,
  estimate,
  intervalWidening,
  resampleDays,
  resampledSums,
  sumByDay,
  visitDays,
} from './day-resampling.ts';

const meanOf = (values: Float64Array, dayOf: Int32Array, days: number, random: Random) => {
  const resampling = resampleDays(days, random);
  const sums = resampledSums(sumByDay(values, dayOf, days), 2, resampling);
  return estimate(resampling, (draw) => (sums[draw * 2] ?? 0) / (sums[draw * 2 + 1] ?? 0));
};

/** In what share of markets the interval holds the true mean, 0: `days` days of 24 values that share most of their day's luck. */
function covered(label: string, markets: number, days: number, carriedOver: number): number {
  let hits = 0;
  for (let market = 0; market < markets; market++) {
    const random = createRandom(`${label} ${market}`);
    const values = new Float64Array(days * 24);
    let day = random.normal();
    let hour = 0;
    for (let i = 0; i < values.length; i++) {
      if (i % 24 === 0) day = carriedOver * day + Math.sqrt(1 - carriedOver ** 2) * random.normal();
      hour = 0.8 * hour + 0.6 * random.normal();
      values[i] = day + hour;
    }
    const dayOf = Int32Array.from(values, (_, i) => Math.floor(i / 24));
    const { low, high } = meanOf(values, dayOf, days, random.fork('draws'));
    if ((low ?? 1) <= 0 && (high ?? -1) >= 0) hits++;
  }
  return hits / markets;
}

describe('intervals from resampled days', () => {
  it.each([10, 40])('hold the truth as often as they claim where the values of a day go together: %i days', (days) => {
    const share = covered('within days', 250, days, 0);
    expect(share).toBeGreaterThanOrEqual(0.92);
    expect(share).toBeLessThanOrEqual(0.98);
  });

  it('nearly do where days go together, too, as runs of days are drawn', () => {
    expect(covered('across days', 150, 60, 0.4)).toBeGreaterThanOrEqual(0.88);
  });

  it('are wider than the draws the larger a share of the days a run is', () => {
    expect(intervalWidening(0)).toBe(1);
    expect(intervalWidening(4 / 30)).toBeCloseTo(1.205, 3);
    // Kiefer and Vogelsang (2002): with all days as the bandwidth, the quantile is 4.813 at 97.5 %.
    expect(1.96 * intervalWidening(1)).toBeCloseTo(4.813, 2);
  });
});

describe('resampleDays', () => {
  it('draws as many days as there are, in runs that are longer than any label', () => {
    const resampling = resampleDays(30, createRandom(1));
    expect(resampling.runLength).toBe(4);
    expect([5, 8, 9, 27].map((days) => resampleDays(days, createRandom(1)).runLength)).toEqual([2, 2, 3, 3]);
    for (const draw of [0, 1, 500, 1000]) {
      const counts = resampling.counts.subarray(draw * 30, (draw + 1) * 30);
      expect(counts.reduce((sum, count) => sum + count, 0)).toBe(30);
    }
    expect(new Set(resampling.counts.subarray(0, 30))).toEqual(new Set([1]));
  });

  it('visits the days that it counts, in their order where they are as they were', () => {
    const resampling = resampleDays(11, createRandom(1), 50);
    for (let draw = 0; draw <= 50; draw++) {
      const visited: number[] = [];
      visitDays(resampling, draw, (day) => visited.push(day));
      if (draw === 0) expect(visited).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
      expect(visited.slice(1, 3)).toEqual([((visited[0] ?? 0) + 1) % 11, ((visited[0] ?? 0) + 2) % 11]);
      const counts = new Uint16Array(11);
      for (const day of visited) counts[day] = (counts[day] ?? 0) + 1;
      expect(counts).toEqual(resampling.counts.slice(draw * 11, draw * 11 + 11));
    }
  });

  it('leaves the data as they are below five days', () => {
    expect(meanOf(Float64Array.from([1, 3]), Int32Array.from([0, 1]), 2, createRandom(1))).toEqual({
      value: 2,
      low: null,
      high: null,
    });
  });
});

describe('estimate', () => {
  it('is null of what is not finite, and has no interval where most draws are not', () => {
    const resampling = resampleDays(6, createRandom(1));
    expect(estimate(resampling, () => Number.NaN)).toEqual({ value: null, low: null, high: null });
    expect(estimate(resampling, (draw) => (draw === 0 ? 2 : Number.NaN))).toEqual({ value: 2, low: null, high: null });
    const { low, high } = estimate(resampling, (draw) => (draw === 0 ? 2 : draw));
    const widened = intervalWidening(2 / 6) * (975.025 - 500.5);
    expect(low).toBeCloseTo(500.5 - widened);
    expect(high).toBeCloseTo(500.5 + widened);
  });

  it('has no interval of fewer than five days with rows, and ends no lower than the figure can be', () => {
    const resampling = resampleDays(6, createRandom(1));
    expect(estimate(resampling, (draw) => draw, { days: 4 })).toEqual({ value: 0, low: null, high: null });
    expect(estimate(resampling, (draw) => draw, { least: 0 }).low).toBe(0);
  });
});

describe('dayBlocks', () => {
  it('numbers the UTC days that have rows', () => {
    const start = 20_000 * DAY_MS;
    const { days, dayOf } = dayBlocks(Float64Array.from([start, start + 1, start + DAY_MS - 1, start + 3 * DAY_MS]));
    expect(days).toEqual([20_000, 20_003]);
    expect([...dayOf]).toEqual([0, 0, 0, 1]);
  });
});
