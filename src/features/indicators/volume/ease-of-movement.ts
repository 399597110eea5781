import {
  batchBars,
  checkParameter,
  checkPeriod,
  Indicator,
  type PriceVolume,
  type PriceVolumeColumns,
} from '../indicator.ts';
import { Sma } from '../trend/sma.ts';

/**
 * Ease of movement: SMA of (M - M₋₁) · (H - L) / (V / volumeUnit), M = (H + L) / 2; a bar without volume counts as 0. In squared units of price per
 * `volumeUnit` of volume, by convention 100 million. Arms 1983, "Volume Cycles in the Stock Market". No TA-Lib function.
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
    const middle = (high + low) / 2;
    const before = this.#middle;
    this.#middle = middle;
    if (++this.count === 1) return Number.NaN;
    return this.#average.update(volume === 0 ? 0 : ((middle - before) * (high - low) * this.#volumeUnit) / volume);
  }

  batch(columns: PriceVolumeColumns, out?: Float64Array): Float64Array {
    return batchBars(this, columns, out);
  }
}
