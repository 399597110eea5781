import { at64 } from '../../../core/index.ts';
import { checkPeriod, Indicator } from '../indicator.ts';
import { Wma } from './wma.ts';

/**
 * Hull moving average: WMA(⌊√n⌋) of 2·WMA(⌊n/2⌋) - WMA(n) (Hull 2005). In units of the input; it can leave the range of the inputs. Not
 * in TA-Lib.
 */
export class Hma extends Indicator {
  readonly #half: Wma;
  readonly #whole: Wma;
  readonly #smoothing: Wma;

  constructor(period = 20) {
    const root = Math.floor(Math.sqrt(checkPeriod(period, 'period', 2)));
    super(period + root - 1);
    this.#half = new Wma(Math.floor(period / 2));
    this.#whole = new Wma(period);
    this.#smoothing = new Wma(root);
  }

  update(value: number): number {
    this.count++;
    const half = this.#half.update(value);
    const whole = this.#whole.update(value);
    return this.#whole.isStable ? this.#smoothing.update(2 * half - whole) : Number.NaN;
  }

  batch(values: Float64Array, out: Float64Array = new Float64Array(values.length)): Float64Array {
    for (let i = 0; i < values.length; i++) out[i] = this.update(at64(values, i));
    return out;
  }
}
