import { at64 } from '../../../core/index.ts';
import { checkParameter, checkPeriod, Indicator, type PriceVolume, type PriceVolumeColumns } from '../indicator.ts';
import { Sma } from '../trend/sma.ts';

/**
 * Ease of movement: SMA of (M - M₋₁) · (H - L) / (V / volumeUnit), M = (H + L) / 2; a bar without volume counts as 0. In squared units of
 * price per `volumeUnit` of volume, by convention 100 million. Arms 1983, "Volume Cycles in the Stock Market". No TA-Lib function.
 */
export class EaseOfMovement extends Indicator {
  readonly #volumeUnit: number;
  readonly #average: Sma;
  #middle = 0;

  constructor(period = 14, volumeUnit = 100_000_000) {
    super(checkPeriod(period) + 1);
    this.#volumeUnit = checkParameter(volumeUnit, 'volumeUnit');
    this.#average = new Sma(period);
  }

  update({ high, low, volume }: PriceVolume): number {
    return this.#next(high, low, volume);
  }

  batch({ high, low, volume }: PriceVolumeColumns, out: Float64Array = new Float64Array(high.length)): Float64Array {
    for (let i = 0; i < high.length; i++) out[i] = this.#next(at64(high, i), at64(low, i), at64(volume, i));
    return out;
  }

  #next(high: number, low: number, volume: number): number {
    const middle = (high + low) / 2;
    const before = this.#middle;
    this.#middle = middle;
    if (++this.count === 1) return Number.NaN;
    return this.#average.update(volume === 0 ? 0 : ((middle - before) * (high - low) * this.#volumeUnit) / volume);
  }
}
