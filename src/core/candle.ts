import type { Timeframe } from './timeframe.ts';
import { firstAtOrAfter } from './typed-array.ts';
import type { EpochMs } from './units.ts';

/** The venue's name of an instrument, such as "BTCUSDT". */
export type SymbolId = string;

interface CandleValues {
  readonly symbol: SymbolId;
  readonly timeframe: Timeframe;
  readonly openTime: EpochMs;
  readonly open: number;
  readonly high: number;
  readonly low: number;
  readonly close: number;
  /** Base volume. */
  readonly volume: number;
  readonly quoteVolume?: number;
  readonly trades?: number;
  readonly takerBuyVolume?: number;
}

/**
 * Why a candle counts as closed: the venue said so (`venue-flag`), a successor arrived in the same uninterrupted session
 * (`successor`), a REST answer that reaches past its end (`rest`), a file (`archive`), or the venue confirmed that the minute
 * had no trade (`confirmed-empty`: flat at the previous close, volume 0).
 */
export type Finality = 'venue-flag' | 'successor' | 'rest' | 'archive' | 'confirmed-empty';

/** A closed bar: only this reaches a feature, a model or an order. */
export interface FinalCandle extends CandleValues {
  readonly state: 'final';
  readonly finality: Finality;
}

/** A bar still open: for display only. */
export interface FormingCandle extends CandleValues {
  readonly state: 'forming';
}

export type Candle = FinalCandle | FormingCandle;

/** Bars as columns, oldest first, equal lengths; NaN where a source lacks an optional column. */
export interface BarColumns {
  readonly length: number;
  /** Epoch milliseconds of the bar's open. */
  readonly openTime: Float64Array;
  readonly open: Float64Array;
  readonly high: Float64Array;
  readonly low: Float64Array;
  readonly close: Float64Array;
  readonly volume: Float64Array;
  readonly quoteVolume: Float64Array;
  readonly takerBuyVolume: Float64Array;
}

/** Columns of `length` bars, filled with NaN. */
export function allocateBars(length: number): BarColumns {
  const column = () => new Float64Array(length).fill(Number.NaN);
  return {
    length,
    openTime: column(),
    open: column(),
    high: column(),
    low: column(),
    close: column(),
    volume: column(),
    quoteVolume: column(),
    takerBuyVolume: column(),
  };
}

/** Bars `[from, to)` as views of the same memory. */
export function sliceBars(bars: BarColumns, from: number, to: number): BarColumns {
  return {
    length: Math.max(0, Math.min(to, bars.length) - from),
    openTime: bars.openTime.subarray(from, to),
    open: bars.open.subarray(from, to),
    high: bars.high.subarray(from, to),
    low: bars.low.subarray(from, to),
    close: bars.close.subarray(from, to),
    volume: bars.volume.subarray(from, to),
    quoteVolume: bars.quoteVolume.subarray(from, to),
    takerBuyVolume: bars.takerBuyVolume.subarray(from, to),
  };
}

/** Bars that open at or after `from` and before `to`, as views of the same memory. */
export const barsBetween = (bars: BarColumns, from: number, to: number): BarColumns =>
  sliceBars(bars, firstAtOrAfter(bars.openTime, from), firstAtOrAfter(bars.openTime, to));
