import { at64 } from '../../../core/index.ts';
import { checkPeriod, Indicator } from '../indicator.ts';
import { WindowCovariance } from '../window-covariance.ts';

/**
 * Pearson's correlation of two series over the last `period` pairs, in [-1, 1]; 0 where one of the two does not vary. Pearson 1895. TA-Lib
 * CORREL, which gives 0 as soon as the product of the two sums of squares is below 1e-14.
 */
export class RollingCorrelation extends Indicator {
  readonly #window: WindowCovariance;

  constructor(period = 30) {
    super(checkPeriod(period, 'period', 2));
    this.#window = new WindowCovariance(period);
  }

  update(x: number, y: number): number {
    this.#window.update(x, y);
    return ++this.count >= this.warmup ? this.#window.correlation : Number.NaN;
  }

  batch(x: Float64Array, y: Float64Array, out: Float64Array = new Float64Array(x.length)): Float64Array {
    for (let i = 0; i < x.length; i++) out[i] = this.update(at64(x, i), at64(y, i));
    return out;
  }
}
