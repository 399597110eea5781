import { describe, expect, it } from 'vitest';
import { createRandom } from '../../core/index.ts';
import { backtestOverfitting } from './backtest-overfitting.ts';

const PERIODS = 160;
const VARIANTS = 10;

function matrix(label: string, mean: (variant: number, period: number) => number): Float64Array {
  const random = createRandom(label);
  return Float64Array.from(
    { length: PERIODS * VARIANTS },
    (_, i) => mean(i % VARIANTS, Math.floor(i / VARIANTS)) + random.normal(),
  );
}

describe('backtestOverfitting', () => {
  it('is what can be counted by hand of two blocks', () => {
    // Block means and deviations: A 2 and 1, B 1 and 2, C -1 and -1, all with the same spread. The best of one block is second of the
    // other: rank 2 of 3, logit of 1/2.
    const rows = [
      [1, 0, -2],
      [3, 2, 0],
      [0, 1, -2],
      [2, 3, 0],
    ];
    const result = backtestOverfitting(Float64Array.from(rows.flat()), 3, { blocks: 2 });
    expect(result).toMatchObject({ blocks: 2, combinations: 2, probability: 1, probabilityOfLoss: 0 });
    expect([...(result?.logits ?? [])]).toEqual([0, 0]);
    const early = Float64Array.from([[9, -9, 0], ...rows].flat());
    expect(backtestOverfitting(early, 3, { blocks: 2 }), 'the first period, which does not divide').toEqual(result);
    expect(result?.inSample).toBeCloseTo(2 / Math.SQRT2, 12);
    expect(result?.outOfSample).toBeCloseTo(1 / Math.SQRT2, 12);
  });

  it('takes each half of sixteen blocks once', () => {
    expect(
      backtestOverfitting(
        matrix('count', () => 0),
        VARIANTS,
      )?.combinations,
    ).toBe(12_870);
  });

  it('is small where one variant is better throughout, and large where each shines once', () => {
    const skill = backtestOverfitting(
      matrix('skill', (variant) => (variant === 3 ? 0.8 : 0)),
      VARIANTS,
      { blocks: 8 },
    );
    expect(skill?.probability).toBeLessThan(0.01);
    expect(skill?.outOfSample).toBeGreaterThan(0.5);
    // What a variant won in one half it lost in the other.
    const luck = matrix('luck', (variant, period) =>
      Math.floor(period / 20) === variant ? 4 : variant < 8 ? -0.5 : -3,
    );
    expect(backtestOverfitting(luck, VARIANTS, { blocks: 8 })?.probability).toBeGreaterThan(0.6);
  });

  it('is near one half on average where nothing is better than anything', () => {
    let sum = 0;
    for (let seed = 0; seed < 60; seed++) {
      sum +=
        backtestOverfitting(
          matrix(`nothing ${seed}`, () => 0),
          VARIANTS,
          { blocks: 8 },
        )?.probability ?? 0;
    }
    expect(sum / 60).toBeGreaterThan(0.4);
    expect(sum / 60).toBeLessThan(0.6);
  });

  it('needs two variants, and two periods in each block', () => {
    expect(backtestOverfitting(new Float64Array(100), 1)).toBeUndefined();
    expect(backtestOverfitting(new Float64Array(62), 2)).toBeUndefined();
    expect(backtestOverfitting(new Float64Array(64), 2, { blocks: 3 })).toBeUndefined();
    // Variants that never trade are all alike.
    expect(backtestOverfitting(new Float64Array(64), 2)?.probability).toBe(1);
  });
});
