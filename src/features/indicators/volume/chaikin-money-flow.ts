import { at64 } from '../../../core/index.ts';
import { checkPeriod, Indicator, type PriceVolume, type PriceVolumeColumns } from '../indicator.ts';
import { WindowSum } from '../window-sum.ts';
import { moneyFlowVolume } from './money-flow-volume.ts';

/**
 * Chaikin money flow: Σ ((C - L) - (H - C)) / (H - L) · V / Σ V over the last `period` bars, in [-1, 1]; 0 where nothing was traded.
 * Chaikin, 1980s. No TA-Lib function.
 */
export class ChaikinMoneyFlow extends Indicator {
  readonly #flow: WindowSum;
  readonly #volume: WindowSum;

  constructor(period = 20) {
    super(checkPeriod(period));
    this.#flow = new WindowSum(period);
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
    const flow = this.#flow.update(moneyFlowVolume(high, low, close, volume));
    const traded = this.#volume.update(volume);
    if (++this.count < this.warmup) return Number.NaN;
    return traded === 0 ? 0 : Math.max(-1, Math.min(1, flow / traded));
  }
}
