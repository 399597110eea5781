import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DAY_MS, epochMs } from '../../core/index.ts';
import { BAR_MS, RANK_BARS, splitTimeBlocks } from '../../model/index.ts';
import { planWalkForward, type WalkForwardPlanRequest } from './plan-folds.ts';

const START = epochMs(Date.UTC(2025, 0, 1));
const day = (number: number) => epochMs(START + number * DAY_MS);
const HORIZON_MS = RANK_BARS * BAR_MS;

const request = fc.record({
  window: fc.constantFrom('rolling', 'expanding'),
  days: fc.integer({ min: 1, max: 12 }),
  spare: fc.integer({ min: 0, max: 5 }),
  length: fc.oneof(
    fc.record({ folds: fc.integer({ min: 1, max: 4 }) }),
    fc.record({ testDays: fc.integer({ min: 1, max: 5 }) }),
  ),
  // A window holds the longest label, an embargo and a row at least.
  trainDays: fc.integer({ min: 4, max: 8 }),
  earlyStoppingDays: fc.integer({ min: 4, max: 6 }),
  calibrationDays: fc.integer({ min: 4, max: 6 }),
  selectionDays: fc.integer({ min: 4, max: 6 }),
  embargoBars: fc.integer({ min: 0, max: 150 }),
});

type Asked = typeof request extends fc.Arbitrary<infer Value> ? Value : never;

function planOf({ days, spare, embargoBars, ...rest }: Asked): WalkForwardPlanRequest {
  const { trainDays, earlyStoppingDays, calibrationDays, selectionDays } = rest;
  const gap = Math.ceil((embargoBars * BAR_MS) / DAY_MS);
  const training = trainDays + earlyStoppingDays + calibrationDays + selectionDays + 2 * gap;
  return {
    ...rest,
    data: { first: epochMs(START + BAR_MS), last: day(1 + spare + training + days) },
    from: day(1 + spare + training),
    to: day(spare + training + days),
    embargoMs: embargoBars * BAR_MS,
  };
}

describe('planWalkForward', () => {
  it('trades every day once, an embargo after all that its fold has seen', () => {
    fc.assert(
      fc.property(request, (asked) => {
        const plan = planOf(asked);
        fc.pre(!('folds' in plan.length) || plan.length.folds <= asked.days);
        const folds = planWalkForward(plan);
        const traded = folds.flatMap(({ test }) =>
          Array.from({ length: (test.to - test.from) / DAY_MS + 1 }, (_, index) => test.from + index * DAY_MS),
        );
        expect(traded).toEqual(Array.from({ length: asked.days }, (_, index) => (plan.from ?? 0) + index * DAY_MS));
        for (const { bounds, selection, test } of folds) {
          expect(bounds.train).toBeGreaterThanOrEqual(plan.data.first);
          expect(test.from - bounds.end).toBeGreaterThanOrEqual(plan.embargoMs);
          expect(selection.from - bounds.test).toBeGreaterThanOrEqual(plan.embargoMs);
          expect(selection.to + DAY_MS).toBe(bounds.end);
          expect((selection.to - selection.from) / DAY_MS + 1).toBe(plan.selectionDays);
          if (plan.window === 'expanding') expect(bounds.train).toBe(plan.data.first);
          else expect((bounds.earlyStopping - bounds.train) / DAY_MS).toBe(plan.trainDays);
        }
      }),
      { numRuns: 80 },
    );
  });

  it('leaves a fit no row whose label reaches into what the variants are compared or traded on', () => {
    fc.assert(
      fc.property(request, (asked) => {
        const plan = planOf(asked);
        fc.pre(!('folds' in plan.length) || plan.length.folds <= asked.days);
        for (const { bounds, selection, test } of planWalkForward(plan)) {
          const rows = (bounds.end - bounds.train) / BAR_MS + 1;
          const times = Float64Array.from({ length: rows }, (_, row) => bounds.train + row * BAR_MS);
          const windows = splitTimeBlocks(times, {
            windows: [
              { name: 'train', from: bounds.train, to: bounds.calibration },
              { name: 'calibration', from: bounds.calibration, to: bounds.test },
              { name: 'test', from: bounds.test, to: bounds.end },
            ],
            horizonMs: HORIZON_MS,
            embargoMs: plan.embargoMs,
          });
          const [train, calibration, judged] = windows;
          expect(train?.to).toBeLessThanOrEqual((calibration?.from ?? 0) - plan.embargoMs);
          expect(calibration?.to).toBeLessThanOrEqual(selection.from - plan.embargoMs);
          expect(judged?.to).toBeLessThanOrEqual(test.from - plan.embargoMs);
        }
      }),
      { numRuns: 40 },
    );
  });

  it('begins as early as it may and ends with the last whole day, unless told', () => {
    const plan = {
      window: 'rolling',
      data: { first: day(0), last: epochMs(day(40) + 5 * BAR_MS) },
      length: { testDays: 7 },
      trainDays: 10,
      earlyStoppingDays: 3,
      calibrationDays: 3,
      selectionDays: 4,
      embargoMs: 16 * BAR_MS,
    } as const;
    const tests = planWalkForward(plan).map(({ test }) => [test.from, test.to]);
    expect(tests).toEqual([
      [day(22), day(28)],
      [day(29), day(35)],
      [day(36), day(39)],
    ]);
  });

  it('says from which day on the candles suffice', () => {
    const plan = {
      window: 'expanding',
      data: { first: day(0), last: day(60) },
      from: day(15),
      length: { folds: 2 },
      trainDays: 10,
      earlyStoppingDays: 3,
      calibrationDays: 3,
      selectionDays: 4,
      embargoMs: 0,
    } as const;
    expect(() => planWalkForward(plan)).toThrow('needs candles from 2024-12-27');
    expect(() => planWalkForward({ ...plan, from: day(59), length: { folds: 2 } })).toThrow('too few for 2 folds');
  });
});
