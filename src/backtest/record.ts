import type { EpochMs, OrderPurpose, OrderSide, SymbolId } from '../core/index.ts';

/** The book at the close of each bar; quote currency. Row 0 is the start: the initial equity, nothing held. */
export interface EquityCurve {
  /** Epoch milliseconds, ascending. */
  readonly times: Float64Array;
  readonly equity: Float64Array;
  /** Value of longs and of shorts, both positive. */
  readonly long: Float64Array;
  readonly short: Float64Array;
  readonly positions: Int32Array;
}

/** An execution with what it cost. Amounts in quote currency, costs positive; `realizedPnl` before the fee, after spread and impact. */
export interface TradeFill {
  readonly time: EpochMs;
  readonly strategy: string;
  readonly symbol: SymbolId;
  readonly side: OrderSide;
  readonly purpose: OrderPurpose;
  readonly quantity: number;
  readonly price: number;
  readonly realizedPnl: number;
  readonly fee: number;
  readonly spread: number;
  readonly impact: number;
  /** Of an entry that follows from a signal: its confidence, 0 to 1, and the market's regime at that time. */
  readonly confidence?: number;
  readonly regime?: string;
}

/** Funding received (positive) or paid; `isAssumed`: nobody knows the rate, an adverse one was taken. */
export interface FundingFlow {
  readonly time: EpochMs;
  readonly symbol: SymbolId;
  readonly amount: number;
  readonly isAssumed: boolean;
}

/** What statistics are made of. */
export interface BacktestRecord {
  readonly equity: EquityCurve;
  /** In order of time. */
  readonly fills: readonly TradeFill[];
  readonly funding: readonly FundingFlow[];
}

/** What something else would have made of the days of a backtest. */
export interface BaselineCurve {
  readonly name: string;
  /** Epoch milliseconds, ascending. */
  readonly times: Float64Array;
  /** Over that at the first time. */
  readonly wealth: Float64Array;
}
