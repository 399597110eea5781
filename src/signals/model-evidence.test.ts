import { describe, expect, it } from 'vitest';
import { createRandom, DAY_MS, type EpochMs, epochMs, HOUR_MS } from '../core/index.ts';
import type { RankedMinute } from '../database/index.ts';
import { judgeRanking } from './model-evidence.ts';

const START = epochMs(Date.UTC(2025, 5, 1));
const from: EpochMs = START;

/** A coefficient for every hour of so many days: a mean, a deviation that the hours of a day share, and one of each hour's own. */
function hoursOf(days: number, mean: number, seed: number): RankedMinute[] {
  const random = createRandom(seed);
  return Array.from({ length: days }, (_, day) => {
    const shared = 0.1 * random.normal();
    return Array.from({ length: 24 }, (_, hour) => ({
      minute: epochMs(START + day * DAY_MS + hour * HOUR_MS),
      coefficient: mean + shared + 0.1 * random.normal(),
    }));
  }).flat();
}

const judge = (days: number, mean: number, seed = 1) =>
  judgeRanking(hoursOf(days, mean, seed), { modelId: 'model-1', from, leastDays: 30 });

describe('what outcomes say of a model', () => {
  it('speaks against one that ranks returns the wrong way, and for one that ranks them the right way', () => {
    expect(judge(30, -0.1)).toMatchObject({ days: 30, from: START, isDegraded: true });
    expect(judge(30, 0.1).isDegraded).toBe(false);
    const { value, low, high } = judge(30, -0.1).informationCoefficient;
    expect([value !== null && value < 0, low !== null && high !== null && low < high && high < 0]).toEqual([
      true,
      true,
    ]);
  });

  it('hardly ever speaks against one that knows nothing', () => {
    const judged = Array.from({ length: 150 }, (_, seed) => judge(30, 0, seed + 1));
    expect(judged.filter(({ isDegraded }) => isDegraded).length).toBeLessThanOrEqual(1);
    // A plain 95 % interval lies below zero a few times.
    expect(judged.filter(({ informationCoefficient: { high } }) => high !== null && high < 0).length).toBeGreaterThan(
      0,
    );
  });

  it('is nothing before there are enough days, or where no minute could be ranked', () => {
    expect(judge(29, -0.1).isDegraded).toBe(false);
    expect(judgeRanking([], { modelId: 'model-1', from, leastDays: 5 })).toMatchObject({
      days: 0,
      isDegraded: false,
      informationCoefficient: { value: null },
    });
  });

  it('is the same for the same minutes', () => {
    expect(judge(30, -0.02)).toEqual(judge(30, -0.02));
  });
});
