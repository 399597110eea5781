import { at64 } from '../../../core/index.ts';
import { checkPeriod, Indicator, type PriceVolume, type PriceVolumeColumns } from '../indicator.ts';
import { WindowSum } from '../window-sum.ts';

/**
 * Money flow index: 100 · P / (P + N), P and N the sums of typical price · volume of the last `period` bars whose typical price, (H + L +
 * C) / 3, rose and fell; in [0, 100], 0 where neither did. Quong and Soudack 1989. TA-Lib MFI, which gives 0 for any P + N below 1: a
 * threshold in money would depend on the unit, so there is none here.
 */
export class MoneyFlowIndex extends Indicator {
  readonly #risen: WindowSum;
  readonly #fallen: WindowSum;
  #typical = 0;

  constructor(period = 14) {
    super(checkPeriod(period) + 1);
    this.#risen = new WindowSum(period);
    this.#fallen = new WindowSum(period);
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
    const typical = (high + low + close) / 3;
    const before = this.#typical;
    this.#typical = typical;
    if (++this.count === 1) return Number.NaN;
    const flow = typical * volume;
    const risen = this.#risen.update(typical > before ? flow : 0);
    const fallen = this.#fallen.update(typical < before ? flow : 0);
    if (this.count < this.warmup) return Number.NaN;
    return risen === 0 ? 0 : 100 * (risen / (risen + fallen));
  }
}
