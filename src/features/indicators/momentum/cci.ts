import { at64 } from '../../../core/index.ts';
import { checkPeriod, type HighLowClose, type HighLowCloseColumns, Indicator } from '../indicator.ts';

/**
 * Commodity channel index: (t - mean t) / (0.015·mean |tᵢ - mean t|), t = (high + low + close) / 3, over the last `period` bars (Lambert 1980).
 * Mostly within -100 to 100; 0 where all t are equal. TA-Lib CCI, whose mean of equal values can be off by a rounding error and
 * then gives ±66.7 there.
 */
export class Cci extends Indicator {
  readonly #typical: Float64Array;
  #next = 0;

  constructor(period = 20) {
    super(checkPeriod(period, 'period', 2));
    this.#typical = new Float64Array(period);
  }

  update({ high, low, close }: HighLowClose): number {
    return this.#take((high + low + close) / 3);
  }

  batch({ high, low, close }: HighLowCloseColumns, out: Float64Array = new Float64Array(close.length)): Float64Array {
    for (let i = 0; i < close.length; i++) out[i] = this.#take((at64(high, i) + at64(low, i) + at64(close, i)) / 3);
    return out;
  }

  #take(newest: number): number {
    const typical = this.#typical;
    const period = typical.length;
    typical[this.#next] = newest;
    this.#next = this.#next + 1 === period ? 0 : this.#next + 1;
    if (++this.count < period) return Number.NaN;
    // Differences to the newest: none at all in a window of equal values, whatever their mean rounds to.
    let sum = 0;
    for (let k = 0; k < period; k++) sum += at64(typical, k) - newest;
    const mean = sum / period;
    let deviations = 0;
    for (let k = 0; k < period; k++) deviations += Math.abs(at64(typical, k) - newest - mean);
    return deviations === 0 ? 0 : -mean / (0.015 * (deviations / period));
  }
}
