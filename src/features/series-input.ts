import { at64, type BarColumns, MinutehandError, type SymbolId } from '../core/index.ts';
import { CLOSE, HIGH, LOW, OPEN, TAKER_BUY_VOLUME, TIME, VOLUME } from './program.ts';

/** A bar that may enter a series: finite, positive prices, volume not negative. Any other is treated as missing. */
export const isUsable = (open: number, high: number, low: number, close: number, volume: number): boolean =>
  open > 0 &&
  low > 0 &&
  close > 0 &&
  high >= low &&
  high < Number.POSITIVE_INFINITY &&
  volume >= 0 &&
  volume < Number.POSITIVE_INFINITY;

/** Writes bar `i` of columns into the layout of a state's first slots. False, and nothing is meant by it, when the bar is not usable. */
export function barAt(bars: BarColumns, i: number, barMs: number, bar: Float64Array): boolean {
  bar[TIME] = at64(bars.openTime, i) + barMs;
  bar[OPEN] = at64(bars.open, i);
  bar[HIGH] = at64(bars.high, i);
  bar[LOW] = at64(bars.low, i);
  bar[CLOSE] = at64(bars.close, i);
  bar[VOLUME] = at64(bars.volume, i);
  bar[TAKER_BUY_VOLUME] = at64(bars.takerBuyVolume, i);
  return isUsable(at64(bar, OPEN), at64(bar, HIGH), at64(bar, LOW), at64(bar, CLOSE), at64(bar, VOLUME));
}

/** Positions of references in a list of symbols. @throws MinutehandError FEATURE_REFERENCE_UNKNOWN when one is not in it */
export function referencePositions(symbols: readonly SymbolId[], references: readonly SymbolId[]): number[] {
  return references.map((reference) => {
    const position = symbols.indexOf(reference);
    if (position < 0) {
      throw new MinutehandError(
        'FEATURE_REFERENCE_UNKNOWN',
        `the reference symbol ${reference} is not in the universe`,
        'Add it to the universe, or name another reference.',
        { exitCode: 2 },
      );
    }
    return position;
  });
}
