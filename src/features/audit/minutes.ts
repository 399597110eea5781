import { allocateBars, at64, type BarColumns, MINUTE_MS, PHASES, sliceBars } from '../../core/index.ts';
import { isUsable } from '../series-input.ts';

/** Minutes after which a bar has reached its first and its second extreme. */
const FIRST_EXTREME = 5;
const SECOND_EXTREME = 10;

/**
 * Fifteen minutes for each 15-minute bar that join to exactly that bar: a path from the open over both extremes to the close, and volumes,
 * those bought by takers too, that double from minute to minute, since sums of these are exact. Unusable bars give no minutes.
 */
export function splitIntoMinutes(quarters: BarColumns): BarColumns {
  const minutes = allocateBars(quarters.length * PHASES);
  let length = 0;
  for (let i = 0; i < quarters.length; i++) {
    const [open, high, low, close] = [
      at64(quarters.open, i),
      at64(quarters.high, i),
      at64(quarters.low, i),
      at64(quarters.close, i),
    ];
    const volume = at64(quarters.volume, i);
    const bought = at64(quarters.takerBuyVolume, i);
    if (!isUsable(open, high, low, close, volume)) continue;
    const [first, second] = close < open ? [high, low] : [low, high];
    let before = open;
    for (let k = 1; k <= PHASES; k++, length++) {
      const after = pathAt(k, open, first, second, close);
      minutes.openTime[length] = at64(quarters.openTime, i) + (k - 1) * MINUTE_MS;
      minutes.open[length] = before;
      minutes.close[length] = after;
      minutes.high[length] = Math.max(before, after);
      minutes.low[length] = Math.min(before, after);
      const share = 2 ** (Math.max(k, 2) - 1 - PHASES);
      minutes.volume[length] = volume * share;
      minutes.takerBuyVolume[length] = bought * share;
      before = after;
    }
  }
  return sliceBars(minutes, 0, length);
}

/** Price at the end of minute `k`, on straight lines from the open over the extremes to the close. */
function pathAt(k: number, open: number, first: number, second: number, close: number): number {
  if (k === FIRST_EXTREME) return first;
  if (k === SECOND_EXTREME) return second;
  if (k === PHASES) return close;
  const [start, from, to] =
    k < FIRST_EXTREME
      ? [0, open, first]
      : k < SECOND_EXTREME
        ? [FIRST_EXTREME, first, second]
        : [SECOND_EXTREME, second, close];
  const value = from + ((to - from) * (k - start)) / 5;
  return Math.min(Math.max(value, Math.min(from, to)), Math.max(from, to));
}
