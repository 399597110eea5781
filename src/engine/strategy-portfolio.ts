import { cashToNumber, type SymbolId } from '../core/index.ts';
import { notionalOf, parsePrice, priceOf, priceToNumber, quantityToNumber } from '../matching/index.ts';
import type { Holding, MarketView, StrategyPortfolio } from '../strategies/index.ts';
import { magnitude, positionKey, remainingOf, returnOver, volatilityOf, workingOrders } from '../trading/index.ts';
import type { BookState } from './book-state.ts';
import type { DecideInput, DecideSettings } from './decide-types.ts';

/** What a book shows each of its strategies in one minute: to each its own positions, to all the same panel. */
export function strategyPortfolios(
  state: Pick<BookState, 'ledger' | 'markets' | 'holdUntil' | 'cooldowns'>,
  { minute, members, equity }: Pick<DecideInput, 'minute' | 'members'> & { /** Cash units. */ readonly equity: bigint },
  { sizing }: Pick<DecideSettings, 'sizing'>,
): (strategy: string) => StrategyPortfolio {
  const markets = new Map<SymbolId, MarketView>();
  for (const symbol of members) {
    const market = state.markets.get(symbol);
    if (market?.lastMinute !== minute) continue;
    markets.set(symbol, {
      price: priceToNumber(market.lastPrice),
      returnOver: (minutes) => returnOver(market, minutes),
      volatilityOver: (minutes) => volatilityOf(market, minutes, sizing),
    });
  }
  const holdings = new Map<string, Map<SymbolId, Holding>>();
  const hold = (
    strategy: string,
    {
      quantity,
      price,
      ...held
    }: Omit<Holding, 'holdUntil' | 'quantity' | 'weight' | 'entryPrice'> & {
      readonly quantity: bigint;
      readonly price: bigint;
    },
  ) => {
    const { symbol } = held;
    const value = notionalOf(state.markets.get(symbol)?.lastPrice ?? price, quantity);
    const own = holdings.get(strategy) ?? new Map<SymbolId, Holding>();
    holdings.set(strategy, own);
    own.set(symbol, {
      ...held,
      holdUntil: state.holdUntil.get(positionKey(strategy, symbol)) ?? minute,
      quantity: quantityToNumber(quantity),
      weight: equity > 0n ? cashToNumber(value) / cashToNumber(equity) : 0,
      entryPrice: priceToNumber(price),
    });
  };
  for (const order of workingOrders(state.ledger)) {
    const { purpose, strategy, symbol, side, referencePrice, decidedAt } = order.intent;
    if (purpose !== 'entry') continue;
    hold(strategy, {
      symbol,
      side: side === 'buy' ? 'long' : 'short',
      isPending: true,
      quantity: remainingOf(order),
      price: parsePrice(referencePrice),
      openedAt: decidedAt,
    });
  }
  for (const { strategy, symbol, quantity, cost, openedAt } of state.ledger.positions.values()) {
    hold(strategy, {
      symbol,
      side: quantity > 0n ? 'long' : 'short',
      isPending: false,
      quantity: magnitude(quantity),
      price: priceOf(magnitude(cost), magnitude(quantity)),
      openedAt,
    });
  }
  return (strategy) => {
    const prefix = positionKey(strategy, '');
    const cooldowns = [...state.cooldowns].filter(([key]) => key.startsWith(prefix));
    return {
      holdings: holdings.get(strategy) ?? new Map(),
      cooldowns: new Map(cooldowns.map(([key, until]) => [key.slice(prefix.length), until])),
      markets,
    };
  };
}
