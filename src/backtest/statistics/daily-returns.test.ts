import { describe, expect, it } from 'vitest';
import { dailyGrossOf, dailyReturnsOf, monthlyReturnsOf } from './daily-returns.ts';
import { curveOf } from './record.fixture.ts';

const DAY = 86_400_000;

describe('dailyReturnsOf', () => {
  it('takes equity at UTC midnight, and keeps the parts of days at both ends apart', () => {
    const { firstDay, returns, before, after } = dailyReturnsOf(
      curveOf([
        ['2025-03-01T18:00', 100],
        ['2025-03-02T00:00', 110],
        ['2025-03-02T12:00', 50],
        ['2025-03-03T00:00', 121],
        ['2025-03-04T00:00', 60.5],
        ['2025-03-04T06:00', 66.55],
      ]),
    );
    expect(firstDay * DAY).toBe(Date.UTC(2025, 2, 2));
    expect([...returns].map((value) => value.toFixed(6))).toEqual(['0.100000', '-0.500000']);
    expect(before).toBeCloseTo(0.1, 12);
    expect(after).toBeCloseTo(0.1, 12);
    const growth = returns.reduce((product, value) => product * (1 + value), (1 + before) * (1 + after));
    expect(growth).toBeCloseTo(0.6655, 12);
  });

  it('returns 0 on a day without a row, and puts what happened in a gap on the day of the next row', () => {
    const { returns, after } = dailyReturnsOf(
      curveOf([
        ['2025-03-01T00:00', 100],
        ['2025-03-01T23:00', 120],
        ['2025-03-04T00:00', 150],
      ]),
    );
    expect([...returns].map((value) => value.toFixed(6))).toEqual(['0.200000', '0.000000', '0.250000']);
    expect(after).toBe(0);
  });

  it('has no whole day in a part of one, nor in none', () => {
    const part = dailyReturnsOf(
      curveOf([
        ['2025-03-01T06:00', 100],
        ['2025-03-01T18:00', 90],
      ]),
    );
    expect(part.returns).toHaveLength(0);
    expect(part.before).toBeCloseTo(-0.1, 12);
    expect(dailyReturnsOf(curveOf([])).returns).toHaveLength(0);
  });

  it('loses all at ruin and nothing after it', () => {
    const { returns } = dailyReturnsOf(
      curveOf([
        ['2025-03-01T00:00', 100],
        ['2025-03-02T00:00', -20],
        ['2025-03-03T00:00', 10],
      ]),
    );
    expect([...returns]).toEqual([-1, 0]);
  });
});

describe('dailyGrossOf', () => {
  it('is the largest exposure at the bars of the day that they close', () => {
    const gross = dailyGrossOf(
      curveOf([
        ['2025-03-01T00:00', 100],
        ['2025-03-01T12:00', 100, 30, 50],
        ['2025-03-02T00:00', 200, 300, 100],
        ['2025-03-03T00:00', 100, 10, 0],
      ]),
    );
    expect([...gross]).toEqual([2, 0.1]);
  });
});

describe('monthlyReturnsOf', () => {
  it('marks months that the curve covers in part, and multiplies up to the whole', () => {
    const months = monthlyReturnsOf(
      curveOf([
        ['2024-11-15T00:00', 100],
        ['2024-12-01T00:00', 110],
        ['2024-12-20T00:00', 90],
        ['2025-01-01T00:00', 99],
        ['2025-03-01T00:00', 198],
      ]),
    );
    expect(months.map(({ value, ...rest }) => ({ ...rest, value: Number(value.toFixed(9)) }))).toEqual([
      { year: 2024, month: 11, value: 0.1, isPartial: true },
      { year: 2024, month: 12, value: -0.1, isPartial: false },
      { year: 2025, month: 1, value: 0, isPartial: true },
      { year: 2025, month: 2, value: 1, isPartial: false },
    ]);
  });
});
