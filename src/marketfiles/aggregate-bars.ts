import { allocateBars, at64, type BarColumns, durationOf, sliceBars, type Timeframe } from '../core/index.ts';

export interface AggregateOptions {
  /** Keep a last bar whose time is not yet covered to its end (a forming bar). Default false. */
  readonly keepIncomplete?: boolean;
}

/**
 * Bars of `to` from bars of `from`, aligned to UTC. A missing bar inside contributes nothing; the last bar is dropped when its
 * newest part does not reach its end. Sums of an optional column are NaN where one part is NaN.
 * @param bars Ascending, unique, aligned to `from`.
 * @throws RangeError if `to` is no multiple of `from`.
 */
export function aggregateBars(
  bars: BarColumns,
  from: Timeframe,
  to: Timeframe,
  options: AggregateOptions = {},
): BarColumns {
  const part = durationOf(from);
  const whole = durationOf(to);
  if (whole % part !== 0) throw new RangeError(`bars of ${to} cannot be made from bars of ${from}`);
  if (whole === part || bars.length === 0) return bars;
  const spanned = Math.floor((at64(bars.openTime, bars.length - 1) - at64(bars.openTime, 0)) / whole) + 2;
  const result = allocateBars(Math.min(bars.length, spanned));
  let last = -1;
  for (let i = 0; i < bars.length; i++) {
    const openTime = Math.floor(at64(bars.openTime, i) / whole) * whole;
    if (last < 0 || at64(result.openTime, last) !== openTime) {
      last++;
      result.openTime[last] = openTime;
      result.open[last] = at64(bars.open, i);
      result.high[last] = at64(bars.high, i);
      result.low[last] = at64(bars.low, i);
      result.volume[last] = 0;
      result.quoteVolume[last] = 0;
      result.takerBuyVolume[last] = 0;
    } else {
      if (at64(bars.high, i) > at64(result.high, last)) result.high[last] = at64(bars.high, i);
      if (at64(bars.low, i) < at64(result.low, last)) result.low[last] = at64(bars.low, i);
    }
    result.close[last] = at64(bars.close, i);
    result.volume[last] = at64(result.volume, last) + at64(bars.volume, i);
    result.quoteVolume[last] = at64(result.quoteVolume, last) + at64(bars.quoteVolume, i);
    result.takerBuyVolume[last] = at64(result.takerBuyVolume, last) + at64(bars.takerBuyVolume, i);
  }
  const covered = at64(bars.openTime, bars.length - 1) + part;
  const complete = covered >= at64(result.openTime, last) + whole;
  return sliceBars(result, 0, complete || options.keepIncomplete === true ? last + 1 : last);
}
