import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DAY_MS, MinutehandError } from '../core/index.ts';
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

  it('cuts windows by times, with what lies between them left out', () => {
    const times = Float64Array.from({ length: 1001 }, (_, row) => row * BAR);
    const windows = [
      { name: 'train', from: 100 * BAR, to: 400 * BAR },
      { name: 'apart', from: 500 * BAR, to: 600 * BAR },
      { name: 'close', from: 602 * BAR, to: 2000 * BAR },
    ];
    const split = splitTimeBlocks(times, { windows, horizonMs: 48 * BAR, embargoMs: 16 * BAR });
    expect(split.map(({ firstRow, endRow }) => [firstRow, endRow])).toEqual([
      [100, 353],
      [500, 553],
      [617, 953],
    ]);
    expect(split[2]).toMatchObject({ from: 617 * BAR, to: 1000 * BAR });
  });

  it('gives the same rows for the same blocks by shares and by times', () => {
    const times = Float64Array.from({ length: 1001 }, (_, row) => 1e12 + row * BAR);
    const margins = { horizonMs: 96 * BAR, embargoMs: 16 * BAR };
    const at = (row: number) => 1e12 + row * BAR;
    const byTimes = [
      { name: 'a', from: at(0), to: at(600) },
      { name: 'b', from: at(600), to: at(800) },
      { name: 'c', from: at(800), to: at(1000) },
    ];
    const byShares = [
      { name: 'a', share: 0.6 },
      { name: 'b', share: 0.2 },
      { name: 'c', share: 0.2 },
    ];
    expect(splitTimeBlocks(times, { ...margins, windows: byTimes })).toEqual(
      splitTimeBlocks(times, { ...margins, windows: byShares }),
    );
  });

  it('refuses windows by times that overlap, are out of order or empty, and those of both kinds', () => {
    const times = Float64Array.from({ length: 1001 }, (_, row) => row * BAR);
    const split = (...spans: [from: number, to: number][]) =>
      splitTimeBlocks(times, {
        windows: spans.map(([from, to], index) => ({ name: `w${index}`, from: from * BAR, to: to * BAR })),
        horizonMs: BAR,
        embargoMs: 0,
      });
    expect(() => split([0, 500], [499, 900])).toThrow(/the w1 window, 1970-01-06T04:45:00Z to .* begins before the w0/);
    expect(() => split([500, 900], [0, 400])).toThrow(/begins before the w0 window ends/);
    expect(() => split([500, 500])).toThrow(expect.objectContaining({ code: 'WINDOWS_INVALID', exitCode: 2 }));
    expect(() => split([2000, 3000])).toThrow(/too short for a w0 window: it has 0\.0 days/);
    const both = [
      { name: 'a', share: 1 },
      { name: 'b', from: 0, to: DAY_MS },
    ];
    expect(() => splitTimeBlocks(times, { windows: both, horizonMs: 0, embargoMs: 0 })).toThrow(RangeError);
  });

  it('says that the history is too short, and for which window', () => {
    const times = Float64Array.from({ length: 100 }, (_, row) => row * BAR);
    const options = { windows: [{ name: 'train', share: 1 }], horizonMs: 100 * BAR, embargoMs: 0 };
    expect(() => splitTimeBlocks(times, options)).toThrow(/too short for a train window: it has 1\.0 days/);
    expect(() => splitTimeBlocks(times, { ...options, windows: [{ name: 'a', share: 0.5 }] })).toThrow(RangeError);
  });
});
