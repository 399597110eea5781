import { at64, type BarColumns, durationOf, HOUR_MS } from '../core/index.ts';
import { type Program, type Slot, TIME } from './program.ts';

const QUARTER_MS = durationOf('15m');

/** Numbers an hour in the making takes in a state. */
export const FORMING_SLOTS = 7;
const START = 0;
const PARTS = 1;
const OPEN = 2;
const HIGH = 3;
const LOW = 4;
const CLOSE = 5;
const VOLUME = 6;

/**
 * Adds a clock-aligned 15-minute bar to the hour in the making at `base`. True when it was the fourth in a row of its hour: the
 * hour is then complete.
 */
export function formHour(
  s: Float64Array,
  base: Slot,
  closeTime: number,
  open: number,
  high: number,
  low: number,
  close: number,
  volume: number,
): boolean {
  const start = Math.floor((closeTime - 1) / HOUR_MS) * HOUR_MS;
  const part = (closeTime - start) / QUARTER_MS;
  if (part === 1) {
    s[base + START] = start;
    s[base + PARTS] = 1;
    s[base + OPEN] = open;
    s[base + HIGH] = high;
    s[base + LOW] = low;
    s[base + CLOSE] = close;
    s[base + VOLUME] = volume;
    return false;
  }
  if (at64(s, base + START) !== start || at64(s, base + PARTS) !== part - 1) {
    s[base + PARTS] = 0;
    return false;
  }
  s[base + PARTS] = part;
  s[base + HIGH] = Math.max(at64(s, base + HIGH), high);
  s[base + LOW] = Math.min(at64(s, base + LOW), low);
  s[base + CLOSE] = close;
  s[base + VOLUME] = at64(s, base + VOLUME) + volume;
  return part === HOUR_MS / QUARTER_MS;
}

/** Given 1h bars that wait for the minutes to reach their close: an hour is never known before it has closed. */
export class HourQueue {
  /** Close time, open, high, low, close, volume of each waiting hour, oldest first. */
  #values: Float64Array;
  #next = 0;

  constructor(values: Float64Array = new Float64Array(0)) {
    this.#values = values;
  }

  /** What has not been taken yet, to be given to a new queue's constructor. */
  get waiting(): Float64Array {
    return this.#values.subarray(this.#next);
  }

  /** Adds hours; of two with one close time the first given stays. */
  push(bars: BarColumns): void {
    const hours = new Map<number, readonly number[]>();
    const { waiting } = this;
    for (let i = 0; i < waiting.length; i += HOUR_WIDTH)
      hours.set(at64(waiting, i), [...waiting.subarray(i, i + HOUR_WIDTH)]);
    for (let i = 0; i < bars.length; i++) {
      const row = [
        at64(bars.openTime, i) + HOUR_MS,
        at64(bars.open, i),
        at64(bars.high, i),
        at64(bars.low, i),
        at64(bars.close, i),
        at64(bars.volume, i),
      ];
      if (row.every(Number.isFinite) && !hours.has(row[0] as number)) hours.set(row[0] as number, row);
    }
    const closes = Float64Array.from(hours.keys()).sort();
    this.#values = new Float64Array(closes.length * HOUR_WIDTH);
    for (let i = 0; i < closes.length; i++) this.#values.set(hours.get(at64(closes, i)) ?? [], i * HOUR_WIDTH);
    this.#next = 0;
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
    const formedClose = formed ? at64(former, base + START) + HOUR_MS : Number.POSITIVE_INFINITY;
    while (this.#next < this.#values.length) {
      const at = this.#next;
      const closeTime = at64(this.#values, at);
      if (closeTime > time) break;
      this.#next += HOUR_WIDTH;
      if (closeTime >= formedClose) continue;
      const v = this.#values;
      program.advance(
        state,
        closeTime,
        at64(v, at + 1),
        at64(v, at + 2),
        at64(v, at + 3),
        at64(v, at + 4),
        at64(v, at + 5),
      );
    }
    if (formed) {
      program.advance(
        state,
        formedClose,
        at64(former, base + OPEN),
        at64(former, base + HIGH),
        at64(former, base + LOW),
        at64(former, base + CLOSE),
        at64(former, base + VOLUME),
      );
    }
  }
}

const HOUR_WIDTH = 6;

/** Whether a slow state holds the newest hour that has closed at `time`. */
export const isHourCurrent = (state: Float64Array, time: number): boolean =>
  at64(state, TIME) === Math.floor(time / HOUR_MS) * HOUR_MS;
