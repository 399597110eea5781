import { at64 } from '../../../core/index.ts';
import { checkPeriod, Indicator } from '../indicator.ts';
import { Sma } from '../trend/sma.ts';
import { WindowExtremes } from '../window-extremes.ts';
import { Rsi } from './rsi.ts';

export interface StochasticRsiValue {
  readonly k: number;
  readonly d: number;
}

export interface StochasticRsiColumns {
  readonly k: Float64Array;
  readonly d: Float64Array;
}

/**
 * Stochastic of the relative strength index: k = 100·(RSI - lowest) / (highest - lowest) over the last `kPeriod` RSI(`period`), d = SMA(k,
 * dPeriod) (Chande and Kroll 1993, with `kPeriod` = `period`). 0 to 100; k is 0 where the RSI stands still. TA-Lib STOCHRSI; it takes
 * for a range what rounding leaves where prices stand still, and gives anything from 0 to 100 there.
 */
export class StochasticRsi extends Indicator {
  readonly #rsi: Rsi;
  readonly #extremes: WindowExtremes;
  readonly #smoothing: Sma;
  readonly #extremesWarmup: number;
  #k = 0;
  #d = 0;

  constructor(period = 14, kPeriod = 5, dPeriod = 3) {
    const rsi = new Rsi(period);
    const extremesWarmup = rsi.warmup + checkPeriod(kPeriod, 'kPeriod') - 1;
    super(extremesWarmup + checkPeriod(dPeriod, 'dPeriod') - 1);
    this.#rsi = rsi;
    this.#extremes = new WindowExtremes(kPeriod);
    this.#smoothing = new Sma(dPeriod);
    this.#extremesWarmup = extremesWarmup;
  }

  update(value: number): StochasticRsiValue {
    this.#next(value);
    return { k: this.#k, d: this.#d };
  }

  batch(
    values: Float64Array,
    out: StochasticRsiColumns = { k: new Float64Array(values.length), d: new Float64Array(values.length) },
  ): StochasticRsiColumns {
    for (let i = 0; i < values.length; i++) {
      this.#next(at64(values, i));
      out.k[i] = this.#k;
      out.d[i] = this.#d;
    }
    return out;
  }

  #next(value: number): void {
    const count = ++this.count;
    const rsi = this.#rsi.update(value);
    if (this.#rsi.isStable) this.#extremes.update(rsi, rsi);
    this.#k = Number.NaN;
    this.#d = Number.NaN;
    if (count < this.#extremesWarmup) return;
    const { highest, lowest } = this.#extremes;
    const range = highest - lowest;
    const k = range < STANDSTILL ? 0 : (100 * (rsi - lowest)) / range;
    const d = this.#smoothing.update(k);
    if (count < this.warmup) return;
    this.#k = k;
    this.#d = d;
  }
}

/** Of the RSI's 100: well above what rounding makes of an RSI that stands still, well below any move of a price. */
const STANDSTILL = 1e-9;
