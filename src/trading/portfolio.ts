import type { EpochMs, EquityPoint, Notional, Position, SignalSide, SymbolId } from '../core/index.ts';
import { formatCash, formatPrice, formatQuantity, notionalOf, parsePrice, priceOf } from '../matching/index.ts';
import { type LedgerPosition, magnitude } from './ledger/account.ts';
import type { Ledger } from './ledger/ledger.ts';
import { positionKey, remainingOf } from './ledger/ledger-order.ts';
import { workingLegsOf, workingOrders } from './ledger/working-orders.ts';
import type { MarketState } from './market-state.ts';
import { stopStateOf, triggerOf } from './protective-orders.ts';

export type Markets = ReadonlyMap<SymbolId, MarketState>;

/** The account at a set of prices, in exact cash units. */
export interface Valuation {
  /** cash + unrealized. */
  readonly equity: bigint;
  readonly unrealized: bigint;
  /** Sum of absolute position values. */
  readonly gross: bigint;
}

/** Cash and what positions would leave at the last prices, cash units. A position whose symbol has no price yet counts at its cost. */
export function equityOf({ cash, positions }: Ledger, markets: Markets): bigint {
  if (positions.size === 0) return cash;
  let equity = cash;
  for (const position of positions.values()) equity += marketValueOf(position, markets) - position.cost;
  return equity;
}

/** Value of the book at the last prices. A position whose symbol has no price yet counts at its cost. */
export function valueLedger(ledger: Ledger, markets: Markets): Valuation {
  let unrealized = 0n;
  let gross = 0n;
  for (const position of ledger.positions.values()) {
    const value = marketValueOf(position, markets);
    unrealized += value - position.cost;
    gross += magnitude(value);
  }
  return { equity: ledger.cash + unrealized, unrealized, gross };
}

/** What the book is exposed to if everything that is working fills. */
export interface Exposure {
  readonly gross: bigint;
  readonly long: bigint;
  readonly short: bigint;
  /** Absolute values, those of opposite sides added up. */
  readonly bySymbol: ReadonlyMap<SymbolId, bigint>;
  /** Longs less shorts. */
  readonly netBySymbol: ReadonlyMap<SymbolId, bigint>;
  /** Positions, and entries still working where there is none yet. */
  readonly positions: number;
}

/** Exposure of positions at the last prices and of entries still working at the higher of reference and last price. */
export function exposureOf(ledger: Ledger, markets: Markets): Exposure {
  let [long, short] = [0n, 0n];
  const bySymbol = new Map<SymbolId, bigint>();
  const netBySymbol = new Map<SymbolId, bigint>();
  const held = new Set<string>();
  const add = (symbol: SymbolId, value: bigint): void => {
    if (value > 0n) long += value;
    else short -= value;
    bySymbol.set(symbol, (bySymbol.get(symbol) ?? 0n) + magnitude(value));
    netBySymbol.set(symbol, (netBySymbol.get(symbol) ?? 0n) + value);
  };
  for (const [key, position] of ledger.positions) {
    held.add(key);
    add(position.symbol, marketValueOf(position, markets));
  }
  for (const order of workingOrders(ledger)) {
    const { intent } = order;
    if (intent.purpose !== 'entry') continue;
    held.add(positionKey(intent.strategy, intent.symbol));
    const reference = parsePrice(intent.referencePrice);
    const last = markets.get(intent.symbol)?.lastPrice ?? reference;
    const value = notionalOf(last > reference ? last : reference, remainingOf(order));
    add(intent.symbol, intent.side === 'buy' ? value : -value);
  }
  return { gross: long + short, long, short, bySymbol, netBySymbol, positions: held.size };
}

/** The exposure with one more entry of a symbol that is not held. */
export function withEntry(
  exposure: Exposure,
  { symbol, side, notional }: { readonly symbol: SymbolId; readonly side: SignalSide; readonly notional: Notional },
): Exposure {
  const bySymbol = new Map(exposure.bySymbol);
  bySymbol.set(symbol, (bySymbol.get(symbol) ?? 0n) + notional);
  const netBySymbol = new Map(exposure.netBySymbol);
  netBySymbol.set(symbol, (netBySymbol.get(symbol) ?? 0n) + (side === 'long' ? notional : -notional));
  return {
    gross: exposure.gross + notional,
    long: exposure.long + (side === 'long' ? notional : 0n),
    short: exposure.short + (side === 'short' ? notional : 0n),
    bySymbol,
    netBySymbol,
    positions: exposure.positions + 1,
  };
}

export function equityPointOf(minute: EpochMs, ledger: Ledger, valuation: Valuation): EquityPoint {
  return {
    minute,
    equity: formatCash(valuation.equity),
    cash: formatCash(ledger.cash),
    unrealizedPnl: formatCash(valuation.unrealized),
    realizedPnl: formatCash(ledger.realized),
    fees: formatCash(ledger.fees),
    funding: formatCash(ledger.funding),
    transfers: formatCash(ledger.transfers),
    grossExposure: formatCash(valuation.gross),
    openPositions: ledger.positions.size,
  };
}

export function positionsOf(book: string, ledger: Ledger, markets: Markets): Position[] {
  const legsOf = workingLegsOf(ledger);
  return [...ledger.positions].map(([key, position]) => {
    const legs = legsOf(key);
    const isLong = position.quantity > 0n;
    const stop = legs.stops
      .map(triggerOf)
      .reduce<bigint | undefined>(
        (tightest, price) => (tightest === undefined || price > tightest === isLong ? price : tightest),
        undefined,
      );
    const targets = legs.targets.map(triggerOf).sort((a, b) => (a < b === isLong ? -1 : 1));
    const average = priceOf(magnitude(position.cost), magnitude(position.quantity));
    return {
      book,
      strategy: position.strategy,
      symbol: position.symbol,
      quantity: formatQuantity(position.quantity),
      averagePrice: formatPrice(average),
      openedAt: position.openedAt,
      markPrice: formatPrice(markets.get(position.symbol)?.lastPrice ?? average),
      unrealizedPnl: formatCash(marketValueOf(position, markets) - position.cost),
      ...(stop === undefined ? {} : { stopPrice: formatPrice(stop) }),
      stopState: stopStateOf(position, legs),
      targetPrices: targets.map(formatPrice),
    };
  });
}

function marketValueOf(position: LedgerPosition, markets: Markets): bigint {
  const market = markets.get(position.symbol);
  return market === undefined ? position.cost : notionalOf(market.lastPrice, position.quantity);
}
