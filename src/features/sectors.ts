import type { SymbolId } from '../core/index.ts';

/**
 * What kind of project stands behind a coin, by its base asset: for returns less those of the sector. Part of the identity of a feature
 * set. A base asset that is not named is in the sector `other`.
 */
const SECTORS: Readonly<Record<string, readonly string[]>> = {
  bitcoin: ['BTC', 'BCH', 'ORDI', 'SATS', 'STX', 'LTC', 'ZEC', 'ZEN', 'DASH', 'ETC', 'BSV', 'XMR'],
  platform: [
    'ETH',
    'SOL',
    'ADA',
    'AVAX',
    'DOT',
    'NEAR',
    'APT',
    'SUI',
    'SEI',
    'TON',
    'TRX',
    'BNB',
    'ATOM',
    'ICP',
    'INJ',
    'TIA',
    'ALGO',
    'EOS',
    'HBAR',
    'ONT',
    'SAGA',
  ],
  rollup: ['OP', 'ARB', 'IMX', 'MATIC', 'POL', 'STRK', 'ZK', 'MANTA', 'METIS'],
  payments: ['XRP', 'XLM', 'XVG', 'PEOPLE', 'NOT'],
  finance: [
    'AAVE',
    'UNI',
    'CRV',
    'DYDX',
    'LINK',
    'TRB',
    'ENA',
    'ONDO',
    'OM',
    'JUP',
    'ZRX',
    'MKR',
    'COMP',
    'SNX',
    'LDO',
    'EIGEN',
    'POLYX',
    'PENDLE',
    'SUSHI',
    'CAKE',
    'GMX',
  ],
  computing: ['FET', 'TAO', 'RENDER', 'WLD', 'ARKM', 'FIL', 'AR', 'GRT', 'THETA'],
  memes: [
    'DOGE',
    'SHIB',
    'PEPE',
    'WIF',
    'BONK',
    'FLOKI',
    'NEIRO',
    'POPCAT',
    'BOME',
    'MEW',
    'TURBO',
    'DOGS',
    'CATI',
    'CAT',
    'BABYDOGE',
    'HMSTR',
    'PNUT',
    'TRUMP',
    'FARTCOIN',
    'BRETT',
  ],
  entertainment: ['APE', 'BIGTIME', 'MASK', 'CHZ', 'AUCTION', 'SAND', 'MANA', 'AXS', 'GALA', 'ENJ', 'GMT'],
};
const NAMES = ['other', ...Object.keys(SECTORS)];
const sectorOfBase = new Map(
  Object.entries(SECTORS).flatMap(([sector, bases]) => bases.map((base) => [base, NAMES.indexOf(sector)] as const)),
);

/** Number of a symbol's sector, by its base asset: quote currency, a multiplier in front and a contract's suffix left off. */
export function sectorOf(symbol: SymbolId): number {
  const base = symbol
    .replace(/[_-].*$/, '')
    .replace(/(USDT|USDC|FDUSD|BUSD|USD)$/, '')
    .replace(/^(1000000|1000|1M)(?=[A-Z])/, '');
  return sectorOfBase.get(base) ?? 0;
}

/** The whole table as text, for a feature set's hash. */
export const sectorTable = (): string => JSON.stringify(SECTORS);
