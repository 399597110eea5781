import { at64 } from '../../../core/index.ts';
import { batchValues, checkPeriod, Indicator } from '../indicator.ts';
import { WindowSum } from '../window-sum.ts';

/**
 * Hurst exponent by the scaling of differences: the slope of ln √(mean (x - x₋ₗ)²) over ln l, for lags l from 1 to `maximumLag` within the
 * last `period` values, clamped to [0, 1]. Above ½ moves persist (1 along a straight line), below they revert; ½ for a random walk, and
 * where nothing moved. Give it log prices, or prices over a window in which they change little. The generalised Hurst exponent for q = 2 of
 * Di Matteo, Aste and Dacorogna 2003, with their lags 1 to 19. (The root is already in the slope: doubling it, as code in circulation does,
 * gives 1 for a random walk.) No TA-Lib function.
 */
export class HurstExponent extends Indicator {
  /** For each lag, from 1: the sum of squared differences, and the slope's weight of its logarithm. */
  readonly #sums: WindowSum[];
  readonly #weights: Float64Array;
  readonly #recent: Float64Array;
  #at = 0;

  constructor(period = 100, maximumLag = 19) {
    super(checkPeriod(period, 'period', checkPeriod(maximumLag, 'maximumLag', 2) + 1));
    this.#sums = Array.from({ length: maximumLag }, (_, k) => new WindowSum(period - k - 1));
    const logarithms = Float64Array.from({ length: maximumLag }, (_, k) => Math.log(k + 1));
    const mean = logarithms.reduce((sum, value) => sum + value, 0) / maximumLag;
    const spread = logarithms.reduce((sum, value) => sum + (value - mean) ** 2, 0);
    // Half, for the root.
    this.#weights = logarithms.map((value) => (value - mean) / spread / 2);
    this.#recent = new Float64Array(maximumLag);
  }

  update(value: number): number {
    const recent = this.#recent;
    const count = ++this.count;
    const stable = count >= this.warmup;
    let slope = 0;
    let first = 0;
    let reverts = false;
    let at = this.#at;
    let lag = 0;
    for (const sum of this.#sums) {
      if (++lag >= count) break;
      at = at === 0 ? recent.length - 1 : at - 1;
      const difference = value - at64(recent, at);
      const mean = sum.update(difference * difference) / sum.window;
      if (!stable) continue;
      if (lag === 1) first = mean;
      if (mean === 0) reverts = true;
      // The ratio to the first lag's, so that the unit cancels exactly.
      else slope += at64(this.#weights, lag - 1) * Math.log(mean / first);
    }
    recent[this.#at] = value;
    this.#at = this.#at + 1 === recent.length ? 0 : this.#at + 1;
    if (!stable) return Number.NaN;
    if (first === 0) return 0.5;
    // No difference at all over some lag: a cycle that always comes back.
    return reverts ? 0 : Math.max(0, Math.min(1, slope));
  }

  batch(values: Float64Array, out?: Float64Array): Float64Array {
    return batchValues(this, values, out);
  }
}
