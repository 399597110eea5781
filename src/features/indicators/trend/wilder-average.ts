import { at64 } from '../../../core/index.ts';
import { checkPeriod, Indicator, unwrittenColumn } from '../indicator.ts';

/**
 * Wilder's moving average (1978), also RMA or SMMA: (average · (period − 1) + value) / period, seeded with the mean of the first `period`
 * values; in units of the values. What TA-Lib's RSI and ATR smooth with; it has no name there.
 */
export class WilderAverage extends Indicator {
  #average = 0;

  constructor(period: number) {
    super(checkPeriod(period));
  }

  update(value: number): number {
    const period = this.warmup;
    const count = ++this.count;
    if (count > period) {
      this.#average = (this.#average * (period - 1) + value) / period;
      return this.#average;
    }
    this.#average += value;
    if (count < period) return Number.NaN;
    this.#average /= period;
    return this.#average;
  }

  batch(values: Float64Array, out: Float64Array = unwrittenColumn(values.length)): Float64Array {
    const seeding = this.seedingOf(values.length);
    for (let i = 0; i < seeding; i++) out[i] = this.update(at64(values, i));
    const period = this.warmup;
    const kept = period - 1;
    let average = this.#average;
    for (let i = seeding; i < values.length; i++) {
      average = (average * kept + at64(values, i)) / period;
      out[i] = average;
    }
    this.#average = average;
    this.count += values.length - seeding;
    return out;
  }
}
