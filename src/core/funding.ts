import type { SymbolId } from './candle.ts';
import type { EpochMs } from './units.ts';

/** One settlement of funding of a perpetual. */
export interface FundingRate {
  readonly symbol: SymbolId;
  readonly time: EpochMs;
  /** A fraction of the position's value, paid by longs to shorts if positive. */
  readonly rate: number;
  /** Nobody knows the rate: one that costs whoever holds the position, whatever its side. */
  readonly isAssumed?: boolean;
}

/** Funding rates of one symbol, by the time they were settled. */
export interface FundingRates {
  /** Epoch milliseconds, ascending. */
  readonly times: Float64Array;
  /** Fractions of the position's value. */
  readonly rates: Float64Array;
}
