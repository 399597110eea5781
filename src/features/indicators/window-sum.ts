import { at64 } from '../../core/index.ts';

/**
 * Sum of the last `window` values in three additions a value: sums of the newest values of the block in the making, and of the oldest of
 * the block before, meet at every position (van Herk 1992, for sums). Nothing is ever subtracted, so that it does not drift, and a
 * window of zeros sums to exactly zero. Fewer than `window` values: the sum of what there is.
 */
export class WindowSum {
  readonly window: number;
  /** Values of the block in the making up to `#filled`; from there on sums of the block before, from each position to its end. */
  readonly #block: Float64Array;
  #filled = 0;
  #newest = 0;

  constructor(window: number) {
    this.window = window;
    this.#block = new Float64Array(window);
  }

  update(value: number): number {
    const block = this.#block;
    let filled = this.#filled;
    const newest = filled === 0 ? value : this.#newest + value;
    this.#newest = newest;
    block[filled++] = value;
    if (filled < block.length) {
      this.#filled = filled;
      return newest + at64(block, filled);
    }
    let sum = 0;
    for (let k = filled - 1; k >= 0; k--) {
      sum += at64(block, k);
      block[k] = sum;
    }
    this.#filled = 0;
    return newest;
  }
}
