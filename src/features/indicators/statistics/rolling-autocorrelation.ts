import { at64 } from '../../../core/index.ts';
import { Delay } from '../delay.ts';
import { checkPeriod, Indicator } from '../indicator.ts';
import { WindowCovariance } from '../window-covariance.ts';

/**
 * Autocorrelation: Pearson's correlation of x and the value `lag` before over the period - lag pairs within the last `period` values (as
 * pandas' autocorr), in [-1, 1]; 0 where one side does not vary. Give it returns rather than prices. No TA-Lib function.
 */
export class RollingAutocorrelation extends Indicator {
  readonly #lag: number;
  readonly #delay: Delay;
  readonly #window: WindowCovariance;

  constructor(period: number, lag = 1) {
    super(checkPeriod(period, 'period', checkPeriod(lag, 'lag') + 2));
    this.#lag = lag;
    this.#delay = new Delay(lag);
    this.#window = new WindowCovariance(period - lag);
  }

  update(value: number): number {
    const before = this.#delay.update(value);
    if (++this.count > this.#lag) this.#window.update(before, value);
    return this.count >= this.warmup ? this.#window.correlation : Number.NaN;
  }

  batch(values: Float64Array, out: Float64Array = new Float64Array(values.length)): Float64Array {
    for (let i = 0; i < values.length; i++) out[i] = this.update(at64(values, i));
    return out;
  }
}
