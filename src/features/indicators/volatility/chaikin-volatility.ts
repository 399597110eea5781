import { at64 } from '../../../core/index.ts';
import { Delay } from '../delay.ts';
import { checkPeriod, type HighLowClose, type HighLowCloseColumns, Indicator } from '../indicator.ts';
import { Ema } from '../trend/ema.ts';

/**
 * Chaikin volatility: the change of EMA(H - L) over `lag` bars, in per cent, at least -100; 0 where the range before was nothing beside it.
 * Chaikin, 1980s. No TA-Lib function.
 */
export class ChaikinVolatility extends Indicator {
  readonly #average: Ema;
  readonly #delay: Delay;

  constructor(period = 10, lag = 10) {
    super(checkPeriod(period) + checkPeriod(lag, 'lag'));
    this.#average = new Ema(period);
    this.#delay = new Delay(lag);
  }

  update({ high, low }: Pick<HighLowClose, 'high' | 'low'>): number {
    return this.#next(high, low);
  }

  batch({ high, low }: HighLowCloseColumns, out: Float64Array = new Float64Array(high.length)): Float64Array {
    for (let i = 0; i < high.length; i++) out[i] = this.#next(at64(high, i), at64(low, i));
    return out;
  }

  #next(high: number, low: number): number {
    const average = this.#average.update(high - low);
    const before = this.#delay.update(average);
    if (++this.count < this.warmup) return Number.NaN;
    // A long flat stretch leaves an average that is not quite zero.
    return before <= average * Number.EPSILON ? 0 : (100 * (average - before)) / before;
  }
}
