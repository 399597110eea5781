import { at64 } from '../../../core/index.ts';
import { Delay } from '../delay.ts';
import { checkPeriod, Indicator } from '../indicator.ts';

/** Rate of change: 100·(x - b) / b, b the value of `period` values ago. In percent; 0 where b is. TA-Lib ROC. */
export class RateOfChange extends Indicator {
  readonly #before: Delay;

  constructor(period = 10) {
    super(checkPeriod(period) + 1);
    this.#before = new Delay(period);
  }

  update(value: number): number {
    const before = this.#before.update(value);
    if (++this.count < this.warmup) return Number.NaN;
    return before === 0 ? 0 : (100 * (value - before)) / before;
  }

  batch(values: Float64Array, out: Float64Array = new Float64Array(values.length)): Float64Array {
    for (let i = 0; i < values.length; i++) out[i] = this.update(at64(values, i));
    return out;
  }
}
