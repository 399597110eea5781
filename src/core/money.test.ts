import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  CASH_SCALE,
  cashFromNumber,
  cashToNumber,
  decimalPlaces,
  divideRound,
  formatDecimal,
  parseDecimal,
} from './money.ts';

describe('decimal strings', () => {
  it.each([
    ['0', 8, 0n],
    ['1.5', 2, 150n],
    ['-0.05', 2, -5n],
    ['+7', 0, 7n],
    [' 12.30 ', 1, 123n],
    ['3.', 2, 300n],
    ['0.000000000', 8, 0n],
    ['123456789012345678901234567890.12345678', 8, 12345678901234567890123456789012345678n],
  ])('reads %j at scale %d as %s', (text, scale, expected) => {
    expect(parseDecimal(text, scale)).toBe(expected);
  });

  it.each(['', '.', '.5', 'x', '1e5', '1,5', '0x10', 'NaN', 'Infinity', '1.2.3', '--1'])('refuses %j', (text) => {
    expect(() => parseDecimal(text, 8)).toThrow(RangeError);
    expect(() => decimalPlaces(text)).toThrow(RangeError);
  });

  it('refuses places that the scale does not hold instead of dropping them', () => {
    expect(() => parseDecimal('0.123', 2)).toThrow(/more than 2 decimal places/);
    expect(parseDecimal('0.1200', 2)).toBe(12n);
  });

  it('survives being written and read again, at any scale', () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n }),
        fc.integer({ min: 0, max: 12 }),
        (value, scale) => {
          const text = formatDecimal(value, scale);
          expect(parseDecimal(text, scale)).toBe(value);
          expect(text).not.toMatch(/\.\d*0$|^-0$|\.$/);
          expect(decimalPlaces(text)).toBeLessThanOrEqual(scale);
        },
      ),
    );
  });

  it('counts decimal places without trailing zeros', () => {
    expect(['5', '0.0100', '1.000', '-2.75'].map(decimalPlaces)).toEqual([0, 2, 0, 2]);
    expect(formatDecimal(0n, 4)).toBe('0');
  });
});

describe('divideRound', () => {
  it('rounds to the nearest, halves away from zero', () => {
    expect([5n, -5n, 7n, -7n, 4n, 6n].map((n) => divideRound(n, 10n))).toEqual([1n, -1n, 1n, -1n, 0n, 1n]);
    expect(divideRound(5n, -10n)).toBe(-1n);
    expect(() => divideRound(1n, 0n)).toThrow(RangeError);
  });

  it('is never off by more than half, and is odd', () => {
    const divisor = fc.bigInt({ min: 1n, max: 10n ** 12n });
    fc.assert(
      fc.property(fc.bigInt({ min: -(10n ** 24n), max: 10n ** 24n }), divisor, (numerator, denominator) => {
        const quotient = divideRound(numerator, denominator);
        const rest = numerator - quotient * denominator;
        expect(2n * (rest < 0n ? -rest : rest) <= denominator).toBe(true);
        expect(divideRound(-numerator, denominator)).toBe(-quotient);
        expect(divideRound(numerator, -denominator)).toBe(-quotient);
      }),
    );
  });
});

describe('cash', () => {
  it('comes from a float, rounded to the nearest unit', () => {
    expect(cashFromNumber(1.5)).toBe(150_000_000n);
    expect(cashFromNumber(-0.00000001)).toBe(-1n);
    expect(cashFromNumber(0.1)).toBe(10_000_000n);
    expect(cashFromNumber(0.999999999)).toBe(10n ** BigInt(CASH_SCALE));
    expect(cashFromNumber(1e18)).toBe(10n ** 26n);
    for (const nonsense of [Number.NaN, Number.POSITIVE_INFINITY])
      expect(() => cashFromNumber(nonsense)).toThrow(RangeError);
  });

  it('returns to the float it came from, to half a unit', () => {
    fc.assert(
      fc.property(fc.double({ min: -1e7, max: 1e7, noNaN: true }), (amount) => {
        expect(Math.abs(cashToNumber(cashFromNumber(amount)) - amount)).toBeLessThanOrEqual(1e-8);
      }),
    );
  });

  it('adds up exactly where floats do not', () => {
    const tenth = parseDecimal('0.1', CASH_SCALE);
    let sum = 0n;
    for (let i = 0; i < 10; i++) sum += tenth;
    expect(formatDecimal(sum, CASH_SCALE)).toBe('1');
  });
});
