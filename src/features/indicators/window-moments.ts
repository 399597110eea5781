import { at64 } from '../../core/index.ts';

/**
 * Mean and variance of the last `window` values in a fixed number of operations a value, without drift. Sums of differences to a reference
 * and of their squares are taken as in `WindowSum`: the reference is the last value of the block before, which every window in the
 * making contains, or for a full block its own last. So differences are no larger than the window's range: the variance is accurate
 * however high the level, exactly zero for equal values, and never negative.
 */
export class WindowMoments {
  mean = 0;
  readonly window: number;
  readonly #values: Float64Array;
  /** Sums over the block before, from each position to its end, of differences and of their squares. */
  readonly #sums: Float64Array;
  readonly #squares: Float64Array;
  #filled = 0;
  #reference = 0;
  #sum = 0;
  #square = 0;
  /** window² times the variance. */
  #spread = 0;

  constructor(window: number) {
    this.window = window;
    this.#values = new Float64Array(window);
    this.#sums = new Float64Array(window + 1);
    this.#squares = new Float64Array(window + 1);
  }

  /** Of the population: divided by `window`. */
  get variance(): number {
    return this.#spread / (this.window * this.window);
  }

  /** Of the population. */
  get deviation(): number {
    return Math.sqrt(this.#spread) / this.window;
  }

  /** What there is says nothing before there were `window` values. */
  update(value: number): void {
    const window = this.window;
    const at = this.#filled;
    this.#values[at] = value;
    if (at + 1 === window) {
      this.#closeBlock(value);
      return;
    }
    const difference = value - this.#reference;
    const sum = this.#sum + difference;
    const square = this.#square + difference * difference;
    this.#sum = sum;
    this.#square = square;
    this.#filled = at + 1;
    const total = sum + at64(this.#sums, at + 1);
    this.mean = this.#reference + total / window;
    this.#spread = window * (square + at64(this.#squares, at + 1)) - total * total;
  }

  #closeBlock(last: number): void {
    const window = this.window;
    sumsFromEnd(this.#values, 0, window, this.#sums, this.#squares);
    const sum = at64(this.#sums, 0);
    this.mean = last + sum / window;
    this.#spread = window * at64(this.#squares, 0) - sum * sum;
    this.#reference = last;
    this.#filled = 0;
    this.#sum = 0;
    this.#square = 0;
  }

  /** `update` over a column; writes the mean, and `width` deviations above and below it, after each value. */
  batch(values: Float64Array, width: number, out: Bands): void {
    const end = values.length;
    const window = this.window;
    let i = 0;
    for (; i < end && this.#filled !== 0; i++) this.#step(values, i, width, out);
    const begin = i;
    const sums = this.#sums;
    const squares = this.#squares;
    for (; i + window <= end; i += window) {
      bandsOfBlock(values, i, window, i > begin ? at64(values, i - 1) : this.#reference, sums, squares, width, out);
      sumsFromEnd(values, i, window, sums, squares);
      const total = at64(sums, 0);
      const at = i + window - 1;
      const mean = at64(values, at) + total / window;
      const reach = width * (Math.sqrt(window * at64(squares, 0) - total * total) / window);
      out.upper[at] = mean + reach;
      out.middle[at] = mean;
      out.lower[at] = mean - reach;
    }
    if (i > begin) {
      // The last block once more, so that it stands where `update` leaves it.
      for (let k = i - window; k < i; k++) this.update(at64(values, k));
    }
    for (; i < end; i++) this.#step(values, i, width, out);
  }

  #step(values: Float64Array, i: number, width: number, { upper, middle, lower }: Bands): void {
    this.update(at64(values, i));
    const reach = width * this.deviation;
    upper[i] = this.mean + reach;
    middle[i] = this.mean;
    lower[i] = this.mean - reach;
  }
}

interface Bands {
  readonly upper: Float64Array;
  readonly middle: Float64Array;
  readonly lower: Float64Array;
}

/** Writes the bands of the windows that end in a block before its last value: its values so far, and what `sums` have of the block before. */
function bandsOfBlock(
  values: Float64Array,
  start: number,
  window: number,
  reference: number,
  sums: Float64Array,
  squares: Float64Array,
  width: number,
  { upper, middle, lower }: Bands,
): void {
  let sum = 0;
  let square = 0;
  for (let k = 1; k < window; k++) {
    const at = start + k - 1;
    const difference = at64(values, at) - reference;
    sum += difference;
    square += difference * difference;
    const total = sum + at64(sums, k);
    const mean = reference + total / window;
    const reach = width * (Math.sqrt(window * (square + at64(squares, k)) - total * total) / window);
    upper[at] = mean + reach;
    middle[at] = mean;
    lower[at] = mean - reach;
  }
}

/** Over a block, from each position to its end: sums of differences to its last value, and of their squares. */
function sumsFromEnd(
  values: Float64Array,
  start: number,
  window: number,
  sums: Float64Array,
  squares: Float64Array,
): void {
  const last = at64(values, start + window - 1);
  let sum = 0;
  let square = 0;
  for (let k = window - 1; k >= 0; k--) {
    const difference = at64(values, start + k) - last;
    sum += difference;
    square += difference * difference;
    sums[k] = sum;
    squares[k] = square;
  }
}
