import { at64 } from '../../../core/index.ts';
import { checkPeriod, Indicator } from '../indicator.ts';
import { WindowCovariance } from '../window-covariance.ts';

/**
 * Beta: the slope of the returns of `price` on those of `reference`, Σ (x - mean)(y - mean) / Σ (x - mean)² over the last `period` simple
 * returns; 0 where the reference's do not vary. Sharpe 1964. TA-Lib BETA(reference, price), which gives 0 as soon as the
 * denominator is below 1e-14; a return from a price of 0 counts as 0, as there.
 */
export class RollingBeta extends Indicator {
  readonly #window: WindowCovariance;
  #reference = 0;
  #price = 0;

  constructor(period = 5) {
    super(checkPeriod(period, 'period', 2) + 1);
    this.#window = new WindowCovariance(period);
  }

  update(reference: number, price: number): number {
    if (this.count > 0) this.#window.update(simpleReturn(this.#reference, reference), simpleReturn(this.#price, price));
    this.#reference = reference;
    this.#price = price;
    if (++this.count < this.warmup) return Number.NaN;
    return this.#window.xx === 0 ? 0 : this.#window.xy / this.#window.xx;
  }

  batch(
    reference: Float64Array,
    price: Float64Array,
    out: Float64Array = new Float64Array(price.length),
  ): Float64Array {
    for (let i = 0; i < price.length; i++) out[i] = this.update(at64(reference, i), at64(price, i));
    return out;
  }
}

const simpleReturn = (before: number, now: number): number => (before === 0 ? 0 : (now - before) / before);
