import { describe, expect, it } from 'vitest';
import { type EpochMs, epochMs, MINUTE_MS, type SignalSide, type SymbolId, UNTIL_CANCELLED } from '../../core/index.ts';
import { DEFAULT_PROTECTION_SETTINGS } from '../../trading/index.ts';
import type { Holding, Strategy, StrategyInput, Target } from '../strategy.ts';
import { buyAndHold } from './buy-and-hold.ts';
import { crossSectionalMomentum } from './cross-sectional-momentum.ts';
import { randomPositions } from './random-positions.ts';
import { timeSeriesMomentum } from './time-series-momentum.ts';

const NOON = epochMs(Date.UTC(2025, 5, 19, 12));
const hoursLater = (hours: number): EpochMs => epochMs(NOON + hours * 60 * MINUTE_MS);
const declared = {
  name: 'baseline',
  decideEvery: '1h',
  holdFor: '12h',
  cooldownMinutes: 60,
  protection: DEFAULT_PROTECTION_SETTINGS,
} as const;

const holdingOf = (symbol: SymbolId, side: SignalSide = 'long', changes: Partial<Holding> = {}): Holding => ({
  symbol,
  side,
  holdUntil: NOON,
  isPending: false,
  quantity: 1,
  weight: 0.1,
  entryPrice: 100,
  openedAt: hoursLater(-5),
  ...changes,
});

/** A panel of symbols with the given past returns (undefined: not remembered), each of the same volatility. */
function inputOf(
  past: Record<SymbolId, number | undefined>,
  {
    holdings = [],
    others = [],
    minute = NOON,
    cooldowns = [],
  }: { holdings?: Holding[]; others?: Holding[]; minute?: EpochMs; cooldowns?: [SymbolId, EpochMs][] } = {},
): StrategyInput {
  const bySymbol = (list: Holding[]) => new Map(list.map((holding) => [holding.symbol, holding]));
  return {
    book: 'main',
    minute,
    signals: [],
    portfolio: {
      holdings: bySymbol(holdings),
      cooldowns: new Map(cooldowns),
      markets: new Map(
        Object.entries(past).map(([symbol, value]) => [
          symbol,
          { price: 100, returnOver: () => value, volatilityOver: () => 0.02 },
        ]),
      ),
    },
    holdingsOf: (name) => (name === 'ml' ? bySymbol(others) : new Map()),
  };
}

const textOf = (target: Target) =>
  target.kind === 'enter'
    ? `${target.side} ${target.symbol}`
    : `${target.kind} ${target.symbol}${target.kind === 'close' ? ` ${target.reason}` : ''}`;
const decided = (strategy: Strategy, input: StrategyInput) => strategy.decide(input).targets.map(textOf);
const refused = (strategy: Strategy, input: StrategyInput) =>
  strategy.decide(input).refusals.map(({ symbol, reason }) => `${symbol} ${reason}`);

describe('buy and hold', () => {
  const strategy = buyAndHold({ ...declared, symbols: ['A', 'B'], grossExposure: 0.8 });

  it('buys equal shares of its symbols once, and keeps them for good', () => {
    expect(strategy.decide(inputOf({ A: -0.1, B: 0, C: 1 })).targets).toMatchObject([
      { kind: 'enter', symbol: 'A', side: 'long', weight: 0.4, holdUntil: UNTIL_CANCELLED },
      { kind: 'enter', symbol: 'B', side: 'long', weight: 0.4 },
    ]);
    const holding = inputOf({}, { holdings: [holdingOf('A'), holdingOf('B')] });
    expect(decided(strategy, holding)).toEqual(['hold A', 'hold B']);
  });

  it('buys again what a stop closed, after its rest', () => {
    const resting = inputOf({}, { holdings: [holdingOf('A')], cooldowns: [['B', hoursLater(1)]] });
    expect([decided(strategy, resting), refused(strategy, resting)]).toEqual([['hold A'], ['B STRATEGY_COOLDOWN']]);
  });
});

describe('time-series momentum', () => {
  const strategy = timeSeriesMomentum({ ...declared, lookBackMinutes: 1440, allowShort: true });

  it('goes with the sign of each past return, the strongest first, sized by volatility', () => {
    const input = inputOf({ A: 0.01, B: -0.03, C: 0.02, D: 0, E: undefined });
    expect(decided(strategy, input)).toEqual(['short B', 'long C', 'long A']);
    expect(strategy.decide(input).targets.every((target) => target.kind !== 'enter' || !target.weight)).toBe(true);
    expect(refused(strategy, input)).toEqual(['E STRATEGY_HISTORY_SHORT']);
  });

  it('holds while the sign lasts, and closes when it turns', () => {
    const input = inputOf({ A: 0.01, B: 0.01 }, { holdings: [holdingOf('A'), holdingOf('B', 'short')] });
    expect(decided(strategy, input)).toEqual(['hold A', 'close B STRATEGY_MOMENTUM_TURNED']);
  });

  it('stays out of shorts where they are not allowed', () => {
    const longOnly = timeSeriesMomentum({ ...declared, lookBackMinutes: 1440, allowShort: false });
    expect(refused(longOnly, inputOf({ A: -0.01 }))).toEqual(['A STRATEGY_SHORT_NOT_ALLOWED']);
  });
});

describe('cross-sectional momentum', () => {
  const strategy = crossSectionalMomentum({
    ...declared,
    lookBackMinutes: 1440,
    positionsPerSide: 1,
    bandPositions: 1,
    weights: 'equal',
    grossExposure: 0.4,
  });

  it('is long the winner and short the loser of the panel, whatever the market did', () => {
    const input = inputOf({ A: 0.01, B: 0.05, C: 0.02, D: undefined });
    expect(decided(strategy, input)).toEqual(['long B', 'short A']);
    expect(refused(strategy, input)).toEqual(['D STRATEGY_HISTORY_SHORT']);
    expect(strategy.isNeutral).toBe(true);
  });

  it('keeps what stays within its band', () => {
    const holdings = [holdingOf('A', 'short'), holdingOf('C')];
    expect(decided(strategy, inputOf({ A: 0.01, B: 0.05, C: 0.04, D: 0.02 }, { holdings }))).toEqual([
      'hold C',
      'hold A',
    ]);
  });
});

describe('random positions', () => {
  const panel = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`S${i}`, 0]));
  const matched = randomPositions({ ...declared, allowShort: true, turnover: { of: 'ml' } });
  const own = randomPositions({
    ...declared,
    allowShort: true,
    turnover: { positions: 4, perDay: 12, grossExposure: 0.4 },
  });

  it('draws by book, name and minute alone', () => {
    const at = (minute: EpochMs, strategy = own) => decided(strategy, inputOf(panel, { minute }));
    expect(at(NOON)).toHaveLength(4);
    expect(at(NOON)).toEqual(at(NOON));
    expect(at(hoursLater(1))).not.toEqual(at(NOON));
    expect(
      at(
        NOON,
        randomPositions({
          ...declared,
          name: 'b',
          allowShort: true,
          turnover: { positions: 4, perDay: 12, grossExposure: 0.4 },
        }),
      ),
    ).not.toEqual(at(NOON));
    const sides = new Set(
      Array.from({ length: 5 }, (_, i) => at(hoursLater(i)))
        .flat()
        .map((text) => text.split(' ')[0]),
    );
    expect(sides).toEqual(new Set(['long', 'short']));
  });

  it('exchanges its share of positions in a day', () => {
    const holdings = ['S0', 'S1', 'S2', 'S3'].map((symbol) => holdingOf(symbol));
    let closings = 0;
    for (let hour = 0; hour < 400; hour++) {
      const texts = decided(own, inputOf(panel, { minute: hoursLater(hour), holdings }));
      const closed = texts.filter((text) => text.startsWith('close')).length;
      expect(texts.filter((text) => /^(long|short)/.test(text))).toHaveLength(closed);
      closings += closed;
    }
    // 12 times a day of each position: half of the four every hour.
    expect(closings / 400).toBeGreaterThan(1.8);
    expect(closings / 400).toBeLessThan(2.2);
  });

  it('enters and closes as much as the strategy it is matched with, in positions of its mean size', () => {
    const opened = (symbol: SymbolId, hours: number, weight: number) =>
      holdingOf(symbol, 'long', { openedAt: hoursLater(hours), weight });
    const first = matched.decide(inputOf(panel, { others: [opened('S0', -1, 0.1), opened('S1', -9, 0.2)] })).targets;
    expect(first.map(({ kind }) => kind)).toEqual(['enter', 'enter']);
    expect(first[0]).toMatchObject({ kind: 'enter', weight: expect.closeTo(0.15, 12) });
    // It gave one up and entered another: so does the copy.
    const holdings = [holdingOf('S7'), holdingOf('S8')];
    const exchanged = inputOf(panel, { holdings, others: [opened('S1', -9, 0.2), opened('S2', -1, 0.1)] });
    expect(
      matched
        .decide(exchanged)
        .targets.map(({ kind }) => kind)
        .sort(),
    ).toEqual(['close', 'enter', 'hold']);
    const still = inputOf(panel, { holdings, others: [opened('S1', -9, 0.2), opened('S2', -2, 0.1)] });
    expect(decided(matched, still)).toEqual(['hold S7', 'hold S8']);
    expect(decided(matched, inputOf(panel, { holdings }))).toEqual([
      'close S7 STRATEGY_DRAWN',
      'close S8 STRATEGY_DRAWN',
    ]);
  });
});
