import { at64 } from '../../../core/index.ts';
import { checkPeriod, Indicator, unwrittenColumn } from '../indicator.ts';
import { WindowSum } from '../window-sum.ts';

/** Simple moving average: the mean of the last `period` values, in units of the values. TA-Lib SMA. */
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

  batch(values: Float64Array, out: Float64Array = unwrittenColumn(values.length)): Float64Array {
    const seeding = this.seedingOf(values.length);
    for (let i = 0; i < seeding; i++) out[i] = this.update(at64(values, i));
    this.#sum.batch(values, out, seeding, this.warmup);
    this.count += values.length - seeding;
    return out;
  }
}
