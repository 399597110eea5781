import { at64 } from '../../../core/index.ts';
import { type CloseVolume, type CloseVolumeColumns, Indicator } from '../indicator.ts';

/**
 * On-balance volume: the sum so far of volume, added where the close rose and subtracted where it fell; begins with the first bar's volume.
 * In units of volume; its level depends on where the series begins, its changes do not. Granville 1963. TA-Lib OBV.
 */
export class Obv extends Indicator {
  #close = 0;
  #sum = 0;

  constructor() {
    super(1);
  }

  update({ close, volume }: CloseVolume): number {
    return this.#next(close, volume);
  }

  batch({ close, volume }: CloseVolumeColumns, out: Float64Array = new Float64Array(close.length)): Float64Array {
    for (let i = 0; i < close.length; i++) out[i] = this.#next(at64(close, i), at64(volume, i));
    return out;
  }

  #next(close: number, volume: number): number {
    if (++this.count === 1 || close > this.#close) this.#sum += volume;
    else if (close < this.#close) this.#sum -= volume;
    this.#close = close;
    return this.#sum;
  }
}
