import { describe, expect, it } from 'vitest';
import { curveOf, fillOf, flowOf, time } from '../statistics/record.fixture.ts';
import { stitchRecords } from './stitch.ts';

const first = {
  equity: curveOf([
    ['2025-01-01T00:00', 100],
    ['2025-01-02T00:00', 110, 50, 0, 1],
    ['2025-01-03T00:00', 120],
  ]),
  fills: [fillOf({ time: time('2025-01-02T12:00'), side: 'buy', quantity: 2, realizedPnl: 3, fee: 1 })],
  funding: [flowOf('2025-01-02T08:00', 4)],
};
const second = {
  equity: curveOf([
    ['2025-01-03T00:00', 100],
    ['2025-01-04T00:00', 90, 30, 20, 2],
  ]),
  fills: [
    fillOf({
      time: time('2025-01-03T12:00'),
      side: 'sell',
      quantity: 5,
      realizedPnl: -6,
      fee: 2,
      spread: 1,
      impact: 3,
    }),
  ],
  funding: [flowOf('2025-01-03T16:00', -2)],
};

describe('stitchRecords', () => {
  it('chains equity and lets amounts grow with it, without a moment twice', () => {
    const { equity, fills, funding } = stitchRecords([first, second]);
    expect(Array.from(equity.times)).toEqual(
      ['2025-01-01T00:00', '2025-01-02T00:00', '2025-01-03T00:00', '2025-01-04T00:00'].map(time),
    );
    expect(Array.from(equity.equity)).toEqual([100, 110, 120, 108]);
    expect(Array.from(equity.long)).toEqual([0, 50, 0, 36]);
    expect(Array.from(equity.positions)).toEqual([0, 1, 0, 2]);
    expect(fills[0]).toEqual(first.fills[0]);
    expect(fills[1]).toMatchObject({ quantity: 6, price: 100, fee: 2.4, spread: 1.2 });
    expect(fills[1]?.realizedPnl).toBeCloseTo(-7.2);
    expect(funding.map(({ amount }) => amount)).toEqual([4, -2.4]);
  });

  it('refuses records with a gap between them, and records that overlap', () => {
    const later = { ...second, equity: curveOf([['2025-01-03T00:15', 100]]) };
    expect(() => stitchRecords([first, later])).toThrow('gap');
    expect(() => stitchRecords([first, first])).toThrow('gap');
  });

  it('leaves nothing of a book that was ruined', () => {
    const ruined = {
      ...first,
      equity: curveOf([
        ['2025-01-01T00:00', 100],
        ['2025-01-03T00:00', -5],
      ]),
    };
    expect(stitchRecords([ruined, second]).equity.equity.at(-1)).toBe(0);
  });
});
