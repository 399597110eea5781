import { at64, atInt32 } from '../../../core/index.ts';
import { batchValues, checkPeriod, Indicator } from '../indicator.ts';

/**
 * Shannon's entropy (1948) of the last `period` values in `bins` equal bins between their least and greatest: -Σ p ln p / ln bins, from 0
 * to 1: 1 where they fill all bins alike, 0 where all are equal. Give it returns. Counts follow each value; the window is counted anew only
 * when its extremes move. No TA-Lib function.
 */
export class RollingEntropy extends Indicator {
  readonly #ring: Float64Array;
  readonly #counts: Int32Array;
  /** c ln c for each count. */
  readonly #terms: Float64Array;
  /** Entropies of values that all differ, and of bins filled alike. */
  readonly #mostOfWindow: number;
  readonly #mostOfBins: number;
  #at = 0;
  #lowest = Number.POSITIVE_INFINITY;
  #highest = Number.NEGATIVE_INFINITY;

  constructor(period = 100, bins = 10) {
    super(checkPeriod(period, 'period', checkPeriod(bins, 'bins', 2)));
    this.#ring = new Float64Array(period);
    this.#counts = new Int32Array(bins);
    this.#mostOfWindow = Math.log(period);
    this.#mostOfBins = Math.log(bins);
    this.#terms = Float64Array.from({ length: period + 1 }, (_, count) => (count === 0 ? 0 : count * Math.log(count)));
  }

  update(value: number): number {
    const period = this.warmup;
    const leaving = at64(this.#ring, this.#at);
    this.#ring[this.#at] = value;
    this.#at = this.#at + 1 === period ? 0 : this.#at + 1;
    if (++this.count < period) return Number.NaN;
    if (value < this.#lowest || value > this.#highest || leaving === this.#lowest || leaving === this.#highest) {
      this.#countAnew();
    } else {
      this.#add(leaving, -1);
      this.#add(value, 1);
    }
    if (this.#lowest === this.#highest) return 0;
    const counts = this.#counts;
    let sum = 0;
    for (let k = 0; k < counts.length; k++) sum += at64(this.#terms, atInt32(counts, k));
    return Math.max(0, Math.min(1, (this.#mostOfWindow - sum / period) / this.#mostOfBins));
  }

  batch(values: Float64Array, out?: Float64Array): Float64Array {
    return batchValues(this, values, out);
  }

  #countAnew(): void {
    const ring = this.#ring;
    let lowest = Number.POSITIVE_INFINITY;
    let highest = Number.NEGATIVE_INFINITY;
    for (let k = 0; k < ring.length; k++) {
      lowest = Math.min(lowest, at64(ring, k));
      highest = Math.max(highest, at64(ring, k));
    }
    this.#lowest = lowest;
    this.#highest = highest;
    this.#counts.fill(0);
    if (lowest < highest) for (let k = 0; k < ring.length; k++) this.#add(at64(ring, k), 1);
  }

  #add(value: number, by: number): void {
    const counts = this.#counts;
    const place = ((value - this.#lowest) / (this.#highest - this.#lowest)) * counts.length;
    const bin = Math.min(Math.floor(place), counts.length - 1);
    counts[bin] = atInt32(counts, bin) + by;
  }
}
