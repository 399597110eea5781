import { at64, atByte, atInt32, DAY_MS, firstAtOrAfter, type SymbolId } from '../../core/index.ts';
import type { EquityCurve } from '../record.ts';
import { type BaselineCosts, canTrade, type PreparedPanel, type RowRange, rowAtOrBefore } from './market-panel.ts';
import type { MatchedTrip } from './matched-trip.ts';

/** A window of a panel, marked at its start, at each UTC midnight within and at its end; rows count from the window's first. */
export interface MarkedMarket {
  /** [rows] */
  readonly times: Float64Array;
  readonly symbols: readonly SymbolId[];
  /** [symbols, rows] Each hole holds the last close before it. */
  readonly closes: Float64Array;
  /** [marks] Rows. */
  readonly marks: Int32Array;
  /** [marks] Times that are marked; a row may be earlier, where bars are missing. */
  readonly markTimes: Float64Array;
  /** [rows] The mark that a row stands at or after. */
  readonly markBefore: Int32Array;
  /** [symbols, marks - 1] What a long pays over the time between two marks per day held, a fraction of the value; null: nobody pays. */
  readonly funding: Float64Array | null;
  /** [rows] Positions of the symbols that may be entered at the close of a row. */
  readonly listed: readonly Int32Array[];
}

/** Trips in order of entry, as columns of equal length; rows of a {@link MarkedMarket}. */
export interface TripColumns {
  readonly symbol: Int32Array;
  /** 1 long, -1 short. */
  readonly sign: Float64Array;
  readonly entry: Int32Array;
  readonly exit: Int32Array;
  readonly fraction: Float64Array;
  /** 1 where it is still held at the end. */
  readonly isOpen: Uint8Array;
}

export function markMarket(panel: PreparedPanel, costs: BaselineCosts, { start, end }: RowRange): MarkedMarket {
  const times = panel.times.subarray(start, end + 1);
  const rows = times.length;
  const markTimes = [at64(times, 0)];
  const last = at64(times, rows - 1);
  for (let day = Math.floor(at64(times, 0) / DAY_MS) + 1; day * DAY_MS < last; day++) markTimes.push(day * DAY_MS);
  markTimes.push(last);
  const marks = Int32Array.from(markTimes, (time) => rowAtOrBefore(times, time));
  const markBefore = new Int32Array(rows);
  for (let row = 0, mark = 0; row < rows; row++) {
    while (mark + 1 < marks.length && atInt32(marks, mark + 1) <= row) mark++;
    markBefore[row] = mark;
  }
  const closes = new Float64Array(panel.symbols.length * rows);
  for (const [symbol, column] of panel.carried.entries()) closes.set(column.subarray(start, end + 1), symbol * rows);
  return {
    times,
    symbols: panel.symbols,
    closes,
    marks,
    markTimes: Float64Array.from(markTimes),
    markBefore,
    funding: fundingBetweenMarks(panel.symbols, markTimes, costs),
    listed: listedSymbols(panel, start, rows),
  };
}

function fundingBetweenMarks(
  symbols: readonly SymbolId[],
  markTimes: readonly number[],
  { fundingPerDay }: BaselineCosts,
): Float64Array | null {
  if (!fundingPerDay) return null;
  const days = markTimes.slice(0, -1).map((time) => Math.floor(time / DAY_MS));
  return Float64Array.from(symbols.flatMap((symbol) => days.map((day) => fundingPerDay(symbol, day))));
}

function listedSymbols(panel: PreparedPanel, start: number, rows: number): Int32Array[] {
  const listed: Int32Array[] = [];
  let current = new Int32Array(0);
  for (let row = start; row < start + rows; row++) {
    const symbols = Int32Array.from([...panel.symbols.keys()].filter((symbol) => canTrade(panel, symbol, row)));
    // Rows share an array while nothing changes, so that the arrays stay in the processor's cache.
    if (symbols.length !== current.length || symbols.some((symbol, i) => symbol !== current[i])) current = symbols;
    listed.push(current);
  }
  return listed;
}

/**
 * Trips as rows: entered at the last close that is not after `openedAt`, left at the first that is not before `closedAt`, at least a bar later. What is
 * entered before the market's first close, at its last or before the first of its symbol is dropped.
 * @throws RangeError when the panel lacks the symbol of a trip
 */
export function tripColumns({ times, symbols, closes }: MarkedMarket, trips: readonly MatchedTrip[]): TripColumns {
  const end = times.length - 1;
  const placed = trips
    .map(({ symbol: name, side, openedAt, closedAt, fraction }) => {
      const symbol = symbols.indexOf(name);
      if (symbol < 0) throw new RangeError(`no closes of ${name}`);
      const entry = rowAtOrBefore(times, openedAt);
      const exit = closedAt === undefined ? end : Math.max(entry + 1, firstAtOrAfter(times, closedAt));
      return {
        symbol,
        sign: side === 'long' ? 1 : -1,
        entry,
        exit: Math.min(end, exit),
        fraction,
        isOpen: closedAt === undefined || exit > end,
      };
    })
    .filter(
      ({ symbol, entry }) => entry >= 0 && entry < end && !Number.isNaN(at64(closes, symbol * times.length + entry)),
    )
    .sort((a, b) => a.entry - b.entry);
  return {
    symbol: Int32Array.from(placed, ({ symbol }) => symbol),
    sign: Float64Array.from(placed, ({ sign }) => sign),
    entry: Int32Array.from(placed, ({ entry }) => entry),
    exit: Int32Array.from(placed, ({ exit }) => exit),
    fraction: Float64Array.from(placed, ({ fraction }) => fraction),
    isOpen: Uint8Array.from(placed, ({ isOpen }) => Number(isOpen)),
  };
}

/**
 * Equity at the marks, from 1 on: each trip holds a fixed quantity, bought for its fraction of the equity at the mark before it. Trips whose symbol is
 * negative are left out. Costs of a trade belong to the day in which it ends or begins.
 * @param equity [marks] Is written.
 */
export function replayTrips(market: MarkedMarket, trips: TripColumns, perNotional: number, equity: Float64Array): void {
  const { times, closes, marks, markBefore, funding } = market;
  const rows = times.length;
  const periods = marks.length - 1;
  equity.fill(0);
  equity[0] = 1;
  let settled = 0;
  // What has been won so far from mark to mark stands one to the right, until the equity before it is known.
  const settle = (until: number) => {
    for (; settled < until; settled++) {
      const before = at64(equity, settled);
      equity[settled + 1] = before > 0 ? Math.max(0, before + at64(equity, settled + 1)) : 0;
    }
  };
  for (let i = 0; i < trips.entry.length; i++) {
    const symbol = atInt32(trips.symbol, i);
    if (symbol < 0) continue;
    const entry = atInt32(trips.entry, i);
    const exit = atInt32(trips.exit, i);
    const first = atInt32(markBefore, entry);
    settle(first);
    const notional = at64(trips.fraction, i) * at64(equity, first);
    const column = symbol * rows;
    const quantity = (at64(trips.sign, i) * notional) / at64(closes, column + entry);
    let row = entry;
    let value = quantity * at64(closes, column + entry);
    let paid = notional * perNotional;
    for (let mark = first; row < exit; mark++) {
      const next = Math.min(exit, atInt32(marks, mark + 1));
      const nextValue = quantity * at64(closes, column + next);
      if (funding) {
        const days = (at64(times, next) - at64(times, row)) / DAY_MS;
        paid += value * at64(funding, symbol * periods + mark) * days;
      }
      if (next === exit && atByte(trips.isOpen, i) === 0) paid += Math.abs(nextValue) * perNotional;
      equity[mark + 1] = at64(equity, mark + 1) + nextValue - value - paid;
      paid = 0;
      row = next;
      value = nextValue;
    }
  }
  settle(periods);
}

/** Equity of a curve at the marks of a market: that of the last row not after it. */
export const equityAtMarks = ({ times, equity }: EquityCurve, { markTimes }: MarkedMarket): Float64Array =>
  Float64Array.from(markTimes, (time) => Math.max(0, at64(equity, Math.max(0, rowAtOrBefore(times, time)))));
