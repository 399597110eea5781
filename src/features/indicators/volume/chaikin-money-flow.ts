import { batchBars, checkPeriod, Indicator, type PriceVolume, type PriceVolumeColumns } from '../indicator.ts';
import { WindowSum } from '../window-sum.ts';
import { moneyFlowVolume } from './money-flow-volume.ts';

/**
 * Chaikin money flow: Σ ((C - L) - (H - C)) / (H - L) · V / Σ V over the last `period` bars, in [-1, 1]; 0 where nothing was traded. Chaikin, 1980s.
 * No TA-Lib function.
 */
export class ChaikinMoneyFlow extends Indicator {
  readonly #flow: WindowSum;
  readonly #volume: WindowSum;

  constructor(period = 20) {
    super(checkPeriod(period));
    this.#flow = new WindowSum(period);
    this.#volume = new WindowSum(period);
  }

  update(bar: PriceVolume): number {
    const flow = this.#flow.update(moneyFlowVolume(bar));
    const volume = this.#volume.update(bar.volume);
    if (++this.count < this.warmup) return Number.NaN;
    return volume === 0 ? 0 : Math.max(-1, Math.min(1, flow / volume));
  }

  batch(columns: PriceVolumeColumns, out?: Float64Array): Float64Array {
    return batchBars(this, columns, out);
  }
}
