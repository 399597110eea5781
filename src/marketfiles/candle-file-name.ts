import { basename, dirname } from 'node:path';
import { isTimeframe, type SymbolId, type Timeframe } from '../core/index.ts';

export interface NamedMarket {
  readonly symbol: SymbolId | undefined;
  readonly timeframe: Timeframe | undefined;
}

const QUOTES = 'USDT|USDC|FDUSD|TUSD|BUSD|USD|EUR|GBP|TRY|BRL|JPY|DAI|BTC|ETH|BNB';
const PAIR = new RegExp(`^[0-9A-Z]{2,}(?:${QUOTES})$`);
const TICKER = /^(?=.*[A-Z])[0-9A-Z]{3,}$/;

/**
 * Reads symbol and timeframe from a file's name, the timeframe failing that from its folder's name:
 * "exchange-outage_BTCUSDT_15m_2024-10-28.csv.gz" is BTCUSDT, 15m; "15m/BTCUSDT.csv.gz" too.
 */
export function guessSymbolAndTimeframe(path: string): NamedMarket {
  const words = wordsOf(basename(path).replace(/\.(csv|csv\.gz|zip|gz)$/i, ''));
  return {
    symbol: words.find((word) => PAIR.test(word)) ?? words.find((word) => TICKER.test(word)),
    timeframe: timeframeIn(words) ?? timeframeIn(wordsOf(basename(dirname(path)))),
  };
}

const wordsOf = (name: string): string[] => name.split(/[^0-9A-Za-z]+/).filter((word) => word !== '');

function timeframeIn(words: readonly string[]): Timeframe | undefined {
  return words.map((word) => word.replace(/^(\d+)min$/, '$1m')).find(isTimeframe);
}

/** The symbol of a file in a folder of candles: SYMBOL.csv[.gz] or SYMBOL-1m-2026-04….csv[.gz]/.zip; else undefined. */
export function symbolOfFolderFile(name: string): SymbolId | undefined {
  return /^([0-9A-Z]{3,})(?:-(?:\d+[mhd])-\d{4}[^/]*)?\.(?:csv|csv\.gz|zip)$/.exec(name)?.[1];
}
