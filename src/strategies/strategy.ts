import type { EpochMs, ReasonCode, Signal, SignalSide, SymbolId, Timeframe } from '../core/index.ts';
import type { ProtectionSettings } from '../trading/index.ts';

/** What a strategy holds of one symbol, or is about to hold: an entry that still works counts as `isPending`. */
export interface Holding {
  readonly symbol: SymbolId;
  readonly side: SignalSide;
  /** When the strategy gives the position up unless a decision extends it. */
  readonly holdUntil: EpochMs;
  readonly isPending: boolean;
}

export interface StrategyInput {
  readonly minute: EpochMs;
  /** Every candidate of the minute; those with `accepted` are signals. */
  readonly signals: readonly Signal[];
  readonly holdings: ReadonlyMap<SymbolId, Holding>;
  /** Until when a symbol is not entered again. */
  readonly cooldowns: ReadonlyMap<SymbolId, EpochMs>;
}

/** What a strategy wants of one symbol. Symbols it does not name stay as they are. */
export type Target =
  | { readonly kind: 'enter'; readonly symbol: SymbolId; readonly signal: Signal; readonly holdUntil: EpochMs }
  | { readonly kind: 'hold'; readonly symbol: SymbolId; readonly holdUntil: EpochMs }
  | { readonly kind: 'close'; readonly symbol: SymbolId; readonly reason: ReasonCode; readonly signalId?: string };

/** A signal that a strategy did not follow, and why. */
export interface Refusal {
  readonly symbol: SymbolId;
  readonly reason: ReasonCode;
  readonly signalId?: string;
}

export interface StrategyDecision {
  /** Entries in the order of preference: limits are spent on the first. */
  readonly targets: readonly Target[];
  readonly refusals: readonly Refusal[];
}

/** The strategy port: pure, synchronous; whatever it must remember is in its holdings. */
export interface Strategy {
  /** Attribution of orders, fills and positions; unique in a book. */
  readonly name: string;
  /** How often `decide` is called, aligned to UTC: the same in backtest, on paper and live. */
  readonly decideEvery: Timeframe;
  /** How long a position is meant to be held: the horizon sizing measures volatility over. */
  readonly holdFor: Timeframe;
  /** How long a symbol is left alone after a position of it was given up. */
  readonly cooldownMinutes: number;
  /** How its positions are protected. */
  readonly protection: ProtectionSettings;
  decide(input: StrategyInput): StrategyDecision;
}
