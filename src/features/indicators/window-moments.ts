import { at64 } from '../../core/index.ts';

/**
 * Mean and variance of the last `window` values in a fixed number of operations a value, without drift. Sums of differences to a reference
 * and of their squares are taken as in `WindowSum`: the reference is the last value of the block before, which every window in the
 * making contains, or for a full block its own last. So differences are no larger than the window's range: the variance is accurate
 * however high the level, exactly zero for equal values, and never negative.
 */
export class WindowMoments {
  mean = 0;
  /** Of the population: divided by `window`. */
  variance = 0;
  readonly window: number;
  readonly #values: Float64Array;
  /** Sums over the block before, from each position to its end, of differences and of their squares. */
  readonly #sums: Float64Array;
  readonly #squares: Float64Array;
  #filled = 0;
  #reference = 0;
  #sum = 0;
  #square = 0;

  constructor(window: number) {
    this.window = window;
    this.#values = new Float64Array(window);
    this.#sums = new Float64Array(window + 1);
    this.#squares = new Float64Array(window + 1);
  }

  /** Means nothing before there were `window` values. */
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
    const mean = total / window;
    this.mean = this.#reference + mean;
    this.variance = (square + at64(this.#squares, at + 1)) / window - mean * mean;
  }

  #closeBlock(reference: number): void {
    const sums = this.#sums;
    const squares = this.#squares;
    let sum = 0;
    let square = 0;
    for (let k = this.window - 1; k >= 0; k--) {
      const difference = at64(this.#values, k) - reference;
      sum += difference;
      square += difference * difference;
      sums[k] = sum;
      squares[k] = square;
    }
    const mean = sum / this.window;
    this.mean = reference + mean;
    this.variance = square / this.window - mean * mean;
    this.#reference = reference;
    this.#filled = 0;
    this.#sum = 0;
    this.#square = 0;
  }

  /** Writes means and standard deviations (of the population). */
  batch(values: Float64Array, means: Float64Array, deviations: Float64Array): void {
    const end = values.length;
    const window = this.window;
    let i = 0;
    while (i < end && this.#filled !== 0) i = this.#step(values, i, means, deviations);
    const sums = this.#sums;
    const squares = this.#squares;
    for (; i + window <= end; i += window) {
      const reference = this.#reference;
      let sum = 0;
      let square = 0;
      for (let k = 1; k < window; k++) {
        const difference = at64(values, i + k - 1) - reference;
        sum += difference;
        square += difference * difference;
        const mean = (sum + at64(sums, k)) / window;
        means[i + k - 1] = reference + mean;
        deviations[i + k - 1] = Math.sqrt((square + at64(squares, k)) / window - mean * mean);
      }
      const last = at64(values, i + window - 1);
      sum = 0;
      square = 0;
      for (let k = window - 1; k >= 0; k--) {
        const difference = at64(values, i + k) - last;
        sum += difference;
        square += difference * difference;
        sums[k] = sum;
        squares[k] = square;
      }
      const mean = sum / window;
      means[i + window - 1] = last + mean;
      deviations[i + window - 1] = Math.sqrt(square / window - mean * mean);
      this.#reference = last;
    }
    while (i < end) i = this.#step(values, i, means, deviations);
  }

  #step(values: Float64Array, i: number, means: Float64Array, deviations: Float64Array): number {
    this.update(at64(values, i));
    means[i] = this.mean;
    deviations[i] = Math.sqrt(this.variance);
    return i + 1;
  }
}
