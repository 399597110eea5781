import {
  type BarColumns,
  type EpochMs,
  epochMs,
  type FinalCandle,
  floorTo,
  HOUR_MS,
  MINUTE_MS,
  type SymbolId,
  type Timeframe,
  yieldToEventLoop,
} from '../core/index.ts';
import type { FeatureEngineer } from '../features/index.ts';

/** Where a feature state starts: one-minute candles from `minutes`, closed 1h bars from `hours` up to `minutes`. */
export interface WarmUpOrigin {
  readonly minutes: EpochMs;
  readonly hours: EpochMs;
}

/**
 * The canonical origin of a feature state that is to be warm at `minute`: whole UTC days, so that every start of the same day begins
 * at the same bar and ends in the same bits.
 */
export function canonicalOrigin(minute: EpochMs, history: { minutes: number; hours: number }): WarmUpOrigin {
  const minutes = floorTo(epochMs(minute - history.minutes * MINUTE_MS), '1d');
  return { minutes, hours: epochMs(minutes - history.hours * HOUR_MS) };
}

/** The shortest history from which a first minute can be shown at once; what needs more stays masked. */
export function quickOrigin(minute: EpochMs, minutes: number, history: { hours: number }): WarmUpOrigin {
  const start = floorTo(epochMs(minute - minutes * MINUTE_MS), '1h');
  return { minutes: start, hours: epochMs(start - history.hours * HOUR_MS) };
}

/** Pushes the stored one-minute candles that open in `[from, minute)`; yields to other work after each minute. */
export async function replayMinutes(parts: {
  read: (from: EpochMs, until: EpochMs) => Promise<ReadonlyMap<SymbolId, BarColumns>>;
  engineer: FeatureEngineer;
  universe: readonly SymbolId[];
  from: EpochMs;
  minute: EpochMs;
}): Promise<void> {
  for (let from: number = parts.from; from < parts.minute; from += CHUNK_MS) {
    const to = epochMs(Math.min(from + CHUNK_MS, parts.minute));
    const columns = await parts.read(epochMs(from), to);
    for (const candles of minutesOf(columns, parts.universe)) {
      parts.engineer.push(candles);
      await yieldToEventLoop();
    }
  }
}

const CHUNK_MS = 12 * HOUR_MS;

/** The candles of several symbols regrouped: each time's in canonical order, times ascending. */
export function* minutesOf(
  columns: ReadonlyMap<SymbolId, BarColumns>,
  universe: readonly SymbolId[],
  timeframe: Timeframe = '1m',
): Generator<FinalCandle[], void> {
  const cursors = universe.flatMap((symbol) => {
    const bars = columns.get(symbol);
    return bars ? [{ symbol, bars, index: 0 }] : [];
  });
  for (;;) {
    let openTime = Number.POSITIVE_INFINITY;
    for (const { bars, index } of cursors)
      openTime = Math.min(openTime, bars.openTime[index] ?? Number.POSITIVE_INFINITY);
    if (openTime === Number.POSITIVE_INFINITY) return;
    const candles: FinalCandle[] = [];
    for (const cursor of cursors) {
      if (cursor.bars.openTime[cursor.index] !== openTime) continue;
      candles.push(candleAt(cursor.symbol, cursor.bars, cursor.index, timeframe));
      cursor.index++;
    }
    yield candles;
  }
}

/** One row of columns as a candle. */
export function candleAt(symbol: SymbolId, bars: BarColumns, index: number, timeframe: Timeframe = '1m'): FinalCandle {
  const value = (column: Float64Array) => column[index] ?? Number.NaN;
  const quoteVolume = value(bars.quoteVolume);
  const takerBuyVolume = value(bars.takerBuyVolume);
  return {
    state: 'final',
    finality: 'archive',
    symbol,
    timeframe,
    openTime: epochMs(value(bars.openTime)),
    open: value(bars.open),
    high: value(bars.high),
    low: value(bars.low),
    close: value(bars.close),
    volume: value(bars.volume),
    ...(Number.isNaN(quoteVolume) ? {} : { quoteVolume }),
    ...(Number.isNaN(takerBuyVolume) ? {} : { takerBuyVolume }),
  };
}
