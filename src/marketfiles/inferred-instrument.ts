import { at64, type BarColumns, type EpochMs, type Instrument, type SymbolId } from '../core/index.ts';

/** Decimal places beyond which a venue prints nothing. */
const MOST_DECIMALS = 8;
/** The venue's smallest order, in quote currency. */
const MIN_NOTIONAL = '5';
const QUOTES = ['USDT', 'USDC', 'FDUSD', 'BUSD', 'TUSD', 'USD', 'EUR', 'BTC', 'ETH', 'BNB'];

/** The rules of an instrument as its bars show them: tick and step are the finest decimals that occur. */
export function inferInstrument(
  venue: string,
  symbol: SymbolId,
  bars: BarColumns,
  life: { readonly listedAt?: EpochMs; readonly delistedAt?: EpochMs },
): Instrument {
  const quote = QUOTES.find((one) => symbol.endsWith(one) && symbol.length > one.length) ?? 'USDT';
  const stepSize = unitOf(finestDecimals(bars.volume));
  return {
    venue,
    symbol,
    base: symbol.endsWith(quote) ? symbol.slice(0, -quote.length) : symbol,
    quote,
    tickSize: unitOf(Math.max(finestDecimals(bars.close), finestDecimals(bars.high), finestDecimals(bars.low))),
    stepSize,
    minQuantity: stepSize,
    minNotional: MIN_NOTIONAL,
    status: 'trading',
    ...life,
  };
}

function finestDecimals(values: Float64Array): number {
  let finest = 0;
  for (let i = 0; i < values.length && finest < MOST_DECIMALS; i++) {
    const value = at64(values, i);
    // Most values have no more decimals than those before them: one multiplication and division tell.
    const scale = 10 ** finest;
    if (Math.round(value * scale) / scale === value) continue;
    const decimals = String(value).split('.')[1] ?? '';
    finest = Math.min(MOST_DECIMALS, Math.max(finest, decimals.includes('e') ? MOST_DECIMALS : decimals.length));
  }
  return finest;
}

/** One unit of the last of `decimals` places: 3 is "0.001". */
const unitOf = (decimals: number): string => (decimals === 0 ? '1' : `0.${'0'.repeat(decimals - 1)}1`);
