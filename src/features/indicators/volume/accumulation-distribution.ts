import { at64 } from '../../../core/index.ts';
import { Indicator, type PriceVolume, type PriceVolumeColumns } from '../indicator.ts';
import { moneyFlowVolume } from './money-flow-volume.ts';

/**
 * Accumulation and distribution: the sum so far of ((C - L) - (H - C)) / (H - L) · V; a bar without range adds nothing. In units of volume;
 * its level depends on where the series begins, its changes do not. Chaikin and Williams, 1970s. TA-Lib AD.
 */
export class AccumulationDistribution extends Indicator {
  #sum = 0;

  constructor() {
    super(1);
  }

  update({ high, low, close, volume }: PriceVolume): number {
    return this.#next(high, low, close, volume);
  }

  batch(
    { high, low, close, volume }: PriceVolumeColumns,
    out: Float64Array = new Float64Array(close.length),
  ): Float64Array {
    for (let i = 0; i < close.length; i++)
      out[i] = this.#next(at64(high, i), at64(low, i), at64(close, i), at64(volume, i));
    return out;
  }

  #next(high: number, low: number, close: number, volume: number): number {
    this.count++;
    this.#sum += moneyFlowVolume(high, low, close, volume);
    return this.#sum;
  }
}
