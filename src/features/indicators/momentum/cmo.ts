import { at64 } from '../../../core/index.ts';
import { checkPeriod, Indicator } from '../indicator.ts';

/**
 * Chande momentum oscillator: 100·(gain - loss) / (gain + loss), Wilder's averages of the rises and falls from value to value (Chande 1994,
 * there with plain sums), seeded with the mean of the first `period`. -100 to 100; 0 without any change. TA-Lib CMO, which also takes
 * averages below 1e-14 for none.
 */
export class Cmo extends Indicator {
  readonly #period: number;
  #previous = 0;
  #gain = 0;
  #loss = 0;

  constructor(period = 14) {
    super(checkPeriod(period) + 1);
    this.#period = period;
  }

  update(value: number): number {
    const change = value - this.#previous;
    this.#previous = value;
    const count = ++this.count;
    if (count === 1) return Number.NaN;
    const gain = change > 0 ? change : 0;
    const loss = change < 0 ? -change : 0;
    if (count > this.warmup) {
      this.#gain += (gain - this.#gain) / this.#period;
      this.#loss += (loss - this.#loss) / this.#period;
    } else {
      this.#gain += gain;
      this.#loss += loss;
      if (count < this.warmup) return Number.NaN;
      this.#gain /= this.#period;
      this.#loss /= this.#period;
    }
    const movement = this.#gain + this.#loss;
    return movement === 0 ? 0 : (100 * (this.#gain - this.#loss)) / movement;
  }

  batch(values: Float64Array, out: Float64Array = new Float64Array(values.length)): Float64Array {
    for (let i = 0; i < values.length; i++) out[i] = this.update(at64(values, i));
    return out;
  }
}
