import { describe, expect, it } from 'vitest';
import { type EpochMs, epochMs, MINUTE_MS, type ReasonCode, type Signal, type SymbolId } from '../../core/index.ts';
import { DEFAULT_PROTECTION_SETTINGS } from '../../trading/index.ts';
import type { Holding, StrategyInput } from '../strategy.ts';
import { MarketNeutralAdapter } from './market-neutral-adapter.ts';

const NOON = epochMs(Date.UTC(2025, 5, 19, 12));
const adapter = new MarketNeutralAdapter({
  name: 'neutral',
  decideEvery: '1h',
  holdFor: '12h',
  cooldownMinutes: 60,
  positionsPerSide: 1,
  bandPositions: 1,
  weights: 'equal',
  grossExposure: 0.4,
  protection: DEFAULT_PROTECTION_SETTINGS,
});

/** A candidate whose forecast return of the horizon is `change`. */
const signalOf = (symbol: SymbolId, change: number, failed?: readonly [gate: string, reason: ReasonCode]): Signal => ({
  id: `main/${NOON}/${symbol}`,
  symbol,
  minute: NOON,
  modelId: 'model-1',
  side: change >= 0 ? 'long' : 'short',
  horizon: '12h',
  expectedReturn: Math.abs(change),
  expectedCost: 0.002,
  netEdge: Math.abs(change) - 0.002,
  probability: 0.5,
  confidence: 0.2,
  referencePrice: 100,
  verdicts: failed ? [{ gate: failed[0], passed: false, reason: failed[1] }] : [],
  accepted: false,
});

const inputOf = (
  signals: Signal[],
  holdings: Holding[] = [],
  cooldowns: [SymbolId, EpochMs][] = [],
): StrategyInput => ({
  book: 'main',
  minute: NOON,
  signals,
  portfolio: {
    holdings: new Map(holdings.map((holding) => [holding.symbol, holding])),
    cooldowns: new Map(cooldowns),
    markets: new Map(
      signals.map(({ symbol }) => [
        symbol,
        { price: 100, returnOver: () => undefined, volatilityOver: (minutes) => 0.001 * Math.sqrt(minutes) },
      ]),
    ),
  },
  holdingsOf: () => new Map(),
});

const reasonsOf = (input: StrategyInput) =>
  adapter.decide(input).refusals.map(({ symbol, reason }) => `${symbol} ${reason}`);

describe('the market-neutral form of the adapter', () => {
  it('is long the best and short the worst of the panel, also where every forecast is up and no candidate is accepted', () => {
    const { targets } = adapter.decide(inputOf([signalOf('A', 0.03), signalOf('B', 0.02), signalOf('C', 0.01)]));
    expect(targets).toMatchObject([
      { kind: 'enter', symbol: 'A', side: 'long', weight: 0.2, holdUntil: NOON + 12 * 60 * MINUTE_MS },
      { kind: 'enter', symbol: 'C', side: 'short', weight: 0.2, signal: { id: `main/${NOON}/C` } },
    ]);
  });

  it('enters nothing where the forecasts do not differ by what it costs', () => {
    const alike = inputOf([signalOf('A', 0.031), signalOf('B', 0.03), signalOf('C', 0.029)]);
    expect(adapter.decide(alike).targets).toEqual([]);
    expect(reasonsOf(alike)).toEqual(['A STRATEGY_CHANGE_BELOW_COSTS', 'C STRATEGY_CHANGE_BELOW_COSTS']);
  });

  it('does not rank cold forecasts, nor enter what the panel, the instrument or the cooldown bars', () => {
    const cold = [signalOf('X', 0.09, ['features-warm', 'FEATURES_NOT_WARM']), signalOf('Y', Number.NaN)];
    const signals = [...cold, signalOf('A', 0.03), signalOf('B', 0.02), signalOf('C', 0.01)];
    expect(adapter.decide(inputOf(signals)).targets).toMatchObject([{ symbol: 'A' }, { symbol: 'C' }]);
    const halted = signals.map((signal) => ({
      ...signal,
      verdicts: [...signal.verdicts, { gate: 'entries-allowed', passed: false, reason: 'RISK_HALTED' as const }],
    }));
    expect(adapter.decide(inputOf(halted)).targets).toEqual([]);
    expect(reasonsOf(inputOf(halted))).toEqual(['A RISK_HALTED', 'C RISK_HALTED']);
    const resting = inputOf(signals, [], [['C', epochMs(NOON + MINUTE_MS)]]);
    expect(reasonsOf(resting)).toEqual(['C STRATEGY_COOLDOWN', 'A STRATEGY_UNBALANCED']);
  });

  it('renews what it keeps, and closes what it gives up with the forecast that said so', () => {
    const holding = (symbol: SymbolId, side: Holding['side']): Holding => ({
      symbol,
      side,
      holdUntil: NOON,
      isPending: false,
      quantity: 1,
      weight: 0.2,
      entryPrice: 100,
      openedAt: epochMs(NOON - 3_600_000),
    });
    const signals = [signalOf('A', 0.03), signalOf('B', 0.02), signalOf('C', 0.012), signalOf('D', 0)];
    const { targets } = adapter.decide(inputOf(signals, [holding('C', 'long'), holding('D', 'short')]));
    expect(targets).toMatchObject([
      { kind: 'close', symbol: 'C', reason: 'STRATEGY_RANK_LOST', signalId: `main/${NOON}/C` },
      { kind: 'hold', symbol: 'D' },
      { kind: 'enter', symbol: 'A', side: 'long' },
    ]);
  });
});
