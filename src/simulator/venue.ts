import {
  type BarColumns,
  DAY_MS,
  decimalPlaces,
  durationOf,
  type EpochMs,
  epochMs,
  floorTo,
  HOUR_MS,
  type Instrument,
  MINUTE_MS,
  type SymbolId,
  sliceBars,
  type Timeframe,
} from '../core/index.ts';
import { type Bar, barAt, barsOf, joinBars } from './bar.ts';
import type { FaultBoard } from './fault-board.ts';
import { faultedBars } from './faulted-bars.ts';
import { formingMinute, roundTo, type Steps } from './price-path.ts';
import type { FundingRate, SimulatedMarket } from './simulated-market.ts';

/** Hours between two settlements of funding. */
export const FUNDING_INTERVAL_HOURS = 8;
/** How long an instrument whose data ended stays listed as settling. */
const SETTLING_MS = HOUR_MS;

export interface ListedInstrument {
  readonly instrument: Instrument;
  readonly steps: Steps;
  readonly phase: 'trading' | 'settling';
}

export interface BarQuery {
  readonly symbol: SymbolId;
  readonly timeframe: Timeframe;
  /** Open times at or after it, oldest first; without it the newest bars are meant. */
  readonly startTime?: number | undefined;
  /** Open times at or before it. */
  readonly endTime?: number | undefined;
  readonly limit: number;
}

/** Closed bars, and the one still open if the query reaches it. */
export interface VenueBars {
  readonly closed: BarColumns;
  readonly forming: Bar | undefined;
}

export interface Ticker {
  readonly symbol: SymbolId;
  readonly openTime: number;
  readonly closeTime: number;
  /** Of the last 24 hours; undefined where nothing was traded. */
  readonly day: Bar | undefined;
  readonly trades: number;
}

export interface Book {
  readonly symbol: SymbolId;
  /** Best first: price and quantity. */
  readonly bids: readonly (readonly [price: number, quantity: number])[];
  readonly asks: readonly (readonly [price: number, quantity: number])[];
}

/**
 * What a client may know of the market at this moment: the past, the minute under way as far as it has come, and nothing of
 * the future; changed by the faults in force. Every dialect answers from here.
 */
export class Venue {
  readonly market: SimulatedMarket;
  readonly faults: FaultBoard;
  readonly #now: () => EpochMs;
  readonly #steps = new Map<SymbolId, Steps>();
  readonly #instruments: ReadonlyMap<SymbolId, Instrument>;

  constructor(market: SimulatedMarket, faults: FaultBoard, now: () => EpochMs) {
    this.market = market;
    this.faults = faults;
    this.#now = now;
    this.#instruments = new Map(market.instruments.map((instrument) => [instrument.symbol, instrument]));
    for (const { symbol, tickSize, stepSize } of market.instruments) {
      this.#steps.set(symbol, {
        tick: Number(tickSize),
        priceDecimals: decimalPlaces(tickSize),
        step: Number(stepSize),
        quantityDecimals: decimalPlaces(stepSize),
      });
    }
  }

  /** Market time. */
  now(): EpochMs {
    return this.#now();
  }

  /** What the venue's own clock says: market time, unless a fault puts it wrong. */
  clock(): EpochMs {
    const now = this.#now();
    return epochMs(now + this.faults.skewMs(now));
  }

  /** The instruments listed now, in canonical order. */
  listed(): ListedInstrument[] {
    const listed: ListedInstrument[] = [];
    for (const { symbol } of this.market.instruments) {
      const one = this.find(symbol);
      if (one) listed.push(one);
    }
    return listed;
  }

  /** The instrument if it is listed now. */
  find(symbol: SymbolId): ListedInstrument | undefined {
    const instrument = this.#instruments.get(symbol);
    const steps = this.#steps.get(symbol);
    if (!instrument || !steps) return undefined;
    const now = this.#now();
    const ended = instrument.delistedAt;
    const delisting =
      this.faults.delisting(symbol) ??
      (ended === undefined ? undefined : { endsAt: ended, goneAt: epochMs(ended + SETTLING_MS) });
    if (delisting && now >= delisting.goneAt) return undefined;
    return { instrument, steps, phase: delisting && now >= delisting.endsAt ? 'settling' : 'trading' };
  }

  bars({ symbol, timeframe, startTime, endTime, limit }: BarQuery): VenueBars {
    const duration = durationOf(timeframe);
    const currentOpen = floorTo(this.#now(), timeframe);
    const oldest = this.market.oldest(symbol, timeframe) ?? currentOpen;
    const from = Math.max(oldest, startTime === undefined ? oldest : Math.ceil(startTime / duration) * duration);
    const upTo = Math.min(currentOpen, endTime === undefined ? currentOpen : endTime + 1);
    const reachesCurrent =
      (endTime === undefined || endTime >= currentOpen) && (startTime === undefined || startTime <= currentOpen);
    const forming = reachesCurrent ? this.forming(symbol, timeframe) : undefined;
    if (startTime !== undefined) {
      const closed = this.#collect(symbol, timeframe, from, upTo, limit, 'oldest');
      return { closed, forming: closed.length < limit ? forming : undefined };
    }
    return { closed: this.#collect(symbol, timeframe, from, upTo, forming ? limit - 1 : limit, 'newest'), forming };
  }

  /** The bar that closed at `minute`, as it is shown now. */
  closedBar(symbol: SymbolId, timeframe: Timeframe, minute: EpochMs): Bar | undefined {
    const bars = this.#shown(symbol, timeframe, minute - durationOf(timeframe), minute);
    return bars.length > 0 ? barAt(bars, 0) : undefined;
  }

  /** The bar under way as far as it has come; undefined where it had no trade yet. */
  forming(symbol: SymbolId, timeframe: Timeframe): Bar | undefined {
    const now = this.#now();
    const steps = this.#steps.get(symbol);
    if (!steps) return undefined;
    const minuteOpen = floorTo(now, '1m');
    const whole = this.wholeMinute(symbol, minuteOpen);
    const minute = whole && formingMinute(symbol, whole, now - minuteOpen, steps);
    if (timeframe === '1m') return minute;
    const openTime = floorTo(now, timeframe);
    const closed = [...barsOf(this.#shown(symbol, '1m', openTime, minuteOpen))];
    return joinBars(minute ? [...closed, minute] : closed, openTime);
  }

  /** An instrument's rules, listed or not. */
  instrument(symbol: SymbolId): Instrument | undefined {
    return this.#instruments.get(symbol);
  }

  steps(symbol: SymbolId): Steps | undefined {
    return this.#steps.get(symbol);
  }

  /** The price of the last trade; undefined before the first. */
  lastPrice(symbol: SymbolId): number | undefined {
    const forming = this.forming(symbol, '1m');
    if (forming) return forming.close;
    const minuteOpen = floorTo(this.#now(), '1m');
    const last = this.#collect(symbol, '1m', this.market.start, minuteOpen, 1, 'newest');
    return last.length > 0 ? barAt(last, last.length - 1).close : undefined;
  }

  ticker(symbol: SymbolId): Ticker {
    const now = this.#now();
    const minuteOpen = floorTo(now, '1m');
    const openTime = minuteOpen + MINUTE_MS - DAY_MS;
    const minutes = [...barsOf(this.#shown(symbol, '1m', openTime, minuteOpen))];
    const forming = this.forming(symbol, '1m');
    if (forming) minutes.push(forming);
    return {
      symbol,
      openTime,
      closeTime: this.clock(),
      day: joinBars(minutes, openTime),
      trades: minutes.filter((bar) => bar.volume > 0).length,
    };
  }

  /** A book made up around the last price: one tick wide, its levels a share of the last closed minute's volume. */
  book(symbol: SymbolId, levels: number): Book {
    const steps = this.#steps.get(symbol);
    const last = this.lastPrice(symbol);
    if (!steps || last === undefined) return { symbol, bids: [], asks: [] };
    const minute = this.closedBar(symbol, '1m', floorTo(this.#now(), '1m'));
    const unit = Math.max(steps.step, (minute?.volume ?? 0) / 20);
    const level = (index: number, price: number) =>
      [roundTo(price, steps.priceDecimals), roundTo(unit * (1 + index / 10), steps.quantityDecimals)] as const;
    const sides = Array.from({ length: levels }, (_, i) => i);
    return {
      symbol,
      bids: sides.map((i) => level(i, last - i * steps.tick)).filter(([price]) => price > 0),
      asks: sides.map((i) => level(i, last + (i + 1) * steps.tick)),
    };
  }

  /** Settlements up to now with `startTime <= time <= endTime`. */
  fundingRates(symbol: SymbolId, startTime: number, endTime: number): readonly FundingRate[] {
    return this.market.fundingRates(symbol, startTime, Math.min(endTime, this.#now()) + 1);
  }

  /** The rate last settled; undefined where the market has none. */
  lastFundingRate(symbol: SymbolId): number | undefined {
    const now = this.#now();
    return this.fundingRates(symbol, now - 3 * FUNDING_INTERVAL_HOURS * HOUR_MS, now).at(-1)?.rate;
  }

  nextFundingTime(): EpochMs {
    const interval = FUNDING_INTERVAL_HOURS * HOUR_MS;
    return epochMs((Math.floor(this.#now() / interval) + 1) * interval);
  }

  #shown(symbol: SymbolId, timeframe: Timeframe, from: number, to: number): BarColumns {
    const ended = this.#instruments.get(symbol)?.delistedAt;
    const upTo = ended === undefined ? to : Math.min(to, ended);
    return faultedBars(this.market, this.faults, this.#steps.get(symbol), {
      symbol,
      timeframe,
      from,
      to: upTo,
      now: this.#now(),
    });
  }

  /** A minute, also one under way, whole: for the price path and for matching alone. Undefined where nothing trades in it. */
  wholeMinute(symbol: SymbolId, openTime: EpochMs): Bar | undefined {
    const bars = this.#shown(symbol, '1m', openTime, openTime + MINUTE_MS);
    return bars.length > 0 ? barAt(bars, 0) : undefined;
  }

  /** `limit` existing bars of `[from, upTo)`, counted from one end; holes are passed over. */
  #collect(
    symbol: SymbolId,
    timeframe: Timeframe,
    from: number,
    upTo: number,
    limit: number,
    end: 'oldest' | 'newest',
  ): BarColumns {
    for (let span = limit * durationOf(timeframe); ; span *= 4) {
      const low = end === 'oldest' ? from : Math.max(from, upTo - span);
      const high = end === 'oldest' ? Math.min(upTo, from + span) : upTo;
      const bars = this.#shown(symbol, timeframe, low, high);
      if (bars.length >= limit || high - low >= upTo - from) {
        return end === 'oldest'
          ? sliceBars(bars, 0, limit)
          : sliceBars(bars, Math.max(0, bars.length - limit), bars.length);
      }
    }
  }
}
