import { at64 } from '../../../core/index.ts';
import { Delay } from '../delay.ts';
import { checkPeriod, Indicator } from '../indicator.ts';

/** Momentum: the value less that of `period` values ago. In units of the input. TA-Lib MOM. */
export class Momentum extends Indicator {
  readonly #before: Delay;

  constructor(period = 10) {
    super(checkPeriod(period) + 1);
    this.#before = new Delay(period);
  }

  update(value: number): number {
    const before = this.#before.update(value);
    return ++this.count >= this.warmup ? value - before : Number.NaN;
  }

  batch(values: Float64Array, out: Float64Array = new Float64Array(values.length)): Float64Array {
    for (let i = 0; i < values.length; i++) out[i] = this.update(at64(values, i));
    return out;
  }
}
