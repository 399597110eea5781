import type { Config } from '../config/index.ts';
import { durationOf, MINUTE_MS, type Notional, type SymbolId } from '../core/index.ts';
import { type Database, listInstruments, loadBook, universeAt } from '../database/index.ts';
import { formatCash, tradingRulesOf } from '../matching/index.ts';
import { capitalFor, capitalOf, valueLedger } from '../trading/index.ts';
import type { BookState } from './book-state.ts';
import { decodeBookState } from './book-state-text.ts';
import { type RiskStanding, riskStandingOf } from './risk-standing.ts';
import { decideSettings } from './settings.ts';

/** What equity the universe asks for, so that the smallest position that a strategy wants can be traded in each of its symbols. */
export interface CapitalNeed {
  /** Decimal string, quote currency: enough for every symbol. */
  readonly needed: string;
  /** The symbol that asks for most. */
  readonly symbol: SymbolId;
  /** Symbols with a price, and those of them for which the equity is enough. */
  readonly priced: number;
  readonly tradable: number;
}

export interface BookOverview {
  readonly risk: RiskStanding;
  /** Null while no symbol has a price. */
  readonly capital: CapitalNeed | null;
}

/** What a book may do and what equity it needs, from its last committed state; undefined before its first minute. */
export async function readBookOverview(
  database: Database,
  config: Config,
  book: string,
): Promise<BookOverview | undefined> {
  const stored = await loadBook(database, book);
  if (!stored) return undefined;
  const state = decodeBookState(stored.bookState);
  const universe = (await universeAt(database, book, stored.lastMinute)) ?? [];
  const instruments = await listInstruments(database, config.exchange.id);
  const traded = instruments.filter(({ symbol }) => universe.includes(symbol));
  const { risk } = decideSettings(config, book);
  return { risk: riskStandingOf(state, risk), capital: capitalNeed(state, config, book, traded) };
}

function capitalNeed(
  state: BookState,
  config: Config,
  book: string,
  instruments: Awaited<ReturnType<typeof listInstruments>>,
): CapitalNeed | null {
  const { strategies, sizing, risk } = decideSettings(config, book);
  const { equity } = capitalOf(state.risk, valueLedger(state.ledger, state.markets).equity, risk);
  const needs: { symbol: SymbolId; capital: Notional }[] = [];
  for (const instrument of instruments) {
    const market = state.markets.get(instrument.symbol);
    if (market === undefined) continue;
    const rules = tradingRulesOf(instrument);
    const needed = strategies.map(({ holdFor, leastWeight: weight }) =>
      capitalFor({ rules, market, holdMinutes: durationOf(holdFor) / MINUTE_MS, weight }, { sizing, risk }),
    );
    const [capital] = needed.sort((a, b) => (a > b ? -1 : 1));
    if (capital !== undefined) needs.push({ symbol: instrument.symbol, capital });
  }
  const [most] = needs.sort((a, b) => (a.capital > b.capital ? -1 : 1));
  if (most === undefined) return null;
  return {
    needed: formatCash(most.capital),
    symbol: most.symbol,
    priced: needs.length,
    tradable: needs.filter(({ capital }) => capital <= equity).length,
  };
}

/** In one line. */
export function describeCapital({ needed, symbol, priced, tradable }: CapitalNeed, quote: string): string {
  const amount = Math.ceil(Number(needed));
  return `the smallest position of each of ${priced} symbols needs an equity of ${amount} ${quote} (${symbol} most); enough for ${tradable}`;
}
