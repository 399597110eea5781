import { at64 } from '../../../core/index.ts';
import { checkPeriod, Indicator } from '../indicator.ts';
import { Ema } from '../trend/ema.ts';
import { Sma } from '../trend/sma.ts';

/**
 * Percentage price oscillator: 100·(fast average - slow average) / slow average (Appel 1979, as a share of the price). In percent; 0 where
 * the slow average is. TA-Lib PPO with MA type EMA or, as TA-Lib's default, SMA; the averages begin each on its own, unlike in MACD.
 */
export class Ppo extends Indicator {
  readonly #fast: Ema | Sma;
  readonly #slow: Ema | Sma;

  constructor(fast = 12, slow = 26, average: 'exponential' | 'simple' = 'exponential') {
    super(checkPeriod(slow, 'slow', checkPeriod(fast, 'fast')));
    this.#fast = average === 'simple' ? new Sma(fast) : new Ema(fast);
    this.#slow = average === 'simple' ? new Sma(slow) : new Ema(slow);
  }

  update(value: number): number {
    const fast = this.#fast.update(value);
    const slow = this.#slow.update(value);
    this.count++;
    return slow === 0 ? 0 : (100 * (fast - slow)) / slow;
  }

  batch(values: Float64Array, out: Float64Array = new Float64Array(values.length)): Float64Array {
    for (let i = 0; i < values.length; i++) out[i] = this.update(at64(values, i));
    return out;
  }
}
