import { MinutehandError, type SymbolId } from '../core/index.ts';

/** A bar that may enter a series: finite, positive prices, volume not negative. Any other is treated as missing. */
export const isUsable = (open: number, high: number, low: number, close: number, volume: number): boolean =>
  open > 0 &&
  low > 0 &&
  close > 0 &&
  high >= low &&
  high < Number.POSITIVE_INFINITY &&
  volume >= 0 &&
  volume < Number.POSITIVE_INFINITY;

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
