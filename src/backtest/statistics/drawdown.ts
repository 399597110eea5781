import { at64, DAY_MS } from '../../core/index.ts';
import { type DayResampling, visitDays } from '../../model/index.ts';
import type { EquityCurve } from '../record.ts';
import { dailyReturnsOf } from './daily-returns.ts';

/** How far equity stood below its highest, and for how long. */
export interface Drawdown {
  /** The largest loss from a peak, a fraction of it. */
  readonly maximum: number;
  /** Epoch milliseconds: of the peak before it, of its lowest point, and when the peak was reached again; null if it was not. */
  readonly peak: number;
  readonly trough: number;
  readonly recovery: number | null;
  /** Days from that peak to recovery, or to the end. */
  readonly days: number;
  /** Share of the time spent below an earlier peak. */
  readonly timeUnderWater: number;
  /** Days of the longest stay below an earlier peak, recovered or not. */
  readonly longestUnderWaterDays: number;
}

/** Drawdown at the bars of a curve; undefined without a row. */
export function drawdownOf({ times, equity }: EquityCurve): Drawdown | undefined {
  const rows = times.length;
  if (rows === 0) return undefined;
  const start = at64(times, 0);
  const end = at64(times, rows - 1);
  let worst = { maximum: 0, peak: start, trough: start, recovery: start as number | null };
  let high = at64(equity, 0);
  let highAt = start;
  let below = 0;
  let longest = 0;
  for (let row = 1; row < rows; row++) {
    const value = at64(equity, row);
    const time = at64(times, row);
    if (value >= high) {
      if (worst.recovery === null) worst = { ...worst, recovery: time };
      if (at64(equity, row - 1) < high) longest = Math.max(longest, time - highAt);
      high = value;
      highAt = time;
      continue;
    }
    below += time - at64(times, row - 1);
    longest = Math.max(longest, time - highAt);
    const loss = high > 0 ? (high - value) / high : 0;
    if (loss > worst.maximum) worst = { maximum: loss, peak: highAt, trough: time, recovery: null };
  }
  return {
    ...worst,
    days: ((worst.recovery ?? end) - worst.peak) / DAY_MS,
    timeUnderWater: end > start ? below / (end - start) : 0,
    longestUnderWaterDays: longest / DAY_MS,
  };
}

/** What days in any order need to know of each other so that the drawdown of the bars follows: all relative to the equity at the day's start. */
export interface DayPaths {
  /** [days] */
  readonly growth: Float64Array;
  readonly highest: Float64Array;
  readonly lowest: Float64Array;
  /** Largest loss from a peak within the day. */
  readonly drawdown: Float64Array;
}

/** The whole days of a curve; see {@link dailyReturnsOf}. */
export function dayPathsOf(curve: EquityCurve): DayPaths {
  const { times, equity } = curve;
  const { firstDay, returns } = dailyReturnsOf(curve);
  const paths = dayPathsOfReturns(returns);
  let row = 0;
  for (let day = 0; day < returns.length; day++) {
    const begins = (firstDay + day) * DAY_MS;
    while (row + 1 < times.length && at64(times, row + 1) <= begins) row++;
    const start = at64(equity, row);
    if (!(start > 0)) continue;
    let high = 1;
    let low = 1;
    let loss = 0;
    for (let next = row + 1; next < times.length && at64(times, next) <= begins + DAY_MS; next++) {
      const value = Math.max(0, at64(equity, next) / start);
      high = Math.max(high, value);
      low = Math.min(low, value);
      loss = Math.max(loss, 1 - value / high);
    }
    paths.highest[day] = high;
    paths.lowest[day] = low;
    paths.drawdown[day] = loss;
  }
  return paths;
}

/** Days of which only the return is known. */
export function dayPathsOfReturns(returns: Float64Array): DayPaths {
  const growth = returns.map((value) => 1 + value);
  return {
    growth,
    highest: growth.map((value) => Math.max(1, value)),
    lowest: growth.map((value) => Math.min(1, value)),
    drawdown: growth.map((value) => Math.max(0, 1 - value)),
  };
}

/** Where a history ended, over where it began; its largest drawdown; and its lowest point, over where it began. */
export interface PathOutcome {
  readonly growth: number;
  readonly drawdown: number;
  readonly lowest: number;
}

/** The days of a draw, in the order drawn; draw 0 is the data as they are. */
export function pathOfDraw(paths: DayPaths, resampling: DayResampling, draw: number): PathOutcome {
  let growth = 1;
  let peak = 1;
  let lowest = 1;
  let drawdown = 0;
  visitDays(resampling, draw, (day) => {
    const low = growth * at64(paths.lowest, day);
    lowest = Math.min(lowest, low);
    drawdown = Math.max(drawdown, at64(paths.drawdown, day), 1 - low / peak);
    peak = Math.max(peak, growth * at64(paths.highest, day));
    growth *= at64(paths.growth, day);
  });
  return { growth, drawdown, lowest };
}
