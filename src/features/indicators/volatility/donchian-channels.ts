import { at64 } from '../../../core/index.ts';
import { checkPeriod, type HighLowClose, type HighLowCloseColumns, Indicator } from '../indicator.ts';
import { WindowExtremes } from '../window-extremes.ts';
import { allocateChannel, type Channel, type ChannelColumns } from './channel.ts';

/**
 * Donchian channels: the highest high and the lowest low of the last `period` bars, the newest included, and the middle between the two.
 * Prices. Donchian 1960. TA-Lib MAX of highs and MIN of lows.
 */
export class DonchianChannels extends Indicator {
  readonly #extremes: WindowExtremes;

  constructor(period = 20) {
    super(checkPeriod(period));
    this.#extremes = new WindowExtremes(period);
  }

  update({ high, low }: Pick<HighLowClose, 'high' | 'low'>): Channel {
    this.#extremes.update(high, low);
    if (++this.count < this.warmup) return { upper: Number.NaN, middle: Number.NaN, lower: Number.NaN };
    const upper = this.#extremes.highest;
    const lower = this.#extremes.lowest;
    return { upper, middle: (upper + lower) / 2, lower };
  }

  batch({ high, low }: Pick<HighLowCloseColumns, 'high' | 'low'>, out = allocateChannel(high.length)): ChannelColumns {
    const extremes = this.#extremes;
    for (let i = 0; i < high.length; i++) {
      extremes.update(at64(high, i), at64(low, i));
      const stable = ++this.count >= this.warmup;
      const upper = stable ? extremes.highest : Number.NaN;
      const lower = stable ? extremes.lowest : Number.NaN;
      out.upper[i] = upper;
      out.middle[i] = (upper + lower) / 2;
      out.lower[i] = lower;
    }
    return out;
  }
}
