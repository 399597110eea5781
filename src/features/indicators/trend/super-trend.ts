import { at64 } from '../../../core/index.ts';
import { checkParameter, type HighLowClose, type HighLowCloseColumns, Indicator } from '../indicator.ts';
import { Atr } from '../volatility/atr.ts';

export interface SuperTrendValue {
  readonly value: number;
  readonly direction: number;
}

export interface SuperTrendColumns {
  readonly value: Float64Array;
  readonly direction: Float64Array;
}

/**
 * SuperTrend: bands (high + low) / 2 ± multiplier·ATR(period), of which the upper only falls and the lower only rises until a close is
 * beyond it; the trend turns up with a close above the upper band and down with one below the lower (Seban 2008). `value`: the lower band
 * in an upward trend, else the upper, in units of the price; `direction`: 1 or -1, -1 at first unless the close is above the band. Not
 * in TA-Lib, whose ATR it takes.
 */
export class SuperTrend extends Indicator {
  readonly #range: Atr;
  readonly #multiplier: number;
  #upper = 0;
  #lower = 0;
  #direction = -1;
  #close = 0;
  #value = 0;

  constructor(period = 10, multiplier = 3) {
    const range = new Atr(period);
    super(range.warmup);
    this.#range = range;
    this.#multiplier = checkParameter(multiplier, 'multiplier');
  }

  update(bar: HighLowClose): SuperTrendValue {
    this.#next(bar);
    return { value: this.#value, direction: this.isStable ? this.#direction : Number.NaN };
  }

  batch(
    { high, low, close }: HighLowCloseColumns,
    out: SuperTrendColumns = {
      value: new Float64Array(close.length),
      direction: new Float64Array(close.length),
    },
  ): SuperTrendColumns {
    const bar = { high: 0, low: 0, close: 0 };
    for (let i = 0; i < close.length; i++) {
      bar.high = at64(high, i);
      bar.low = at64(low, i);
      bar.close = at64(close, i);
      this.#next(bar);
      out.value[i] = this.#value;
      out.direction[i] = this.isStable ? this.#direction : Number.NaN;
    }
    return out;
  }

  #next(bar: HighLowClose): void {
    const reach = this.#multiplier * this.#range.update(bar);
    const count = ++this.count;
    if (count < this.warmup) {
      this.#value = Number.NaN;
      return;
    }
    const middle = (bar.high + bar.low) / 2;
    const before = this.#close;
    const isFirst = count === this.warmup;
    if (isFirst || middle + reach < this.#upper || before > this.#upper) this.#upper = middle + reach;
    if (isFirst || middle - reach > this.#lower || before < this.#lower) this.#lower = middle - reach;
    if (this.#direction > 0) {
      if (bar.close < this.#lower) this.#direction = -1;
    } else if (bar.close > this.#upper) {
      this.#direction = 1;
    }
    this.#value = this.#direction > 0 ? this.#lower : this.#upper;
    this.#close = bar.close;
  }
}
