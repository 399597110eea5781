import { at64 } from '../../../core/index.ts';
import { checkPeriod, type HighLowClose, type HighLowCloseColumns, Indicator } from '../indicator.ts';
import { WindowExtremes } from '../window-extremes.ts';

/**
 * Williams' %R: 100·(close - highest high) / (highest high - lowest low) over the last `period` bars (Williams 1973). -100 to 0; 0 without any
 * range. TA-Lib WILLR.
 */
export class WilliamsR extends Indicator {
  readonly #extremes: WindowExtremes;

  constructor(period = 14) {
    super(checkPeriod(period));
    this.#extremes = new WindowExtremes(period);
  }

  update({ high, low, close }: HighLowClose): number {
    return this.#next(high, low, close);
  }

  batch({ high, low, close }: HighLowCloseColumns, out: Float64Array = new Float64Array(close.length)): Float64Array {
    for (let i = 0; i < close.length; i++) out[i] = this.#next(at64(high, i), at64(low, i), at64(close, i));
    return out;
  }

  #next(high: number, low: number, close: number): number {
    this.#extremes.update(high, low);
    if (++this.count < this.warmup) return Number.NaN;
    const { highest, lowest } = this.#extremes;
    return highest === lowest ? 0 : (100 * (close - highest)) / (highest - lowest);
  }
}
