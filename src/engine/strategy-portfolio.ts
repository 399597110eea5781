import { cashToNumber, type EpochMs, type SymbolId } from '../core/index.ts';
import { notionalOf, parsePrice, priceOf, priceToNumber, quantityToNumber } from '../matching/index.ts';
import type { Holding, MarketView, StrategyPortfolio } from '../strategies/index.ts';
import {
  exactOf,
  magnitude,
  positionKey,
  remainingOf,
  returnOver,
  type SizingSettings,
  volatilityOf,
  workingOrders,
} from '../trading/index.ts';
import type { BookState } from './book-state.ts';
import type { DecideInput } from './decide-types.ts';

/** What accounts are made of. */
export interface StrategyStanding
  extends Pick<BookState, 'ledger' | 'markets' | 'holdUntil' | 'cooldowns'>,
    Pick<DecideInput, 'minute' | 'members'> {
  /** Cash units. */
  readonly equity: bigint;
  readonly sizing: SizingSettings;
}

/** What a book shows each of its strategies in one minute: to each its own positions, to all the same panel. Made as far as it is looked at. */
export class StrategyPortfolios {
  readonly #standing: StrategyStanding;
  #markets: ReadonlyMap<SymbolId, MarketView> | undefined;
  #holdings: ReadonlyMap<string, ReadonlyMap<SymbolId, Holding>> | undefined;

  constructor(standing: StrategyStanding) {
    this.#standing = standing;
  }

  of(strategy: string): StrategyPortfolio {
    return new LazyPortfolio(this, strategy);
  }

  /** Whether the time of any holding is over. */
  get isAnyOverdue(): boolean {
    const { ledger, holdUntil, minute } = this.#standing;
    if (ledger.positions.size > 0) {
      for (const key of ledger.positions.keys()) if ((holdUntil.get(key) ?? minute) <= minute) return true;
    }
    for (const { intent } of workingOrders(ledger)) {
      if (intent.purpose === 'entry' && (holdUntil.get(exactOf(intent).key) ?? minute) <= minute) return true;
    }
    return false;
  }

  get markets(): ReadonlyMap<SymbolId, MarketView> {
    this.#markets ??= viewsOf(this.#standing);
    return this.#markets;
  }

  holdingsOf(strategy: string): ReadonlyMap<SymbolId, Holding> {
    this.#holdings ??= holdingsByStrategy(this.#standing);
    return this.#holdings.get(strategy) ?? NOTHING_HELD;
  }

  cooldownsOf(strategy: string): ReadonlyMap<SymbolId, EpochMs> {
    const prefix = positionKey(strategy, '');
    const own = new Map<SymbolId, EpochMs>();
    if (this.#standing.cooldowns.size === 0) return own;
    for (const [key, until] of this.#standing.cooldowns) {
      if (key.startsWith(prefix)) own.set(key.slice(prefix.length), until);
    }
    return own;
  }
}

const NOTHING_HELD: ReadonlyMap<SymbolId, Holding> = new Map();

class LazyPortfolio implements StrategyPortfolio {
  readonly #portfolios: StrategyPortfolios;
  readonly #strategy: string;
  #cooldowns: ReadonlyMap<SymbolId, EpochMs> | undefined;

  constructor(portfolios: StrategyPortfolios, strategy: string) {
    this.#portfolios = portfolios;
    this.#strategy = strategy;
  }

  get holdings(): ReadonlyMap<SymbolId, Holding> {
    return this.#portfolios.holdingsOf(this.#strategy);
  }

  get cooldowns(): ReadonlyMap<SymbolId, EpochMs> {
    this.#cooldowns ??= this.#portfolios.cooldownsOf(this.#strategy);
    return this.#cooldowns;
  }

  get markets(): ReadonlyMap<SymbolId, MarketView> {
    return this.#portfolios.markets;
  }
}

function viewsOf({ markets, members, minute, sizing }: StrategyStanding): Map<SymbolId, MarketView> {
  const views = new Map<SymbolId, MarketView>();
  for (const symbol of members) {
    const market = markets.get(symbol);
    if (market?.lastMinute !== minute) continue;
    views.set(symbol, {
      price: priceToNumber(market.lastPrice),
      returnOver: (minutes) => returnOver(market, minutes),
      volatilityOver: (minutes) => volatilityOf(market, minutes, sizing),
    });
  }
  return views;
}

/** A holding before it is valued. */
type Held = Pick<Holding, 'symbol' | 'side' | 'isPending' | 'openedAt'> & {
  /** Quantity units, positive. */
  readonly quantity: bigint;
  /** Price units. */
  readonly price: bigint;
};

function holdingsByStrategy({ ledger, markets, holdUntil, minute, equity }: StrategyStanding) {
  const holdings = new Map<string, Map<SymbolId, Holding>>();
  const hold = (strategy: string, { symbol, side, isPending, openedAt, quantity, price }: Held) => {
    const value = notionalOf(markets.get(symbol)?.lastPrice ?? price, quantity);
    const own = holdings.get(strategy) ?? new Map<SymbolId, Holding>();
    holdings.set(strategy, own);
    own.set(symbol, {
      symbol,
      side,
      isPending,
      openedAt,
      holdUntil: holdUntil.get(positionKey(strategy, symbol)) ?? minute,
      quantity: quantityToNumber(quantity),
      weight: equity > 0n ? cashToNumber(value) / cashToNumber(equity) : 0,
      entryPrice: priceToNumber(price),
    });
  };
  for (const order of workingOrders(ledger)) {
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
  for (const { strategy, symbol, quantity, cost, openedAt } of ledger.positions.values()) {
    hold(strategy, {
      symbol,
      side: quantity > 0n ? 'long' : 'short',
      isPending: false,
      quantity: magnitude(quantity),
      price: priceOf(magnitude(cost), magnitude(quantity)),
      openedAt,
    });
  }
  return holdings;
}
