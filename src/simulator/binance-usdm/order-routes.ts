import { DAY_MS } from '../../core/index.ts';
import { type ExchangeOrder, isOpen, Refusal } from '../../matching/index.ts';
import { type PrivateContext, type PrivateRoute, type Query, VenueError } from '../dialect.ts';
import { orderRequest } from './order-parameters.ts';
import { acknowledgement, fillWords, orderWords } from './order-words.ts';
import { integer, limitOf, mandatory, requiredInstrument, timeRange } from './parameters.ts';
import { refusalError } from './refusals.ts';

/** Orders one request may carry. */
const MOST_IN_BATCH = 5;
const WEEK_MS = 7 * DAY_MS;

export const signed = (
  method: PrivateRoute['method'],
  path: string,
  weight: number | PrivateRoute['weight'],
  answer: (query: Query, context: PrivateContext) => unknown,
  purpose: PrivateRoute['purpose'] = method === 'GET' ? 'read' : 'change',
): PrivateRoute => ({
  method,
  path: `/fapi/${path}`,
  purpose,
  isSigned: true,
  weight: typeof weight === 'number' ? () => weight : weight,
  answer: (query, context) => JSON.stringify(answer(query, context)),
});

/** Newest last: the first from a beginning on if one is named, else the last. */
export function page<T>(entries: readonly T[], isForward: boolean, limit: number): T[] {
  return isForward ? entries.slice(0, limit) : entries.slice(-limit);
}

function place(query: Query, context: PrivateContext): unknown {
  const order = context.account.exchange.place(orderRequest(query, context), context.venue.now());
  return query.newOrderRespType === 'RESULT' ? orderWords(order) : acknowledgement(order);
}

function find(query: Query, { venue, account }: PrivateContext): ExchangeOrder | undefined {
  const { instrument } = requiredInstrument(query, venue);
  const id = integer(query, 'orderId');
  if (id === undefined && !query.origClientOrderId) {
    throw new VenueError(-1102, "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!");
  }
  return account.exchange.orders.find(instrument.symbol, id, query.origClientOrderId);
}

function cancel(query: Query, context: PrivateContext): unknown {
  const order = find(query, context);
  if (!order) throw new Refusal('ORDER_UNKNOWN');
  context.account.exchange.cancel(order, context.venue.now());
  return orderWords(order);
}

/** Each in turn, with the refusal in place of the order where it is refused. */
const each = (queries: readonly Query[], act: (query: Query) => unknown): unknown[] =>
  queries.map((query) => {
    try {
      return act(query);
    } catch (error) {
      const refused = error instanceof Refusal ? refusalError(error) : error;
      if (refused instanceof VenueError) return { code: refused.code, msg: refused.message };
      throw error;
    }
  });

function list(query: Query, name: string): unknown[] {
  const text = query[name];
  if (!text) throw mandatory(name);
  try {
    const parsed: unknown = JSON.parse(text);
    if (Array.isArray(parsed) && parsed.length <= MOST_IN_BATCH) return parsed;
  } catch {
    // Malformed like anything else that is no list.
  }
  throw new VenueError(-1130, `Data sent for parameter '${name}' is not valid.`);
}

const asQuery = (value: unknown): Query =>
  Object.fromEntries(Object.entries(value ?? {}).map(([name, inner]) => [name, String(inner)]));

const missing = () => new VenueError(-2013, 'Order does not exist.');

export const orderRoutes: readonly PrivateRoute[] = [
  signed('POST', 'v1/order', 1, place, 'order'),
  signed('GET', 'v1/order', 1, (query, context) => {
    const order = find(query, context);
    if (!order) throw missing();
    return orderWords(order);
  }),
  signed('DELETE', 'v1/order', 1, cancel),
  signed(
    'POST',
    'v1/batchOrders',
    5,
    (query, context) => each(list(query, 'batchOrders').map(asQuery), (one) => place(one, context)),
    'order',
  ),
  signed('DELETE', 'v1/batchOrders', 1, (query, context) => {
    const byId = query.orderIdList ?? query.orderidlist;
    const byClientId = query.origClientOrderIdList ?? query.origclientorderidlist;
    const wanted =
      byId === undefined
        ? list({ origClientOrderIdList: byClientId }, 'origClientOrderIdList').map((id) => ({
            origClientOrderId: String(id),
          }))
        : list({ orderIdList: byId }, 'orderIdList').map((id) => ({ orderId: String(id) }));
    return each(wanted, (one) => cancel({ symbol: query.symbol, ...one }, context));
  }),
  signed('DELETE', 'v1/allOpenOrders', 1, (query, { venue, account }) => {
    const { instrument } = requiredInstrument(query, venue);
    const { exchange } = account;
    for (const order of exchange.orders.open(instrument.symbol)) if (isOpen(order)) exchange.cancel(order, venue.now());
    return { code: 200, msg: 'The operation of cancel all open order is done.' };
  }),
  signed('GET', 'v1/openOrder', 1, (query, context) => {
    const order = find(query, context);
    if (!order || !isOpen(order)) throw missing();
    return orderWords(order);
  }),
  signed(
    'GET',
    'v1/openOrders',
    (query) => (query.symbol === undefined ? 40 : 1),
    (query, { venue, account }) => {
      if (query.symbol !== undefined) requiredInstrument(query, venue);
      return account.exchange.orders.open(query.symbol).map(orderWords);
    },
  ),
  signed('GET', 'v1/allOrders', 5, (query, { venue, account }) => {
    const { instrument } = requiredInstrument(query, venue);
    const from = integer(query, 'orderId');
    const { startTime, endTime } = timeRange(query);
    const limit = limitOf(query, 500, 1_000);
    const orders = account.exchange.orders
      .all(instrument.symbol)
      .filter(({ id, createdAt }) =>
        from === undefined ? createdAt >= (startTime ?? 0) && createdAt <= (endTime ?? createdAt) : id >= from,
      );
    return page(orders, from !== undefined || startTime !== undefined, limit).map(orderWords);
  }),
  signed('GET', 'v1/userTrades', 5, (query, { venue, account }) => {
    const { instrument } = requiredInstrument(query, venue);
    const from = integer(query, 'fromId');
    const orderId = integer(query, 'orderId');
    const { startTime, endTime } = timeRange(query);
    if (startTime !== undefined && endTime !== undefined && endTime - startTime > WEEK_MS) {
      throw new VenueError(-4165, 'Maximum time interval is 7 days.');
    }
    const limit = limitOf(query, 500, 1_000);
    const first = from === undefined ? (startTime ?? (endTime ?? venue.now()) - WEEK_MS) : 0;
    const last = endTime ?? (startTime === undefined ? venue.now() : startTime + WEEK_MS);
    const fills = account.exchange.ledger.fills.filter(
      ({ id, order, time }) =>
        order.symbol === instrument.symbol &&
        (orderId === undefined || order.id === orderId) &&
        (from === undefined ? time >= first && time <= last : id >= from),
    );
    return page(fills, from !== undefined || startTime !== undefined, limit).map(fillWords);
  }),
];
