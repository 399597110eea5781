import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cashToNumber, DAY_MS, type EpochMs, epochMs, HOUR_MS } from '../../core/index.ts';
import { parseCash } from '../../matching/index.ts';
import { DEFAULT_RAMP_SETTINGS, type RampSettings } from '../settings.ts';
import { beginStage, type RampState, rampFraction, rampStatistic, rampUnderCap, updateRamp } from './ramp.ts';

const T = epochMs(Date.UTC(2025, 5, 19));
const CAP = parseCash('1000');
const settings: RampSettings = { ...DEFAULT_RAMP_SETTINGS, minDays: 4, minTrades: 6 };

/** A ramp as days pass: each item is a day with its closed trades. */
function passing(days: readonly (readonly number[])[], from: RampState = beginStage(0, T, CAP)) {
  let ramp = from;
  const steps: string[] = [];
  const minute = (at: EpochMs, closed: readonly bigint[]) => {
    const change = updateRamp(ramp, { minute: at, closed, capital: CAP }, settings);
    ramp = change.ramp;
    if (change.step) steps.push(`${change.step.from}>${change.step.to} ${change.step.cause}`);
  };
  for (const [index, results] of days.entries()) {
    const start = from.since + index * DAY_MS;
    minute(epochMs(start), []);
    for (const [hour, result] of results.entries()) {
      minute(epochMs(start + (hour + 1) * HOUR_MS), [parseCash(String(result))]);
    }
  }
  minute(epochMs(from.since + days.length * DAY_MS), []);
  return { ramp, steps };
}

const GOOD_DAYS = [
  [1, 2],
  [1, 1.5],
  [2, 1],
  [0.5, 1.5],
];

describe('the capital ramp', () => {
  it('steps up once enough days and trades have made a profit, and measures anew', () => {
    expect(rampFraction(beginStage(0, T, CAP), settings)).toBe(0.1);
    const { ramp, steps } = passing(GOOD_DAYS);
    expect(steps).toEqual(['0>1 profit']);
    expect(ramp).toEqual(beginStage(1, epochMs(T + 4 * DAY_MS), CAP));
    expect(rampFraction(ramp, settings)).toBe(0.25);
  });

  it('stays while there are too few days or trades, no profit, or a profit that may be luck', () => {
    expect(passing(GOOD_DAYS.slice(1)).steps).toEqual([]);
    expect(passing([[1], [1], [1], [1]]).steps).toEqual([]);
    expect(
      passing([
        [1, -1],
        [0, 0],
        [1, -1],
        [0, 0],
      ]).steps,
    ).toEqual([]);
    const lucky = passing([
      [9, 0],
      [-4, 0],
      [-4, 0],
      [0.5, 0],
    ]);
    expect(cashToNumber(lucky.ramp.result)).toBe(1.5);
    expect(lucky.steps).toEqual([]);
    // A day without trades says nothing.
    expect(passing([[1, 2, 1], [], [], [], [2, 1, 1]]).ramp.days).toBe(2);
  });

  it('steps back at once by a drawdown within the stage, and at the end of a day by a loss beyond chance', () => {
    const second = beginStage(1, T, CAP);
    // 10 % of 250 below a peak of 10.
    expect(passing([[10, -24, -0.9]], second).steps).toEqual([]);
    expect(passing([[10, -24, -1]], second).steps).toEqual(['1>0 drawdown']);
    const losing = passing([[-1], [-1.1], [-0.9], [-1]], second);
    expect(losing.steps).toEqual(['1>0 loss']);
    expect(losing.ramp.since).toBe(T + 4 * DAY_MS);
    expect(passing([[-11]]).steps).toEqual(['0>0 drawdown']);
  });

  it('ends at the last stage and proves that one anew', () => {
    const last = settings.stageFractions.length - 1;
    const { ramp, steps } = passing(GOOD_DAYS, beginStage(last, T, CAP));
    expect(steps).toEqual([]);
    expect(ramp).toMatchObject({ stage: last, days: 0, trades: 0 });
  });

  it('takes its mean over its standard error from the results of days', () => {
    const results = [3, -1, 4, 1.5, -2];
    const { ramp } = passing(results.map((result) => [result]));
    const mean = results.reduce((sum, each) => sum + each, 0) / results.length;
    const variance = results.reduce((sum, each) => sum + (each - mean) ** 2, 0) / (results.length - 1);
    expect(rampStatistic(ramp)).toBeCloseTo(mean / Math.sqrt(variance / results.length), 12);
    expect(rampStatistic(beginStage(0, T, CAP))).toBeUndefined();
  });

  it('never allows more under a larger cap than before, and keeps its stage under a smaller one', () => {
    fc.assert(
      fc.property(fc.bigInt(1n, 10n ** 13n), fc.bigInt(1n, 10n ** 13n), fc.nat(3), (before, after, stage) => {
        const ramp = beginStage(stage, T, before);
        const { ramp: next } = rampUnderCap(ramp, after, T, settings);
        expect(next.cap).toBe(after);
        expect(next.stage).toBeLessThanOrEqual(stage);
        const [most, least] = [
          Number(before) * rampFraction(ramp, settings),
          Number(after) * rampFraction(next, settings),
        ];
        if (next.stage > 0) expect(least).toBeLessThanOrEqual(most + 1);
        if (after <= before) expect(next.stage).toBe(stage);
      }),
      { numRuns: 200 },
    );
    expect(rampUnderCap(beginStage(0, T, 0n), CAP, T, settings)).toEqual({ ramp: beginStage(0, T, CAP) });
    expect(rampUnderCap(beginStage(3, T, CAP), 4n * CAP, T, settings).step).toEqual({ from: 3, to: 1, cause: 'cap' });
    const proven = passing(GOOD_DAYS.slice(1)).ramp;
    expect(rampUnderCap(proven, CAP, T, settings).ramp).toBe(proven);
  });
});
