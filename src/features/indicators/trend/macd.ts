import { at64 } from '../../../core/index.ts';
import { checkPeriod, Indicator, unwrittenColumn } from '../indicator.ts';

export interface MacdValue {
  readonly macd: number;
  readonly signal: number;
  readonly histogram: number;
}

export interface MacdColumns {
  readonly macd: Float64Array;
  readonly signal: Float64Array;
  readonly histogram: Float64Array;
}

/**
 * Moving average convergence/divergence (Appel 1979): EMA(fast) − EMA(slow), its EMA as the signal, and their difference; in units of the
 * values. Both averages begin together, the fast one with the mean of the last `fast` values of the first `slow`. TA-Lib MACD.
 */
export class Macd extends Indicator {
  readonly #fastPeriod: number;
  readonly #slowPeriod: number;
  readonly #signalPeriod: number;
  readonly #fastAlpha: number;
  readonly #slowAlpha: number;
  readonly #signalAlpha: number;
  readonly #fastKept: number;
  readonly #slowKept: number;
  readonly #signalKept: number;
  #fast = 0;
  #slow = 0;
  #signal = 0;

  /** @throws MinutehandError INDICATOR_PERIOD_INVALID unless `slow` is longer than `fast` */
  constructor(fast = 12, slow = 26, signal = 9) {
    super(checkPeriod(slow, 'slow', checkPeriod(fast, 'fast') + 1) + checkPeriod(signal, 'signal') - 1);
    this.#fastPeriod = fast;
    this.#slowPeriod = slow;
    this.#signalPeriod = signal;
    this.#fastAlpha = 2 / (fast + 1);
    this.#fastKept = 1 - this.#fastAlpha;
    this.#slowAlpha = 2 / (slow + 1);
    this.#slowKept = 1 - this.#slowAlpha;
    this.#signalAlpha = 2 / (signal + 1);
    this.#signalKept = 1 - this.#signalAlpha;
  }

  update(value: number): MacdValue {
    if (this.count < this.warmup) return this.#seed(value);
    this.#fast = this.#fastAlpha * value + this.#fastKept * this.#fast;
    this.#slow = this.#slowAlpha * value + this.#slowKept * this.#slow;
    const macd = this.#fast - this.#slow;
    this.#signal = this.#signalAlpha * macd + this.#signalKept * this.#signal;
    return { macd, signal: this.#signal, histogram: macd - this.#signal };
  }

  batch(
    values: Float64Array,
    out: MacdColumns = {
      macd: unwrittenColumn(values.length),
      signal: unwrittenColumn(values.length),
      histogram: unwrittenColumn(values.length),
    },
  ): MacdColumns {
    const { macd: macds, signal: signals, histogram: histograms } = out;
    const seeding = this.seedingOf(values.length);
    for (let i = 0; i < seeding; i++) {
      const { macd, signal, histogram } = this.#seed(at64(values, i));
      macds[i] = macd;
      signals[i] = signal;
      histograms[i] = histogram;
    }
    const fastAlpha = this.#fastAlpha;
    const fastKept = this.#fastKept;
    const slowAlpha = this.#slowAlpha;
    const slowKept = this.#slowKept;
    const signalAlpha = this.#signalAlpha;
    const signalKept = this.#signalKept;
    let fast = this.#fast;
    let slow = this.#slow;
    let signal = this.#signal;
    for (let i = seeding; i < values.length; i++) {
      const value = at64(values, i);
      fast = fastAlpha * value + fastKept * fast;
      slow = slowAlpha * value + slowKept * slow;
      const macd = fast - slow;
      signal = signalAlpha * macd + signalKept * signal;
      macds[i] = macd;
      signals[i] = signal;
      histograms[i] = macd - signal;
    }
    this.#fast = fast;
    this.#slow = slow;
    this.#signal = signal;
    return out;
  }

  /** An update of the warm-up: sums first, means once there are enough, then averages that move. */
  #seed(value: number): MacdValue {
    const count = ++this.count;
    const slowPeriod = this.#slowPeriod;
    if (count > slowPeriod) {
      this.#fast = this.#fastAlpha * value + this.#fastKept * this.#fast;
      this.#slow = this.#slowAlpha * value + this.#slowKept * this.#slow;
    } else {
      if (count > slowPeriod - this.#fastPeriod) this.#fast += value;
      this.#slow += value;
      if (count < slowPeriod) return { macd: Number.NaN, signal: Number.NaN, histogram: Number.NaN };
      this.#fast /= this.#fastPeriod;
      this.#slow /= slowPeriod;
    }
    const macd = this.#fast - this.#slow;
    this.#signal += macd;
    if (count < this.warmup) return { macd: Number.NaN, signal: Number.NaN, histogram: Number.NaN };
    this.#signal /= this.#signalPeriod;
    return { macd, signal: this.#signal, histogram: macd - this.#signal };
  }
}
