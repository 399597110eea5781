import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decimal, rounded } from './binance-usdm/numbers.ts';
import { formingMinute, roundTo } from './price-path.ts';

const steps = { tick: 0.01, priceDecimals: 2, step: 0.001, quantityDecimals: 3 };
const cents = fc.integer({ min: 100, max: 20_000 }).map((value) => value / 100);
const minute = fc
  .record({ open: cents, close: cents, up: cents, down: cents, volume: fc.integer({ min: 0, max: 1e6 }) })
  .map(({ open, close, up, down, volume }) => ({
    openTime: 1_740_787_200_000,
    open,
    high: Math.max(open, close, up),
    low: Math.min(open, close, down),
    close,
    volume: volume / 1_000,
    quoteVolume: volume,
    takerBuyVolume: volume / 2_000,
  }));

describe('the price path within a minute', () => {
  it('starts at the open, stays inside the bar, only ever widens, and ends as the bar', () => {
    fc.assert(
      fc.property(minute, fc.string(), (whole, symbol) => {
        let before = formingMinute(symbol, whole, 0, steps);
        expect(before).toMatchObject({
          open: whole.open,
          high: whole.open,
          low: whole.open,
          close: whole.open,
          volume: 0,
        });
        for (let second = 1; second <= 60; second++) {
          const now = formingMinute(symbol, whole, second * 1_000, steps);
          expect(now.high).toBeGreaterThanOrEqual(before.high);
          expect(now.low).toBeLessThanOrEqual(before.low);
          expect(now.volume).toBeGreaterThanOrEqual(before.volume);
          expect(now.high).toBeLessThanOrEqual(whole.high);
          expect(now.low).toBeGreaterThanOrEqual(whole.low);
          expect(now.close).toBeLessThanOrEqual(now.high);
          expect(now.close).toBeGreaterThanOrEqual(now.low);
          expect(now.close).toBe(roundTo(now.close, 2));
          before = now;
        }
        expect(before).toEqual(whole.volume > 0 ? { ...before, ...pricesOf(whole) } : before);
        expect(pricesOf(before)).toEqual(pricesOf(whole));
      }),
      { numRuns: 50 },
    );
  });

  it('does not let the bar decide which extreme comes first', () => {
    const rising = { openTime: 0, open: 10, high: 12, low: 9, close: 12, volume: 1, quoteVolume: 1, takerBuyVolume: 1 };
    let highFirst = 0;
    for (let i = 0; i < 400; i++) {
      const early = formingMinute('BTCUSDT', { ...rising, openTime: i * 60_000 }, 10_000, steps);
      if (early.close > early.open) highFirst++;
    }
    expect(highFirst).toBeGreaterThan(150);
    expect(highFirst).toBeLessThan(250);
  });
});

describe('numbers as the venue prints them', () => {
  it('are decimals that read back as the same number, never exponents', () => {
    expect(decimal(0.0000001234)).toBe('0.0000001234');
    expect(decimal(2e21)).toMatch(/^2\d{21}$/);
    expect(decimal(108_748.6)).toBe('108748.6');
    expect(rounded(0.1 + 0.2, 3)).toBe('0.3');
    expect(rounded(2.5e15, 8)).toBe('2500000000000000');
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 40 }), fc.integer({ min: 0, max: 10 }), (digits, places) => {
        const value = digits / 10 ** places;
        expect(Number(decimal(value))).toBe(value);
      }),
    );
  });
});

const pricesOf = ({ open, high, low, close }: { open: number; high: number; low: number; close: number }) => ({
  open,
  high,
  low,
  close,
});
