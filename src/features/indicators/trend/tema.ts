import { at64 } from '../../../core/index.ts';
import { checkPeriod, Indicator } from '../indicator.ts';
import { Ema } from './ema.ts';

/**
 * Triple exponential moving average: 3·EMA - 3·EMA(EMA) + EMA(EMA(EMA)) (Mulloy 1994). In units of the input; it can leave the range of
 * the inputs. TA-Lib TEMA.
 */
export class Tema extends Indicator {
  readonly #first: Ema;
  readonly #second: Ema;
  readonly #third: Ema;

  constructor(period = 20) {
    super(3 * checkPeriod(period) - 2);
    this.#first = new Ema(period);
    this.#second = new Ema(period);
    this.#third = new Ema(period);
  }

  update(value: number): number {
    this.count++;
    const first = this.#first.update(value);
    if (!this.#first.isStable) return Number.NaN;
    const second = this.#second.update(first);
    return this.#second.isStable ? this.#third.update(second) + 3 * (first - second) : Number.NaN;
  }

  batch(values: Float64Array, out: Float64Array = new Float64Array(values.length)): Float64Array {
    for (let i = 0; i < values.length; i++) out[i] = this.update(at64(values, i));
    return out;
  }
}
