import { at64 } from '../../../core/index.ts';
import { checkPeriod, Indicator, unwrittenColumn } from '../indicator.ts';

/**
 * Exponential moving average, α = 2 / (period + 1), seeded with the mean of the first `period` values. TA-Lib EMA. `skip`: values left
 * out at the beginning, so that averages of different periods can begin together.
 */
export class Ema extends Indicator {
  readonly #alpha: number;
  readonly #kept: number;
  readonly #period: number;
  readonly #skip: number;
  #average = 0;

  constructor(period: number, skip = 0) {
    super(checkPeriod(period) + checkPeriod(skip, 'skip', 0));
    this.#alpha = 2 / (period + 1);
    this.#kept = 1 - this.#alpha;
    this.#period = period;
    this.#skip = skip;
  }

  update(value: number): number {
    const count = ++this.count;
    if (count > this.warmup) {
      // Not average + α · (value − average): that is one operation longer from one average to the next, which is all the time there is.
      const average = this.#alpha * value + this.#kept * this.#average;
      this.#average = average;
      return average;
    }
    if (count <= this.#skip) return Number.NaN;
    this.#average += value;
    if (count < this.warmup) return Number.NaN;
    this.#average /= this.#period;
    return this.#average;
  }

  batch(values: Float64Array, out: Float64Array = unwrittenColumn(values.length)): Float64Array {
    const seeding = this.seedingOf(values.length);
    for (let i = 0; i < seeding; i++) out[i] = this.update(at64(values, i));
    const alpha = this.#alpha;
    const kept = this.#kept;
    let average = this.#average;
    for (let i = seeding; i < values.length; i++) {
      average = alpha * at64(values, i) + kept * average;
      out[i] = average;
    }
    this.#average = average;
    this.count += values.length - seeding;
    return out;
  }
}
