import {
  allocateBars,
  at64,
  type BarColumns,
  durationOf,
  type FundingRates,
  HOUR_MS,
  sliceBars,
} from '../core/index.ts';
import {
  advance,
  BAR_SLOTS,
  CLOSE,
  FUNDING_RATE,
  HIGH,
  LOW,
  OPEN,
  type Program,
  type Slot,
  TAKER_BUY_VOLUME,
  TIME,
  VOLUME,
} from './program.ts';
import { barAt } from './series-input.ts';

const QUARTER_MS = durationOf('15m');

/** Numbers an hour in the making takes in a state: how many of its quarters are in it, and a bar whose `TIME` is the hour's close. */
export const FORMING_SLOTS = BAR_SLOTS;
const PARTS = 0;

/**
 * Adds a clock-aligned 15-minute bar to the hour in the making at `base`. True when it was the fourth in a row of its hour: the
 * hour is then complete.
 */
export function formHour(s: Float64Array, base: Slot, quarter: Float64Array): boolean {
  const time = at64(quarter, TIME);
  const close = Math.ceil(time / HOUR_MS) * HOUR_MS;
  const part = (time - close + HOUR_MS) / QUARTER_MS;
  if (part === 1) {
    for (let slot = OPEN; slot < BAR_SLOTS; slot++) s[base + slot] = at64(quarter, slot);
    s[base + TIME] = close;
    s[base + PARTS] = 1;
    return false;
  }
  if (at64(s, base + TIME) !== close || at64(s, base + PARTS) !== part - 1) {
    s[base + PARTS] = 0;
    return false;
  }
  s[base + PARTS] = part;
  s[base + HIGH] = Math.max(at64(s, base + HIGH), at64(quarter, HIGH));
  s[base + LOW] = Math.min(at64(s, base + LOW), at64(quarter, LOW));
  s[base + CLOSE] = at64(quarter, CLOSE);
  s[base + VOLUME] = at64(s, base + VOLUME) + at64(quarter, VOLUME);
  s[base + TAKER_BUY_VOLUME] = at64(s, base + TAKER_BUY_VOLUME) + at64(quarter, TAKER_BUY_VOLUME);
  return part === HOUR_MS / QUARTER_MS;
}

/** The complete hours of usable, clock-aligned 15-minute bars, with the bits of those that are formed bar by bar. */
export function completeHours(quarters: BarColumns): BarColumns {
  const s = new Float64Array(FORMING_SLOTS);
  const quarter = new Float64Array(BAR_SLOTS);
  const hours = allocateBars(Math.ceil(quarters.length / 4));
  let length = 0;
  for (let i = 0; i < quarters.length; i++) {
    if (!barAt(quarters, i, QUARTER_MS, quarter) || !formHour(s, 0, quarter)) continue;
    hours.openTime[length] = at64(s, TIME) - HOUR_MS;
    HOUR_COLUMNS.forEach((column, index) => {
      hours[column][length] = at64(s, OPEN + index);
    });
    length++;
  }
  return sliceBars(hours, 0, length);
}

/** Time and rate of a settlement. */
const RATE_WIDTH = 2;
/** Close time, open, high, low, close, volume, taker buy volume of an hour. */
const HOUR_WIDTH = 7;
const HOUR_COLUMNS = ['open', 'high', 'low', 'close', 'volume', 'takerBuyVolume'] as const;

/**
 * What is given beside the minutes and waits for them: closed 1h bars and funding rates. Neither is known before the minutes have reached
 * its time.
 */
export class HourQueue {
  /** Waiting hours, oldest first. */
  #hours: Float64Array;
  #nextHour = 0;
  /** The newest rate known and those that wait, oldest first. */
  #rates: Float64Array;
  #newestRate = 0;
  readonly #bar = new Float64Array(BAR_SLOTS);

  constructor(hours: Float64Array = new Float64Array(0), rates: Float64Array = new Float64Array(0)) {
    this.#hours = hours;
    this.#rates = rates;
  }

  /** What has not been taken yet, to be given to a new queue's constructor. */
  get waiting(): Float64Array {
    return this.#hours.subarray(this.#nextHour);
  }

  /** The newest rate taken and what waits after it, to be given to a new queue's constructor. */
  get rates(): Float64Array {
    return this.#rates.subarray(this.#newestRate);
  }

  /** Adds hours; of two with one close time the first given stays. */
  push(bars: BarColumns): void {
    const hours = new Map<number, readonly number[]>();
    const { waiting } = this;
    for (let i = 0; i < waiting.length; i += HOUR_WIDTH)
      hours.set(at64(waiting, i), [...waiting.subarray(i, i + HOUR_WIDTH)]);
    for (let i = 0; i < bars.length; i++) {
      const close = at64(bars.openTime, i) + HOUR_MS;
      const row = [close, ...HOUR_COLUMNS.map((column) => at64(bars[column], i))];
      if (row.slice(0, -1).every(Number.isFinite) && !hours.has(close)) hours.set(close, row);
    }
    this.#hours = inOrder(hours, HOUR_WIDTH);
    this.#nextHour = 0;
  }

  /** Adds funding rates; of two of one time the first given stays. */
  pushRates({ times, rates }: FundingRates): void {
    const known = new Map<number, readonly number[]>();
    const before = this.rates;
    for (let i = 0; i < before.length; i += RATE_WIDTH)
      known.set(at64(before, i), [at64(before, i), at64(before, i + 1)]);
    for (let i = 0; i < times.length; i++) {
      const row = [at64(times, i), at64(rates, i)];
      if (row.every(Number.isFinite) && !known.has(at64(times, i))) known.set(at64(times, i), row);
    }
    this.#rates = inOrder(known, RATE_WIDTH);
    this.#newestRate = 0;
  }

  /**
   * Brings a slow state to `time`: first the waiting hours that closed before the formed one, then, when `formed` says that the
   * hour at `base` of `former` has just become complete, that one in place of a given one.
   */
  advance(
    program: Program,
    state: Float64Array,
    time: number,
    formed: boolean,
    former: Float64Array,
    base: Slot,
  ): void {
    const bar = this.#bar;
    const formedClose = formed ? at64(former, base + TIME) : Number.POSITIVE_INFINITY;
    while (this.#nextHour < this.#hours.length) {
      const at = this.#nextHour;
      const closeTime = at64(this.#hours, at);
      if (closeTime > time) break;
      this.#nextHour += HOUR_WIDTH;
      if (closeTime >= formedClose) continue;
      for (let i = 0; i < HOUR_WIDTH; i++) bar[TIME + i] = at64(this.#hours, at + i);
      bar[FUNDING_RATE] = this.#rateAt(closeTime);
      advance(program, state, HOUR_MS, bar);
    }
    if (!formed) return;
    for (let slot = TIME; slot < FUNDING_RATE; slot++) bar[slot] = at64(former, base + slot);
    bar[FUNDING_RATE] = this.#rateAt(formedClose);
    advance(program, state, HOUR_MS, bar);
  }

  /**
   * The newest rate settled before `time`; times ask in ascending order. NaN where none is known. The one settled at that time is not
   * known yet when the bar is: a venue tells it afterwards.
   */
  #rateAt(time: number): number {
    const rates = this.#rates;
    let at = this.#newestRate;
    while (at + RATE_WIDTH < rates.length && at64(rates, at + RATE_WIDTH) < time) at += RATE_WIDTH;
    this.#newestRate = at;
    return at < rates.length && at64(rates, at) < time ? at64(rates, at + 1) : Number.NaN;
  }
}

function inOrder(rows: ReadonlyMap<number, readonly number[]>, width: number): Float64Array {
  const times = Float64Array.from(rows.keys()).sort();
  const values = new Float64Array(times.length * width);
  for (let i = 0; i < times.length; i++) values.set(rows.get(at64(times, i)) ?? [], i * width);
  return values;
}

/** Whether a slow state holds the newest hour that has closed at `time`. */
export const isHourCurrent = (state: Float64Array, time: number): boolean =>
  at64(state, TIME) === Math.floor(time / HOUR_MS) * HOUR_MS;
