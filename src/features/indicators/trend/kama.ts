import { at64 } from '../../../core/index.ts';
import { Delay } from '../delay.ts';
import { checkPeriod, Indicator } from '../indicator.ts';
import { WindowSum } from '../window-sum.ts';

/**
 * Kaufman's adaptive moving average: K += (e·(2/(fast+1) - 2/(slow+1)) + 2/(slow+1))²·(x - K), e = |x - x₋ₙ| / Σ|xᵢ - xᵢ₋₁| the efficiency
 * of the last `period` changes (Kaufman 1995). It begins at the value before its first. In units of the input, within its range. TA-Lib
 * KAMA (which has 2 and 30). Without any change e is 1: TA-Lib means that too, but its running sum mostly keeps a residue there, which
 * makes it 0.
 */
export class Kama extends Indicator {
  readonly #before: Delay;
  readonly #movement: WindowSum;
  readonly #slow: number;
  readonly #span: number;
  #previous = 0;
  #average = 0;

  constructor(period = 10, fast = 2, slow = 30) {
    super(checkPeriod(period) + 1);
    this.#before = new Delay(period);
    this.#movement = new WindowSum(period);
    this.#slow = 2 / (checkPeriod(slow, 'slow', checkPeriod(fast, 'fast')) + 1);
    this.#span = 2 / (fast + 1) - this.#slow;
  }

  update(value: number): number {
    const before = this.#before.update(value);
    const change = value - this.#previous;
    this.#previous = value;
    // The first value has no change; what is taken for one has left the window by the first average.
    const movement = this.#movement.update(Math.abs(change));
    if (++this.count < this.warmup) {
      this.#average = value;
      return Number.NaN;
    }
    const efficiency = movement === 0 ? 1 : Math.min(1, Math.abs(value - before) / movement);
    const smoothing = efficiency * this.#span + this.#slow;
    this.#average += smoothing * smoothing * (value - this.#average);
    return this.#average;
  }

  batch(values: Float64Array, out: Float64Array = new Float64Array(values.length)): Float64Array {
    for (let i = 0; i < values.length; i++) out[i] = this.update(at64(values, i));
    return out;
  }
}
