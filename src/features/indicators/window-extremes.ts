import { at64, atInt32 } from '../../core/index.ts';

/**
 * Highest high and lowest low of the last `window` bars, in a fixed number of comparisons a bar whatever the prices do: extremes of the
 * newest values of the block in the making, and of the oldest of the block before, meet at every position (van Herk 1992). Prices
 * make their comparisons come out like coin tosses, which a processor guesses wrong half the time; so positions are chosen by
 * arithmetic on what a comparison says, and nothing branches on it. Fewer than `window` bars: the extremes of what there is. For one
 * series, give its value twice.
 */
export class WindowExtremes {
  readonly window: number;
  /** The block in the making from 0 on, the block before from `window` on, and last a value that never is the extreme. */
  readonly #highs: Float64Array;
  readonly #lows: Float64Array;
  /** For each position of the block before: where the extreme from there to its end is. */
  readonly #highestFrom: Int32Array;
  readonly #lowestFrom: Int32Array;
  #filled = 0;
  /** Where the extremes of the block in the making are, and those of the window. */
  #blockHighestAt = 0;
  #blockLowestAt = 0;
  #highestAt = 0;
  #lowestAt = 0;

  constructor(window: number) {
    this.window = window;
    this.#highs = new Float64Array(2 * window + 1).fill(Number.NEGATIVE_INFINITY);
    this.#lows = new Float64Array(2 * window + 1).fill(Number.POSITIVE_INFINITY);
    this.#highestFrom = new Int32Array(window + 1).fill(2 * window);
    this.#lowestFrom = new Int32Array(window + 1).fill(2 * window);
  }

  update(high: number, low: number): void {
    if (this.#filled === this.window) this.#closeBlock();
    const highs = this.#highs;
    const lows = this.#lows;
    const at = this.#filled;
    highs[at] = high;
    lows[at] = low;
    const highest = pick(high >= at64(highs, this.#blockHighestAt), at, this.#blockHighestAt);
    const lowest = pick(low <= at64(lows, this.#blockLowestAt), at, this.#blockLowestAt);
    this.#blockHighestAt = highest;
    this.#blockLowestAt = lowest;
    const olderHighest = atInt32(this.#highestFrom, at + 1);
    const olderLowest = atInt32(this.#lowestFrom, at + 1);
    this.#highestAt = pick(at64(highs, olderHighest) > at64(highs, highest), olderHighest, highest);
    this.#lowestAt = pick(at64(lows, olderLowest) < at64(lows, lowest), olderLowest, lowest);
    this.#filled = at + 1;
  }

  get highest(): number {
    return at64(this.#highs, this.#highestAt);
  }

  get lowest(): number {
    return at64(this.#lows, this.#lowestAt);
  }

  /** Bars since the highest high, the newest of equal ones: 0 is the newest bar. */
  get highestAge(): number {
    return this.#age(this.#highestAt);
  }

  /** Bars since the lowest low, the newest of equal ones. */
  get lowestAge(): number {
    return this.#age(this.#lowestAt);
  }

  /** `update` over columns; writes the extremes after each bar. */
  batch(high: Float64Array, low: Float64Array, highest: Float64Array, lowest: Float64Array): void {
    const end = high.length;
    const window = this.window;
    let i = 0;
    // Until the block before lies in the columns.
    for (; i < end && (i < window || this.#filled < window); i++) this.#step(high, low, i, highest, lowest);
    const begin = i;
    for (; i + window <= end; i += window) {
      extremesFromEnd(high, low, i - window, window, this.#highestFrom, this.#lowestFrom);
      extremesOfBlock(high, low, i, window, this.#highestFrom, this.#lowestFrom, highest, lowest);
    }
    if (i > begin) {
      // The last block once more, so that it stands where `update` leaves it.
      for (let k = i - window; k < i; k++) this.update(at64(high, k), at64(low, k));
    }
    for (; i < end; i++) this.#step(high, low, i, highest, lowest);
  }

  #step(high: Float64Array, low: Float64Array, i: number, highest: Float64Array, lowest: Float64Array): void {
    this.update(at64(high, i), at64(low, i));
    highest[i] = this.highest;
    lowest[i] = this.lowest;
  }

  #age(at: number): number {
    return this.#filled - 1 - at + (at < this.window ? 0 : 2 * this.window);
  }

  #closeBlock(): void {
    const window = this.window;
    this.#highs.copyWithin(window, 0, window);
    this.#lows.copyWithin(window, 0, window);
    extremesFromEnd(this.#highs, this.#lows, window, window, this.#highestFrom, this.#lowestFrom);
    this.#highestFrom[window] = 2 * window;
    this.#lowestFrom[window] = 2 * window;
    this.#filled = 0;
    this.#blockHighestAt = 0;
    this.#blockLowestAt = 0;
  }
}

/** For each position of the block of `window` values at `start`, the first excepted: where the extremes from there to its end are. */
function extremesFromEnd(
  highs: Float64Array,
  lows: Float64Array,
  start: number,
  window: number,
  highestFrom: Int32Array,
  lowestFrom: Int32Array,
): void {
  let highest = start + window - 1;
  let lowest = highest;
  for (let k = window - 1; k > 0; k--) {
    const at = start + k;
    highest = pick(at64(highs, at) > at64(highs, highest), at, highest);
    lowest = pick(at64(lows, at) < at64(lows, lowest), at, lowest);
    highestFrom[k] = highest;
    lowestFrom[k] = lowest;
  }
}

/** Writes the extremes of the windows that end in a block: of its bars so far, and of what the block before has. */
function extremesOfBlock(
  highs: Float64Array,
  lows: Float64Array,
  start: number,
  window: number,
  highestFrom: Int32Array,
  lowestFrom: Int32Array,
  highest: Float64Array,
  lowest: Float64Array,
): void {
  highestFrom[window] = start;
  lowestFrom[window] = start;
  let top = start;
  let bottom = start;
  for (let k = 1; k <= window; k++) {
    const at = start + k - 1;
    top = pick(at64(highs, at) >= at64(highs, top), at, top);
    bottom = pick(at64(lows, at) <= at64(lows, bottom), at, bottom);
    const olderTop = atInt32(highestFrom, k);
    const olderBottom = atInt32(lowestFrom, k);
    highest[at] = at64(highs, pick(at64(highs, olderTop) > at64(highs, top), olderTop, top));
    lowest[at] = at64(lows, pick(at64(lows, olderBottom) < at64(lows, bottom), olderBottom, bottom));
  }
}

/** `chosen` where the claim holds, else `other`, without a branch. */
function pick(claim: boolean, chosen: number, other: number): number {
  return (other + ((chosen - other) & (0 - +claim))) | 0;
}
