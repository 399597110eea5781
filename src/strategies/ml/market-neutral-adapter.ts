import {
  durationOf,
  epochMs,
  HORIZONS,
  type Signal,
  type SignalSide,
  type SymbolId,
  type Timeframe,
} from '../../core/index.ts';
import { entryBar, isWarm } from '../../signals/index.ts';
import type { ProtectionSettings } from '../../trading/index.ts';
import {
  arrangeLongShort,
  type LongShortWeights,
  leastWeightOf,
  type RankedSymbol,
  targetsOf,
} from '../long-short-book.ts';
import type { Strategy, StrategyDecision, StrategyDeclaration, StrategyInput, StrategyPortfolio } from '../strategy.ts';

/** Minutes of a bar, in which horizons are counted. */
const BAR_MINUTES = 15;

export interface MarketNeutralSettings extends StrategyDeclaration, LongShortWeights {}

/**
 * The market-neutral strategy on the model's forecasts: ranks the panel by the expected return over that of the panel's mean, less costs, per
 * unit of volatility; long the best, short the worst, as many of one as of the other and of equal value. What a forecast says by itself
 * (its direction, its confidence) does not matter here, only what it says beside the others; whether its inputs are warm and entries allowed does.
 */
export class MarketNeutralAdapter implements Strategy {
  readonly name: string;
  readonly decideEvery: Timeframe;
  readonly holdFor: Timeframe;
  readonly cooldownMinutes: number;
  readonly protection: ProtectionSettings;
  readonly isNeutral = true;
  readonly leastWeight: number;
  readonly #settings: MarketNeutralSettings;

  constructor(settings: MarketNeutralSettings) {
    this.name = settings.name;
    this.decideEvery = settings.decideEvery;
    this.holdFor = settings.holdFor;
    this.cooldownMinutes = settings.cooldownMinutes;
    this.protection = settings.protection;
    this.leastWeight = leastWeightOf(settings);
    this.#settings = settings;
  }

  decide({ minute, signals, portfolio }: StrategyInput): StrategyDecision {
    const judged = primaryOf(signals).filter((signal) => isWarm(signal) && Number.isFinite(signal.expectedReturn));
    const mean = judged.reduce((sum, signal) => sum + signedReturn(signal), 0) / judged.length;
    const panel = judged.flatMap((signal) => rankedOf(signal, mean, minute, portfolio));
    const plan = arrangeLongShort(panel, portfolio.holdings, this.#settings);
    const signalOf = new Map(judged.map((signal) => [signal.symbol, signal]));
    const holdUntil = epochMs(minute + durationOf(this.holdFor));
    return {
      targets: targetsOf(plan, this.#settings, { holdUntil, isRanked: (symbol) => signalOf.has(symbol), signalOf }),
      refusals: plan.refusals,
    };
  }
}

/** Of each symbol's candidates that of the primary horizon, which comes first. */
function primaryOf(signals: readonly Signal[]): Signal[] {
  const first = new Map<SymbolId, Signal>();
  for (const signal of signals) if (!first.has(signal.symbol)) first.set(signal.symbol, signal);
  return [...first.values()];
}

const signedReturn = ({ side, expectedReturn }: Signal): number => (side === 'long' ? expectedReturn : -expectedReturn);

function rankedOf(signal: Signal, mean: number, minute: number, portfolio: StrategyPortfolio): RankedSymbol[] {
  const { symbol, id } = signal;
  const market = portfolio.markets.get(symbol);
  if (market === undefined) return [];
  const isResting = minute < (portfolio.cooldowns.get(symbol) ?? 0);
  return [
    {
      symbol,
      excess: signedReturn(signal) - mean,
      cost: { long: costOn('long', signal), short: costOn('short', signal) },
      volatility: market.volatilityOver(HORIZONS[signal.horizon] * BAR_MINUTES),
      barred: entryBar(signal) ?? (isResting ? 'STRATEGY_COOLDOWN' : undefined),
      signalId: id,
    },
  ];
}

/** Round trip on a side: funding that one side pays the other gets. */
function costOn(side: SignalSide, signal: Signal): number {
  const funding = signal.costs?.funding ?? 0;
  return side === signal.side ? signal.expectedCost : signal.expectedCost - 2 * funding;
}
