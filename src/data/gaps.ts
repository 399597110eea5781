import {
  at64,
  type BarColumns,
  durationOf,
  type EpochMs,
  epochMs,
  type SymbolId,
  type Timeframe,
} from '../core/index.ts';
import type { Gap } from '../database/index.ts';

/** Open times: of the first bar inside, and of the first one behind. */
export interface TimeRange {
  readonly from: EpochMs;
  readonly until: EpochMs;
}

/**
 * The bars of a range that are not among the given ones, as ranges, oldest first.
 * @param openTimes Ascending, aligned to the timeframe.
 */
export function missingRanges(openTimes: Iterable<number>, timeframe: Timeframe, range: TimeRange): TimeRange[] {
  const duration = durationOf(timeframe);
  const ranges: TimeRange[] = [];
  let expected = Math.ceil(range.from / duration) * duration;
  const end = Math.ceil(range.until / duration) * duration;
  for (const openTime of openTimes) {
    if (openTime < expected) continue;
    if (openTime >= end) break;
    if (openTime > expected) ranges.push({ from: epochMs(expected), until: epochMs(openTime) });
    expected = openTime + duration;
  }
  if (expected < end) ranges.push({ from: epochMs(expected), until: epochMs(end) });
  return ranges;
}

/** Holes between the first and the last bar of a series in memory; `findGaps` of the database finds those of the store. */
export function gapsBetween(bars: BarColumns, symbol: SymbolId, timeframe: Timeframe): Gap[] {
  if (bars.length === 0) return [];
  const range = { from: epochMs(at64(bars.openTime, 0)), until: epochMs(at64(bars.openTime, bars.length - 1)) };
  return missingRanges(bars.openTime, timeframe, range).map(({ from, until }) => ({
    symbol,
    from,
    until,
    bars: (until - from) / durationOf(timeframe),
  }));
}
