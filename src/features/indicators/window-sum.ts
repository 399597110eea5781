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
    const sum = newest + at64(block, filled + 1);
    if (filled + 1 < this.window) this.#filled = filled + 1;
    else this.#closeBlock();
    return sum;
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
    if (window === 3) i = meansOfThree(values, i, this.#block, out, divisor);
    let block = this.#block;
    let next = this.#spare;
    for (; i + window <= end; i += window) {
      sumFromEnd(values, i, window, next);
      meansOf(values, i, window, block, out, divisor);
      const full = block;
      block = next;
      next = full;
    }
    this.#block = block;
    this.#spare = next;
    for (; i < end; i++) out[i] = this.update(at64(values, i)) / divisor;
  }
}

/*
 * Both by fours: a loop's own work on so few operations a value costs as much as these. The order of additions is that of `update`.
 */

/** Sums of the values of a block from each position to its end. */
function sumFromEnd(values: Float64Array, start: number, window: number, sums: Float64Array): void {
  let sum = 0;
  let k = window - 1;
  for (; k >= 3; k -= 4) {
    const i = start + k;
    const first = sum + at64(values, i);
    const second = first + at64(values, i - 1);
    const third = second + at64(values, i - 2);
    sum = third + at64(values, i - 3);
    sums[k] = first;
    sums[k - 1] = second;
    sums[k - 2] = third;
    sums[k - 3] = sum;
  }
  for (; k >= 0; k--) {
    sum += at64(values, start + k);
    sums[k] = sum;
  }
}

/** Sums of windows that end in a block, divided: its values so far, and what `older` has of the block before. */
function meansOf(
  values: Float64Array,
  start: number,
  window: number,
  older: Float64Array,
  out: Float64Array,
  divisor: number,
): void {
  let newest = 0;
  let k = 0;
  for (; k + 3 < window; k += 4) {
    const i = start + k;
    const first = newest + at64(values, i);
    const second = first + at64(values, i + 1);
    const third = second + at64(values, i + 2);
    newest = third + at64(values, i + 3);
    out[i] = (first + at64(older, k + 1)) / divisor;
    out[i + 1] = (second + at64(older, k + 2)) / divisor;
    out[i + 2] = (third + at64(older, k + 3)) / divisor;
    out[i + 3] = (newest + at64(older, k + 4)) / divisor;
  }
  for (; k < window; k++) {
    newest += at64(values, start + k);
    out[start + k] = (newest + at64(older, k + 1)) / divisor;
  }
}

/** Whole blocks of three, what oscillators are smoothed with, without loops inside; returns where it ended. */
function meansOfThree(
  values: Float64Array,
  start: number,
  block: Float64Array,
  out: Float64Array,
  divisor: number,
): number {
  let last = at64(block, 2);
  let lastTwo = at64(block, 1);
  let i = start;
  for (; i + 3 <= values.length; i += 3) {
    const first = at64(values, i);
    const middle = at64(values, i + 1);
    const third = at64(values, i + 2);
    const both = first + middle;
    out[i] = (first + lastTwo) / divisor;
    out[i + 1] = (both + last) / divisor;
    out[i + 2] = (both + third) / divisor;
    last = third;
    lastTwo = third + middle;
  }
  block[2] = last;
  block[1] = lastTwo;
  return i;
}
