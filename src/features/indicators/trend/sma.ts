import { at64 } from '../../../core/index.ts';
import { checkPeriod, Indicator } from '../indicator.ts';
import { WindowSum } from '../window-sum.ts';

/** Simple moving average: the mean of the last `period` values. TA-Lib SMA. */
export class Sma extends Indicator {
  readonly #sum: WindowSum;

  constructor(period: number) {
    super(checkPeriod(period));
    this.#sum = new WindowSum(period);
  }

  update(value: number): number {
    const sum = this.#sum.update(value);
    return ++this.count >= this.warmup ? sum / this.warmup : Number.NaN;
  }

  batch(values: Float64Array, out = new Float64Array(values.length)): Float64Array {
    for (let i = 0; i < values.length; i++) out[i] = this.update(at64(values, i));
    return out;
  }
}
