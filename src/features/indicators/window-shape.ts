import { at64 } from '../../core/index.ts';

/**
 * Sums of deviations from the mean to the powers 2, 3 and 4 of the last `window` values, in constant time a value: parts of two blocks,
 * as in WindowSum, each built up by adding values and both merged (Pébay 2008, "Formulas for robust, one-pass parallel computation
 * of covariances and arbitrary-order statistical moments"). Exactly 0 where all are equal. Read it only after `window` values.
 */
export class WindowShape {
  readonly window: number;
  readonly #part: PartShape;
  readonly #block: Float64Array;
  /** Of the block before, from each position to its end: the mean, less the origin, and the three sums. */
  readonly #older: Float64Array;
  #olderOrigin = 0;
  #filled = 0;
  #second = 0;
  #third = 0;
  #fourth = 0;

  constructor(window: number) {
    this.window = window;
    this.#part = new PartShape();
    this.#block = new Float64Array(window);
    this.#older = new Float64Array(4 * window);
  }

  /** Σ (x - mean)². */
  get second(): number {
    return this.#second;
  }

  /** Σ (x - mean)³. */
  get third(): number {
    return this.#third;
  }

  /** Σ (x - mean)⁴. */
  get fourth(): number {
    return this.#fourth;
  }

  update(value: number): void {
    const part = this.#part;
    const { window } = this;
    let filled = this.#filled;
    this.#block[filled] = value;
    if (filled === 0) part.start(value);
    part.add(value);
    filled++;
    if (filled < window) {
      this.#merge(filled);
      this.#filled = filled;
      return;
    }
    this.#second = part.second;
    this.#third = part.third;
    this.#fourth = part.fourth;
    this.#turn(value);
    this.#filled = 0;
  }

  #merge(filled: number): void {
    const { window } = this;
    const part = this.#part;
    const older = this.#older;
    const at = 4 * filled;
    const second = at64(older, at + 1);
    const third = at64(older, at + 2);
    const fourth = at64(older, at + 3);
    const gap = part.origin - this.#olderOrigin + (part.mean - at64(older, at));
    const share = filled / window;
    const olderShare = (window - filled) / window;
    const square = gap * gap;
    const weight = (window - filled) * share;
    this.#second = second + part.second + square * weight;
    this.#third =
      third +
      part.third +
      gap * (square * weight * (olderShare - share) + 3 * (olderShare * part.second - share * second));
    this.#fourth =
      fourth +
      part.fourth +
      square * square * weight * (olderShare * olderShare - olderShare * share + share * share) +
      6 * square * (olderShare * olderShare * part.second + share * share * second) +
      4 * gap * (olderShare * part.third - share * third);
  }

  /** The full block becomes the block before. */
  #turn(origin: number): void {
    const part = this.#part;
    const older = this.#older;
    part.start(origin);
    for (let k = this.window - 1; k >= 0; k--) {
      part.add(at64(this.#block, k));
      older[4 * k] = part.mean;
      older[4 * k + 1] = part.second;
      older[4 * k + 2] = part.third;
      older[4 * k + 3] = part.fourth;
    }
    this.#olderOrigin = origin;
  }
}

/** Moments of a part of the window, of differences to one of its own values. */
class PartShape {
  origin = 0;
  #count = 0;
  #mean = 0;
  #second = 0;
  #third = 0;
  #fourth = 0;

  /** Less the origin. */
  get mean(): number {
    return this.#mean;
  }

  get second(): number {
    return this.#second;
  }

  get third(): number {
    return this.#third;
  }

  get fourth(): number {
    return this.#fourth;
  }

  start(origin: number): void {
    this.origin = origin;
    this.#count = 0;
    this.#mean = 0;
    this.#second = 0;
    this.#third = 0;
    this.#fourth = 0;
  }

  add(value: number): void {
    const count = ++this.#count;
    const gap = value - this.origin - this.#mean;
    const step = gap / count;
    const square = step * step;
    const term = gap * step * (count - 1);
    this.#fourth +=
      term * square * (count * count - 3 * count + 3) + 6 * square * this.#second - 4 * step * this.#third;
    this.#third += term * step * (count - 2) - 3 * step * this.#second;
    this.#second += term;
    this.#mean += step;
  }
}
