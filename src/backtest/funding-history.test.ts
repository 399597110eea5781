import { describe, expect, it } from 'vitest';
import { type EpochMs, epochMs, HOUR_MS } from '../core/index.ts';
import { priceFromNumber } from '../matching/index.ts';
import { ASSUMED_RATE, FundingHistory } from './funding-history.ts';
import { barsFrom, flat, QUARTER_MS, START } from './replay-fixture.ts';

const at = (hours: number): EpochMs => epochMs(START + hours * HOUR_MS);
const bars = new Map([
  ['AAAUSDT', barsFrom([...Array.from({ length: 200 }, (_, index) => flat(100 + index))], epochMs(START + QUARTER_MS))],
  ['BBBUSDT', barsFrom([flat(5)], epochMs(START + QUARTER_MS))],
]);
const range = { from: at(0.25), to: at(48) };
const known = (times: readonly number[], rate = 0.0003) =>
  new FundingHistory(
    bars,
    (symbol) => (symbol === 'AAAUSDT' ? times.map((time) => ({ symbol, time: at(time), rate })) : []),
    range,
  );

describe('FundingHistory', () => {
  it('assumes an adverse rate at the end of each 8 hours without a settlement', () => {
    const history = known([8, 16]);
    const own = history.settlements(at(0), at(48)).filter(({ symbol }) => symbol === 'AAAUSDT');
    expect(own.map(({ time, rate, isAssumed }) => [(time - START) / HOUR_MS, rate, isAssumed === true])).toEqual([
      [8, 0.0003, false],
      [16, 0.0003, false],
      [24, ASSUMED_RATE, true],
      [32, ASSUMED_RATE, true],
      [40, ASSUMED_RATE, true],
      [48, ASSUMED_RATE, true],
    ]);
    expect(history.isAssumed('AAAUSDT', at(16))).toBe(false);
    expect(history.isAssumed('AAAUSDT', at(24))).toBe(true);
  });

  it('takes shorter intervals and settlements some milliseconds late for what they are', () => {
    const history = known([4, 8 + 1e-6, 12, 16, 20, 24, 28, 32, 36, 40, 44, 48]);
    const own = history.settlements(at(0), at(48)).filter(({ symbol }) => symbol === 'AAAUSDT');
    expect(own).toHaveLength(12);
    expect(own.every(({ isAssumed }) => isAssumed !== true)).toBe(true);
    expect(history.ratesPerPeriod(at(17)).get('AAAUSDT')).toBeCloseTo(0.0006, 12);
  });

  it('tells settlements once, oldest first, those of one time by symbol', () => {
    const history = known([8]);
    expect(history.settlements(at(8), at(16)).map(({ symbol, time }) => [symbol, time])).toEqual([
      ['AAAUSDT', at(16)],
      ['BBBUSDT', at(16)],
    ]);
    expect(history.settlements(at(8), at(15))).toEqual([]);
  });

  it('knows a rate only after its settlement, and an assumed one never', () => {
    const history = known([8]);
    expect(history.ratesPerPeriod(at(8)).size).toBe(0);
    expect(history.ratesPerPeriod(epochMs(at(8) + 1)).get('AAAUSDT')).toBe(0.0003);
    expect(history.ratesPerPeriod(at(25)).size).toBe(0);
  });

  it('values at the newest close before the settlement', async () => {
    const history = known([]);
    expect(await history.priceAt('AAAUSDT', at(8))).toBe(priceFromNumber(131));
    expect(await history.priceAt('AAAUSDT', at(0))).toBeUndefined();
    expect(await history.priceAt('ZZZUSDT', at(8))).toBeUndefined();
  });
});
