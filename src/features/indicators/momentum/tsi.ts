import { at64 } from '../../../core/index.ts';
import { checkPeriod, Indicator } from '../indicator.ts';
import { Ema } from '../trend/ema.ts';

/**
 * True strength index: 100·EMA(EMA(change, long), short) / EMA(EMA(|change|, long), short) (Blau 1991). -100 to 100; 0 without any change.
 * Not in TA-Lib.
 */
export class Tsi extends Indicator {
  readonly #change: Ema;
  readonly #smoothChange: Ema;
  readonly #movement: Ema;
  readonly #smoothMovement: Ema;
  #previous = 0;

  constructor(long = 25, short = 13) {
    super(checkPeriod(long, 'long') + checkPeriod(short, 'short'));
    this.#change = new Ema(long);
    this.#smoothChange = new Ema(short);
    this.#movement = new Ema(long);
    this.#smoothMovement = new Ema(short);
  }

  update(value: number): number {
    const previous = this.#previous;
    this.#previous = value;
    if (++this.count === 1) return Number.NaN;
    const change = this.#change.update(value - previous);
    const movement = this.#movement.update(Math.abs(value - previous));
    if (!this.#change.isStable) return Number.NaN;
    const smoothChange = this.#smoothChange.update(change);
    const smoothMovement = this.#smoothMovement.update(movement);
    return smoothMovement === 0 ? 0 : (100 * smoothChange) / smoothMovement;
  }

  batch(values: Float64Array, out: Float64Array = new Float64Array(values.length)): Float64Array {
    for (let i = 0; i < values.length; i++) out[i] = this.update(at64(values, i));
    return out;
  }
}
