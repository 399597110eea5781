import { at64 } from '../../../core/index.ts';
import { checkPeriod, Indicator, type PriceVolume, type PriceVolumeColumns } from '../indicator.ts';
import { WindowSum } from '../window-sum.ts';

/**
 * Volume-weighted average price of the last `period` bars: Σ typical price · V / Σ V, typical price (H + L + C) / 3; the newest close where
 * nothing was traded. A price. Rolling, since markets that never close have no session to begin it in. No TA-Lib function.
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
    const value = this.#value.update(((high + low + close) / 3) * volume);
    const traded = this.#volume.update(volume);
    if (++this.count < this.warmup) return Number.NaN;
    return traded === 0 ? close : value / traded;
  }
}
