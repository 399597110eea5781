import { describe, expect, it } from 'vitest';
import { epochMs, type SignalSide } from '../core/index.ts';
import { arrangeLongShort, type RankedSymbol, targetsOf } from './long-short-book.ts';
import type { Holding } from './strategy.ts';

const RULES = { positionsPerSide: 2, bandPositions: 1 };

const rankedOf = (symbol: string, excess: number, changes: Partial<RankedSymbol> = {}): RankedSymbol => ({
  symbol,
  excess,
  cost: { long: 0.002, short: 0.002 },
  volatility: 0.02,
  ...changes,
});

const holdingOf = (symbol: string, side: SignalSide): Holding => ({
  symbol,
  side,
  holdUntil: epochMs(0),
  isPending: false,
  quantity: 1,
  weight: 0.1,
  entryPrice: 100,
  openedAt: epochMs(0),
});

/** Eight symbols, A the best by 4 % over the mean, H the worst by as much. */
const PANEL = Object.entries({ A: 4, B: 3, C: 2, D: 1, E: -1, F: -2, G: -3, H: -4 }).map(([symbol, percent]) =>
  rankedOf(symbol, percent / 100),
);

const arrange = (panel: RankedSymbol[], held: Record<string, SignalSide> = {}, rules = RULES) => {
  const holdings = new Map(Object.entries(held).map(([symbol, side]) => [symbol, holdingOf(symbol, side)]));
  const plan = arrangeLongShort(panel, holdings, rules);
  return {
    kept: plan.kept.map(({ symbol }) => symbol),
    closed: plan.closed.map(({ holding, reason }) => `${holding.symbol} ${reason}`),
    entered: plan.entered.map(({ ranked, side }) => `${side} ${ranked.symbol}`),
    refusals: plan.refusals.map(({ symbol, reason }) => `${symbol} ${reason}`),
  };
};

const changed = (changes: Record<string, Partial<RankedSymbol>>) =>
  PANEL.map((each) => ({ ...each, ...changes[each.symbol] }));

describe('a long-short book', () => {
  it('is long the best and short the worst, in pairs', () => {
    expect(arrange(PANEL).entered).toEqual(['long A', 'short H', 'long B', 'short G']);
    expect(arrange(PANEL.toReversed()).entered).toEqual(['long A', 'short H', 'long B', 'short G']);
  });

  it('ranks by the net excess per unit of volatility', () => {
    const calm = changed({ C: { volatility: 0.005 }, A: { volatility: 0.2 } });
    expect(arrange(calm).entered).toEqual(['long C', 'short H', 'long B', 'short G']);
  });

  it('enters only what pays its round trip, and no long without a short', () => {
    const dear = changed({ B: { cost: { long: 0.03, short: 0.03 } } });
    expect(arrange(dear)).toMatchObject({
      entered: ['long A', 'short H', 'long C', 'short G'],
    });
    const flat = PANEL.map((each) => ({ ...each, excess: each.excess / 40 }));
    expect(arrange(flat).entered).toEqual([]);
    expect(arrange(flat).refusals).toContain('A STRATEGY_CHANGE_BELOW_COSTS');
    const oneSided = changed({ G: { barred: 'STRATEGY_COOLDOWN' } });
    expect(arrange(oneSided)).toMatchObject({
      entered: ['long A', 'short H'],
      refusals: ['G STRATEGY_COOLDOWN', 'B STRATEGY_UNBALANCED'],
    });
  });

  it('keeps what ranks within the band, and leaves the better one alone', () => {
    const held = { A: 'long', C: 'long', F: 'short', H: 'short' } as const;
    expect(arrange(PANEL, held)).toEqual({
      kept: ['A', 'C', 'H', 'F'],
      closed: [],
      entered: [],
      refusals: ['B STRATEGY_BOOK_FULL', 'G STRATEGY_BOOK_FULL'],
    });
  });

  it('replaces what left the band where the change pays, and keeps it where it does not', () => {
    const held = { A: 'long', D: 'long', G: 'short', H: 'short' } as const;
    expect(arrange(PANEL, held)).toMatchObject({ closed: ['D STRATEGY_RANK_LOST'], entered: ['long B'] });
    const dear = changed({ B: { cost: { long: 0.0205, short: 0.0205 } }, C: { excess: 0.011 } });
    expect(arrange(dear, held)).toMatchObject({
      kept: ['A', 'D', 'H', 'G'],
      closed: [],
      refusals: ['B STRATEGY_CHANGE_BELOW_COSTS'],
    });
  });

  it('gives up what is expected to lose against the panel, and a position of the other side with it', () => {
    const held = { A: 'long', E: 'long', G: 'short', H: 'short' } as const;
    const nothingBetter = changed({ B: { barred: 'HISTORY_INCOMPLETE' } });
    expect(arrange(nothingBetter, held)).toMatchObject({
      kept: ['A', 'H'],
      closed: ['E STRATEGY_RANK_LOST', 'G STRATEGY_UNBALANCED'],
      entered: [],
    });
  });

  it('leaves positions alone whose symbols are not ranked', () => {
    const held = { X: 'long', Y: 'short' } as const;
    expect(arrange(PANEL, held)).toMatchObject({ kept: ['X', 'Y'], closed: [], entered: ['long A', 'short H'] });
  });

  it('gives positions equal weights, or more to the better rank', () => {
    const plan = arrangeLongShort(PANEL, new Map(), RULES);
    const weights = (kind: 'equal' | 'rank') =>
      targetsOf(
        plan,
        { ...RULES, weights: kind, grossExposure: 0.6 },
        { holdUntil: epochMs(1), isRanked: () => true },
      ).map((target) => target.kind === 'enter' && target.weight);
    expect(weights('equal')).toEqual([0.15, 0.15, 0.15, 0.15]);
    const ranked = weights('rank');
    expect(ranked[0]).toBeCloseTo(0.2, 12);
    expect(ranked[3]).toBeCloseTo(0.1, 12);
  });
});
