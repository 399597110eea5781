import { at64 } from '../../../core/index.ts';
import { checkParameter, checkPeriod, type HighLowClose, type HighLowCloseColumns, Indicator } from '../indicator.ts';
import { Ema } from '../trend/ema.ts';
import { Atr } from './atr.ts';
import { allocateChannel, type Channel, type ChannelColumns } from './channel.ts';

/**
 * Keltner channels: the EMA of closes over `period` bars, and `multiplier` average true ranges over `atrPeriod` bars above and below.
 * Prices. Keltner 1960, in the form of Raschke, which took averages of ranges and typical prices out. No TA-Lib function, but
 * averages with TA-Lib's seeds.
 */
export class KeltnerChannels extends Indicator {
  readonly #middle: Ema;
  readonly #range: Atr;
  readonly #multiplier: number;

  constructor(period = 20, atrPeriod = 10, multiplier = 2) {
    super(Math.max(checkPeriod(period), checkPeriod(atrPeriod, 'atrPeriod') + 1));
    this.#middle = new Ema(period);
    this.#range = new Atr(atrPeriod);
    this.#multiplier = checkParameter(multiplier, 'multiplier');
  }

  update(bar: HighLowClose): Channel {
    const middle = this.#middle.update(bar.close);
    const reach = this.#multiplier * this.#range.update(bar);
    if (++this.count < this.warmup) return { upper: Number.NaN, middle: Number.NaN, lower: Number.NaN };
    return { upper: middle + reach, middle, lower: middle - reach };
  }

  batch(columns: HighLowCloseColumns, out: ChannelColumns = allocateChannel(columns.close.length)): ChannelColumns {
    const { upper, middle, lower } = out;
    this.#middle.batch(columns.close, middle);
    this.#range.batch(columns, upper);
    const { length } = columns.close;
    // All lines begin where the slower of the two averages does.
    middle.fill(Number.NaN, 0, Math.min(length, Math.max(0, this.warmup - 1 - this.count)));
    this.count += length;
    for (let i = 0; i < length; i++) {
      const centre = at64(middle, i);
      const reach = this.#multiplier * at64(upper, i);
      upper[i] = centre + reach;
      lower[i] = centre - reach;
    }
    return out;
  }
}
