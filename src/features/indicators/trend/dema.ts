import { at64 } from '../../../core/index.ts';
import { checkPeriod, Indicator } from '../indicator.ts';
import { Ema } from './ema.ts';

/**
 * Double exponential moving average: 2·EMA - EMA(EMA), which takes the lag of a steady trend out (Mulloy 1994). In units of the input;
 * it can leave the range of the inputs. TA-Lib DEMA.
 */
export class Dema extends Indicator {
  readonly #first: Ema;
  readonly #second: Ema;

  constructor(period = 20) {
    super(2 * checkPeriod(period) - 1);
    this.#first = new Ema(period);
    this.#second = new Ema(period);
  }

  update(value: number): number {
    this.count++;
    const first = this.#first.update(value);
    return this.#first.isStable ? 2 * first - this.#second.update(first) : Number.NaN;
  }

  batch(values: Float64Array, out: Float64Array = new Float64Array(values.length)): Float64Array {
    for (let i = 0; i < values.length; i++) out[i] = this.update(at64(values, i));
    return out;
  }
}
