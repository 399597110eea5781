import type { BarColumns, EpochMs, Instrument, SymbolId, Timeframe } from '../core/index.ts';

/** One settlement of funding: the share of the position's value that longs paid shorts. */
export interface FundingRate {
  readonly time: EpochMs;
  readonly rate: number;
}

/**
 * The truth behind a simulated venue: every bar, also those after the venue's present. Only `venue.ts` reads it, and shows no
 * more of it than has happened.
 */
export interface SimulatedMarket {
  readonly kind: 'generated' | 'replay';
  /** What a banner calls this market. */
  readonly label: string;
  /** What was planted into a generated market, in words; undefined where nothing was. */
  readonly edge: string | undefined;
  readonly seed: number | undefined;
  /** In canonical order. */
  readonly instruments: readonly Instrument[];
  /** Open of the first one-minute bar. */
  readonly start: EpochMs;
  /** Close of the last one-minute bar; undefined where the market never ends. */
  readonly end: EpochMs | undefined;
  /** Where the clock starts unless told otherwise. */
  readonly startAt: EpochMs;
  /**
   * Reads what bars of `timeframe` need; undefined where it is at hand. Until it has resolved, `oldest` and `bars` speak of
   * what is there. @throws MinutehandError when a file is unreadable.
   */
  load(symbol: SymbolId, timeframe: Timeframe): Promise<void> | undefined;
  /** Open of the oldest bar of `timeframe`; undefined where the market has none. */
  oldest(symbol: SymbolId, timeframe: Timeframe): EpochMs | undefined;
  /** Bars whose open time lies in `[from, to)`, oldest first. The columns may be views: do not write to them. */
  bars(symbol: SymbolId, timeframe: Timeframe, from: number, to: number): BarColumns;
  /** Settlements with `from <= time < to`, oldest first; empty where the source has none. */
  fundingRates(symbol: SymbolId, from: number, to: number): readonly FundingRate[];
}
