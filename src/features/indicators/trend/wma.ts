import { at64 } from '../../../core/index.ts';
import { checkPeriod, Indicator } from '../indicator.ts';
import { WindowLine } from '../window-line.ts';

/**
 * Linearly weighted moving average: Σ i·xᵢ / Σ i over the last `period` values, i = 1 for the oldest. In units of the input, within its
 * range. TA-Lib WMA.
 */
export class Wma extends Indicator {
  readonly #line: WindowLine;
  readonly #weights: number;

  constructor(period = 20) {
    super(checkPeriod(period));
    this.#line = new WindowLine(period);
    this.#weights = (period * (period + 1)) / 2;
  }

  update(value: number): number {
    const line = this.#line;
    line.update(value);
    return ++this.count >= this.warmup ? line.reference + line.weighted / this.#weights : Number.NaN;
  }

  batch(values: Float64Array, out: Float64Array = new Float64Array(values.length)): Float64Array {
    for (let i = 0; i < values.length; i++) out[i] = this.update(at64(values, i));
    return out;
  }
}
