import { at64 } from '../../../core/index.ts';
import { checkPeriod, type HighLowClose, type HighLowCloseColumns, Indicator, unwrittenColumn } from '../indicator.ts';
import { Sma } from '../trend/sma.ts';
import { WindowExtremes } from '../window-extremes.ts';

export interface StochasticValue {
  readonly k: number;
  readonly d: number;
}

export interface StochasticColumns {
  readonly k: Float64Array;
  readonly d: Float64Array;
}

/**
 * Stochastic oscillator (Lane 1950s): %K = SMA(smoothing) of 100 · (close − lowest) / (highest − lowest) over `period` bars, %D = SMA(signal)
 * of %K; 0 to 100, and 0 where the range is zero. TA-Lib STOCH with simple averages; `smoothing` 1 is the fast one, STOCHF.
 */
export class Stochastic extends Indicator {
  readonly #period: number;
  readonly #extremes: WindowExtremes;
  readonly #k: Sma;
  readonly #d: Sma;

  constructor(period = 14, smoothing = 3, signal = 3) {
    super(checkPeriod(period) + checkPeriod(smoothing, 'smoothing') + checkPeriod(signal, 'signal') - 2);
    this.#period = period;
    this.#extremes = new WindowExtremes(period);
    this.#k = new Sma(smoothing);
    this.#d = new Sma(signal);
  }

  update({ high, low, close }: HighLowClose): StochasticValue {
    const extremes = this.#extremes;
    extremes.update(high, low);
    const count = ++this.count;
    if (count < this.#period) return { k: Number.NaN, d: Number.NaN };
    const k = this.#k.update(placeOf(close, extremes.highest, extremes.lowest));
    if (!this.#k.isStable) return { k: Number.NaN, d: Number.NaN };
    const d = this.#d.update(k);
    return count < this.warmup ? { k: Number.NaN, d: Number.NaN } : { k, d };
  }

  batch(
    { high, low, close }: HighLowCloseColumns,
    out: StochasticColumns = { k: unwrittenColumn(close.length), d: unwrittenColumn(close.length) },
  ): StochasticColumns {
    const { k, d } = out;
    this.#extremes.batch(high, low, k, d);
    for (let i = 0; i < close.length; i++) k[i] = placeOf(at64(close, i), at64(k, i), at64(d, i));
    const before = this.count;
    const withoutPlace = Math.min(k.length, Math.max(0, this.#period - 1 - before));
    const places = k.subarray(withoutPlace);
    this.#k.batch(places, places);
    const withoutK = Math.min(k.length, Math.max(0, this.#period + this.#k.warmup - 2 - before));
    this.#d.batch(k.subarray(withoutK), d.subarray(withoutK));
    const unstable = Math.min(k.length, Math.max(0, this.warmup - 1 - before));
    k.fill(Number.NaN, 0, unstable);
    d.fill(Number.NaN, 0, unstable);
    this.count += k.length;
    return out;
  }
}

/** Where the close is in the range, in percent. */
function placeOf(close: number, highest: number, lowest: number): number {
  const range = highest - lowest;
  return range > 0 ? 100 * ((close - lowest) / range) : 0;
}
