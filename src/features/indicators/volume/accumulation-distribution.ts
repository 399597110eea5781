import { batchBars, Indicator, type PriceVolume, type PriceVolumeColumns } from '../indicator.ts';
import { moneyFlowVolume } from './money-flow-volume.ts';

/**
 * Accumulation and distribution: the sum so far of ((C - L) - (H - C)) / (H - L) · V; a bar without range adds nothing. In units of volume; its level
 * depends on where the series begins, its changes do not. Chaikin and Williams, 1970s. TA-Lib AD.
 */
export class AccumulationDistribution extends Indicator {
  #sum = 0;

  constructor() {
    super(1);
  }

  update(bar: PriceVolume): number {
    this.count++;
    this.#sum += moneyFlowVolume(bar);
    return this.#sum;
  }

  batch(columns: PriceVolumeColumns, out?: Float64Array): Float64Array {
    return batchBars(this, columns, out);
  }
}
