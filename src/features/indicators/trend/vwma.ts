import { at64 } from '../../../core/index.ts';
import { type CloseVolume, type CloseVolumeColumns, checkPeriod, Indicator } from '../indicator.ts';
import { WindowSum } from '../window-sum.ts';

/**
 * Volume-weighted moving average: Σ close·volume / Σ volume over the last `period` bars; without any volume, the plain mean of the
 * closes. In units of the close, within its range. Not in TA-Lib.
 */
export class Vwma extends Indicator {
  readonly #closes: WindowSum;
  readonly #traded: WindowSum;
  readonly #volumes: WindowSum;

  constructor(period = 20) {
    super(checkPeriod(period));
    this.#closes = new WindowSum(period);
    this.#traded = new WindowSum(period);
    this.#volumes = new WindowSum(period);
  }

  update({ close, volume }: CloseVolume): number {
    return this.#next(close, volume);
  }

  batch({ close, volume }: CloseVolumeColumns, out: Float64Array = new Float64Array(close.length)): Float64Array {
    for (let i = 0; i < close.length; i++) out[i] = this.#next(at64(close, i), at64(volume, i));
    return out;
  }

  #next(close: number, volume: number): number {
    const closes = this.#closes.update(close);
    const traded = this.#traded.update(close * volume);
    const volumes = this.#volumes.update(volume);
    if (++this.count < this.warmup) return Number.NaN;
    return volumes > 0 ? traded / volumes : closes / this.warmup;
  }
}
