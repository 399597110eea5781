import { at64 } from '../../../core/index.ts';
import type { HighLowCloseColumns } from '../indicator.ts';

/**
 * Wilder's directional movement (1978): what DX, ADX and ADXR begin with. A bar moves up by the rise of its high or down by the fall of
 * its low, by the greater of the two; movements and true ranges are summed with Wilder's decay, sum − sum / period + newest, the first
 * period − 1 of them without. TA-Lib's PLUS_DM, MINUS_DM and their indices.
 */
export class DirectionalMovement {
  /** 100 · sum of movements up, or down, / sum of true ranges: 0 to 100, 0 before anything moved. */
  plusDi = 0;
  minusDi = 0;
  /** 100 · |+DI − −DI| / (+DI + −DI): 0 to 100. Where both are 0 it stays what it was, 0 at first. */
  dx = 0;
  readonly #period: number;
  #count = 0;
  #high = 0;
  #low = 0;
  #close = 0;
  #plus = 0;
  #minus = 0;
  #range = 0;

  constructor(period: number) {
    this.#period = period;
  }

  update(high: number, low: number, close: number): void {
    const rise = high - this.#high;
    const fall = this.#low - low;
    const previous = this.#close;
    this.#high = high;
    this.#low = low;
    this.#close = close;
    const count = ++this.#count;
    if (count === 1) return;
    const up = movement(rise, fall);
    const down = movement(fall, rise);
    const range = (previous > high ? previous : high) - (previous < low ? previous : low);
    const period = this.#period;
    if (count <= period) {
      this.#plus += up;
      this.#minus += down;
      this.#range += range;
      return;
    }
    const plus = this.#plus - this.#plus / period + up;
    const minus = this.#minus - this.#minus / period + down;
    const total = this.#range - this.#range / period + range;
    this.#plus = plus;
    this.#minus = minus;
    this.#range = total;
    const plusDi = total > 0 ? 100 * (plus / total) : 0;
    const minusDi = total > 0 ? 100 * (minus / total) : 0;
    this.plusDi = plusDi;
    this.minusDi = minusDi;
    const both = minusDi + plusDi;
    if (both > 0) this.dx = 100 * (Math.abs(minusDi - plusDi) / both);
  }

  /** `update` over columns. */
  batch(
    { high, low, close }: HighLowCloseColumns,
    dxs: Float64Array,
    plusDis: Float64Array,
    minusDis: Float64Array,
  ): void {
    const end = close.length;
    let first = 0;
    for (; first < end && this.#count <= this.#period; first++) {
      this.update(at64(high, first), at64(low, first), at64(close, first));
      dxs[first] = this.dx;
      plusDis[first] = this.plusDi;
      minusDis[first] = this.minusDi;
    }
    if (first === end) return;
    const period = this.#period;
    let { dx, plusDi, minusDi } = this;
    let previousHigh = this.#high;
    let previousLow = this.#low;
    let previousClose = this.#close;
    let plus = this.#plus;
    let minus = this.#minus;
    let total = this.#range;
    for (let i = first; i < end; i++) {
      const barHigh = at64(high, i);
      const barLow = at64(low, i);
      const rise = barHigh - previousHigh;
      const fall = previousLow - barLow;
      const range =
        (previousClose > barHigh ? previousClose : barHigh) - (previousClose < barLow ? previousClose : barLow);
      previousHigh = barHigh;
      previousLow = barLow;
      previousClose = at64(close, i);
      plus = plus - plus / period + movement(rise, fall);
      minus = minus - minus / period + movement(fall, rise);
      total = total - total / period + range;
      plusDi = total > 0 ? 100 * (plus / total) : 0;
      minusDi = total > 0 ? 100 * (minus / total) : 0;
      const both = minusDi + plusDi;
      if (both > 0) dx = 100 * (Math.abs(minusDi - plusDi) / both);
      dxs[i] = dx;
      plusDis[i] = plusDi;
      minusDis[i] = minusDi;
    }
    this.#count += end - first;
    this.#high = previousHigh;
    this.#low = previousLow;
    this.#close = previousClose;
    this.#plus = plus;
    this.#minus = minus;
    this.#range = total;
    this.plusDi = plusDi;
    this.minusDi = minusDi;
    this.dx = dx;
  }
}

/** `move` where it is positive and the greater of the two, else 0; nothing branches on what is a coin toss. */
function movement(move: number, other: number): number {
  return 0.5 * (Math.abs(move) + move) * +(move > other);
}
