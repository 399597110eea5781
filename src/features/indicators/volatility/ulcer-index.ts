import { at64 } from '../../../core/index.ts';
import { checkPeriod, Indicator } from '../indicator.ts';
import { WindowExtremes } from '../window-extremes.ts';
import { WindowSum } from '../window-sum.ts';

/**
 * Ulcer index: √(mean of D² over `period` bars), D = 100 · (C - M) / M with M the highest of the last `period` closes; in per cent, 0
 * to 100. Martin and McCann 1989, "The Investor's Guide to Fidelity Funds", with a moving window as charts draw it. No TA-Lib function.
 */
export class UlcerIndex extends Indicator {
  readonly #period: number;
  readonly #extremes: WindowExtremes;
  readonly #squares: WindowSum;

  constructor(period = 14) {
    super(2 * checkPeriod(period) - 1);
    this.#period = period;
    this.#extremes = new WindowExtremes(period);
    this.#squares = new WindowSum(period);
  }

  update(close: number): number {
    this.#extremes.update(close, close);
    if (++this.count < this.#period) return Number.NaN;
    const { highest } = this.#extremes;
    const drawdown = (100 * (close - highest)) / highest;
    const squares = this.#squares.update(drawdown * drawdown);
    return this.count >= this.warmup ? Math.sqrt(squares / this.#period) : Number.NaN;
  }

  batch(close: Float64Array, out: Float64Array = new Float64Array(close.length)): Float64Array {
    for (let i = 0; i < close.length; i++) out[i] = this.update(at64(close, i));
    return out;
  }
}
