import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MinutehandError } from '../core/index.ts';
import { splitTimeBlocks, type TimeWindow } from './splits.ts';

const BAR = 900_000;

describe('splitTimeBlocks', () => {
  it('lets no label of a window reach into another, and keeps the embargo', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 200, maxLength: 1500 }),
        fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 2, maxLength: 5 }),
        fc.integer({ min: 0, max: 20 }),
        fc.integer({ min: 0, max: 20 }),
        (steps, weights, horizonBars, embargoBars) => {
          let time = 1e12;
          const times = Float64Array.from(steps, (step) => {
            time += step * BAR;
            return time;
          });
          const total = weights.reduce((sum, weight) => sum + weight, 0);
          const windows = weights.map((weight, index) => ({ name: `w${index}`, share: weight / total }));
          const horizonMs = horizonBars * BAR;
          const embargoMs = embargoBars * BAR;
          let split: TimeWindow[];
          try {
            split = splitTimeBlocks(times, { windows, horizonMs, embargoMs });
          } catch (error) {
            expect(error).toBeInstanceOf(MinutehandError);
            return;
          }
          expect(split.map(({ name }) => name)).toEqual(windows.map(({ name }) => name));
          split.forEach((window, index) => {
            expect(window.firstRow).toBeLessThan(window.endRow);
            const lastLabel = (times[window.endRow - 1] ?? 0) + horizonMs;
            expect(window.to).toBe(lastLabel);
            const next = split[index + 1];
            if (next) expect(times[next.firstRow]).toBeGreaterThan(lastLabel + embargoMs - (horizonMs === 0 ? 1 : 0));
            else expect(lastLabel).toBeLessThanOrEqual(times[times.length - 1] ?? 0);
          });
        },
      ),
      { numRuns: 200 },
    );
  });

  it('uses all rows but those it must leave out', () => {
    const times = Float64Array.from({ length: 1001 }, (_, row) => row * BAR);
    const [train, test] = splitTimeBlocks(times, {
      windows: [
        { name: 'train', share: 0.6 },
        { name: 'test', share: 0.4 },
      ],
      horizonMs: 96 * BAR,
      embargoMs: 4 * BAR,
    });
    expect(train).toEqual({ name: 'train', from: 0, to: 600 * BAR, firstRow: 0, endRow: 505 });
    expect(test).toEqual({ name: 'test', from: 605 * BAR, to: 1000 * BAR, firstRow: 605, endRow: 905 });
  });

  it('says that the history is too short, and for which window', () => {
    const times = Float64Array.from({ length: 100 }, (_, row) => row * BAR);
    const options = { windows: [{ name: 'train', share: 1 }], horizonMs: 100 * BAR, embargoMs: 0 };
    expect(() => splitTimeBlocks(times, options)).toThrow(/too short for a train window: 1\.0 days/);
    expect(() => splitTimeBlocks(times, { ...options, windows: [{ name: 'a', share: 0.5 }] })).toThrow(RangeError);
  });
});
