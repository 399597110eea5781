import { describe, expect, it } from 'vitest';
import { DAY_MS, epochMs, MINUTE_MS, milliseconds } from '../core/index.ts';
import { RequestOutcomes } from '../data/index.ts';
import { type EntryConditions, entriesBlockedBy } from './entry-conditions.ts';

const T = epochMs(Date.UTC(2025, 5, 19, 12));
const settings = { maxExchangeErrors: 0.5, maxModelAgeDays: 90 };
const blockedBy = (changes: Partial<EntryConditions>) =>
  entriesBlockedBy(
    { minute: T, clockSkewMs: 0, requests: { all: 40, failed: 1 }, modelDataUntil: T, ...changes },
    settings,
  );

describe('the surroundings', () => {
  it.each([
    [undefined, {}],
    ['CLOCK_SKEWED', { clockSkewMs: -1_001 }],
    ['RISK_EXCHANGE_ERRORS', { requests: { all: 10, failed: 5 } }],
    [undefined, { requests: { all: 9, failed: 9 } }],
    ['RISK_MODEL_OUTDATED', { modelDataUntil: epochMs(T - 91 * DAY_MS) }],
    [undefined, { modelDataUntil: epochMs(T - 90 * DAY_MS) }],
    [undefined, { modelDataUntil: undefined }],
  ] as const)('block entries with %s', (reason, changes) => {
    expect(blockedBy(changes)).toBe(reason);
  });

  it('do not where no age of a model is too much', () => {
    const old = { minute: T, clockSkewMs: 0, requests: { all: 0, failed: 0 }, modelDataUntil: epochMs(0) };
    expect(entriesBlockedBy(old, { ...settings, maxModelAgeDays: null })).toBeUndefined();
  });
});

describe('the outcomes of requests', () => {
  it('count over five minutes', () => {
    let now = 0;
    const outcomes = new RequestOutcomes({ elapsed: () => milliseconds(now) });
    outcomes.record(true);
    outcomes.record(false);
    now = 5 * MINUTE_MS - 1;
    outcomes.record(true);
    expect(outcomes.recent()).toEqual({ all: 3, failed: 2 });
    now = 5 * MINUTE_MS;
    expect(outcomes.recent()).toEqual({ all: 1, failed: 1 });
  });
});
