import { at64 } from '../../../core/index.ts';
import { checkPeriod, type HighLowClose, type HighLowCloseColumns, Indicator, unwrittenColumn } from '../indicator.ts';

/**
 * True range (Wilder 1978): max(high, close₋₁) − min(low, close₋₁), in units of the price, at least 0. TA-Lib TRANGE: from the second bar
 * on.
 */
export class TrueRange extends Indicator {
  #close = 0;

  constructor() {
    super(2);
  }

  update({ high, low, close }: HighLowClose): number {
    const range = trueRange(high, low, this.#close);
    this.#close = close;
    return ++this.count > 1 ? range : Number.NaN;
  }

  batch({ high, low, close }: HighLowCloseColumns, out: Float64Array = unwrittenColumn(close.length)): Float64Array {
    let previous = this.#close;
    for (let i = 0; i < close.length; i++) {
      out[i] = trueRange(at64(high, i), at64(low, i), previous);
      previous = at64(close, i);
    }
    if (this.count === 0 && close.length > 0) out[0] = Number.NaN;
    this.#close = previous;
    this.count += close.length;
    return out;
  }
}

/** Average true range (Wilder 1978): Wilder's average of the true ranges from the second bar on, in units of the price. TA-Lib ATR. */
export class Atr extends Indicator {
  readonly #period: number;
  #close = 0;
  #average = 0;

  constructor(period = 14) {
    super(checkPeriod(period) + 1);
    this.#period = period;
  }

  update({ high, low, close }: HighLowClose): number {
    const range = trueRange(high, low, this.#close);
    this.#close = close;
    const period = this.#period;
    const count = ++this.count;
    if (count > this.warmup) {
      this.#average = (this.#average * (period - 1) + range) / period;
      return this.#average;
    }
    if (count === 1) return Number.NaN;
    this.#average += range;
    if (count < this.warmup) return Number.NaN;
    this.#average /= period;
    return this.#average;
  }

  batch(columns: HighLowCloseColumns, out: Float64Array = unwrittenColumn(columns.close.length)): Float64Array {
    const { high, low, close } = columns;
    const seeding = this.seedingOf(close.length);
    for (let i = 0; i < seeding; i++) {
      out[i] = this.update({ high: at64(high, i), low: at64(low, i), close: at64(close, i) });
    }
    const period = this.#period;
    const kept = period - 1;
    let previous = this.#close;
    let average = this.#average;
    for (let i = seeding; i < close.length; i++) {
      average = (average * kept + trueRange(at64(high, i), at64(low, i), previous)) / period;
      previous = at64(close, i);
      out[i] = average;
    }
    this.#close = previous;
    this.#average = average;
    this.count += close.length - seeding;
    return out;
  }
}

/** Normalised average true range (Forman 2006): 100 · ATR / close, in percent of the price; 0 at a price of 0. TA-Lib NATR. */
export class Natr extends Indicator {
  readonly #atr: Atr;

  constructor(period = 14) {
    const atr = new Atr(period);
    super(atr.warmup);
    this.#atr = atr;
  }

  update(bar: HighLowClose): number {
    this.count++;
    return percentOf(this.#atr.update(bar), bar.close);
  }

  batch(columns: HighLowCloseColumns, out: Float64Array = unwrittenColumn(columns.close.length)): Float64Array {
    this.#atr.batch(columns, out);
    for (let i = 0; i < out.length; i++) out[i] = percentOf(at64(out, i), at64(columns.close, i));
    this.count += out.length;
    return out;
  }
}

/** The largest of high − low, |high − close₋₁| and |low − close₋₁|. */
function trueRange(high: number, low: number, previousClose: number): number {
  return (previousClose > high ? previousClose : high) - (previousClose < low ? previousClose : low);
}

function percentOf(range: number, close: number): number {
  return close === 0 ? 0 : (range / close) * 100;
}
