import { at64 } from '../../core/index.ts';

/**
 * Sum of the last `window` values in three additions a value: sums of the newest values of the block in the making, and of the oldest of
 * the block before, meet at every position (van Herk 1992, for sums). Nothing is ever subtracted, so that it does not drift, and a
 * window of zeros sums to exactly zero. Fewer than `window` values: the sum of what there is.
 */
export class WindowSum {
  readonly window: number;
  /**
   * Values of the block in the making up to `#filled`; from there on sums of the block before, from each position to its end, and a zero
   * at the end.
   */
  #block: Float64Array;
  /** What `batch` makes the next block in. */
  #spare: Float64Array;
  #filled = 0;
  #newest = 0;

  constructor(window: number) {
    this.window = window;
    this.#block = new Float64Array(window + 1);
    this.#spare = new Float64Array(window + 1);
  }

  update(value: number): number {
    const block = this.#block;
    const filled = this.#filled;
    const newest = filled === 0 ? value : this.#newest + value;
    this.#newest = newest;
    block[filled] = value;
    if (filled + 1 < this.window) this.#filled = filled + 1;
    else this.#closeBlock();
    return newest + (filled + 1 < this.window ? at64(block, filled + 1) : 0);
  }

  #closeBlock(): void {
    const block = this.#block;
    let sum = 0;
    for (let k = this.window - 1; k >= 0; k--) {
      sum += at64(block, k);
      block[k] = sum;
    }
    this.#filled = 0;
  }

  /** Writes the sums, divided by `divisor`, from position `start` on. `out` may be `values`. */
  batch(values: Float64Array, out: Float64Array, start: number, divisor: number): void {
    const end = values.length;
    const window = this.window;
    let i = start;
    for (; i < end && this.#filled !== 0; i++) out[i] = this.update(at64(values, i)) / divisor;
    let block = this.#block;
    let next = this.#spare;
    for (; i + window <= end; i += window) {
      let sum = 0;
      for (let k = window - 1; k >= 0; k--) {
        sum += at64(values, i + k);
        next[k] = sum;
      }
      let newest = 0;
      for (let k = 0; k < window; k++) {
        newest += at64(values, i + k);
        out[i + k] = (newest + at64(block, k + 1)) / divisor;
      }
      const full = block;
      block = next;
      next = full;
    }
    this.#block = block;
    this.#spare = next;
    for (; i < end; i++) out[i] = this.update(at64(values, i)) / divisor;
  }
}
