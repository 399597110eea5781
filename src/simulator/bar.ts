import { allocateBars, at64, type BarColumns, type EpochMs } from '../core/index.ts';

/** One bar by itself. */
export interface Bar {
  readonly openTime: number;
  readonly open: number;
  readonly high: number;
  readonly low: number;
  readonly close: number;
  readonly volume: number;
  /** NaN where the source lacks it, as with `takerBuyVolume`. */
  readonly quoteVolume: number;
  readonly takerBuyVolume: number;
}

export function barAt(bars: BarColumns, index: number): Bar {
  return {
    openTime: at64(bars.openTime, index),
    open: at64(bars.open, index),
    high: at64(bars.high, index),
    low: at64(bars.low, index),
    close: at64(bars.close, index),
    volume: at64(bars.volume, index),
    quoteVolume: at64(bars.quoteVolume, index),
    takerBuyVolume: at64(bars.takerBuyVolume, index),
  };
}

/** A bar without a trade at the price of the last one. */
export const flatBar = (openTime: number, price: number): Bar => ({
  openTime,
  open: price,
  high: price,
  low: price,
  close: price,
  volume: 0,
  quoteVolume: 0,
  takerBuyVolume: 0,
});

/** What trades of successive bars make together, from `openTime` on; undefined of none. */
export function joinBars(bars: Iterable<Bar>, openTime: EpochMs | number): Bar | undefined {
  let joined: Bar | undefined;
  for (const bar of bars) {
    joined = joined
      ? {
          openTime,
          open: joined.open,
          high: Math.max(joined.high, bar.high),
          low: Math.min(joined.low, bar.low),
          close: bar.close,
          volume: joined.volume + bar.volume,
          quoteVolume: joined.quoteVolume + bar.quoteVolume,
          takerBuyVolume: joined.takerBuyVolume + bar.takerBuyVolume,
        }
      : { ...bar, openTime };
  }
  return joined;
}

export function* barsOf(columns: BarColumns): Generator<Bar> {
  for (let i = 0; i < columns.length; i++) yield barAt(columns, i);
}

/** Bars of any number as columns. */
export function columnsOf(bars: readonly Bar[]): BarColumns {
  const columns = allocateBars(bars.length);
  bars.forEach((bar, i) => {
    columns.openTime[i] = bar.openTime;
    columns.open[i] = bar.open;
    columns.high[i] = bar.high;
    columns.low[i] = bar.low;
    columns.close[i] = bar.close;
    columns.volume[i] = bar.volume;
    columns.quoteVolume[i] = bar.quoteVolume;
    columns.takerBuyVolume[i] = bar.takerBuyVolume;
  });
  return columns;
}

/** Index of the first bar that opens at or after `time`. */
export function indexFrom(bars: BarColumns, time: number): number {
  let low = 0;
  let high = bars.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (at64(bars.openTime, middle) < time) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Bars one after another. */
export function concatenateBars(parts: readonly BarColumns[]): BarColumns {
  const [only] = parts;
  if (only && parts.length === 1) return only;
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const join = (pick: (bars: BarColumns) => Float64Array) => {
    const joined = new Float64Array(length);
    let offset = 0;
    for (const part of parts) {
      joined.set(pick(part), offset);
      offset += part.length;
    }
    return joined;
  };
  return {
    length,
    openTime: join((bars) => bars.openTime),
    open: join((bars) => bars.open),
    high: join((bars) => bars.high),
    low: join((bars) => bars.low),
    close: join((bars) => bars.close),
    volume: join((bars) => bars.volume),
    quoteVolume: join((bars) => bars.quoteVolume),
    takerBuyVolume: join((bars) => bars.takerBuyVolume),
  };
}
