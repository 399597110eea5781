import { describe, expect, it } from 'vitest';
import { capacityOf } from './capacity.ts';
import { fillOf, time } from './record.fixture.ts';

const NOTHING = { byCosts: null, byLiquidity: null, equity: null };
const fills = (count: number, impact: number) =>
  Array.from({ length: count }, () =>
    fillOf({ time: time('2025-03-01T00:00'), side: 'buy', quantity: 10, price: 10, fee: 0.05, spread: 0.01, impact }),
  );

describe('capacityOf', () => {
  it('is where impact doubles what a unit of trading costs', () => {
    // Fees and spread 0.06, impact 0.02: 0.06 + 0.02 x root m = 0.16 at m = 25.
    expect(capacityOf(fills(20, 0.02), 1000).byCosts).toBeCloseTo(25_000, 6);
  });

  it('is where the typical fill takes all that may be taken of a minute', () => {
    const minuteNotional = new Map([['BTCUSDT', 10_000]]);
    const capacity = capacityOf(fills(20, 0.02), 1000, { minuteNotional, maxParticipation: 0.05 });
    expect(capacity.byLiquidity).toBeCloseTo(5000, 9);
    expect(capacity.equity).toBe(capacity.byLiquidity);
  });

  it('says nothing of few fills, without impact or without volumes', () => {
    expect(capacityOf(fills(19, 0.02), 1000)).toEqual(NOTHING);
    expect(capacityOf(fills(20, 0), 1000)).toEqual(NOTHING);
    expect(capacityOf(fills(20, 0), 1000, { minuteNotional: new Map([['ETHUSDT', 1]]) })).toEqual(NOTHING);
  });
});
