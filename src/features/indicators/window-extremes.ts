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

  #age(at: number): number {
    return this.#filled - 1 - at + (at < this.window ? 0 : 2 * this.window);
  }

  #closeBlock(): void {
    const highs = this.#highs;
    const lows = this.#lows;
    const window = this.window;
    highs.copyWithin(window, 0, window);
    lows.copyWithin(window, 0, window);
    let highest = 2 * window - 1;
    let lowest = highest;
    for (let k = window - 1; k > 0; k--) {
      const at = window + k;
      highest = pick(at64(highs, at) > at64(highs, highest), at, highest);
      lowest = pick(at64(lows, at) < at64(lows, lowest), at, lowest);
      this.#highestFrom[k] = highest;
      this.#lowestFrom[k] = lowest;
    }
    this.#filled = 0;
    this.#blockHighestAt = 0;
    this.#blockLowestAt = 0;
  }
}

/** `chosen` where the claim holds, else `other`, without a branch. */
function pick(claim: boolean, chosen: number, other: number): number {
  return (other + ((chosen - other) & (0 - +claim))) | 0;
}
