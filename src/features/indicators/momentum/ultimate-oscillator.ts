import { at64 } from '../../../core/index.ts';
import { checkPeriod, type HighLowClose, type HighLowCloseColumns, Indicator } from '../indicator.ts';
import { WindowSum } from '../window-sum.ts';

/**
 * Ultimate oscillator: 100·(4·b(short) + 2·b(medium) + b(long)) / 7, b(n) = Σ (close - true low) / Σ true range over the last n bars
 * (Williams 1985). 0 to 100; a b without any range counts 0. TA-Lib ULTOSC, whose running sums keep a residue in a flat stretch.
 */
export class UltimateOscillator extends Indicator {
  readonly #shortPressure: WindowSum;
  readonly #shortRange: WindowSum;
  readonly #mediumPressure: WindowSum;
  readonly #mediumRange: WindowSum;
  readonly #longPressure: WindowSum;
  readonly #longRange: WindowSum;
  #close = 0;

  constructor(short = 7, medium = 14, long = 28) {
    super(checkPeriod(long, 'long', checkPeriod(medium, 'medium', checkPeriod(short, 'short'))) + 1);
    this.#shortPressure = new WindowSum(short);
    this.#shortRange = new WindowSum(short);
    this.#mediumPressure = new WindowSum(medium);
    this.#mediumRange = new WindowSum(medium);
    this.#longPressure = new WindowSum(long);
    this.#longRange = new WindowSum(long);
  }

  update({ high, low, close }: HighLowClose): number {
    return this.#next(high, low, close);
  }

  batch({ high, low, close }: HighLowCloseColumns, out: Float64Array = new Float64Array(close.length)): Float64Array {
    for (let i = 0; i < close.length; i++) out[i] = this.#next(at64(high, i), at64(low, i), at64(close, i));
    return out;
  }

  #next(high: number, low: number, close: number): number {
    const previous = this.#close;
    this.#close = close;
    if (++this.count === 1) return Number.NaN;
    const trueLow = Math.min(low, previous);
    const pressure = close - trueLow;
    const range = Math.max(high, previous) - trueLow;
    const short = share(this.#shortPressure.update(pressure), this.#shortRange.update(range));
    const medium = share(this.#mediumPressure.update(pressure), this.#mediumRange.update(range));
    const long = share(this.#longPressure.update(pressure), this.#longRange.update(range));
    return this.isStable ? (100 * (4 * short + 2 * medium + long)) / 7 : Number.NaN;
  }
}

const share = (pressure: number, range: number): number => (range === 0 ? 0 : pressure / range);
