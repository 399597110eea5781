import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DAY_MS } from '../core/index.ts';
import type { TimeWindow } from './splits.ts';
import { FIT_WINDOWS, type FitWindows, splitFitWindows, walkForwardFolds } from './walk-forward-folds.ts';

const BAR = 900_000;
const START = Date.UTC(2025, 0, 1);
const grid = (rows: number) => Float64Array.from({ length: rows }, (_, row) => START + row * BAR);

/** Every pair of rows of two windows, one after the other: labels stay apart, and look-back keeps away from labels. */
function expectApart(times: Float64Array, split: FitWindows, horizonMs: number, embargoMs: number) {
  const windows = FIT_WINDOWS.map((name) => split[name]);
  const rowsOf = ({ firstRow, endRow }: TimeWindow) => Array.from(times.subarray(firstRow, endRow));
  windows.forEach((window, index) => {
    const rows = rowsOf(window);
    expect(rows.length).toBeGreaterThan(0);
    const labelEnds = rows.map((time) => time + horizonMs);
    for (const later of windows.slice(index + 1)) {
      const looksBackTo = rowsOf(later).map((time) => time - embargoMs);
      expect(Math.min(...looksBackTo)).toBeGreaterThan(Math.max(...labelEnds));
    }
  });
}

const fold = fc.record({
  folds: fc.integer({ min: 1, max: 4 }),
  train: fc.oneof(fc.constant('expanding' as const), fc.integer({ min: 60, max: 300 })),
  earlyStopping: fc.integer({ min: 60, max: 120 }),
  calibration: fc.integer({ min: 60, max: 120 }),
  test: fc.integer({ min: 60, max: 200 }),
  horizon: fc.integer({ min: 1, max: 30 }),
  embargo: fc.integer({ min: 0, max: 25 }),
  /** Rows in front of what the first fold needs. */
  spare: fc.integer({ min: 60, max: 200 }),
});

describe('walkForwardFolds', () => {
  it('keeps the labels and the embargoed look-back of every window of every fold apart', () => {
    fc.assert(
      fc.property(fold, (o) => {
        const trainRows = o.train === 'expanding' ? 0 : o.train;
        const times = grid(o.spare + o.folds * o.test + o.calibration + o.earlyStopping + trainRows + 1);
        const horizonMs = o.horizon * BAR;
        const embargoMs = o.embargo * BAR;
        const splits = walkForwardFolds(times, {
          folds: o.folds,
          trainMs: o.train === 'expanding' ? 'expanding' : o.train * BAR,
          earlyStoppingMs: o.earlyStopping * BAR,
          calibrationMs: o.calibration * BAR,
          testMs: o.test * BAR,
          horizonMs,
          embargoMs,
        });
        expect(splits).toHaveLength(o.folds);
        splits.forEach((split, index) => {
          expectApart(times, split, horizonMs, embargoMs);
          const next = splits[index + 1];
          if (next) expect(next.test.firstRow).toBeGreaterThanOrEqual(split.test.endRow);
          if (o.train === 'expanding') expect(split.train.firstRow).toBe(0);
          else expect(split.train.endRow - split.train.firstRow).toBe(o.train - o.horizon + 1);
        });
        expect(splits.at(-1)?.test.to).toBe(times.at(-1));
      }),
      { numRuns: 60 },
    );
  });

  it('walks by the length of the test, and takes the margins from inside the lengths', () => {
    const options = {
      folds: 2,
      trainMs: 100 * BAR,
      earlyStoppingMs: 50 * BAR,
      calibrationMs: 50 * BAR,
      testMs: 200 * BAR,
      horizonMs: 10 * BAR,
      embargoMs: 5 * BAR,
    };
    const rows = (split: FitWindows) => FIT_WINDOWS.map((name) => [split[name].firstRow, split[name].endRow]);
    expect(walkForwardFolds(grid(1001), options).map(rows)).toEqual([
      [
        [400, 491],
        [506, 541],
        [556, 591],
        [606, 791],
      ],
      [
        [600, 691],
        [706, 741],
        [756, 791],
        [806, 991],
      ],
    ]);
  });

  it('says when the history is too short, or a length is none', () => {
    const options = {
      folds: 3,
      trainMs: 30 * DAY_MS,
      earlyStoppingMs: 5 * DAY_MS,
      calibrationMs: 5 * DAY_MS,
      testMs: 10 * DAY_MS,
      horizonMs: DAY_MS,
      embargoMs: 0,
    };
    expect(walkForwardFolds(grid(70 * 96 + 1), options)).toHaveLength(3);
    expect(() => walkForwardFolds(grid(70 * 96), options)).toThrow('3 walk-forward folds need 70.0 days');
    expect(() => walkForwardFolds(new Float64Array(0), options)).toThrow(/the history has 0\.0/);
    expect(() =>
      walkForwardFolds(grid(7000), { ...options, trainMs: 'expanding', folds: 5, testMs: DAY_MS / 2 }),
    ).toThrow(/too short for a test window/);
    for (const wrong of [{ folds: 0 }, { folds: 1.5 }, { testMs: 0 }, { trainMs: -1 }]) {
      expect(() => walkForwardFolds(grid(7000), { ...options, ...wrong })).toThrow(
        expect.objectContaining({ code: 'WINDOWS_INVALID', exitCode: 2 }),
      );
    }
  });
});

describe('splitFitWindows', () => {
  it('gives the four windows of one fit by share or by times', () => {
    const times = grid(1001);
    const margins = { horizonMs: 20 * BAR, embargoMs: 4 * BAR };
    const shares = { train: 0.5, earlyStopping: 0.1, calibration: 0.2, test: 0.2 };
    const split = splitFitWindows(
      times,
      {
        train: { share: shares.train },
        earlyStopping: { share: shares.earlyStopping },
        calibration: { share: shares.calibration },
        test: { share: shares.test },
      },
      margins,
    );
    expectApart(times, split, margins.horizonMs, margins.embargoMs);
    expect(split.earlyStopping).toMatchObject({ name: 'earlyStopping', firstRow: 505, endRow: 581 });
    const at = (row: number) => START + row * BAR;
    const byTimes = {
      train: { from: at(0), to: at(500) },
      earlyStopping: { from: at(500), to: at(600) },
      calibration: { from: at(600), to: at(800) },
      test: { from: at(800), to: at(1000) },
    };
    expect(splitFitWindows(times, byTimes, margins)).toEqual(split);
  });
});
