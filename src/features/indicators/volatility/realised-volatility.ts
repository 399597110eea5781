import { at64 } from '../../../core/index.ts';
import { checkPeriod, Indicator } from '../indicator.ts';
import { WindowSum } from '../window-sum.ts';

/**
 * Realised volatility: √(Σ r² / period) of the last `period` log returns r, per bar (times √(bars in a year) it is a year's), no mean taken
 * out. Andersen and Bollerslev 1998. No TA-Lib function.
 */
export class RealisedVolatility extends Indicator {
  readonly #period: number;
  readonly #squares: WindowSum;
  #close = 0;

  constructor(period = 20) {
    super(checkPeriod(period) + 1);
    this.#period = period;
    this.#squares = new WindowSum(period);
  }

  update(close: number): number {
    const before = this.#close;
    this.#close = close;
    if (++this.count === 1) return Number.NaN;
    const change = Math.log(close / before);
    const squares = this.#squares.update(change * change);
    return this.count >= this.warmup ? Math.sqrt(squares / this.#period) : Number.NaN;
  }

  batch(close: Float64Array, out: Float64Array = new Float64Array(close.length)): Float64Array {
    for (let i = 0; i < close.length; i++) out[i] = this.update(at64(close, i));
    return out;
  }
}
