import {
  type Candle,
  durationOf,
  type EpochMs,
  epochMs,
  type FinalCandle,
  type Finality,
  MINUTE_MS,
  type SymbolId,
  type Timeframe,
} from '../core/index.ts';
import type { RawStreamKline } from './binance-usdm-client.ts';

/** A candle of a REST kline row `[openTime, open, high, low, close, volume, closeTime, quoteVolume, trades, takerBase, …]`, or undefined if the row is none. */
export function candleOfRow(
  row: unknown,
  symbol: SymbolId,
  timeframe: Timeframe,
  finality: Finality,
): FinalCandle | undefined {
  if (!Array.isArray(row) || row.length < 6) return undefined;
  const [openTime, open, high, low, close, volume, , quoteVolume, trades, takerBuyVolume] = row;
  return sound({
    state: 'final',
    finality,
    symbol,
    timeframe,
    openTime: epochMs(Number(openTime)),
    open: Number(open),
    high: Number(high),
    low: Number(low),
    close: Number(close),
    volume: Number(volume),
    ...optionalColumns(quoteVolume, trades, takerBuyVolume),
  });
}

/** The candle of a stream message, final where the venue flags it closed; undefined if its values are no bar. */
export function candleOfStream(kline: RawStreamKline, timeframe: Timeframe): Candle | undefined {
  const values = {
    symbol: kline.s,
    timeframe,
    openTime: epochMs(Number(kline.t)),
    open: Number(kline.o),
    high: Number(kline.h),
    low: Number(kline.l),
    close: Number(kline.c),
    volume: Number(kline.v),
    ...optionalColumns(kline.q, kline.n, kline.V),
  };
  return sound(
    kline.x === true
      ? { state: 'final' as const, finality: 'venue-flag' as const, ...values }
      : { state: 'forming' as const, ...values },
  );
}

/** The flat bar of zero volume that stands for a minute without a trade. */
function emptyCandle(symbol: SymbolId, timeframe: Timeframe, openTime: number, previousClose: number): FinalCandle {
  return {
    state: 'final',
    finality: 'confirmed-empty',
    symbol,
    timeframe,
    openTime: epochMs(openTime),
    open: previousClose,
    high: previousClose,
    low: previousClose,
    close: previousClose,
    volume: 0,
    quoteVolume: 0,
    trades: 0,
    takerBuyVolume: 0,
  };
}

/**
 * How far the bars behind a missing one must reach before it counts as empty. A venue may bring a bar late; the flat ones that Binance
 * sends for a minute without a trade need no such patience.
 */
export const EMPTY_AFTER_MS = 10 * MINUTE_MS;
/** A run of missing bars longer than this is no quiet market but an outage or a halt: it stays a gap. */
const MAX_EMPTY_RUN = 240;

/** What an answer of the venue says: see `CandlePage` of the gateway. */
interface Answer {
  readonly candles: readonly FinalCandle[];
  readonly settledTo: EpochMs;
  readonly malformed: readonly EpochMs[];
}

/**
 * An answer's bars, oldest first, with flat ones of zero volume in the place of those that the venue does not have between two others.
 * What lies before the first bar does not exist, and a long run of missing bars is left as a gap.
 * @param before The bar before the answer, where it is known.
 */
export function withEmptyBars(answer: Answer, before?: FinalCandle): FinalCandle[] {
  const unusable = new Set<number>(answer.malformed);
  const confirmed = answer.settledTo - EMPTY_AFTER_MS;
  const rows: FinalCandle[] = [];
  let previous = before;
  for (const candle of answer.candles) {
    if (previous !== undefined) {
      const duration = durationOf(candle.timeframe);
      const first = previous.openTime + duration;
      const isQuiet = (candle.openTime - first) / duration <= MAX_EMPTY_RUN;
      for (let openTime = first; isQuiet && openTime < candle.openTime; openTime += duration) {
        if (unusable.has(openTime) || openTime + duration > confirmed) continue;
        rows.push(emptyCandle(candle.symbol, candle.timeframe, openTime, previous.close));
      }
    }
    rows.push(candle);
    previous = candle;
  }
  return rows;
}

/** A venue's own flat bar of zero volume says the same as no bar between two others: nothing traded. */
export function withEmptiness(candle: FinalCandle): FinalCandle {
  const empty = candle.volume === 0 && candle.high === candle.low && candle.open === candle.close;
  return empty ? { ...candle, finality: 'confirmed-empty' } : candle;
}

/** Whether two candles of one bar say different things; an optional column counts where both have it. */
export function differs(a: FinalCandle, b: FinalCandle): boolean {
  return (
    a.open !== b.open ||
    a.high !== b.high ||
    a.low !== b.low ||
    a.close !== b.close ||
    a.volume !== b.volume ||
    bothDiffer(a.quoteVolume, b.quoteVolume) ||
    bothDiffer(a.trades, b.trades) ||
    bothDiffer(a.takerBuyVolume, b.takerBuyVolume)
  );
}

const bothDiffer = (a: number | undefined, b: number | undefined): boolean =>
  a !== undefined && b !== undefined && a !== b;

function optionalColumns(quoteVolume: unknown, trades: unknown, takerBuyVolume: unknown) {
  return {
    ...(isGiven(quoteVolume) ? { quoteVolume: Number(quoteVolume) } : {}),
    ...(isGiven(trades) ? { trades: Number(trades) } : {}),
    ...(isGiven(takerBuyVolume) ? { takerBuyVolume: Number(takerBuyVolume) } : {}),
  };
}

const isGiven = (value: unknown): boolean => value !== undefined && value !== null && Number.isFinite(Number(value));

function sound<T extends Candle>(candle: T): T | undefined {
  const { openTime, open, high, low, close, volume } = candle;
  const finite = Number.isSafeInteger(openTime) && open > 0 && close > 0 && low > 0 && volume >= 0;
  const ordered = high >= Math.max(open, close) && low <= Math.min(open, close) && Number.isFinite(high);
  return finite && ordered && Number.isFinite(volume) ? candle : undefined;
}
