import { at64 } from '../../core/index.ts';

/**
 * Plain, linearly weighted and squared sums of the last `window` values in a constant time a value, in blocks as `WindowSum`. All are
 * sums of differences to a value inside the window: to the last of the block before, which every window that reaches into it holds,
 * or of a full block to its own last. So they keep their digits at any price level, and a window of equal values gives zeros. They hold
 * once `window` values were taken.
 */
export class WindowLine {
  readonly window: number;
  /** The value the differences are taken to. */
  reference = 0;
  /** Σ dᵢ, dᵢ = value - reference. */
  sum = 0;
  /** Σ i·dᵢ, i = 1 for the oldest value, `window` for the newest. */
  weighted = 0;
  /** Σ dᵢ². */
  squares = 0;

  /** Up to `#filled` the values of the block in the making; from there on sums over the block before, from each position to its end. */
  readonly #sums: Float64Array;
  readonly #weighted: Float64Array;
  readonly #squares: Float64Array;
  #filled = 0;
  #newestSum = 0;
  #newestWeighted = 0;
  #newestSquares = 0;

  constructor(window: number) {
    this.window = window;
    this.#sums = new Float64Array(window);
    this.#weighted = new Float64Array(window);
    this.#squares = new Float64Array(window);
  }

  update(value: number): void {
    const filled = this.#filled + 1;
    this.#sums[filled - 1] = value;
    if (filled === this.window) {
      this.#closeBlock(value);
      return;
    }
    const difference = value - this.reference;
    const sum = this.#newestSum + difference;
    const weighted = this.#newestWeighted + filled * difference;
    const squares = this.#newestSquares + difference * difference;
    this.#filled = filled;
    this.#newestSum = sum;
    this.#newestWeighted = weighted;
    this.#newestSquares = squares;
    this.sum = at64(this.#sums, filled) + sum;
    // The newest come after the older ones: their weights are higher by the number of those.
    this.weighted = at64(this.#weighted, filled) + (this.window - filled) * sum + weighted;
    this.squares = at64(this.#squares, filled) + squares;
  }

  #closeBlock(last: number): void {
    let sum = 0;
    let weighted = 0;
    let squares = 0;
    for (let k = this.window - 1; k >= 0; k--) {
      const difference = at64(this.#sums, k) - last;
      sum += difference;
      weighted += sum;
      squares += difference * difference;
      this.#sums[k] = sum;
      this.#weighted[k] = weighted;
      this.#squares[k] = squares;
    }
    this.reference = last;
    this.sum = sum;
    this.weighted = weighted;
    this.squares = squares;
    this.#filled = 0;
    this.#newestSum = 0;
    this.#newestWeighted = 0;
    this.#newestSquares = 0;
  }
}
