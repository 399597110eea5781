import {
  allocateBars,
  at64,
  type BarColumns,
  createRandom,
  epochMs,
  type FinalCandle,
  MINUTE_MS,
  type SymbolId,
} from '../core/index.ts';

/** Joins bars of `barMs` into bars of `joined` of them whose close times are multiples of their length, shifted by `shiftMs`; incomplete ones are left out. */
export function joinBars(bars: BarColumns, barMs: number, joined: number, shiftMs = 0): BarColumns {
  const length = joined * barMs;
  const starts: number[] = [];
  for (let i = 0; i + joined <= bars.length; i++) {
    const open = at64(bars.openTime, i);
    const whole = at64(bars.openTime, i + joined - 1) - open === length - barMs;
    if ((open - shiftMs) % length === 0 && whole) starts.push(i);
  }
  const out = allocateBars(starts.length);
  starts.forEach((start, row) => {
    let volume = 0;
    for (let i = start; i < start + joined; i++) volume += at64(bars.volume, i);
    out.openTime[row] = at64(bars.openTime, start);
    out.open[row] = at64(bars.open, start);
    out.high[row] = Math.max(...bars.high.subarray(start, start + joined));
    out.low[row] = Math.min(...bars.low.subarray(start, start + joined));
    out.close[row] = at64(bars.close, start + joined - 1);
    out.volume[row] = volume;
  });
  return out;
}

/** One-minute columns as final candles. */
export function candlesOf(symbol: SymbolId, bars: BarColumns): FinalCandle[] {
  return Array.from({ length: bars.length }, (_, i) => ({
    state: 'final',
    finality: 'archive',
    symbol,
    timeframe: '1m',
    openTime: epochMs(at64(bars.openTime, i)),
    open: at64(bars.open, i),
    high: at64(bars.high, i),
    low: at64(bars.low, i),
    close: at64(bars.close, i),
    volume: at64(bars.volume, i),
  }));
}

/** Candles of many symbols, minute by minute, in the map's order within a minute. */
export function byMinute(market: ReadonlyMap<SymbolId, BarColumns>): Map<number, FinalCandle[]> {
  const minutes = new Map<number, FinalCandle[]>();
  for (const [symbol, bars] of market) {
    for (const candle of candlesOf(symbol, bars)) {
      const minute = candle.openTime + MINUTE_MS;
      const held = minutes.get(minute);
      if (held) held.push(candle);
      else minutes.set(minute, [candle]);
    }
  }
  return new Map([...minutes].sort(([a], [b]) => a - b));
}

/** A copy whose prices and volumes are multiplied. */
export function scaleBars(bars: BarColumns, price: number, volume: number): BarColumns {
  const by = (column: Float64Array, factor: number) => column.map((value) => value * factor);
  return {
    ...bars,
    open: by(bars.open, price),
    high: by(bars.high, price),
    low: by(bars.low, price),
    close: by(bars.close, price),
    volume: by(bars.volume, volume),
  };
}

/** A copy of a market in which takers bought a share of each bar's volume. */
export function withTakerFlow(market: ReadonlyMap<SymbolId, BarColumns>): Map<SymbolId, BarColumns> {
  const random = createRandom('taker flow');
  return new Map(
    [...market].map(([symbol, bars]) => {
      const takerBuyVolume = bars.volume.map((volume) => Math.round(volume * random.uniform()));
      return [symbol, { ...bars, takerBuyVolume }];
    }),
  );
}

/** A copy without the bars whose index is in `left`. */
export function withoutBars(bars: BarColumns, left: ReadonlySet<number>): BarColumns {
  const kept = (column: Float64Array) => column.filter((_, index) => !left.has(index));
  return {
    length: bars.length - left.size,
    openTime: kept(bars.openTime),
    open: kept(bars.open),
    high: kept(bars.high),
    low: kept(bars.low),
    close: kept(bars.close),
    volume: kept(bars.volume),
    quoteVolume: kept(bars.quoteVolume),
    takerBuyVolume: kept(bars.takerBuyVolume),
  };
}

/** Whether two arrays hold the same bytes: NaN equals NaN, 0 differs from -0. */
export function sameBits(a: ArrayBufferView, b: ArrayBufferView): boolean {
  const bytes = (view: ArrayBufferView) => Buffer.from(view.buffer, view.byteOffset, view.byteLength);
  return bytes(a).equals(bytes(b));
}
