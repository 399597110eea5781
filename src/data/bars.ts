import {
  allocateBars,
  at64,
  type BarColumns,
  durationOf,
  epochMs,
  type FinalCandle,
  HOUR_MS,
  MINUTE_MS,
  PHASES,
  phaseOf,
  sliceBars,
  type Timeframe,
} from '../core/index.ts';

/** A closed bar made of one-minute candles; NaN where a source lacks an optional column. */
export interface Bar {
  readonly openTime: number;
  readonly open: number;
  readonly high: number;
  readonly low: number;
  readonly close: number;
  readonly volume: number;
  readonly quoteVolume: number;
  readonly takerBuyVolume: number;
  /** Not a bar of the market: flat at the close before, in the place of a missing one. */
  readonly carried: boolean;
}

/**
 * Bars of the last `length` one-minute candles, one after each candle: at minute m the bar that ends at m, if and only if all its
 * candles are known and consecutive. With 15 these are the phase bars: fifteen series of 15-minute bars, one per minute of the quarter.
 */
export class RollingBars {
  readonly #length: number;
  readonly #columns: BarColumns;
  #count = 0;
  #next = 0;
  #lastOpen = Number.NEGATIVE_INFINITY;

  constructor(length: number = PHASES) {
    this.#length = length;
    this.#columns = allocateBars(length);
  }

  /**
   * Takes the next candle. @returns the bar that ends with it, or undefined while candles before it are missing.
   * @throws RangeError if the candle is not newer than the last.
   */
  push(candle: FinalCandle): Bar | undefined {
    const { openTime } = candle;
    if (openTime <= this.#lastOpen)
      throw new RangeError(`candles must come in order (${openTime} after ${this.#lastOpen})`);
    if (openTime !== this.#lastOpen + MINUTE_MS) this.#count = 0;
    this.#lastOpen = openTime;
    const slot = this.#next;
    const columns = this.#columns;
    columns.open[slot] = candle.open;
    columns.high[slot] = candle.high;
    columns.low[slot] = candle.low;
    columns.close[slot] = candle.close;
    columns.volume[slot] = candle.volume;
    columns.quoteVolume[slot] = candle.quoteVolume ?? Number.NaN;
    columns.takerBuyVolume[slot] = candle.takerBuyVolume ?? Number.NaN;
    this.#next = slot + 1 === this.#length ? 0 : slot + 1;
    this.#count = Math.min(this.#count + 1, this.#length);
    return this.#count < this.#length ? undefined : this.#bar();
  }

  /** Sums run from the oldest candle to the newest, so that any start gives the same bits. */
  #bar(): Bar {
    const columns = this.#columns;
    const oldest = this.#next;
    const newest = oldest === 0 ? this.#length - 1 : oldest - 1;
    let high = Number.NEGATIVE_INFINITY;
    let low = Number.POSITIVE_INFINITY;
    let volume = 0;
    let quoteVolume = 0;
    let takerBuyVolume = 0;
    for (let i = 0, slot = oldest; i < this.#length; i++) {
      if (at64(columns.high, slot) > high) high = at64(columns.high, slot);
      if (at64(columns.low, slot) < low) low = at64(columns.low, slot);
      volume += at64(columns.volume, slot);
      quoteVolume += at64(columns.quoteVolume, slot);
      takerBuyVolume += at64(columns.takerBuyVolume, slot);
      slot = slot + 1 === this.#length ? 0 : slot + 1;
    }
    return {
      openTime: this.#lastOpen - (this.#length - 1) * MINUTE_MS,
      open: at64(columns.open, oldest),
      high,
      low,
      close: at64(columns.close, newest),
      volume,
      quoteVolume,
      takerBuyVolume,
      carried: false,
    };
  }
}

/** Closed, clock-aligned 1h bars from one-minute candles; an hour with a missing minute gives none. */
export class HourBars {
  readonly #rolling = new RollingBars(60);

  push(candle: FinalCandle): Bar | undefined {
    const bar = this.#rolling.push(candle);
    return bar !== undefined && bar.openTime % HOUR_MS === 0 ? bar : undefined;
  }
}

/** The bars of one phase (0 to 14) from one-minute columns: the streaming kernel over a column. */
export function phaseBars(minutes: BarColumns, phase: number): BarColumns {
  const rolling = new RollingBars(PHASES);
  const bars = allocateBars(Math.ceil(minutes.length / PHASES) + 1);
  let length = 0;
  for (let i = 0; i < minutes.length; i++) {
    const bar = rolling.push(candleAt(minutes, i));
    if (bar === undefined || phaseOf(epochMs(bar.openTime + PHASES * MINUTE_MS)) !== phase) continue;
    writeBar(bars, length++, bar);
  }
  return sliceBars(bars, 0, length);
}

/** Missing bars inside a context that may be carried; more block the series. */
export const MAX_CARRIED = 3;

/**
 * A series of bars at a fixed distance whose holes are carried: in place of a missing bar stands a flat one of zero volume under a
 * mask. While more than {@link MAX_CARRIED} bars of the last `context` are carried, the series is blocked.
 */
export class CarriedSeries {
  readonly #duration: number;
  readonly #flags: Uint8Array;
  #next = 0;
  #length = 0;
  #carried = 0;
  #last: Bar | undefined;

  constructor(timeframe: Timeframe, context: number) {
    this.#duration = durationOf(timeframe);
    this.#flags = new Uint8Array(context);
  }

  /** True while the context holds more carried bars than {@link MAX_CARRIED}. */
  get isBlocked(): boolean {
    return this.#carried > MAX_CARRIED;
  }

  /** Carried bars inside the context. */
  get carried(): number {
    return this.#carried;
  }

  /** Bars inside the context so far, carried ones included. */
  get length(): number {
    return this.#length;
  }

  /**
   * Takes the next bar. @returns what follows the last one, oldest first: carried bars for the missing ones, then the bar. A hole as
   * long as the context is not bridged: the series starts anew.
   * @throws RangeError if the bar is not newer than the last.
   */
  push(bar: Bar): Bar[] {
    const last = this.#last;
    this.#last = bar;
    if (last === undefined) return this.#note([bar]);
    const missing = (bar.openTime - last.openTime) / this.#duration - 1;
    if (missing < 0) throw new RangeError(`bars must come in order (${bar.openTime} after ${last.openTime})`);
    if (missing >= this.#flags.length || !Number.isInteger(missing)) {
      this.#length = 0;
      this.#carried = 0;
      this.#flags.fill(0);
      return this.#note([bar]);
    }
    const bars: Bar[] = [];
    for (let i = 1; i <= missing; i++) bars.push(carriedAfter(last, last.openTime + i * this.#duration));
    bars.push(bar);
    return this.#note(bars);
  }

  #note(bars: Bar[]): Bar[] {
    for (const { carried } of bars) {
      if (this.#length === this.#flags.length) this.#carried -= this.#flags[this.#next] ?? 0;
      else this.#length += 1;
      this.#flags[this.#next] = carried ? 1 : 0;
      this.#carried += carried ? 1 : 0;
      this.#next = (this.#next + 1) % this.#flags.length;
    }
    return bars;
  }
}

function carriedAfter({ close }: Bar, openTime: number): Bar {
  const flat = { open: close, high: close, low: close, close };
  return { openTime, ...flat, volume: 0, quoteVolume: 0, takerBuyVolume: 0, carried: true };
}

/** Row `index` of one-minute columns as a candle without a name. */
function candleAt(bars: BarColumns, index: number): FinalCandle {
  return {
    state: 'final',
    finality: 'archive',
    symbol: '',
    timeframe: '1m',
    openTime: epochMs(at64(bars.openTime, index)),
    open: at64(bars.open, index),
    high: at64(bars.high, index),
    low: at64(bars.low, index),
    close: at64(bars.close, index),
    volume: at64(bars.volume, index),
    quoteVolume: at64(bars.quoteVolume, index),
    takerBuyVolume: at64(bars.takerBuyVolume, index),
  };
}

function writeBar(bars: BarColumns, index: number, bar: Bar): void {
  bars.openTime[index] = bar.openTime;
  bars.open[index] = bar.open;
  bars.high[index] = bar.high;
  bars.low[index] = bar.low;
  bars.close[index] = bar.close;
  bars.volume[index] = bar.volume;
  bars.quoteVolume[index] = bar.quoteVolume;
  bars.takerBuyVolume[index] = bar.takerBuyVolume;
}
