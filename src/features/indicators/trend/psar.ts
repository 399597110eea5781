import { at64 } from '../../../core/index.ts';
import { checkParameter, type HighLowClose, type HighLowCloseColumns, Indicator } from '../indicator.ts';

/**
 * Parabolic stop and reverse: a stop that moves by a·(extreme - stop) each bar towards the extreme of the trade, a growing by `step` with
 * each new extreme up to `maximum`, never into the last two bars; once a bar touches it the trade turns, and the stop is the extreme
 * (Wilder 1978). In units of the price. TA-Lib SAR: the first bar gives the first stop, and the trade is long unless the second bar went
 * further down than up.
 */
export class Psar extends Indicator {
  readonly #step: number;
  readonly #maximum: number;
  #acceleration = 0;
  #isLong = true;
  #extreme = 0;
  #stop = 0;
  #previousHigh = 0;
  #previousLow = 0;

  constructor(step = 0.02, maximum = 0.2) {
    super(2);
    this.#maximum = checkParameter(maximum, 'maximum');
    this.#step = Math.min(checkParameter(step, 'step'), maximum);
    this.#acceleration = this.#step;
  }

  update({ high, low }: Pick<HighLowClose, 'high' | 'low'>): number {
    return this.#next(high, low);
  }

  batch(
    { high, low }: Pick<HighLowCloseColumns, 'high' | 'low'>,
    out: Float64Array = new Float64Array(high.length),
  ): Float64Array {
    for (let i = 0; i < high.length; i++) out[i] = this.#next(at64(high, i), at64(low, i));
    return out;
  }

  #next(high: number, low: number): number {
    const count = ++this.count;
    if (count === 2) this.#begin(high, low);
    let stop = Number.NaN;
    if (count >= 2) stop = this.#isLong ? this.#long(high, low) : this.#short(high, low);
    this.#previousHigh = high;
    this.#previousLow = low;
    return stop;
  }

  #begin(high: number, low: number): void {
    const fall = this.#previousLow - low;
    this.#isLong = fall <= 0 || high - this.#previousHigh >= fall;
    this.#extreme = this.#isLong ? high : low;
    this.#stop = this.#isLong ? this.#previousLow : this.#previousHigh;
    // TA-Lib takes the second bar for the one before it, too, when it limits the stop.
    this.#previousHigh = high;
    this.#previousLow = low;
  }

  #long(high: number, low: number): number {
    if (low <= this.#stop) return this.#turnShort(high, low);
    const stop = this.#stop;
    if (high > this.#extreme) {
      this.#extreme = high;
      this.#accelerate();
    }
    this.#stop = Math.min(stop + this.#acceleration * (this.#extreme - stop), this.#previousLow, low);
    return stop;
  }

  #short(high: number, low: number): number {
    if (high >= this.#stop) return this.#turnLong(high, low);
    const stop = this.#stop;
    if (low < this.#extreme) {
      this.#extreme = low;
      this.#accelerate();
    }
    this.#stop = Math.max(stop + this.#acceleration * (this.#extreme - stop), this.#previousHigh, high);
    return stop;
  }

  #turnShort(high: number, low: number): number {
    const stop = Math.max(this.#extreme, high);
    this.#isLong = false;
    this.#acceleration = this.#step;
    this.#extreme = low;
    this.#stop = Math.max(stop + this.#step * (low - stop), this.#previousHigh, high);
    return stop;
  }

  #turnLong(high: number, low: number): number {
    const stop = Math.min(this.#extreme, low);
    this.#isLong = true;
    this.#acceleration = this.#step;
    this.#extreme = high;
    this.#stop = Math.min(stop + this.#step * (high - stop), this.#previousLow, low);
    return stop;
  }

  #accelerate(): void {
    this.#acceleration = Math.min(this.#acceleration + this.#step, this.#maximum);
  }
}
