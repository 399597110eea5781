import type { EpochMs, ReasonCode, Signal, SignalSide, SymbolId, Timeframe } from '../core/index.ts';
import type { ProtectionSettings } from '../trading/index.ts';

/** What a strategy holds of one symbol, or is about to hold: an entry that still works counts as `isPending`. */
export interface Holding {
  readonly symbol: SymbolId;
  readonly side: SignalSide;
  /** When the strategy gives the position up unless a decision extends it. */
  readonly holdUntil: EpochMs;
  readonly isPending: boolean;
  /** Base units, positive; of a pending entry what it is to fill. */
  readonly quantity: number;
  /** Value at the last price, positive, a fraction of the equity. */
  readonly weight: number;
  /** Average price; of a pending entry the price it was decided at. */
  readonly entryPrice: number;
  /** When the position was opened; of a pending entry when it was decided. */
  readonly openedAt: EpochMs;
}

/** The market of one symbol of the panel, at the close of the minute. */
export interface MarketView {
  readonly price: number;
  /** Return over so many minutes up to now, in steps of 15, a fraction; undefined where the book remembers less. */
  readonly returnOver: (minutes: number) => number | undefined;
  /** Expected standard deviation of the return over so many minutes, a fraction. */
  readonly volatilityOver: (minutes: number) => number;
}

/** A strategy's own virtual account of the book. */
export interface StrategyPortfolio {
  readonly holdings: ReadonlyMap<SymbolId, Holding>;
  /** Until when a symbol is not entered again. */
  readonly cooldowns: ReadonlyMap<SymbolId, EpochMs>;
  /** The panel: symbols with a candle of this minute, in canonical order. */
  readonly markets: ReadonlyMap<SymbolId, MarketView>;
}

export interface StrategyInput {
  readonly book: string;
  readonly minute: EpochMs;
  /** Every candidate of the minute; those with `accepted` are signals. Empty where no model serves. */
  readonly signals: readonly Signal[];
  readonly portfolio: StrategyPortfolio;
  /** What another strategy of the book holds; empty where there is none of that name. */
  readonly holdingsOf: (strategy: string) => ReadonlyMap<SymbolId, Holding>;
}

/** An entry that is wanted; without a signal it rests on nothing but the panel. */
export interface EnterTarget {
  readonly kind: 'enter';
  readonly symbol: SymbolId;
  readonly side: SignalSide;
  readonly holdUntil: EpochMs;
  /** What it follows from: gives the entry its validity, its reference price and, where it is for the same side, its exits. */
  readonly signal?: Signal;
  /** Wanted value, a fraction of the equity; without it the size follows from volatility and, with a signal, confidence. */
  readonly weight?: number;
}

/** What a strategy wants of one symbol. Symbols it does not name stay as they are. */
export type Target =
  | EnterTarget
  | { readonly kind: 'hold'; readonly symbol: SymbolId; readonly holdUntil: EpochMs }
  | { readonly kind: 'close'; readonly symbol: SymbolId; readonly reason: ReasonCode; readonly signalId?: string };

/** Something that a strategy did not do, and why. */
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

/** What a strategy says of itself. */
export interface StrategyDeclaration {
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
}

/** The strategy port: pure, synchronous; whatever it must remember is in its portfolio. */
export interface Strategy extends StrategyDeclaration {
  /** Whether its longs and shorts are meant to be worth the same: entries of the heavier side are cut, as far as steps allow. */
  readonly isNeutral?: boolean;
  /** The smallest weight it wants of a position; undefined where sizes follow from volatility. */
  readonly leastWeight?: number;
  decide(input: StrategyInput): StrategyDecision;
}
