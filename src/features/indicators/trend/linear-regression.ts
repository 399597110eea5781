import { at64 } from '../../../core/index.ts';
import { checkPeriod, Indicator } from '../indicator.ts';
import { WindowLine } from '../window-line.ts';

export interface LinearRegressionValue {
  readonly value: number;
  readonly slope: number;
  readonly r2: number;
}

export interface LinearRegressionColumns {
  readonly value: Float64Array;
  readonly slope: Float64Array;
  readonly r2: Float64Array;
}

/**
 * Least-squares line through the last `period` values: its value at the newest (TA-Lib LINEARREG), in units of the input; its slope, in
 * units of the input a step (TA-Lib LINEARREG_SLOPE); and r², the share of the variance that it explains, 0 to 1, 0 for equal values.
 */
export class LinearRegression extends Indicator {
  readonly #line: WindowLine;
  /** Σ (i - mean i)². */
  readonly #spread: number;
  #value = 0;
  #slope = 0;
  #r2 = 0;

  constructor(period = 14) {
    super(checkPeriod(period, 'period', 2));
    this.#line = new WindowLine(period);
    this.#spread = (period * (period * period - 1)) / 12;
  }

  update(value: number): LinearRegressionValue {
    this.#next(value);
    return { value: this.#value, slope: this.#slope, r2: this.#r2 };
  }

  batch(
    values: Float64Array,
    out: LinearRegressionColumns = {
      value: new Float64Array(values.length),
      slope: new Float64Array(values.length),
      r2: new Float64Array(values.length),
    },
  ): LinearRegressionColumns {
    for (let i = 0; i < values.length; i++) {
      this.#next(at64(values, i));
      out.value[i] = this.#value;
      out.slope[i] = this.#slope;
      out.r2[i] = this.#r2;
    }
    return out;
  }

  #next(value: number): void {
    const line = this.#line;
    line.update(value);
    if (++this.count < this.warmup) {
      this.#value = Number.NaN;
      this.#slope = Number.NaN;
      this.#r2 = Number.NaN;
      return;
    }
    const period = line.window;
    const together = line.weighted - ((period + 1) / 2) * line.sum;
    const slope = together / this.#spread;
    const variation = line.squares - (line.sum * line.sum) / period;
    this.#value = line.reference + line.sum / period + (slope * (period - 1)) / 2;
    this.#slope = slope;
    this.#r2 = variation > 0 ? Math.min(1, (slope * together) / variation) : 0;
  }
}
