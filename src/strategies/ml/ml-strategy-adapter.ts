import { durationOf, epochMs, type ReasonCode, type Signal, type SymbolId, type Timeframe } from '../../core/index.ts';
import { isFirm, rankSignals, strongestPerSymbol } from '../../signals/index.ts';
import { DEFAULT_PROTECTION_SETTINGS, type ProtectionSettings } from '../../trading/index.ts';
import type { Refusal, Strategy, StrategyDecision, StrategyDeclaration, StrategyInput, Target } from '../strategy.ts';

export interface StrategySettings extends StrategyDeclaration {
  /** Whether a signal for the side already held extends the holding time; otherwise it ends where it began. */
  readonly extendOnSignal: boolean;
  readonly allowShort: boolean;
}

export const DEFAULT_STRATEGY_SETTINGS: StrategySettings = {
  name: 'ml',
  decideEvery: '1h',
  holdFor: '12h',
  cooldownMinutes: 60,
  extendOnSignal: true,
  allowShort: true,
  protection: DEFAULT_PROTECTION_SETTINGS,
};

/**
 * The directional strategy on the model's signals: enters what is accepted, strongest first, long or short; holds for the
 * forecast's horizon, longer while the signal is renewed; closes when a forecast of the other side is worth more than its costs.
 */
export class MLStrategyAdapter implements Strategy {
  readonly name: string;
  readonly decideEvery: Timeframe;
  readonly holdFor: Timeframe;
  readonly cooldownMinutes: number;
  readonly protection: ProtectionSettings;
  readonly #settings: StrategySettings;

  constructor(settings: StrategySettings) {
    this.name = settings.name;
    this.decideEvery = settings.decideEvery;
    this.holdFor = settings.holdFor;
    this.cooldownMinutes = settings.cooldownMinutes;
    this.protection = settings.protection;
    this.#settings = settings;
  }

  decide(input: StrategyInput): StrategyDecision {
    const holdUntil = epochMs(input.minute + durationOf(this.holdFor));
    const targets: Target[] = [];
    const refusals: Refusal[] = [];
    const closing = new Set<SymbolId>();
    for (const signal of strongestPerSymbol(input.signals)) {
      const holding = input.portfolio.holdings.get(signal.symbol);
      if (!holding || holding.side === signal.side || !isFirm(signal)) continue;
      closing.add(signal.symbol);
      targets.push({
        kind: 'close',
        symbol: signal.symbol,
        reason: 'STRATEGY_SIGNAL_REVERSED',
        signalId: signal.id,
      });
    }
    const entered = new Set<SymbolId>();
    for (const signal of rankSignals(input.signals)) {
      const { symbol } = signal;
      if (closing.has(symbol) || entered.has(symbol)) continue;
      const refusal = this.#refuse(signal, input);
      if (refusal === undefined) {
        entered.add(symbol);
        targets.push({ kind: 'enter', symbol, side: signal.side, signal, holdUntil });
      } else {
        refusals.push({ symbol, reason: refusal, signalId: signal.id });
        if (refusal === 'STRATEGY_POSITION_HELD' && this.#settings.extendOnSignal) {
          targets.push({ kind: 'hold', symbol, holdUntil });
        }
      }
    }
    return { targets, refusals };
  }

  #refuse(signal: Signal, { minute, portfolio }: StrategyInput): ReasonCode | undefined {
    const { holdings, cooldowns } = portfolio;
    const holding = holdings.get(signal.symbol);
    if (holding) return holding.isPending ? 'STRATEGY_INTENT_PENDING' : 'STRATEGY_POSITION_HELD';
    if (minute < (cooldowns.get(signal.symbol) ?? 0)) return 'STRATEGY_COOLDOWN';
    if (signal.side === 'short' && !this.#settings.allowShort) return 'STRATEGY_SHORT_NOT_ALLOWED';
    return undefined;
  }
}
