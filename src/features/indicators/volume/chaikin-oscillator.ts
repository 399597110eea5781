import { at64 } from '../../../core/index.ts';
import { checkPeriod, Indicator, type PriceVolume, type PriceVolumeColumns } from '../indicator.ts';
import { moneyFlowVolume } from './money-flow-volume.ts';

/**
 * Chaikin oscillator: EMA(fast) - EMA(slow) of accumulation and distribution, both seeded with its first value. In units of volume.
 * Chaikin, 1970s. TA-Lib ADOSC. Kept is each average's distance to the line, whose level then never enters: no digits are lost to it.
 */
export class ChaikinOscillator extends Indicator {
  readonly #fastRate: number;
  readonly #slowRate: number;
  #fast = 0;
  #slow = 0;

  constructor(fast = 3, slow = 10) {
    super(Math.max(checkPeriod(fast, 'fast'), checkPeriod(slow, 'slow')));
    // What is left of a distance after one bar: 1 - α, α = 2 / (period + 1).
    this.#fastRate = (fast - 1) / (fast + 1);
    this.#slowRate = (slow - 1) / (slow + 1);
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
    if (++this.count > 1) {
      const flow = moneyFlowVolume(high, low, close, volume);
      this.#fast = this.#fastRate * (this.#fast - flow);
      this.#slow = this.#slowRate * (this.#slow - flow);
    }
    return this.count >= this.warmup ? this.#fast - this.#slow : Number.NaN;
  }
}
