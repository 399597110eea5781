import { at64 } from '../../../core/index.ts';
import { checkPeriod, Indicator } from '../indicator.ts';
import { WindowMoments } from '../window-moments.ts';

/**
 * Population variance: Σ (x - mean)² / period; exactly 0 where all values are equal. In squared units of the input. TA-Lib VAR, whose
 * running sums lose digits where the mean is large against the deviation; these do not.
 */
export class RollingVariance extends Indicator {
  readonly #window: WindowMoments;

  constructor(period: number) {
    super(checkPeriod(period));
    this.#window = new WindowMoments(period);
  }

  update(value: number): number {
    this.#window.update(value);
    return ++this.count >= this.warmup ? this.#window.variance : Number.NaN;
  }

  batch(values: Float64Array, out: Float64Array = new Float64Array(values.length)): Float64Array {
    for (let i = 0; i < values.length; i++) out[i] = this.update(at64(values, i));
    return out;
  }
}
