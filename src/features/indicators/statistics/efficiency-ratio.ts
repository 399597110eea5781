import { at64 } from '../../../core/index.ts';
import { Delay } from '../delay.ts';
import { checkPeriod, Indicator } from '../indicator.ts';
import { WindowSum } from '../window-sum.ts';

/**
 * Efficiency ratio: |x - x₋ₙ| / Σ |x - x₋₁| over the last `period` changes, in [0, 1]: 1 along a straight line, 0 where nothing was gained
 * or nothing moved. Kaufman 1995, "Smarter Trading". The ratio within TA-Lib's KAMA.
 */
export class EfficiencyRatio extends Indicator {
  readonly #delay: Delay;
  readonly #path: WindowSum;
  #before = 0;

  constructor(period = 10) {
    super(checkPeriod(period) + 1);
    this.#delay = new Delay(period);
    this.#path = new WindowSum(period);
  }

  update(value: number): number {
    const start = this.#delay.update(value);
    if (++this.count === 1) {
      this.#before = value;
      return Number.NaN;
    }
    const path = this.#path.update(Math.abs(value - this.#before));
    this.#before = value;
    if (this.count < this.warmup) return Number.NaN;
    return path === 0 ? 0 : Math.min(1, Math.abs(value - start) / path);
  }

  batch(values: Float64Array, out: Float64Array = new Float64Array(values.length)): Float64Array {
    for (let i = 0; i < values.length; i++) out[i] = this.update(at64(values, i));
    return out;
  }
}
