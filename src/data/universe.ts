import { type Exclusion, type Instrument, MinutehandError, type SymbolId } from '../core/index.ts';
import type { Ticker } from './exchange-gateway.ts';

export interface UniverseOptions {
  readonly instruments: readonly Instrument[];
  /** Needed for the ranking only. */
  readonly tickers: readonly Ticker[];
  /** Symbols in all, references included. */
  readonly size: number;
  /** Markets that cross-sectional features lean on: always in, and first. */
  readonly references: readonly SymbolId[];
  /** These symbols in this order, in place of the ranking. */
  readonly symbols?: readonly SymbolId[] | undefined;
}

export interface Universe {
  /** In canonical order: the order of every panel, batch and report. */
  readonly symbols: readonly SymbolId[];
  /** Symbols asked for by name that the venue does not trade. */
  readonly excluded: readonly Exclusion[];
}

/**
 * The symbols to watch: those listed by name, else the references and then the largest by 24 h quote volume (equal ones by name).
 * @throws MinutehandError UNIVERSE_EMPTY, UNIVERSE_DUPLICATE (exit 2).
 */
export function selectUniverse(options: UniverseOptions): Universe {
  const { instruments, tickers, size, references, symbols } = options;
  const statusOf = new Map(instruments.map(({ symbol, status }) => [symbol, status]));
  const isTrading = (symbol: SymbolId) => statusOf.get(symbol) === 'trading';
  const named = symbols ?? references;
  const repeated = named.find((symbol, index) => named.indexOf(symbol) !== index);
  if (repeated !== undefined) {
    throw new MinutehandError('UNIVERSE_DUPLICATE', `${repeated} is listed twice`, 'List each symbol once.', {
      exitCode: 2,
    });
  }
  const excluded = named
    .filter((symbol) => !isTrading(symbol))
    .map(
      (symbol): Exclusion => ({
        symbol,
        reason: statusOf.get(symbol) === 'delisted' ? 'INSTRUMENT_DELISTED' : 'INSTRUMENT_NOT_TRADING',
      }),
    );
  const chosen = named.filter(isTrading);
  if (symbols === undefined) {
    const ranked = tickers
      .filter(({ symbol }) => isTrading(symbol) && !references.includes(symbol))
      .sort((a, b) => b.quoteVolume24h - a.quoteVolume24h || (a.symbol < b.symbol ? -1 : 1));
    for (const { symbol } of ranked.slice(0, Math.max(0, size - chosen.length))) chosen.push(symbol);
  }
  if (chosen.length === 0) {
    throw new MinutehandError(
      'UNIVERSE_EMPTY',
      'none of the symbols asked for trades at the exchange',
      'Check the names (BTCUSDT, ETHUSDT, …), or leave the list out to take the largest by volume.',
      { exitCode: 2 },
    );
  }
  return { symbols: chosen, excluded };
}
