import { batchBars, checkPeriod, Indicator, type PriceVolume, type PriceVolumeColumns } from '../indicator.ts';
import { WindowSum } from '../window-sum.ts';

/**
 * Volume-weighted average price of the last `period` bars: Σ typical price · V / Σ V, typical price (H + L + C) / 3; the newest close where nothing
 * was traded. A price. Rolling, since markets that never close have no session to begin it in. No TA-Lib function.
 */
export class Vwap extends Indicator {
  readonly #value: WindowSum;
  readonly #volume: WindowSum;

  constructor(period = 20) {
    super(checkPeriod(period));
    this.#value = new WindowSum(period);
    this.#volume = new WindowSum(period);
  }

  update({ high, low, close, volume }: PriceVolume): number {
    const value = this.#value.update(((high + low + close) / 3) * volume);
    const traded = this.#volume.update(volume);
    if (++this.count < this.warmup) return Number.NaN;
    return traded === 0 ? close : value / traded;
  }

  batch(columns: PriceVolumeColumns, out?: Float64Array): Float64Array {
    return batchBars(this, columns, out);
  }
}
