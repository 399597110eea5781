import { at64 } from '../../core/index.ts';

/**
 * Sums of squared deviations and of their products of the last `window` pairs, in constant time a pair and without drift. Sums of
 * differences to a reference are taken as in WindowSum: the reference is the last pair of the block before, which every window in the
 * making contains, or for a full block its own last. So little cancels, however high the level, and a variable whose values are equal has
 * exactly 0. Read it only after `window` pairs.
 */
export class WindowCovariance {
  readonly window: number;
  /** Σ (x - mean)². */
  xx = 0;
  /** Σ (y - mean)². */
  yy = 0;
  /** Σ (x - mean)(y - mean). */
  xy = 0;
  readonly #blockX: Float64Array;
  readonly #blockY: Float64Array;
  /** Over the block before, from each position to its end: Σx, Σy, Σx², Σy², Σxy of the differences. */
  readonly #older: Float64Array;
  #filled = 0;
  #referenceX = 0;
  #referenceY = 0;
  #sumX = 0;
  #sumY = 0;
  #sumXx = 0;
  #sumYy = 0;
  #sumXy = 0;

  constructor(window: number) {
    this.window = window;
    this.#blockX = new Float64Array(window);
    this.#blockY = new Float64Array(window);
    this.#older = new Float64Array(5 * window);
  }

  /** Pearson's correlation, in [-1, 1]; 0 where one of the two does not vary. */
  get correlation(): number {
    if (this.xx === 0 || this.yy === 0) return 0;
    return Math.max(-1, Math.min(1, this.xy / (Math.sqrt(this.xx) * Math.sqrt(this.yy))));
  }

  update(x: number, y: number): void {
    const filled = this.#filled;
    this.#blockX[filled] = x;
    this.#blockY[filled] = y;
    if (filled + 1 === this.window) {
      this.#turn(x, y);
      return;
    }
    this.#filled = filled + 1;
    this.#add(x, y);
    const older = this.#older;
    const at = 5 * (filled + 1);
    this.#centre(
      this.#sumX + at64(older, at),
      this.#sumY + at64(older, at + 1),
      this.#sumXx + at64(older, at + 2),
      this.#sumYy + at64(older, at + 3),
      this.#sumXy + at64(older, at + 4),
    );
  }

  /** The full block becomes the block before, and its last pair the reference. */
  #turn(referenceX: number, referenceY: number): void {
    this.#start(referenceX, referenceY);
    const older = this.#older;
    for (let k = this.window - 1; k >= 0; k--) {
      this.#add(at64(this.#blockX, k), at64(this.#blockY, k));
      older[5 * k] = this.#sumX;
      older[5 * k + 1] = this.#sumY;
      older[5 * k + 2] = this.#sumXx;
      older[5 * k + 3] = this.#sumYy;
      older[5 * k + 4] = this.#sumXy;
    }
    this.#centre(this.#sumX, this.#sumY, this.#sumXx, this.#sumYy, this.#sumXy);
    this.#start(referenceX, referenceY);
  }

  #start(referenceX: number, referenceY: number): void {
    this.#filled = 0;
    this.#referenceX = referenceX;
    this.#referenceY = referenceY;
    this.#sumX = 0;
    this.#sumY = 0;
    this.#sumXx = 0;
    this.#sumYy = 0;
    this.#sumXy = 0;
  }

  #add(x: number, y: number): void {
    const dx = x - this.#referenceX;
    const dy = y - this.#referenceY;
    this.#sumX += dx;
    this.#sumY += dy;
    this.#sumXx += dx * dx;
    this.#sumYy += dy * dy;
    this.#sumXy += dx * dy;
  }

  #centre(sumX: number, sumY: number, sumXx: number, sumYy: number, sumXy: number): void {
    const meanX = sumX / this.window;
    const meanY = sumY / this.window;
    this.xx = sumXx - sumX * meanX;
    this.yy = sumYy - sumY * meanY;
    this.xy = sumXy - sumX * meanY;
  }
}
