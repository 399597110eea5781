import { at64, atInt32 } from '../../core/index.ts';

/**
 * Highest high and lowest low of the last `window` bars, in a fixed number of comparisons a bar whatever the prices do: extremes of the
 * newest values of the block in the making, and of the oldest of the block before, meet at every position (van Herk 1992). No queue,
 * so no loop whose length the processor has to guess. Fewer than `window` bars: the extremes of what there is. For one series, give
 * its value twice.
 */
export class WindowExtremes {
  readonly window: number;
  /** Values of the block in the making up to `#filled`; from there on extremes of the block before, from each position to its end. */
  readonly #highs: Float64Array;
  readonly #lows: Float64Array;
  /** Where in the block before those extremes are. */
  readonly #highsAt: Int32Array;
  readonly #lowsAt: Int32Array;
  #filled = 0;
  /** Extremes of the block in the making, and where they are. */
  #top = Number.NEGATIVE_INFINITY;
  #bottom = Number.POSITIVE_INFINITY;
  #topAt = 0;
  #bottomAt = 0;

  constructor(window: number) {
    this.window = window;
    this.#highs = new Float64Array(window).fill(Number.NEGATIVE_INFINITY);
    this.#lows = new Float64Array(window).fill(Number.POSITIVE_INFINITY);
    this.#highsAt = new Int32Array(window);
    this.#lowsAt = new Int32Array(window);
  }

  update(high: number, low: number): void {
    let filled = this.#filled;
    if (filled === this.window) {
      this.#closeBlock();
      filled = 0;
    }
    if (filled === 0 || high >= this.#top) {
      this.#top = high;
      this.#topAt = filled;
    }
    if (filled === 0 || low <= this.#bottom) {
      this.#bottom = low;
      this.#bottomAt = filled;
    }
    this.#highs[filled] = high;
    this.#lows[filled] = low;
    this.#filled = filled + 1;
  }

  get highest(): number {
    const filled = this.#filled;
    return filled === this.window ? this.#top : Math.max(this.#top, at64(this.#highs, filled));
  }

  get lowest(): number {
    const filled = this.#filled;
    return filled === this.window ? this.#bottom : Math.min(this.#bottom, at64(this.#lows, filled));
  }

  /** Bars since the highest high, the newest of equal ones: 0 is the newest bar. */
  get highestAge(): number {
    const filled = this.#filled;
    if (filled === this.window || this.#top >= at64(this.#highs, filled)) return filled - 1 - this.#topAt;
    return filled - 1 + this.window - atInt32(this.#highsAt, filled);
  }

  /** Bars since the lowest low, the newest of equal ones. */
  get lowestAge(): number {
    const filled = this.#filled;
    if (filled === this.window || this.#bottom <= at64(this.#lows, filled)) return filled - 1 - this.#bottomAt;
    return filled - 1 + this.window - atInt32(this.#lowsAt, filled);
  }

  /** Turns the values of the full block into extremes from each position to its end. */
  #closeBlock(): void {
    const highs = this.#highs;
    const lows = this.#lows;
    let highest = Number.NEGATIVE_INFINITY;
    let lowest = Number.POSITIVE_INFINITY;
    let highestAt = 0;
    let lowestAt = 0;
    for (let k = this.window - 1; k >= 0; k--) {
      const high = at64(highs, k);
      const low = at64(lows, k);
      if (high > highest) {
        highest = high;
        highestAt = k;
      }
      if (low < lowest) {
        lowest = low;
        lowestAt = k;
      }
      highs[k] = highest;
      lows[k] = lowest;
      this.#highsAt[k] = highestAt;
      this.#lowsAt[k] = lowestAt;
    }
  }
}
