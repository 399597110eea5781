import { describe, expect, it } from 'vitest';
import { createRandom } from '../../core/index.ts';
import type { TradeFill } from '../record.ts';
import { fillOf, flowOf, time } from './record.fixture.ts';
import { roundTripsOf } from './round-trips.ts';

describe('roundTripsOf', () => {
  it('gathers entries and exits from flat to flat', () => {
    const { closed, open } = roundTripsOf({
      fills: [
        fillOf({
          time: time('2025-03-01T01:00'),
          side: 'buy',
          quantity: 1,
          price: 100,
          fee: 1,
          confidence: 0.7,
          regime: 'trend',
        }),
        fillOf({
          time: time('2025-03-01T02:00'),
          side: 'buy',
          quantity: 3,
          price: 104,
          fee: 3,
          spread: 0.5,
          confidence: 0.9,
        }),
        fillOf({
          time: time('2025-03-01T03:00'),
          side: 'sell',
          purpose: 'target',
          quantity: 2,
          price: 110,
          realizedPnl: 14,
          fee: 2,
        }),
        fillOf({
          time: time('2025-03-01T09:00'),
          side: 'sell',
          purpose: 'stop',
          quantity: 2,
          price: 90,
          realizedPnl: -26,
          fee: 2,
          impact: 1,
        }),
      ],
      funding: [flowOf('2025-03-01T08:00', -4)],
    });
    expect(open).toEqual([]);
    expect(closed).toEqual([
      {
        strategy: 'ml',
        symbol: 'BTCUSDT',
        side: 'long',
        openedAt: time('2025-03-01T01:00'),
        closedAt: time('2025-03-01T09:00'),
        entryPrice: 103,
        exitPrice: 100,
        quantity: 4,
        grossPnl: -12,
        fees: 8,
        spread: 0.5,
        impact: 1,
        funding: -4,
        netPnl: -24,
        netReturn: -24 / 412,
        confidence: 0.7,
        regime: 'trend',
        exitPurpose: 'stop',
      },
    ]);
  });

  it('splits a fill that turns the position round, its costs by quantity', () => {
    const { closed, open } = roundTripsOf({
      fills: [
        fillOf({ time: time('2025-03-01T01:00'), side: 'sell', quantity: 2, price: 100, fee: 2 }),
        fillOf({
          time: time('2025-03-01T02:00'),
          side: 'buy',
          quantity: 5,
          price: 90,
          realizedPnl: 20,
          fee: 5,
          spread: 10,
          confidence: 0.8,
        }),
      ],
      funding: [],
    });
    expect(closed).toHaveLength(1);
    expect(closed[0]).toMatchObject({
      side: 'short',
      quantity: 2,
      exitPrice: 90,
      grossPnl: 20,
      fees: 4,
      spread: 4,
      netPnl: 16,
    });
    expect(closed[0]).not.toHaveProperty('confidence');
    expect(open).toMatchObject([
      { side: 'long', held: 3, quantity: 3, entryPrice: 90, fees: 3, spread: 6, realizedPnl: 0, confidence: 0.8 },
    ]);
  });

  it('shares funding among strategies by what they held just before, opposite sides against each other', () => {
    const long = fillOf({ time: time('2025-03-01T01:00'), side: 'buy', quantity: 3 });
    const short = fillOf({ time: time('2025-03-01T01:00'), side: 'sell', strategy: 'momentum' });
    const late = fillOf({ time: time('2025-03-01T08:00'), side: 'buy', quantity: 5, strategy: 'late' });
    const { open, unallottedFunding } = roundTripsOf({
      fills: [long, short, late],
      funding: [
        flowOf('2025-03-01T08:00', -2),
        flowOf('2025-03-01T00:00', 0.5),
        flowOf('2025-03-01T08:00', 7, 'ETHUSDT'),
      ],
    });
    expect(open.map(({ strategy, funding }) => [strategy, funding])).toEqual([
      ['ml', -3],
      ['momentum', 1],
      ['late', 0],
    ]);
    expect(unallottedFunding).toBe(7.5);
  });

  it('is flat where only the rounding of steps is left', () => {
    const buy = (quantity: number) => fillOf({ time: time('2025-03-01T01:00'), side: 'buy', quantity });
    const { closed, open } = roundTripsOf({
      fills: [buy(0.1), buy(0.2), fillOf({ time: time('2025-03-01T02:00'), side: 'sell', quantity: 0.3 })],
      funding: [],
    });
    expect([closed.length, open.length]).toEqual([1, 0]);
  });

  it('accounts for every unit of profit, cost and funding, whatever the fills', () => {
    for (let seed = 0; seed < 50; seed++) {
      const random = createRandom(`trips ${seed}`);
      const held = new Map<string, number>();
      const fills: TradeFill[] = Array.from({ length: 60 }, (_, minute) => {
        const strategy = random.integer(2) === 0 ? 'ml' : 'momentum';
        const side = random.integer(2) === 0 ? 'buy' : 'sell';
        const quantity = 1 + random.integer(4);
        held.set(strategy, (held.get(strategy) ?? 0) + (side === 'buy' ? quantity : -quantity));
        const realizedPnl = random.normal();
        return fillOf({
          time: time(`2025-03-01T00:${String(minute).padStart(2, '0')}`),
          side,
          strategy,
          quantity,
          realizedPnl,
          fee: random.uniform(),
        });
      });
      const funding = Array.from({ length: 6 }, (_, index) => flowOf(`2025-03-01T00:${index}5`, random.normal()));
      const { closed, open, unallottedFunding } = roundTripsOf({ fills, funding });
      const total = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0);
      expect(total([...closed, ...open].map(({ fees }) => fees))).toBeCloseTo(total(fills.map(({ fee }) => fee)), 9);
      expect(total([...closed, ...open].map((trip) => trip.funding)) + unallottedFunding).toBeCloseTo(
        total(funding.map(({ amount }) => amount)),
        9,
      );
      for (const { strategy, side, held: left } of open)
        expect(side === 'long' ? left : -left).toBe(held.get(strategy));
      expect(closed.map(({ closedAt }) => closedAt)).toEqual(closed.map(({ closedAt }) => closedAt).sort());
    }
  });
});
