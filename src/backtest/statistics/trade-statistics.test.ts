import { describe, expect, it } from 'vitest';
import { createRandom, epochMs } from '../../core/index.ts';
import type { RoundTrip } from './round-trips.ts';
import { breakdownsOf, tradeStatisticsOf, wilson } from './trade-statistics.ts';

const DAY = 86_400_000;
const START = Date.UTC(2025, 5, 30);
const options = () => ({ random: createRandom('trades') });

const tripOf = (index: number, netPnl: number, trip: Partial<RoundTrip> = {}): RoundTrip => ({
  strategy: 'ml',
  symbol: 'BTCUSDT',
  side: 'long',
  openedAt: epochMs(START + index * DAY),
  closedAt: epochMs(START + index * DAY + (index + 1) * 60_000),
  entryPrice: 100,
  exitPrice: 100,
  quantity: 2,
  grossPnl: netPnl + 1,
  fees: 2,
  spread: 0,
  impact: 0,
  funding: 1,
  netPnl,
  netReturn: netPnl / 200,
  exitPurpose: 'exit',
  ...trip,
});

/** Wins of 3, 3 and 0 and a loss of 2, over and over. */
const PATTERN = [3, 3, 0, -2];
const trips = (count: number) => Array.from({ length: count }, (_, index) => tripOf(index, PATTERN[index % 4] ?? 0));

describe('tradeStatisticsOf', () => {
  it('counts net of costs; neither a win nor a loss is what came to nothing', () => {
    const statistics = tradeStatisticsOf(trips(40), options());
    expect(statistics).toMatchObject({
      count: 40,
      netPnl: 40,
      grossPnl: 80,
      fees: 80,
      funding: 40,
      winRate: wilson(20, 40),
      payoffRatio: { value: 1.5 },
      profitFactor: { value: 3 },
      expectancy: { value: 1 },
      medianHoldingMs: 20.5 * 60_000,
      winningStreak: 2,
      losingStreak: 1,
    });
    expect(statistics.meanReturn.value).toBeCloseTo(1 / 200, 12);
  });

  it('says no shares of fewer than twenty', () => {
    const nothing = { value: null, low: null, high: null };
    expect(tradeStatisticsOf(trips(19), options())).toMatchObject({ count: 19, winRate: nothing, expectancy: nothing });
    expect(tradeStatisticsOf([], options())).toMatchObject({ count: 0, medianHoldingMs: null, losingStreak: 0 });
  });

  it('takes what closes on one day for one observation', () => {
    const random = createRandom('one day');
    const luck = Array.from({ length: 40 }, () => random.normal());
    const alone = luck.map((value, index) => tripOf(index, value));
    const together = luck.flatMap((value, index) => [...Array(5)].map(() => tripOf(index, value)));
    const reach = (of: readonly RoundTrip[]) => {
      const { low, high } = tradeStatisticsOf(of, options()).expectancy;
      return (high ?? 0) - (low ?? 0);
    };
    expect(reach(alone)).toBeGreaterThan(0.1);
    expect(reach(together)).toBeCloseTo(reach(alone), 9);
  });

  it('has no profit factor without a loss', () => {
    const wins = Array.from({ length: 20 }, (_, index) => tripOf(index, 1));
    expect(tradeStatisticsOf(wins, options()).profitFactor.value).toBeNull();
  });
});

describe('wilson', () => {
  it('gives the published interval of 81 in 263 and stays inside 0 and 1', () => {
    // Newcombe (1998), table I, method 3.
    expect(wilson(81, 263).low).toBeCloseTo(0.2553, 4);
    expect(wilson(81, 263).high).toBeCloseTo(0.3662, 4);
    expect(wilson(0, 20)).toMatchObject({ value: 0, low: 0, high: expect.closeTo(0.1611, 4) });
    expect(wilson(0, 0).value).toBeNull();
  });
});

describe('breakdownsOf', () => {
  it('puts each trip into one row of each', () => {
    const mixed = [
      tripOf(0, 1, { confidence: 0.6, regime: 'trend' }),
      tripOf(1, -1, { confidence: 1, side: 'short', symbol: 'ETHUSDT', exitPurpose: 'stop' }),
      tripOf(2, 2, { confidence: 0.699, strategy: 'momentum', openedAt: epochMs(START + 1.5 * DAY) }),
      tripOf(7, 2),
    ];
    const keys = Object.entries(breakdownsOf(mixed, options())).map(([name, rows]) => [
      name,
      rows.map(({ key, statistics }: { key: string; statistics: { count: number } }) => `${key}: ${statistics.count}`),
    ]);
    expect(Object.fromEntries(keys)).toEqual({
      symbol: ['BTCUSDT: 3', 'ETHUSDT: 1'],
      strategy: ['ml: 3', 'momentum: 1'],
      side: ['long: 3', 'short: 1'],
      month: ['2025-06: 1', '2025-07: 3'],
      hour: ['00: 3', '12: 1'],
      weekday: ['1 Mon: 2', '2 Tue: 2'],
      regime: ['none: 3', 'trend: 1'],
      confidence: ['0.6-0.7: 2', '0.9-1.0: 1', 'none: 1'],
      exitPurpose: ['exit: 3', 'stop: 1'],
    });
  });
});
