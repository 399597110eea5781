import { at64, DAY_MS } from '../../core/index.ts';
import type { EquityCurve } from '../record.ts';

/** Returns of whole UTC days, one after another; what is left of a day at either end stands apart. */
export interface DailyReturns {
  /** Days since the epoch of the first return. */
  readonly firstDay: number;
  /** [days] Fractions: equity at the end of the day over that at its start, less one. */
  readonly returns: Float64Array;
  /** Return before the first whole day, and after the last; 0 where the curve begins and ends with one. */
  readonly before: number;
  readonly after: number;
}

/** The days a year has: these markets never close. */
export const DAYS_PER_YEAR = 365;

/** The UTC day, counted since the epoch, that `time` belongs to: a bar that closes at midnight is the last of its day. */
export const dayOfClose = (time: number): number => Math.ceil(time / DAY_MS) - 1;

/** Growth less one. Equity at or below nothing is ruin: -1, and 0 from there. */
export function returnBetween(start: number, end: number): number {
  return start > 0 ? Math.max(0, end) / start - 1 : 0;
}

/**
 * Returns of the whole UTC days of a curve. Equity between two rows is that of the earlier one, so a day without rows returns 0 and what
 * happened in a gap falls on the day of the next row.
 */
export function dailyReturnsOf({ times, equity }: EquityCurve): DailyReturns {
  const rows = times.length;
  if (rows === 0) return { firstDay: 0, returns: new Float64Array(0), before: 0, after: 0 };
  const firstDay = Math.ceil(at64(times, 0) / DAY_MS);
  const days = Math.max(0, Math.floor(at64(times, rows - 1) / DAY_MS) - firstDay);
  const returns = new Float64Array(days);
  let row = 0;
  const equityAt = (time: number) => {
    while (row + 1 < rows && at64(times, row + 1) <= time) row++;
    return at64(equity, row);
  };
  const begin = at64(equity, 0);
  const finish = at64(equity, rows - 1);
  if (at64(times, rows - 1) < firstDay * DAY_MS) {
    return { firstDay, returns, before: returnBetween(begin, finish), after: 0 };
  }
  let start = equityAt(firstDay * DAY_MS);
  const before = returnBetween(begin, start);
  for (let day = 0; day < days; day++) {
    const end = equityAt((firstDay + day + 1) * DAY_MS);
    returns[day] = returnBetween(start, end);
    start = end;
  }
  return { firstDay, returns, before, after: returnBetween(start, finish) };
}

/** [days] Largest gross exposure over equity at the bars of each whole day of {@link dailyReturnsOf}. */
export function dailyGrossOf(curve: EquityCurve): Float64Array {
  const { times, equity, long, short } = curve;
  const { firstDay, returns } = dailyReturnsOf(curve);
  const largest = new Float64Array(returns.length);
  for (let row = 0; row < times.length; row++) {
    const day = dayOfClose(at64(times, row)) - firstDay;
    const value = at64(equity, row);
    if (day < 0 || day >= largest.length || !(value > 0)) continue;
    largest[day] = Math.max(at64(largest, day), (at64(long, row) + at64(short, row)) / value);
  }
  return largest;
}

/** Return of a calendar month, a fraction. */
export interface MonthReturn {
  readonly year: number;
  /** 1 to 12. */
  readonly month: number;
  readonly value: number;
  /** The curve does not cover the whole month. */
  readonly isPartial: boolean;
}

/** Returns by UTC calendar month, in order of time; their growth multiplies up to that of the curve. */
export function monthlyReturnsOf({ times, equity }: EquityCurve): MonthReturn[] {
  const months: MonthReturn[] = [];
  const last = times.length - 1;
  if (last < 1) return months;
  let start = at64(equity, 0);
  let from = at64(times, 0);
  for (let row = 1; row <= last; row++) {
    const month = monthOfClose(at64(times, row));
    if (row < last && monthOfClose(at64(times, row + 1)) === month) continue;
    const begins = Date.UTC(Math.floor(month / 12), month % 12);
    const ends = Date.UTC(Math.floor(month / 12), (month % 12) + 1);
    // Months between two rows had no bar: nothing is known to have happened in them.
    for (let empty = monthOfClose(from + 1); empty < month; empty++) months.push(monthReturn(empty, 0, true));
    const isWhole = from <= begins && (row < last || at64(times, row) >= ends);
    months.push(monthReturn(month, returnBetween(start, at64(equity, row)), !isWhole));
    start = at64(equity, row);
    from = ends;
  }
  return months;
}

/** Months since the year 0; a bar that closes at midnight belongs to the month before. */
function monthOfClose(time: number): number {
  const date = new Date(time - 1);
  return date.getUTCFullYear() * 12 + date.getUTCMonth();
}

const monthReturn = (month: number, value: number, isPartial: boolean): MonthReturn => ({
  year: Math.floor(month / 12),
  month: (month % 12) + 1,
  value,
  isPartial,
});
