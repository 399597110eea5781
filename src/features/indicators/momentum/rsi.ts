import { at64 } from '../../../core/index.ts';
import { checkPeriod, Indicator, unwrittenColumn } from '../indicator.ts';

/**
 * Relative strength index (Wilder 1978): 100 · gain / (gain + loss), Wilder's averages of rises and falls; 0 to 100, 0 where nothing ever
 * moved. TA-Lib RSI.
 */
export class Rsi extends Indicator {
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
    // Half of |change| ± change is the rise or zero, exactly, and nothing branches on what is a coin toss.
    const size = Math.abs(change);
    const gain = 0.5 * (size + change);
    const loss = 0.5 * (size - change);
    const period = this.#period;
    const count = ++this.count;
    if (count > this.warmup) {
      this.#gain = (this.#gain * (period - 1) + gain) / period;
      this.#loss = (this.#loss * (period - 1) + loss) / period;
    } else {
      if (count === 1) return Number.NaN;
      this.#gain += gain;
      this.#loss += loss;
      if (count < this.warmup) return Number.NaN;
      this.#gain /= period;
      this.#loss /= period;
    }
    return strength(this.#gain, this.#loss);
  }

  batch(values: Float64Array, out: Float64Array = unwrittenColumn(values.length)): Float64Array {
    const seeding = this.seedingOf(values.length);
    for (let i = 0; i < seeding; i++) out[i] = this.update(at64(values, i));
    const period = this.#period;
    const kept = period - 1;
    let previous = this.#previous;
    let gain = this.#gain;
    let loss = this.#loss;
    for (let i = seeding; i < values.length; i++) {
      const value = at64(values, i);
      const change = value - previous;
      previous = value;
      const size = Math.abs(change);
      gain = (gain * kept + 0.5 * (size + change)) / period;
      loss = (loss * kept + 0.5 * (size - change)) / period;
      out[i] = strength(gain, loss);
    }
    this.#previous = previous;
    this.#gain = gain;
    this.#loss = loss;
    this.count += values.length - seeding;
    return out;
  }
}

function strength(gain: number, loss: number): number {
  const moved = gain + loss;
  return moved > 0 ? 100 * (gain / moved) : 0;
}
