import {
  batchBars,
  checkPeriod,
  Indicator,
  type OpenHighLowClose,
  type OpenHighLowCloseColumns,
} from '../indicator.ts';
import { WindowSum } from '../window-sum.ts';

/**
 * Volatility from whole bars: √(Σ (ln(H/L)² / 2 - (2 ln 2 - 1) ln(C/O)²) / period), per bar, for a driftless walk without gaps. Its
 * practical form; the sum cannot be negative, since |ln(C/O)| is at most ln(H/L). Garman and Klass 1980. No TA-Lib function.
 */
export class GarmanKlass extends Indicator {
  readonly #terms: WindowSum;

  constructor(period = 20) {
    super(checkPeriod(period));
    this.#terms = new WindowSum(period);
  }

  update({ open, high, low, close }: OpenHighLowClose): number {
    const range = Math.log(high / low);
    const body = Math.log(close / open);
    const sum = this.#terms.update(0.5 * range * range - (2 * Math.LN2 - 1) * body * body);
    return ++this.count >= this.warmup ? Math.sqrt(Math.max(0, sum) / this.warmup) : Number.NaN;
  }

  batch(columns: OpenHighLowCloseColumns, out?: Float64Array): Float64Array {
    return batchBars(this, columns, out);
  }
}
