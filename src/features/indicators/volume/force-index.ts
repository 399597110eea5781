import { at64 } from '../../../core/index.ts';
import { type CloseVolume, type CloseVolumeColumns, checkPeriod, Indicator } from '../indicator.ts';
import { Ema } from '../trend/ema.ts';

/** Force index: EMA of (C - C₋₁) · V, in units of price times volume. Elder 1993, "Trading for a Living". No TA-Lib function. */
export class ForceIndex extends Indicator {
  readonly #average: Ema;
  #close = 0;

  constructor(period = 13) {
    super(checkPeriod(period) + 1);
    this.#average = new Ema(period);
  }

  update({ close, volume }: CloseVolume): number {
    return this.#next(close, volume);
  }

  batch({ close, volume }: CloseVolumeColumns, out: Float64Array = new Float64Array(close.length)): Float64Array {
    for (let i = 0; i < close.length; i++) out[i] = this.#next(at64(close, i), at64(volume, i));
    return out;
  }

  #next(close: number, volume: number): number {
    const before = this.#close;
    this.#close = close;
    return ++this.count === 1 ? Number.NaN : this.#average.update((close - before) * volume);
  }
}
