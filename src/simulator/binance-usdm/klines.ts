import { at64, type BarColumns, durationOf, type Timeframe } from '../../core/index.ts';
import { type Bar, columnsOf } from '../bar.ts';
import type { RestRoute } from '../dialect.ts';
import type { Steps } from '../price-path.ts';
import { decimal, rounded } from './numbers.ts';
import { limitOf, requiredInstrument, requiredInterval, timeRange } from './parameters.ts';

const DEFAULT_LIMIT = 500;
const MOST = 1_500;
/** Decimal places of quote volumes. */
const QUOTE_DECIMALS = 4;

export const klines: RestRoute = {
  path: '/fapi/v1/klines',
  weight(query) {
    const limit = Number(query.limit ?? DEFAULT_LIMIT);
    return limit < 100 ? 1 : limit < 500 ? 2 : limit <= 1_000 ? 5 : 10;
  },
  async answer(query, { venue }) {
    const { instrument, steps } = requiredInstrument(query, venue);
    const timeframe = requiredInterval(query);
    const limit = limitOf(query, DEFAULT_LIMIT, MOST);
    const range = timeRange(query);
    await venue.market.load(instrument.symbol, timeframe);
    const { closed, forming } = venue.bars({ symbol: instrument.symbol, timeframe, limit, ...range });
    const rows = klineRows(closed, timeframe, steps);
    const last = forming && klineRows(columnsOf([forming]), timeframe, steps);
    return `[${last === undefined ? rows : rows === '' ? last : `${rows},${last}`}]`;
  },
};

/**
 * Volumes as the venue prints them. Where the source has no quote volume it is volume times typical price; where it has no taker
 * volume, half of the volume: the value that says nothing. Trades are not counted by any source: 1 stands for "some".
 */
export function volumesOf(bar: Pick<Bar, 'high' | 'low' | 'close' | 'volume' | 'quoteVolume' | 'takerBuyVolume'>) {
  const typicalPrice = (bar.high + bar.low + bar.close) / 3;
  const quote = Number.isNaN(bar.quoteVolume) ? bar.volume * typicalPrice : bar.quoteVolume;
  const takerBuy = Number.isNaN(bar.takerBuyVolume) ? bar.volume / 2 : bar.takerBuyVolume;
  const takerQuote = bar.volume > 0 ? (quote * takerBuy) / bar.volume : 0;
  return { quote, takerBuy, takerQuote, trades: bar.volume > 0 ? 1 : 0 };
}

/** Rows of JSON straight from the columns, without the brackets around them. */
function klineRows(bars: BarColumns, timeframe: Timeframe, steps: Steps): string {
  const span = durationOf(timeframe) - 1;
  const decimals = steps.quantityDecimals;
  let text = '';
  for (let i = 0; i < bars.length; i++) {
    const openTime = at64(bars.openTime, i);
    const high = at64(bars.high, i);
    const low = at64(bars.low, i);
    const close = at64(bars.close, i);
    const volume = at64(bars.volume, i);
    const { quote, takerBuy, takerQuote, trades } = volumesOf({
      high,
      low,
      close,
      volume,
      quoteVolume: at64(bars.quoteVolume, i),
      takerBuyVolume: at64(bars.takerBuyVolume, i),
    });
    text +=
      `${i === 0 ? '' : ','}[${openTime},"${decimal(at64(bars.open, i))}","${decimal(high)}","${decimal(low)}",` +
      `"${decimal(close)}","${rounded(volume, decimals)}",${openTime + span},"${rounded(quote, QUOTE_DECIMALS)}",` +
      `${trades},"${rounded(takerBuy, decimals)}","${rounded(takerQuote, QUOTE_DECIMALS)}","0"]`;
  }
  return text;
}
