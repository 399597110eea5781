import {
  batchBars,
  checkPeriod,
  Indicator,
  type OpenHighLowClose,
  type OpenHighLowCloseColumns,
} from '../indicator.ts';
import { WindowMoments } from '../window-moments.ts';
import { WindowSum } from '../window-sum.ts';
import { rogersSatchellVariance } from './rogers-satchell.ts';

/**
 * Volatility whatever the drift and the gaps: √(σ²open + k σ²close + (1 - k) σ²RS), per bar, with the sample variances of ln(O/C₋₁) and of
 * ln(C/O), the mean of Rogers and Satchell's term, and k = 0.34 / (1.34 + (n + 1) / (n - 1)) over n = `period` bars. Yang and Zhang 2000.
 * No TA-Lib function.
 */
export class YangZhang extends Indicator {
  readonly #period: number;
  readonly #weight: number;
  readonly #gaps: WindowMoments;
  readonly #bodies: WindowMoments;
  readonly #terms: WindowSum;
  #close = 0;

  constructor(period = 20) {
    super(checkPeriod(period, 'period', 2) + 1);
    this.#period = period;
    this.#weight = 0.34 / (1.34 + (period + 1) / (period - 1));
    this.#gaps = new WindowMoments(period);
    this.#bodies = new WindowMoments(period);
    this.#terms = new WindowSum(period);
  }

  update(bar: OpenHighLowClose): number {
    const before = this.#close;
    this.#close = bar.close;
    if (++this.count === 1) return Number.NaN;
    this.#gaps.update(Math.log(bar.open / before));
    this.#bodies.update(Math.log(bar.close / bar.open));
    const terms = Math.max(0, this.#terms.update(rogersSatchellVariance(bar)));
    if (this.count < this.warmup) return Number.NaN;
    const weight = this.#weight;
    const period = this.#period;
    // Of a sample: over period - 1.
    const sampled = ((this.#gaps.variance + weight * this.#bodies.variance) * period) / (period - 1);
    return Math.sqrt(sampled + ((1 - weight) * terms) / period);
  }

  batch(columns: OpenHighLowCloseColumns, out?: Float64Array): Float64Array {
    return batchBars(this, columns, out);
  }
}
