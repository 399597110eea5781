import { at64 } from '../../../core/index.ts';
import { checkPeriod, type HighLowClose, type HighLowCloseColumns, Indicator } from '../indicator.ts';
import { WindowSum } from '../window-sum.ts';

/**
 * Volatility from ranges: √(Σ ln(H/L)² / (4 ln 2 · period)), per bar; exact for a driftless walk seen without pause, about five times as
 * efficient as closes. Parkinson 1980. No TA-Lib function.
 */
export class Parkinson extends Indicator {
  readonly #squares: WindowSum;

  constructor(period = 20) {
    super(checkPeriod(period));
    this.#squares = new WindowSum(period);
  }

  update({ high, low }: Pick<HighLowClose, 'high' | 'low'>): number {
    return this.#next(high, low);
  }

  batch({ high, low }: HighLowCloseColumns, out: Float64Array = new Float64Array(high.length)): Float64Array {
    for (let i = 0; i < high.length; i++) out[i] = this.#next(at64(high, i), at64(low, i));
    return out;
  }

  #next(high: number, low: number): number {
    const range = Math.log(high / low);
    const squares = this.#squares.update(range * range);
    return ++this.count >= this.warmup ? Math.sqrt(squares / (4 * Math.LN2 * this.warmup)) : Number.NaN;
  }
}
