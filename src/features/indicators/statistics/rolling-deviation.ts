import { at64 } from '../../../core/index.ts';
import { checkPeriod, Indicator } from '../indicator.ts';
import { WindowMoments } from '../window-moments.ts';

/**
 * Population standard deviation: √(Σ (x - mean)² / period), in the input's unit. TA-Lib STDDEV of one deviation; TA-Lib gives 0 for a
 * variance below 1e-14, here it is 0 only where all values are equal.
 */
export class RollingDeviation extends Indicator {
  readonly #window: WindowMoments;

  constructor(period: number) {
    super(checkPeriod(period));
    this.#window = new WindowMoments(period);
  }

  update(value: number): number {
    this.#window.update(value);
    return ++this.count >= this.warmup ? Math.sqrt(this.#window.variance) : Number.NaN;
  }

  batch(values: Float64Array, out: Float64Array = new Float64Array(values.length)): Float64Array {
    for (let i = 0; i < values.length; i++) out[i] = this.update(at64(values, i));
    return out;
  }
}
