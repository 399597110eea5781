import {
  appendToHistory,
  type BoundedHistory,
  durationOf,
  type EpochMs,
  emptyHistory,
  epochMs,
  type FinalCandle,
  MINUTE_MS,
  milliseconds,
  type SymbolId,
  VersionedMap,
} from '../core/index.ts';
import { priceFromNumber, priceToNumber } from '../matching/index.ts';
import type { SizingSettings } from './settings.ts';

/** One unit of a stored 15-minute return: a tenth of a basis point; the largest return held is 33 %. */
export const RETURN_UNIT = 1e-5;
const SAMPLE_MINUTES = 15;
const SAMPLES_PER_DAY = 96;

/** What a book remembers of one symbol's market. */
export interface MarketState {
  /** Close of the newest candle, price units. */
  readonly lastPrice: bigint;
  /** Close time of the newest candle. */
  readonly lastMinute: EpochMs;
  /** Where the newest 15-minute return ended. */
  readonly sampledPrice: number;
  readonly sampledMinute: EpochMs;
  /** Returns over 15 minutes in multiples of {@link RETURN_UNIT}, oldest first. */
  readonly returns: BoundedHistory;
  /** Exponential mean of the quote volume of a minute. */
  readonly minuteNotional: number;
}

/** The markets that a book watches, by symbol; once part of a state they do not change. */
export class MarketStates extends VersionedMap<MarketState> {
  #samples: object;

  constructor(from?: MarketStates) {
    super(from);
    this.#samples = from === undefined ? {} : from.#samples;
  }

  static of(markets: Iterable<readonly [SymbolId, MarketState]>): MarketStates {
    const own = new MarketStates();
    for (const [symbol, market] of markets) own.set(symbol, market);
    return own;
  }

  observe(candle: FinalCandle, settings: SizingSettings): void {
    const known = this.get(candle.symbol);
    const market = updateMarket(known, candle, settings);
    if (market.sampledMinute !== known?.sampledMinute) this.#samples = {};
    this.set(candle.symbol, market);
  }

  /** A token, replaced whenever a market gets a newer sample: while it is the same object, so is what follows from samples alone. */
  get samples(): object {
    return this.#samples;
  }
}

/** What is remembered; of a price that came as a float the exact one is made when it is asked for. */
export class WatchedMarket implements MarketState {
  readonly lastMinute: EpochMs;
  readonly sampledPrice: number;
  readonly sampledMinute: EpochMs;
  readonly returns: BoundedHistory;
  readonly minuteNotional: number;
  #price: number | bigint;

  /** @throws RangeError if the price is no finite number. */
  constructor(price: number | bigint, market: Omit<MarketState, 'lastPrice'>) {
    if (typeof price === 'number' && !Number.isFinite(price)) throw new RangeError(`${price} is not a price`);
    this.#price = price;
    this.lastMinute = market.lastMinute;
    this.sampledPrice = market.sampledPrice;
    this.sampledMinute = market.sampledMinute;
    this.returns = market.returns;
    this.minuteNotional = market.minuteNotional;
  }

  get lastPrice(): bigint {
    if (typeof this.#price === 'number') this.#price = priceFromNumber(this.#price);
    return this.#price;
  }
}

/** The state after one more closed candle of at most 15 minutes. A candle not newer than the last one changes nothing. */
export function updateMarket(
  previous: MarketState | undefined,
  candle: FinalCandle,
  settings: SizingSettings,
): MarketState {
  const barMs = durationOf(candle.timeframe);
  const minutes = barMs / MINUTE_MS;
  const minute = epochMs(candle.openTime + barMs);
  const traded = candle.quoteVolume ?? Number.NaN;
  const notional = (Number.isFinite(traded) ? traded : candle.volume * candle.close) / minutes;
  if (previous === undefined) {
    return new WatchedMarket(candle.close, {
      lastMinute: minute,
      sampledPrice: candle.close,
      sampledMinute: minute,
      returns: emptyHistory(),
      minuteNotional: notional,
    });
  }
  if (minute <= previous.lastMinute) return previous;
  const weight = weightOf(minutes / settings.volumeHalfLifeMinutes);
  const elapsed = (minute - previous.sampledMinute) / MINUTE_MS;
  const isSampled = elapsed >= SAMPLE_MINUTES;
  return new WatchedMarket(candle.close, {
    lastMinute: minute,
    sampledPrice: isSampled ? candle.close : previous.sampledPrice,
    sampledMinute: isSampled ? minute : previous.sampledMinute,
    returns: isSampled ? withReturn(previous, candle.close, elapsed, settings) : previous.returns,
    minuteNotional: previous.minuteNotional + weight * (notional - previous.minuteNotional),
  });
}

/** After a hole the return spans more than 15 minutes; variance grows with time, so it counts by the square root. */
function withReturn(
  { returns, sampledPrice }: MarketState,
  close: number,
  elapsed: number,
  settings: SizingSettings,
): BoundedHistory {
  const change = (close / sampledPrice - 1) / Math.sqrt(elapsed / SAMPLE_MINUTES);
  return appendToHistory(returns, change, RETURN_UNIT, settings.returnSamples);
}

let known = { halfLives: Number.NaN, weight: Number.NaN };

/** Of a candle so many half-lives long in an exponential mean; the power is computed once. */
function weightOf(halfLives: number): number {
  if (halfLives !== known.halfLives) known = { halfLives, weight: 1 - 0.5 ** halfLives };
  return known.weight;
}

/** Expected standard deviation of the return over a horizon, a fraction: realised 15-minute volatility, scaled by root time. */
export function volatilityOf(market: MarketState, horizonMinutes: number, settings: SizingSettings): number {
  const { returns } = market;
  const samples = Math.min(returns.length, settings.volatilitySamples);
  let squares = 0;
  for (let i = returns.length - samples; i < returns.length; i++) squares += (returns[i] ?? 0) ** 2;
  const realized = samples > 0 ? Math.sqrt(squares / samples) * RETURN_UNIT : 0;
  const perDay = Math.sqrt(SAMPLES_PER_DAY);
  const floor =
    samples < settings.minVolatilitySamples ? settings.fallbackDailyVolatility : settings.minDailyVolatility;
  return Math.max(realized, floor / perDay) * Math.sqrt(horizonMinutes / SAMPLE_MINUTES);
}

/**
 * Return over so many minutes up to the newest candle, in steps of 15 and to the step before the newest sample at the least; undefined where
 * fewer are remembered. Over a hole in the candles it is understated: its return was scaled to 15 minutes.
 */
export function returnOver({ returns, sampledPrice, lastPrice }: MarketState, minutes: number): number | undefined {
  const samples = Math.max(1, Math.round(minutes / SAMPLE_MINUTES));
  if (returns.length < samples) return undefined;
  let growth = priceToNumber(lastPrice) / sampledPrice;
  for (const value of returns.subarray(-samples)) growth *= 1 + value * RETURN_UNIT;
  return growth - 1;
}

/** How old the newest price is. */
export const priceAge = (market: MarketState, minute: EpochMs) => milliseconds(minute - market.lastMinute);
