import {
  batchBars,
  checkPeriod,
  Indicator,
  type OpenHighLowClose,
  type OpenHighLowCloseColumns,
} from '../indicator.ts';
import { WindowSum } from '../window-sum.ts';

/**
 * Volatility whatever the drift: √(Σ (ln(H/C) ln(H/O) + ln(L/C) ln(L/O)) / period), per bar, for a walk without gaps. Rogers and Satchell
 * 1991. No TA-Lib function.
 */
export class RogersSatchell extends Indicator {
  readonly #terms: WindowSum;

  constructor(period = 20) {
    super(checkPeriod(period));
    this.#terms = new WindowSum(period);
  }

  update(bar: OpenHighLowClose): number {
    const sum = this.#terms.update(rogersSatchellVariance(bar));
    return ++this.count >= this.warmup ? Math.sqrt(Math.max(0, sum) / this.warmup) : Number.NaN;
  }

  batch(columns: OpenHighLowCloseColumns, out?: Float64Array): Float64Array {
    return batchBars(this, columns, out);
  }
}

/** ln(H/C) ln(H/O) + ln(L/C) ln(L/O) of one bar. */
export function rogersSatchellVariance({ open, high, low, close }: OpenHighLowClose): number {
  return Math.log(high / close) * Math.log(high / open) + Math.log(low / close) * Math.log(low / open);
}
