import type { SymbolId } from '../../core/index.ts';
import {
  type ExchangeAccount,
  type ExchangePosition,
  entryPriceOf,
  formatCash,
  formatPrice,
  formatQuantity,
  initialMarginOf,
  liquidationPoints,
  maintenanceOf,
  type PositionSide,
  unrealizedAt,
  valueAt,
} from '../../matching/index.ts';
import { positionSideWord } from './order-words.ts';

/** How the venue writes balances and positions. Everything is in USDT, the one asset there is. */

export function accountSums(exchange: ExchangeAccount) {
  const margin = exchange.margin();
  const wallet = exchange.ledger.wallet;
  const available = margin.available > 0n ? margin.available : 0n;
  return {
    wallet: formatCash(wallet),
    unrealized: formatCash(margin.unrealized),
    balance: formatCash(wallet + margin.unrealized),
    initial: formatCash(margin.positionInitial + margin.orderInitial),
    positionInitial: formatCash(margin.positionInitial),
    orderInitial: formatCash(margin.orderInitial),
    maintenance: formatCash(margin.maintenance),
    crossWallet: formatCash(margin.crossWallet),
    crossUnrealized: formatCash(margin.crossUnrealized),
    available: formatCash(available),
  };
}

/** Positions as the venue lists them: those held or with open orders, or of every symbol named; legs in hedge mode. */
export function listedPositions(exchange: ExchangeAccount, symbols: readonly SymbolId[], everything: boolean) {
  const sides: readonly PositionSide[] = exchange.isHedgeMode ? ['long', 'short'] : ['both'];
  const ordered = new Set(exchange.orders.open().map(({ symbol, positionSide }) => `${symbol}/${positionSide}`));
  const known = new Map(exchange.positions.map((position) => [`${position.symbol}/${position.side}`, position]));
  return symbols.flatMap((symbol) =>
    sides.flatMap((side) => {
      const position = known.get(`${symbol}/${side}`) ?? flat(symbol, side);
      const isListed = everything || position.quantity !== 0n || ordered.has(`${symbol}/${side}`);
      return isListed ? [position] : [];
    }),
  );
}

const flat = (symbol: SymbolId, side: PositionSide): ExchangePosition => ({
  symbol,
  side,
  quantity: 0n,
  cost: 0n,
  isolatedWallet: 0n,
  realizedPnl: 0n,
  updatedAt: 0 as ExchangePosition['updatedAt'],
});

/** A position with what its symbol's settings and the present price make of it. `mark` in price units. */
export function positionWords(exchange: ExchangeAccount, position: ExchangePosition, mark: bigint) {
  const { symbol } = position;
  const inputs = exchange.marginInputs();
  const { leverage, isIsolated } = exchange.marginOf(symbol);
  const initial = initialMarginOf(position, inputs);
  const unrealized = unrealizedAt(position, mark);
  const liquidation = liquidationPoints(symbol, inputs).find(({ positions }) => positions.includes(position));
  return {
    symbol,
    positionSide: positionSideWord(position.side),
    positionAmt: formatQuantity(position.quantity),
    entryPrice: formatPrice(entryPriceOf(position)),
    breakEvenPrice: formatPrice(entryPriceOf(position)),
    markPrice: formatPrice(mark),
    unrealized: formatCash(unrealized),
    liquidationPrice: formatPrice(liquidation?.price ?? 0n),
    isolatedMargin: isIsolated ? formatCash(position.isolatedWallet + unrealized) : '0',
    isolatedWallet: formatCash(position.isolatedWallet),
    notional: formatCash(valueAt(position, mark)),
    initialMargin: formatCash(initial.position + initial.orders),
    positionInitialMargin: formatCash(initial.position),
    openOrderInitialMargin: formatCash(initial.orders),
    maintMargin: formatCash(maintenanceOf(position, mark, inputs.maintenanceMarginRate)),
    leverage: String(leverage),
    isIsolated,
    updateTime: position.updatedAt,
  };
}
