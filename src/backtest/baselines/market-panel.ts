import {
  at64,
  atInt32,
  type BarColumns,
  type EpochMs,
  firstAtOrAfter,
  MINUTE_MS,
  type Milliseconds,
  milliseconds,
  type SymbolId,
} from '../../core/index.ts';

/** Closes of many symbols on one grid of bars. */
export interface MarketPanel {
  /** [rows] Closes of the bars, epoch milliseconds, ascending. */
  readonly times: Float64Array;
  readonly symbols: readonly SymbolId[];
  /** [symbols][rows] Quote currency; NaN where a symbol has no bar. */
  readonly close: readonly Float64Array[];
}

/** What a baseline pays. */
export interface BaselineCosts {
  /** Fee, half the spread and impact of a trade, a fraction of its notional: the mean of the run it stands beside. */
  readonly perNotional: number;
  /** What a long pays a short over a UTC day, a fraction of the position's value; `day` counts from the epoch. None unless given. */
  readonly fundingPerDay?: (symbol: SymbolId, day: number) => number;
}

/** Closes between which a baseline trades, both included; what lies before `from` is history. The whole panel unless given. */
export interface BaselineWindow {
  readonly from?: EpochMs;
  readonly to?: EpochMs;
}

const BAR_MS = milliseconds(15 * MINUTE_MS);

/** A panel of the bars of all symbols, from the first close to the last; symbols in the order given. */
export function marketPanelOf(bars: ReadonlyMap<SymbolId, BarColumns>, barMs: Milliseconds = BAR_MS): MarketPanel {
  const columns = [...bars.values()].filter(({ length }) => length > 0);
  const first = Math.min(...columns.map(({ openTime }) => at64(openTime, 0)));
  const last = Math.max(...columns.map(({ openTime, length }) => at64(openTime, length - 1)));
  const rows = columns.length === 0 ? 0 : Math.floor((last - first) / barMs) + 1;
  const times = Float64Array.from({ length: rows }, (_, row) => first + (row + 1) * barMs);
  const close = [...bars.values()].map((one) => {
    const values = new Float64Array(rows).fill(Number.NaN);
    for (let i = 0; i < one.length; i++) values[(at64(one.openTime, i) - first) / barMs] = at64(one.close, i);
    return values;
  });
  return { times, symbols: [...bars.keys()], close };
}

/** Rows of a window, both included. */
export interface RowRange {
  readonly start: number;
  readonly end: number;
}

/** A panel that has been looked through once. */
export interface PreparedPanel extends MarketPanel {
  /** [symbols][rows] Each hole holds the last close before it; NaN before the first bar. */
  readonly carried: readonly Float64Array[];
  /** [symbols] Rows of the first and the last bar; -1 of a symbol without any. */
  readonly firstRow: Int32Array;
  readonly lastRow: Int32Array;
}

/** @throws RangeError when a column has not as many rows as there are times, or there are not as many columns as symbols */
export function preparePanel(panel: MarketPanel): PreparedPanel {
  const { times, symbols, close } = panel;
  if (close.length !== symbols.length || close.some(({ length }) => length !== times.length)) {
    throw new RangeError('a panel has a close for each of its symbols and times');
  }
  const firstRow = new Int32Array(symbols.length).fill(-1);
  const lastRow = new Int32Array(symbols.length).fill(-1);
  const carried = close.map((column, symbol) => {
    const filled = Float64Array.from(column);
    for (let row = 0; row < filled.length; row++) {
      if (Number.isNaN(at64(column, row))) {
        if (row > 0) filled[row] = at64(filled, row - 1);
        continue;
      }
      if (atInt32(firstRow, symbol) < 0) firstRow[symbol] = row;
      lastRow[symbol] = row;
    }
    return filled;
  });
  return { ...panel, carried, firstRow, lastRow };
}

/** @throws RangeError when the panel has no two closes in the window */
export function rowsOf(times: Float64Array, { from, to }: BaselineWindow): RowRange {
  const start = from === undefined ? 0 : firstAtOrAfter(times, from);
  const end = to === undefined ? times.length - 1 : rowAtOrBefore(times, to);
  if (end <= start) throw new RangeError('the panel has no two closes between the first and the last time asked for');
  return { start, end };
}

/** Row of the last time that is not after `time`; -1 when all are. */
export const rowAtOrBefore = (times: Float64Array, time: number): number => firstAtOrAfter(times, time + 1) - 1;

/** Whether a symbol has begun and has bars to come: what ends with a bar is sold at its close, not bought. */
export const isListed = ({ firstRow, lastRow }: PreparedPanel, symbol: number, row: number): boolean =>
  atInt32(firstRow, symbol) >= 0 && atInt32(firstRow, symbol) <= row && row < atInt32(lastRow, symbol);

/** Whether a listed symbol has a bar to trade at. */
export function canTrade(panel: PreparedPanel, symbol: number, row: number): boolean {
  const column = panel.close[symbol];
  return column !== undefined && !Number.isNaN(at64(column, row)) && isListed(panel, symbol, row);
}
