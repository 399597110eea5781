import {
  allocateBars,
  at64,
  type BarColumns,
  durationOf,
  type EpochMs,
  epochMs,
  HOUR_MS,
  type SymbolId,
} from '../core/index.ts';
import { type Database, readBars } from '../database/index.ts';
import { aggregateBars } from '../marketfiles/index.ts';

/**
 * The 1h bars of a symbol that open in `[from, until)`: the stored ones, and where an hour is not stored, what its four stored quarters or
 * its sixty stored minutes make. A live run fetches hours once, before it starts; afterwards the candles alone grow. In no order.
 */
export async function readHours(
  database: Database,
  venue: string,
  symbol: SymbolId,
  { from, until }: { readonly from: EpochMs; readonly until: EpochMs },
): Promise<BarColumns> {
  const parts: BarColumns[] = [];
  const known = new Set<number>();
  for (const timeframe of ['1h', '15m', '1m'] as const) {
    const missing = spanOfMissing(known, from, until);
    if (!missing) break;
    const stored =
      (await readBars(database, [symbol], { venue, timeframe, ...missing })).get(symbol) ?? allocateBars(0);
    const hours = timeframe === '1h' ? stored : aggregateBars(wholeHours(stored, timeframe, known), timeframe, '1h');
    parts.push(hours);
    for (const openTime of hours.openTime) known.add(openTime);
  }
  return concatenate(parts);
}

/** From the first hour that is not known to the end of the last one; undefined where all are. */
function spanOfMissing(
  known: ReadonlySet<number>,
  from: EpochMs,
  until: EpochMs,
): { from: EpochMs; until: EpochMs } | undefined {
  let first = Math.ceil(from / HOUR_MS) * HOUR_MS;
  let last = Math.ceil(until / HOUR_MS) * HOUR_MS - HOUR_MS;
  while (first <= last && known.has(first)) first += HOUR_MS;
  while (last >= first && known.has(last)) last -= HOUR_MS;
  return first <= last ? { from: epochMs(first), until: epochMs(last + HOUR_MS) } : undefined;
}

/** The bars of those hours that are whole and not known yet. */
function wholeHours(bars: BarColumns, timeframe: '15m' | '1m', known: ReadonlySet<number>): BarColumns {
  const hourOf = (index: number) => Math.floor(at64(bars.openTime, index) / HOUR_MS) * HOUR_MS;
  const parts = new Map<number, number>();
  for (let i = 0; i < bars.length; i++) parts.set(hourOf(i), (parts.get(hourOf(i)) ?? 0) + 1);
  const whole = HOUR_MS / durationOf(timeframe);
  return mapColumns(bars, (column) =>
    column.filter((_, index) => parts.get(hourOf(index)) === whole && !known.has(hourOf(index))),
  );
}

function concatenate(parts: readonly BarColumns[]): BarColumns {
  const joined = allocateBars(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    for (const name of COLUMNS) joined[name].set(part[name], at);
    at += part.length;
  }
  return joined;
}

const COLUMNS = ['openTime', 'open', 'high', 'low', 'close', 'volume', 'quoteVolume', 'takerBuyVolume'] as const;

function mapColumns(bars: BarColumns, change: (column: Float64Array) => Float64Array): BarColumns {
  const openTime = change(bars.openTime);
  return {
    length: openTime.length,
    openTime,
    open: change(bars.open),
    high: change(bars.high),
    low: change(bars.low),
    close: change(bars.close),
    volume: change(bars.volume),
    quoteVolume: change(bars.quoteVolume),
    takerBuyVolume: change(bars.takerBuyVolume),
  };
}
