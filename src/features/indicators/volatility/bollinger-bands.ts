import { checkParameter, checkPeriod, Indicator, unwrittenColumn } from '../indicator.ts';
import { WindowMoments } from '../window-moments.ts';

export interface BollingerBandsValue {
  readonly upper: number;
  readonly middle: number;
  readonly lower: number;
}

export interface BollingerBandsColumns {
  readonly upper: Float64Array;
  readonly middle: Float64Array;
  readonly lower: Float64Array;
}

/**
 * Bollinger bands (Bollinger 1983): the mean of the last `period` values, and `width` standard deviations (of the population) above and
 * below; in units of the values. TA-Lib BBANDS with simple averages.
 */
export class BollingerBands extends Indicator {
  readonly #moments: WindowMoments;
  readonly #width: number;

  constructor(period = 20, width = 2) {
    super(checkPeriod(period));
    this.#moments = new WindowMoments(period);
    this.#width = checkParameter(width, 'width');
  }

  update(value: number): BollingerBandsValue {
    const moments = this.#moments;
    moments.update(value);
    if (++this.count < this.warmup) return { upper: Number.NaN, middle: Number.NaN, lower: Number.NaN };
    const middle = moments.mean;
    const reach = this.#width * moments.deviation;
    return { upper: middle + reach, middle, lower: middle - reach };
  }

  batch(
    values: Float64Array,
    out: BollingerBandsColumns = {
      upper: unwrittenColumn(values.length),
      middle: unwrittenColumn(values.length),
      lower: unwrittenColumn(values.length),
    },
  ): BollingerBandsColumns {
    const { upper, middle, lower } = out;
    this.#moments.batch(values, this.#width, out);
    const unstable = Math.min(values.length, Math.max(0, this.warmup - 1 - this.count));
    upper.fill(Number.NaN, 0, unstable);
    middle.fill(Number.NaN, 0, unstable);
    lower.fill(Number.NaN, 0, unstable);
    this.count += values.length;
    return out;
  }
}
