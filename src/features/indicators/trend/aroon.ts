import { at64 } from '../../../core/index.ts';
import { checkPeriod, type HighLowClose, type HighLowCloseColumns, Indicator } from '../indicator.ts';
import { WindowExtremes } from '../window-extremes.ts';

export interface AroonValue {
  readonly up: number;
  readonly down: number;
  readonly oscillator: number;
}

export interface AroonColumns {
  readonly up: Float64Array;
  readonly down: Float64Array;
  readonly oscillator: Float64Array;
}

/**
 * Aroon: up = 100·(period - bars since the highest high) / period, down the same of the lowest low, among the last `period` + 1 bars and
 * the newest of equal ones; oscillator = up - down (Chande 1995). 0 to 100, the oscillator -100 to 100. TA-Lib AROON and AROONOSC.
 */
export class Aroon extends Indicator {
  readonly #extremes: WindowExtremes;
  readonly #period: number;
  #up = 0;
  #down = 0;
  #oscillator = 0;

  constructor(period = 25) {
    super(checkPeriod(period) + 1);
    this.#extremes = new WindowExtremes(period + 1);
    this.#period = period;
  }

  update({ high, low }: Pick<HighLowClose, 'high' | 'low'>): AroonValue {
    this.#next(high, low);
    return { up: this.#up, down: this.#down, oscillator: this.#oscillator };
  }

  batch(
    { high, low }: Pick<HighLowCloseColumns, 'high' | 'low'>,
    out: AroonColumns = {
      up: new Float64Array(high.length),
      down: new Float64Array(high.length),
      oscillator: new Float64Array(high.length),
    },
  ): AroonColumns {
    for (let i = 0; i < high.length; i++) {
      this.#next(at64(high, i), at64(low, i));
      out.up[i] = this.#up;
      out.down[i] = this.#down;
      out.oscillator[i] = this.#oscillator;
    }
    return out;
  }

  #next(high: number, low: number): void {
    const extremes = this.#extremes;
    extremes.update(high, low);
    if (++this.count < this.warmup) {
      this.#up = Number.NaN;
      this.#down = Number.NaN;
      this.#oscillator = Number.NaN;
      return;
    }
    const period = this.#period;
    const { highestAge, lowestAge } = extremes;
    this.#up = (100 * (period - highestAge)) / period;
    this.#down = (100 * (period - lowestAge)) / period;
    this.#oscillator = (100 * (lowestAge - highestAge)) / period;
  }
}
