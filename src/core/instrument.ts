import type { SymbolId } from './candle.ts';
import type { EpochMs } from './units.ts';

export type InstrumentStatus = 'trading' | 'halted' | 'delisted';

/** A tradable contract and its rules. Decimal strings are exact; parse them with `parseDecimal`. */
export interface Instrument {
  readonly venue: string;
  readonly symbol: SymbolId;
  readonly base: string;
  readonly quote: string;
  /** Smallest price change, decimal string. */
  readonly tickSize: string;
  /** Smallest quantity change in base units, decimal string. */
  readonly stepSize: string;
  readonly minQuantity: string;
  /** Smallest order value in quote currency, decimal string. */
  readonly minNotional: string;
  readonly status: InstrumentStatus;
  readonly listedAt?: EpochMs;
  readonly delistedAt?: EpochMs;
}
