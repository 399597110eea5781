import type {
  ConditionalOrder,
  ConditionalStatus,
  ExchangeFill,
  ExchangeOrder,
  ExchangeOrderStatus,
  Income,
  IncomeKind,
  PositionSide,
  TimeInForce,
} from '../../matching/index.ts';
import { averagePriceOf, formatCash, formatPrice, formatQuantity } from '../../matching/index.ts';

/** How the venue writes orders, executions and bookings. */

export const ORDER_STATUS: Readonly<Record<ExchangeOrderStatus, string>> = {
  new: 'NEW',
  'partially-filled': 'PARTIALLY_FILLED',
  filled: 'FILLED',
  cancelled: 'CANCELED',
  expired: 'EXPIRED',
};

export const ALGO_STATUS: Readonly<Record<ConditionalStatus, string>> = {
  new: 'NEW',
  triggered: 'TRIGGERED',
  finished: 'FINISHED',
  cancelled: 'CANCELED',
  expired: 'EXPIRED',
  rejected: 'REJECTED',
};

export const TIME_IN_FORCE: Readonly<Record<TimeInForce, string>> = {
  'good-till-cancel': 'GTC',
  'immediate-or-cancel': 'IOC',
  'fill-or-kill': 'FOK',
  'post-only': 'GTX',
};

export const INCOME_TYPE: Readonly<Record<IncomeKind, string>> = {
  'realized-pnl': 'REALIZED_PNL',
  commission: 'COMMISSION',
  funding: 'FUNDING_FEE',
  'liquidation-fee': 'INSURANCE_CLEAR',
  insurance: 'INSURANCE_CLEAR',
};

export const sideWord = (side: 'buy' | 'sell'): string => side.toUpperCase();
export const positionSideWord = (side: PositionSide): string => side.toUpperCase();

export const algoTypeWord = ({ type, becomes }: ConditionalOrder): string => {
  if (type === 'trailing-stop') return 'TRAILING_STOP_MARKET';
  return `${type === 'stop' ? 'STOP' : 'TAKE_PROFIT'}${becomes === 'market' ? '_MARKET' : ''}`;
};

/** Type as first asked for: of an order that a conditional one became, that one's. */
export const originalType = (order: ExchangeOrder): string =>
  order.origin ? algoTypeWord(order.origin) : typeWord(order);

export const typeWord = ({ type, isForced }: ExchangeOrder): string => (isForced ? 'LIQUIDATION' : type.toUpperCase());

export const workingType = (order: ConditionalOrder | undefined): string =>
  order?.workingPrice === 'mark' ? 'MARK_PRICE' : 'CONTRACT_PRICE';

export const orderWords = (order: ExchangeOrder) => ({
  orderId: order.id,
  symbol: order.symbol,
  status: ORDER_STATUS[order.status],
  clientOrderId: order.clientOrderId,
  price: formatPrice(order.price),
  avgPrice: formatPrice(averagePriceOf(order)),
  origQty: formatQuantity(order.quantity),
  executedQty: formatQuantity(order.filled),
  cumQty: formatQuantity(order.filled),
  cumQuote: formatCash(order.filledNotional),
  timeInForce: TIME_IN_FORCE[order.timeInForce],
  type: typeWord(order),
  reduceOnly: order.reduceOnly,
  closePosition: order.origin?.closePosition ?? false,
  side: sideWord(order.side),
  positionSide: positionSideWord(order.positionSide),
  stopPrice: formatPrice(order.origin?.triggerPrice ?? 0n),
  workingType: workingType(order.origin),
  priceProtect: false,
  origType: originalType(order),
  priceMatch: 'NONE',
  selfTradePreventionMode: 'NONE',
  goodTillDate: 0,
  time: order.createdAt,
  updateTime: order.updatedAt,
});

/** An order as it was taken, before anything came of it. */
export const acknowledgement = (order: ExchangeOrder) => ({
  ...orderWords(order),
  status: 'NEW',
  avgPrice: '0',
  executedQty: '0',
  cumQty: '0',
  cumQuote: '0',
  updateTime: order.createdAt,
});

export const algoWords = (order: ConditionalOrder) => ({
  algoId: order.id,
  clientAlgoId: order.clientOrderId,
  algoType: 'CONDITIONAL',
  orderType: algoTypeWord(order),
  symbol: order.symbol,
  side: sideWord(order.side),
  positionSide: positionSideWord(order.positionSide),
  timeInForce: TIME_IN_FORCE[order.timeInForce],
  quantity: formatQuantity(order.quantity),
  algoStatus: ALGO_STATUS[order.status],
  actualOrderId: order.order ? String(order.order.id) : '',
  actualPrice: order.order ? formatPrice(averagePriceOf(order.order)) : '0',
  triggerPrice: formatPrice(order.type === 'trailing-stop' ? 0n : order.triggerPrice),
  price: formatPrice(order.price),
  icebergQuantity: null,
  selfTradePreventionMode: 'NONE',
  workingType: workingType(order),
  priceMatch: 'NONE',
  closePosition: order.closePosition,
  priceProtect: false,
  reduceOnly: order.reduceOnly,
  ...(order.type === 'trailing-stop'
    ? { activatePrice: formatPrice(order.triggerPrice), callbackRate: String(order.callbackPerMille / 10) }
    : {}),
  createTime: order.createdAt,
  updateTime: order.updatedAt,
  triggerTime: order.triggeredAt ?? 0,
  goodTillDate: 0,
});

export const fillWords = ({ order, ...fill }: ExchangeFill) => ({
  symbol: order.symbol,
  id: fill.id,
  orderId: order.id,
  side: sideWord(order.side),
  price: formatPrice(fill.price),
  qty: formatQuantity(fill.quantity),
  realizedPnl: formatCash(fill.realizedPnl),
  quoteQty: formatCash(fill.notional),
  commission: formatCash(fill.fee),
  commissionAsset: 'USDT',
  time: fill.time,
  positionSide: positionSideWord(order.positionSide),
  buyer: order.side === 'buy',
  maker: fill.isMaker,
});

export const incomeWords = (income: Income) => ({
  symbol: income.symbol,
  incomeType: INCOME_TYPE[income.kind],
  income: formatCash(income.amount),
  asset: 'USDT',
  info: INCOME_TYPE[income.kind],
  time: income.time,
  tranId: income.id,
  tradeId: income.fillId === 0 ? '' : String(income.fillId),
});
