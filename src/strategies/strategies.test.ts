import { describe, expect, it } from 'vitest';
import { type EpochMs, epochMs, type Signal, type SymbolId } from '../core/index.ts';
import { DEFAULT_STRATEGY_SETTINGS, MLStrategyAdapter } from './ml/ml-strategy-adapter.ts';
import type { Holding, StrategyInput, StrategyPortfolio } from './strategy.ts';
import { StrategyManager } from './strategy-manager.ts';

const HOUR = epochMs(Date.UTC(2025, 5, 19, 12));
const minutesLater = (minutes: number): EpochMs => epochMs(HOUR + minutes * 60_000);
const adapter = (changes: Partial<typeof DEFAULT_STRATEGY_SETTINGS> = {}) =>
  new MLStrategyAdapter({ ...DEFAULT_STRATEGY_SETTINGS, holdFor: '4h', ...changes });

const signalOf = (symbol: SymbolId, changes: Partial<Signal> = {}): Signal => ({
  id: `main/${HOUR}/${symbol}`,
  symbol,
  minute: HOUR,
  modelId: 'model-1',
  side: 'long',
  horizon: '4h',
  expectedReturn: 0.01,
  expectedCost: 0.0015,
  netEdge: 0.0085,
  probability: 0.5,
  confidence: 0.8,
  referencePrice: 100,
  verdicts: [],
  accepted: true,
  ...changes,
});

const holdingOf = (symbol: SymbolId, changes: Partial<Holding> = {}): Holding => ({
  symbol,
  side: 'long',
  holdUntil: minutesLater(120),
  isPending: false,
  quantity: 1,
  weight: 0.1,
  entryPrice: 100,
  openedAt: minutesLater(-60),
  ...changes,
});

const portfolioOf = (holdings: Holding[] = [], cooldowns: [SymbolId, EpochMs][] = []): StrategyPortfolio => ({
  holdings: new Map(holdings.map((holding) => [holding.symbol, holding])),
  cooldowns: new Map(cooldowns),
  markets: new Map(),
});

const inputOf = (
  signals: Signal[],
  holdings: Holding[] = [],
  cooldowns: [SymbolId, EpochMs][] = [],
): StrategyInput => ({
  book: 'main',
  minute: HOUR,
  signals,
  portfolio: portfolioOf(holdings, cooldowns),
  holdingsOf: () => new Map(),
});

describe('the directional strategy', () => {
  it('enters accepted signals for its holding time, the largest net edge first', () => {
    const signals = [signalOf('A'), signalOf('B', { netEdge: 0.02 }), signalOf('C', { accepted: false, netEdge: 0.5 })];
    const { targets } = adapter().decide(inputOf(signals));
    expect(targets.map((target) => [target.kind, target.symbol])).toEqual([
      ['enter', 'B'],
      ['enter', 'A'],
    ]);
    expect(targets[0]).toMatchObject({ holdUntil: minutesLater(240) });
  });

  it('keeps a position it already holds on that side, and extends its time', () => {
    const { targets, refusals } = adapter().decide(inputOf([signalOf('A')], [holdingOf('A')]));
    expect(targets).toEqual([{ kind: 'hold', symbol: 'A', holdUntil: minutesLater(240) }]);
    expect(refusals).toEqual([{ symbol: 'A', reason: 'STRATEGY_POSITION_HELD', signalId: `main/${HOUR}/A` }]);
    expect(adapter({ extendOnSignal: false }).decide(inputOf([signalOf('A')], [holdingOf('A')])).targets).toEqual([]);
  });

  it('closes a position when the forecast turns against it, also when the signal is not accepted', () => {
    const against = signalOf('A', { side: 'short', accepted: false });
    const { targets } = adapter().decide(inputOf([against], [holdingOf('A')]));
    expect(targets).toEqual([{ kind: 'close', symbol: 'A', reason: 'STRATEGY_SIGNAL_REVERSED', signalId: against.id }]);
  });

  it('does not close on a weak opposite forecast, nor enters the other side in the same decision', () => {
    const weak = signalOf('A', {
      side: 'short',
      accepted: false,
      verdicts: [{ gate: 'edge-covers-costs', passed: false, reason: 'SIGNAL_EDGE_BELOW_COSTS' }],
    });
    expect(adapter().decide(inputOf([weak], [holdingOf('A')])).targets).toEqual([]);
    const strong = adapter().decide(inputOf([signalOf('A', { side: 'short' })], [holdingOf('A')]));
    expect(strong.targets.map((target) => target.kind)).toEqual(['close']);
  });

  it('waits for a pending entry, for the cooldown, and goes short only when allowed', () => {
    const reasons = (...parts: Parameters<typeof inputOf>) =>
      adapter({ allowShort: false })
        .decide(inputOf(...parts))
        .refusals.map((refusal) => refusal.reason);
    expect(reasons([signalOf('A')], [holdingOf('A', { isPending: true })])).toEqual(['STRATEGY_INTENT_PENDING']);
    expect(reasons([signalOf('A')], [], [['A', minutesLater(1)]])).toEqual(['STRATEGY_COOLDOWN']);
    expect(reasons([signalOf('A')], [], [['A', HOUR]])).toEqual([]);
    expect(reasons([signalOf('A', { side: 'short' })])).toEqual(['STRATEGY_SHORT_NOT_ALLOWED']);
  });

  it('enters a symbol once, however many of its signals are accepted', () => {
    const twice = [signalOf('A'), signalOf('A', { id: `main/${HOUR}/A/12h`, horizon: '12h', netEdge: 0.01 })];
    expect(adapter().decide(inputOf(twice)).targets).toMatchObject([{ kind: 'enter', signal: { horizon: '12h' } }]);
  });
});

describe('the strategy manager', () => {
  const bookOf = (holdings: Holding[]) => () => portfolioOf(holdings);

  it('asks a strategy only at its own cadence, aligned to UTC', () => {
    const manager = new StrategyManager([adapter(), adapter({ name: 'quick', decideEvery: '15m' })]);
    const entered = (minute: EpochMs) =>
      manager
        .decide({ book: 'main', minute, signals: [signalOf('A')] }, bookOf([]))
        .filter((outcome) => outcome.targets.length > 0)
        .map((outcome) => outcome.strategy.name);
    expect(entered(HOUR)).toEqual(['ml', 'quick']);
    expect(entered(minutesLater(15))).toEqual(['quick']);
    expect(entered(minutesLater(16))).toEqual([]);
    const [idle] = manager.decide({ book: 'main', minute: minutesLater(16), signals: [signalOf('A')] }, bookOf([]));
    expect(idle?.refusals.map((refusal) => refusal.reason)).toEqual(['STRATEGY_NOT_DUE']);
  });

  it('ends a holding in the very minute its time is over, unless the decision extends it', () => {
    const manager = new StrategyManager([adapter()]);
    const over = holdingOf('A', { holdUntil: minutesLater(-60) });
    expect(manager.decide({ book: 'main', minute: minutesLater(1), signals: [] }, bookOf([over]))[0]?.targets).toEqual([
      { kind: 'close', symbol: 'A', reason: 'STRATEGY_HOLDING_ENDED' },
    ]);
    expect(
      manager.decide({ book: 'main', minute: HOUR, signals: [signalOf('A')] }, bookOf([over]))[0]?.targets,
    ).toMatchObject([{ kind: 'hold' }]);
    expect(
      manager.decide({ book: 'main', minute: minutesLater(1), signals: [] }, bookOf([holdingOf('A')]))[0]?.targets,
    ).toEqual([]);
  });

  it('puts closings before entries', () => {
    const manager = new StrategyManager([adapter()]);
    const signals = [signalOf('A', { netEdge: 0.02 }), signalOf('B', { side: 'short' })];
    const kinds = manager
      .decide({ book: 'main', minute: HOUR, signals }, bookOf([holdingOf('B')]))[0]
      ?.targets.map((target) => target.kind);
    expect(kinds).toEqual(['close', 'enter']);
  });

  it('refuses two strategies of one name', () => {
    expect(() => new StrategyManager([adapter(), adapter()])).toThrow('two strategies are named "ml"');
  });
});
