import { at64 } from '../../../core/index.ts';
import { checkPeriod, type HighLowClose, type HighLowCloseColumns, Indicator } from '../indicator.ts';
import { Sma } from '../trend/sma.ts';

/**
 * Awesome oscillator: SMA(m, fast) - SMA(m, slow), m = (high + low) / 2 (Williams 1995). In units of the price. Not in TA-Lib.
 */
export class AwesomeOscillator extends Indicator {
  readonly #fast: Sma;
  readonly #slow: Sma;

  constructor(fast = 5, slow = 34) {
    super(checkPeriod(slow, 'slow', checkPeriod(fast, 'fast')));
    this.#fast = new Sma(fast);
    this.#slow = new Sma(slow);
  }

  update({ high, low }: Pick<HighLowClose, 'high' | 'low'>): number {
    return this.#next((high + low) / 2);
  }

  batch(
    { high, low }: Pick<HighLowCloseColumns, 'high' | 'low'>,
    out: Float64Array = new Float64Array(high.length),
  ): Float64Array {
    for (let i = 0; i < high.length; i++) out[i] = this.#next((at64(high, i) + at64(low, i)) / 2);
    return out;
  }

  #next(median: number): number {
    this.count++;
    return this.#fast.update(median) - this.#slow.update(median);
  }
}
