import { ZodError, z } from 'zod';
import { type EpochMs, epochMs, messageOf, type OrderSide, type SignalSide } from '../../../core/index.ts';
import { parseQuantity } from '../../../matching/index.ts';
import type {
  VenueCashFlow,
  VenueFill,
  VenueOrder,
  VenueOrderRequest,
  VenuePosition,
  VenueWallet,
} from './account-client.ts';

/** How Binance USD-M futures words what an account asks and is told. Amounts stay the strings that the venue sent. */

export type PositionMode = 'hedge' | 'one-way';
type Status = VenueOrder['status'];
type Fields = Record<string, string>;

const decimal = z.string().regex(/^-?\d+(\.\d+)?$/);
/** Long ids come as strings where a number could not hold them. */
const id = z.union([z.string().min(1), z.number().int()]).transform(String);
const time = z.union([z.number(), z.string().regex(/^\d+$/)]).transform((value): EpochMs => epochMs(Number(value)));
/** Without a value where an order closes whatever is held. */
const quantity = decimal.nullish().transform((text) => text ?? '0');
const actualId = z
  .union([z.string(), z.number()])
  .nullish()
  .transform((value) => (value ? String(value) : undefined));
const side = z.enum(['BUY', 'SELL']).transform((word): OrderSide => (word === 'BUY' ? 'buy' : 'sell'));
const positionSide = z.enum(['BOTH', 'LONG', 'SHORT']);

const ORDER_STATUS = {
  NEW: 'ACCEPTED',
  // Orders of a liquidation.
  NEW_INSURANCE: 'ACCEPTED',
  NEW_ADL: 'ACCEPTED',
  PARTIALLY_FILLED: 'PARTIALLY_FILLED',
  FILLED: 'FILLED',
  CANCELED: 'CANCELLED',
  REJECTED: 'REJECTED',
  EXPIRED: 'EXPIRED',
  EXPIRED_IN_MATCH: 'EXPIRED',
} as const satisfies Readonly<Record<string, Status>>;
const orderStatus = z.enum(Object.keys(ORDER_STATUS) as [keyof typeof ORDER_STATUS]);

/** `FINISHED` only says that the order it became has ended. */
const algoStatus = z.enum(['NEW', 'TRIGGERING', 'TRIGGERED', 'FINISHED', 'CANCELED', 'REJECTED', 'EXPIRED']);
const CONDITIONAL_TYPES: ReadonlySet<string> = new Set([
  'STOP_MARKET',
  'TAKE_PROFIT_MARKET',
  'STOP',
  'TAKE_PROFIT',
  'TRAILING_STOP_MARKET',
]);

/** In one-way mode the leg follows from what the order does: a buy that closes closes a short. */
function legOf(word: z.output<typeof positionSide>, orderSide: OrderSide, isClosing: boolean): SignalSide {
  if (word !== 'BOTH') return word === 'LONG' ? 'long' : 'short';
  return (orderSide === 'buy') !== isClosing ? 'long' : 'short';
}

/** What to send for an order, and where. */
export function orderFields(
  request: VenueOrderRequest,
  mode: PositionMode,
): { readonly path: 'v1/order' | 'v1/algoOrder'; readonly fields: Fields } {
  const common: Fields = {
    symbol: request.symbol,
    side: request.side === 'buy' ? 'BUY' : 'SELL',
    quantity: request.quantity,
    ...(mode === 'hedge' ? { positionSide: request.leg === 'long' ? 'LONG' : 'SHORT' } : {}),
    ...(mode === 'one-way' && request.isClosing ? { reduceOnly: 'true' } : {}),
  };
  const regular = { newClientOrderId: request.clientOrderId, newOrderRespType: 'RESULT' };
  switch (request.type) {
    case 'market':
      return { path: 'v1/order', fields: { ...common, ...regular, type: 'MARKET' } };
    case 'limit': {
      const terms = { price: request.limitPrice ?? '', timeInForce: request.postOnly ? 'GTX' : 'GTC' };
      return { path: 'v1/order', fields: { ...common, ...regular, type: 'LIMIT', ...terms } };
    }
    case 'stopMarket':
    case 'takeProfitMarket':
      return {
        path: 'v1/algoOrder',
        fields: {
          ...common,
          algoType: 'CONDITIONAL',
          type: request.type === 'stopMarket' ? 'STOP_MARKET' : 'TAKE_PROFIT_MARKET',
          triggerPrice: request.triggerPrice ?? '',
          workingType: 'CONTRACT_PRICE',
          clientAlgoId: request.clientOrderId,
        },
      };
  }
}

const orderRow = z.object({
  orderId: id,
  clientOrderId: z.string(),
  symbol: z.string(),
  status: orderStatus,
  side,
  positionSide,
  reduceOnly: z.boolean().default(false),
  origQty: decimal,
  executedQty: decimal,
  origType: z.string().default(''),
  updateTime: time,
});

/** An order of the book; one that a conditional order became counts as that one. */
export function readOrder(row: unknown): VenueOrder {
  const order = orderRow.parse(row);
  const isConditional = CONDITIONAL_TYPES.has(order.origType);
  return {
    clientOrderId: order.clientOrderId,
    symbol: order.symbol,
    isConditional,
    venueId: order.orderId,
    side: order.side,
    leg: legOf(order.positionSide, order.side, order.reduceOnly),
    status: workingStatus(ORDER_STATUS[order.status], isConditional),
    quantity: order.origQty,
    filledQuantity: order.executedQty,
    updatedAt: order.updateTime,
  };
}

/** An order that came of a conditional one and has not filled yet has triggered. */
const workingStatus = (status: Status, isConditional: boolean): Status =>
  status === 'ACCEPTED' && isConditional ? 'TRIGGERED' : status;

const algoRow = z.object({
  algoId: id,
  clientAlgoId: z.string(),
  symbol: z.string(),
  algoStatus,
  side,
  positionSide,
  reduceOnly: z.boolean().default(false),
  quantity,
  actualOrderId: actualId,
  updateTime: time,
});

/** A conditional order by itself, and the id of the order it became. */
export function readAlgoOrder(row: unknown): {
  readonly order: VenueOrder;
  readonly actualOrderId: string | undefined;
  readonly hasFinished: boolean;
} {
  const algo = algoRow.parse(row);
  return {
    order: {
      clientOrderId: algo.clientAlgoId,
      symbol: algo.symbol,
      isConditional: true,
      venueId: algo.algoId,
      side: algo.side,
      leg: legOf(algo.positionSide, algo.side, algo.reduceOnly),
      status: algoOrderStatus(algo.algoStatus),
      quantity: algo.quantity,
      filledQuantity: '0',
      updatedAt: algo.updateTime,
    },
    actualOrderId: algo.actualOrderId,
    hasFinished: algo.algoStatus === 'FINISHED',
  };
}

function algoOrderStatus(word: z.output<typeof algoStatus>): Status {
  switch (word) {
    case 'NEW':
      return 'ACCEPTED';
    case 'TRIGGERING':
    case 'TRIGGERED':
    case 'FINISHED':
      return 'TRIGGERED';
    case 'CANCELED':
      return 'CANCELLED';
    case 'REJECTED':
    case 'EXPIRED':
      return word;
  }
}

/** An execution, with the asset its fee was paid in. */
export interface PaidFill {
  readonly fill: VenueFill;
  readonly feeAsset: string | undefined;
}

const tradeRow = z.object({
  id,
  orderId: id,
  symbol: z.string(),
  side,
  positionSide,
  price: decimal,
  qty: decimal,
  realizedPnl: decimal.default('0'),
  commission: decimal,
  commissionAsset: z.string(),
  time,
});

/** In one-way mode an execution that realised a profit or loss closed something; nothing else tells. */
export function readTrade(row: unknown): PaidFill & { readonly tradeId: string } {
  const trade = tradeRow.parse(row);
  return {
    tradeId: trade.id,
    feeAsset: trade.commissionAsset,
    fill: {
      fillId: fillIdOf(trade.symbol, trade.id),
      venueId: trade.orderId,
      symbol: trade.symbol,
      side: trade.side,
      leg: legOf(trade.positionSide, trade.side, /[1-9]/.test(trade.realizedPnl)),
      quantity: trade.qty,
      price: trade.price,
      fee: trade.commission,
      time: trade.time,
    },
  };
}

/** Averages come with more decimals than prices have here. */
const PRICE_DECIMALS = 12;

export const atMostDecimals = (amount: string, decimals: number): string =>
  amount.replace(new RegExp(`(\\.\\d{${decimals}})\\d+$`), '$1');

const fillIdOf = (symbol: string, tradeId: string): string => `${symbol}:${tradeId}`;

const positionRow = z.object({ symbol: z.string(), positionSide, positionAmt: decimal, entryPrice: decimal });

/** Those held; a row of the venue may be flat. */
export function readPositions(rows: readonly unknown[]): VenuePosition[] {
  return rows
    .map((row) => positionRow.parse(row))
    .filter(({ positionAmt }) => /[1-9]/.test(positionAmt))
    .map(({ symbol, positionSide: word, positionAmt, entryPrice }) => ({
      symbol,
      leg: legOf(word, positionAmt.startsWith('-') ? 'sell' : 'buy', false),
      quantity: positionAmt.replace('-', ''),
      entryPrice: atMostDecimals(entryPrice, PRICE_DECIMALS),
    }));
}

const balanceRow = z.object({ asset: z.string(), balance: decimal, availableBalance: decimal });

export function readBalance(rows: readonly unknown[], quote: string): Omit<VenueWallet, 'isHedgeMode'> {
  const row = rows.map((one) => balanceRow.parse(one)).find(({ asset }) => asset === quote);
  return { balance: row?.balance ?? '0', available: row?.availableBalance ?? '0' };
}

const accountConfig = z.object({
  canTrade: z.boolean(),
  dualSidePosition: z.boolean(),
  multiAssetsMargin: z.boolean(),
});
export const readAccountConfig = (answer: unknown): z.output<typeof accountConfig> => accountConfig.parse(answer);

const feeBurn = z.object({ feeBurn: z.boolean() });
export const readFeeBurn = (answer: unknown): boolean => feeBurn.parse(answer).feeBurn;

const symbolConfig = z.object({ symbol: z.string(), marginType: z.string(), leverage: z.coerce.number() });

/** Of one symbol, as orders for it would find it. */
export function readSymbolConfig(
  rows: readonly unknown[],
  symbol: string,
): { readonly isIsolated: boolean; readonly leverage: number } | undefined {
  const row = rows.map((one) => symbolConfig.parse(one)).find((one) => one.symbol === symbol);
  return row && { isIsolated: row.marginType.toUpperCase() === 'ISOLATED', leverage: row.leverage };
}

const incomeRow = z.object({
  symbol: z.string().default(''),
  incomeType: z.string(),
  income: decimal,
  asset: z.string(),
  time,
  tranId: id,
});

/** What executions bring and cost stands in the executions. */
const OF_EXECUTIONS: ReadonlySet<string> = new Set(['REALIZED_PNL', 'COMMISSION']);

/** A booking; `isTrade` where an execution tells it, `asset` what it is in. */
export function readIncome(row: unknown): {
  readonly flow: VenueCashFlow;
  readonly asset: string;
  readonly isTrade: boolean;
} {
  const { symbol, incomeType, income, asset, time: at, tranId } = incomeRow.parse(row);
  const isTransfer = incomeType.includes('TRANSFER') || incomeType.startsWith('COIN_SWAP');
  const cause = incomeType === 'FUNDING_FEE' ? 'funding' : isTransfer ? 'transfer' : 'other';
  return {
    asset,
    isTrade: OF_EXECUTIONS.has(incomeType),
    flow: {
      // The venue's ids are unique within a type.
      flowId: [incomeType, symbol, tranId].filter((part) => part !== '').join(':'),
      cause,
      ...(symbol === '' ? {} : { symbol }),
      amount: income,
      time: at,
    },
  };
}

const orderUpdate = z.object({
  s: z.string(),
  c: z.string(),
  S: side,
  X: orderStatus,
  i: id,
  q: decimal,
  z: decimal,
  l: decimal,
  L: decimal,
  n: decimal.default('0'),
  N: z.string().nullish(),
  T: time,
  t: id,
  R: z.boolean().default(false),
  ot: z.string().default(''),
  ps: positionSide,
});

/** An `ORDER_TRADE_UPDATE`: the order, and the execution it tells of if it does. */
export function readOrderUpdate(body: unknown): { readonly order: VenueOrder; readonly paid: PaidFill | undefined } {
  const update = orderUpdate.parse(body);
  const isConditional = CONDITIONAL_TYPES.has(update.ot);
  const named = { venueId: update.i, clientOrderId: update.c, symbol: update.s, side: update.S };
  const leg = legOf(update.ps, update.S, update.R);
  const hasFilled = /[1-9]/.test(update.l) && update.t !== '0';
  return {
    order: {
      ...named,
      leg,
      isConditional,
      status: workingStatus(ORDER_STATUS[update.X], isConditional),
      quantity: update.q,
      filledQuantity: update.z,
      updatedAt: update.T,
    },
    paid: hasFilled
      ? {
          feeAsset: update.N ?? undefined,
          fill: {
            ...named,
            leg,
            fillId: fillIdOf(update.s, update.t),
            quantity: update.l,
            price: update.L,
            fee: update.n,
            time: update.T,
          },
        }
      : undefined,
  };
}

const algoUpdate = z.object({
  caid: z.string(),
  aid: id,
  s: z.string(),
  S: side,
  ps: positionSide,
  R: z.boolean().default(false),
  q: quantity,
  X: algoStatus,
  ai: actualId,
  aq: decimal.optional(),
});

/** An `ALGO_UPDATE` of the given time, and the id of the order that the conditional one became. */
export function readAlgoUpdate(
  body: unknown,
  updatedAt: EpochMs,
): { readonly order: VenueOrder; readonly actualOrderId: string | undefined } {
  const update = algoUpdate.parse(body);
  return {
    actualOrderId: update.ai,
    order: {
      clientOrderId: update.caid,
      symbol: update.s,
      isConditional: true,
      venueId: update.ai ?? update.aid,
      side: update.S,
      leg: legOf(update.ps, update.S, update.R),
      status: finishedStatus(algoOrderStatus(update.X), update),
      quantity: update.q,
      filledQuantity: update.aq ?? '0',
      updatedAt,
    },
  };
}

/** What has triggered and filled tells as much; how the order it became has ended otherwise, that one's own event tells. */
function finishedStatus(status: Status, { aq, q }: z.output<typeof algoUpdate>): Status {
  if (status !== 'TRIGGERED' || aq === undefined || !/[1-9]/.test(aq)) return status;
  return parseQuantity(aq) >= parseQuantity(q) ? 'FILLED' : 'PARTIALLY_FILLED';
}

const streamMessage = z.object({ e: z.string(), T: time.optional(), E: time.optional(), o: z.unknown().optional() });

export type StreamMessage =
  | { readonly kind: 'order'; readonly body: unknown }
  | { readonly kind: 'algo'; readonly body: unknown; readonly time: EpochMs }
  | { readonly kind: 'expired' }
  | { readonly kind: 'other' };

export function readMessage(raw: unknown): StreamMessage {
  const parsed = streamMessage.safeParse(raw);
  if (!parsed.success) return { kind: 'other' };
  const { e, T, E, o } = parsed.data;
  if (e === 'ORDER_TRADE_UPDATE') return { kind: 'order', body: o };
  if (e === 'ALGO_UPDATE') return { kind: 'algo', body: o, time: T ?? E ?? epochMs(0) };
  return { kind: e === 'listenKeyExpired' ? 'expired' : 'other' };
}

/** What is wrong with an answer or a message, without its contents. */
export const wordsOf = (error: unknown): string =>
  error instanceof ZodError
    ? error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ')
    : messageOf(error);
