import { at64 } from '../../../core/index.ts';
import { checkPeriod, type HighLowClose, type HighLowCloseColumns, Indicator } from '../indicator.ts';
import { WindowSum } from '../window-sum.ts';

export interface VortexValue {
  readonly plus: number;
  readonly minus: number;
}

export interface VortexColumns {
  readonly plus: Float64Array;
  readonly minus: Float64Array;
}

/**
 * Vortex: plus = Σ|high - previous low| / Σ true range, minus = Σ|low - previous high| / Σ true range over the last `period` bars (Botes and
 * Siepman 2010). Ratios about 1; the greater one is the direction. Without any range both are 0. Not in TA-Lib.
 */
export class Vortex extends Indicator {
  readonly #upward: WindowSum;
  readonly #downward: WindowSum;
  readonly #range: WindowSum;
  #high = 0;
  #low = 0;
  #close = 0;
  #plus = 0;
  #minus = 0;

  constructor(period = 14) {
    super(checkPeriod(period) + 1);
    this.#upward = new WindowSum(period);
    this.#downward = new WindowSum(period);
    this.#range = new WindowSum(period);
  }

  update({ high, low, close }: HighLowClose): VortexValue {
    this.#next(high, low, close);
    return { plus: this.#plus, minus: this.#minus };
  }

  batch(
    { high, low, close }: HighLowCloseColumns,
    out: VortexColumns = { plus: new Float64Array(close.length), minus: new Float64Array(close.length) },
  ): VortexColumns {
    for (let i = 0; i < close.length; i++) {
      this.#next(at64(high, i), at64(low, i), at64(close, i));
      out.plus[i] = this.#plus;
      out.minus[i] = this.#minus;
    }
    return out;
  }

  #next(high: number, low: number, close: number): void {
    const count = ++this.count;
    this.#plus = Number.NaN;
    this.#minus = Number.NaN;
    if (count > 1) {
      const upward = this.#upward.update(Math.abs(high - this.#low));
      const downward = this.#downward.update(Math.abs(low - this.#high));
      const range = this.#range.update(Math.max(high, this.#close) - Math.min(low, this.#close));
      if (count >= this.warmup) {
        this.#plus = range === 0 ? 0 : upward / range;
        this.#minus = range === 0 ? 0 : downward / range;
      }
    }
    this.#high = high;
    this.#low = low;
    this.#close = close;
  }
}
