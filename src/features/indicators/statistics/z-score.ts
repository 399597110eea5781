import { at64 } from '../../../core/index.ts';
import { checkPeriod, Indicator } from '../indicator.ts';
import { WindowMoments } from '../window-moments.ts';

/**
 * Standard score: (x - mean) / population deviation of the last `period` values, the newest included, so within ±√(period - 1); 0 where
 * all are equal. No TA-Lib function.
 */
export class ZScore extends Indicator {
  readonly #window: WindowMoments;

  constructor(period = 20) {
    super(checkPeriod(period, 'period', 2));
    this.#window = new WindowMoments(period);
  }

  update(value: number): number {
    const window = this.#window;
    window.update(value);
    if (++this.count < this.warmup) return Number.NaN;
    return window.variance === 0 ? 0 : (value - window.mean) / Math.sqrt(window.variance);
  }

  batch(values: Float64Array, out: Float64Array = new Float64Array(values.length)): Float64Array {
    for (let i = 0; i < values.length; i++) out[i] = this.update(at64(values, i));
    return out;
  }
}
