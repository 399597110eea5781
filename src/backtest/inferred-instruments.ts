import {
  at64,
  type BarColumns,
  type EpochMs,
  epochMs,
  type Instrument,
  type SymbolId,
  sliceBars,
} from '../core/index.ts';
import { inferInstrument } from '../marketfiles/index.ts';

/** Bars that show an instrument's tick and step. */
const FEWEST_BARS = 96;

/**
 * Instruments whose tick and step are the finest decimals of the bars before `from`, and of no later one: what is to come must not be seen in
 * them. A symbol with less than a day of bars before it shows them in its first day.
 */
export function inferInstruments(
  venue: string,
  bars: ReadonlyMap<SymbolId, BarColumns>,
  from: EpochMs,
): Map<SymbolId, Instrument> {
  const instruments = new Map<SymbolId, Instrument>();
  for (const [symbol, columns] of bars) {
    let before = 0;
    while (before < columns.length && at64(columns.openTime, before) < from) before++;
    const shown = sliceBars(columns, 0, Math.min(columns.length, Math.max(before - 1, FEWEST_BARS)));
    const life = columns.length === 0 ? {} : { listedAt: epochMs(at64(columns.openTime, 0)) };
    instruments.set(symbol, inferInstrument(venue, symbol, shown, life));
  }
  return instruments;
}
