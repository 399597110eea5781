import { at64 } from '../../../core/index.ts';
import { checkPeriod, Indicator } from '../indicator.ts';
import { Ema } from '../trend/ema.ts';

/**
 * Rate of change, over one value, of a triple exponential average: 100·(e - previous e) / previous e, e = EMA(EMA(EMA)) (Hutson 1983). In
 * percent; 0 where the previous e is. TA-Lib TRIX.
 */
export class Trix extends Indicator {
  readonly #first: Ema;
  readonly #second: Ema;
  readonly #third: Ema;
  #previous = 0;

  constructor(period = 15) {
    super(3 * checkPeriod(period) - 1);
    this.#first = new Ema(period);
    this.#second = new Ema(period);
    this.#third = new Ema(period);
  }

  update(value: number): number {
    this.count++;
    const first = this.#first.update(value);
    if (!this.#first.isStable) return Number.NaN;
    const second = this.#second.update(first);
    if (!this.#second.isStable) return Number.NaN;
    const third = this.#third.update(second);
    if (!this.#third.isStable) return Number.NaN;
    const previous = this.#previous;
    this.#previous = third;
    if (!this.isStable) return Number.NaN;
    return previous === 0 ? 0 : (100 * (third - previous)) / previous;
  }

  batch(values: Float64Array, out: Float64Array = new Float64Array(values.length)): Float64Array {
    for (let i = 0; i < values.length; i++) out[i] = this.update(at64(values, i));
    return out;
  }
}
