import {
  at64,
  type BarColumns,
  barsBetween,
  type EpochMs,
  epochMs,
  type FinalCandle,
  HOUR_MS,
  MINUTE_MS,
  type SymbolId,
} from '../../core/index.ts';
import { createFeatureEngineer, type FeatureEngineer } from '../feature-engineer.ts';
import type { Comparison } from './comparison.ts';
import type { AuditContext } from './context.ts';
import { floor, QUARTER_MS, requestOf } from './market.ts';
import { splitIntoMinutes } from './minutes.ts';

/** Minutes of a market and the 1h bars that are given with them. */
export interface MinuteStream {
  readonly from: number;
  readonly to: number;
  readonly minutes: ReadonlyMap<SymbolId, BarColumns>;
  readonly hours: ReadonlyMap<SymbolId, BarColumns>;
}

/** Looks on after each minute. */
export type StreamObserver = (minute: EpochMs, candles: readonly FinalCandle[], engineer: FeatureEngineer) => void;

/** Length of a stream behind its fast warm-up. */
const COMPARED_MS = 40 * QUARTER_MS;

/** A stream whose middle, as near as the market allows, is `middle`; every feature becomes warm in it if the market's history suffices. */
export function createStream({ market, span }: AuditContext, middle: number): MinuteStream {
  const length = span.fastMs + COMPARED_MS;
  const to = floor(Math.min(Math.max(middle + length / 2, span.first + length), span.end), QUARTER_MS);
  const from = to - length;
  const cut = new Map([...market.bars].map(([symbol, bars]) => [symbol, barsBetween(bars, from, to)]));
  const minutes =
    market.timeframe === '1m' ? cut : new Map([...cut].map(([symbol, bars]) => [symbol, splitIntoMinutes(bars)]));
  const { bars1h = new Map<SymbolId, BarColumns>() } = requestOf(market, {
    from,
    to,
    phase: 0,
    hoursFrom: floor(from - span.slowMs, HOUR_MS),
  });
  return { from, to, minutes, hours: bars1h };
}

/** Gives a stream to a new engineer, minute by minute. @returns the engineer as it is at the end */
export async function runStream(
  context: AuditContext,
  stream: MinuteStream,
  observers: readonly StreamObserver[],
): Promise<FeatureEngineer> {
  const engineer = engineerFor(context, stream);
  const total = (stream.to - stream.from) / MINUTE_MS;
  let minutes = 0;
  for (const { minute, candles } of feedOf(stream)) {
    if (minutes++ % 32 === 0) await context.step(`stream: minute ${minutes} of ${total}`);
    engineer.push(candles);
    for (const observe of observers) observe(minute, candles, engineer);
  }
  return engineer;
}

/** An engineer in the order of the context's symbols; `stream` gives it its 1h bars. */
export function engineerFor({ set, symbols, market }: AuditContext, stream?: MinuteStream): FeatureEngineer {
  const engineer = createFeatureEngineer({ featureSet: set, symbols, references: market.references });
  for (const [symbol, hours] of stream?.hours ?? []) engineer.pushHours(symbol, hours);
  return engineer;
}

/** Compares what is said of a minute, symbol by symbol; a symbol without a row counts as masked. */
export function compareRows(
  comparison: Comparison,
  minute: EpochMs,
  expected: ReadonlyMap<SymbolId, Float32Array>,
  actual: ReadonlyMap<SymbolId, Float32Array>,
): void {
  for (const symbol of new Set([...expected.keys(), ...actual.keys()])) {
    const a = expected.get(symbol);
    const b = actual.get(symbol);
    const masked = new Float32Array((a ?? b)?.length ?? 0).fill(Number.NaN);
    comparison.rows(symbol, minute, a ?? masked, b ?? masked);
  }
}

/** An engineer's rows at a minute. */
export function rowsAt(engineer: FeatureEngineer, minute: EpochMs): Map<SymbolId, Float32Array> {
  const { symbols, values, width } = engineer.panel(minute, engineer.symbols);
  return new Map(symbols.map((symbol, row) => [symbol, values.subarray(row * width, (row + 1) * width)]));
}

/** Candles minute by minute, oldest first. */
function* feedOf({ from, to, minutes }: MinuteStream): Generator<{ minute: EpochMs; candles: FinalCandle[] }> {
  const next = new Map<SymbolId, number>();
  for (let openTime = from; openTime < to; openTime += MINUTE_MS) {
    const candles: FinalCandle[] = [];
    for (const [symbol, bars] of minutes) {
      const index = next.get(symbol) ?? 0;
      if (index >= bars.length || at64(bars.openTime, index) !== openTime) continue;
      next.set(symbol, index + 1);
      candles.push(candleAt(symbol, bars, index));
    }
    yield { minute: epochMs(openTime + MINUTE_MS), candles };
  }
}

const candleAt = (symbol: SymbolId, bars: BarColumns, index: number): FinalCandle => ({
  state: 'final',
  finality: 'archive',
  symbol,
  timeframe: '1m',
  openTime: epochMs(at64(bars.openTime, index)),
  open: at64(bars.open, index),
  high: at64(bars.high, index),
  low: at64(bars.low, index),
  close: at64(bars.close, index),
  volume: at64(bars.volume, index),
  ...takerFlowAt(bars, index),
});

/** Candles leave out what their source does not tell. */
function takerFlowAt(bars: BarColumns, index: number): Pick<FinalCandle, 'takerBuyVolume'> {
  const takerBuyVolume = at64(bars.takerBuyVolume, index);
  return Number.isNaN(takerBuyVolume) ? {} : { takerBuyVolume };
}
