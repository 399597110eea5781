import { batchBars, type CloseVolume, type CloseVolumeColumns, Indicator } from '../indicator.ts';

/**
 * On-balance volume: the sum so far of volume, added where the close rose and subtracted where it fell; begins with the first bar's volume. In
 * units of volume; its level depends on where the series begins, its changes do not. Granville 1963. TA-Lib OBV.
 */
export class Obv extends Indicator {
  #close = 0;
  #sum = 0;

  constructor() {
    super(1);
  }

  update({ close, volume }: CloseVolume): number {
    if (++this.count === 1 || close > this.#close) this.#sum += volume;
    else if (close < this.#close) this.#sum -= volume;
    this.#close = close;
    return this.#sum;
  }

  batch(columns: CloseVolumeColumns, out?: Float64Array): Float64Array {
    return batchBars(this, columns, out);
  }
}
