import type { ConditionalOrder } from '../../matching/index.ts';
import { type PrivateContext, type PrivateRoute, type Query, VenueError } from '../dialect.ts';
import { conditionalRequest } from './order-parameters.ts';
import { page, signed } from './order-routes.ts';
import { algoWords } from './order-words.ts';
import { integer, limitOf, requiredInstrument, timeRange } from './parameters.ts';

/** Conditional orders, which the venue keeps apart from its book until they trigger. */

function find(query: Query, { account }: PrivateContext): ConditionalOrder | undefined {
  const id = integer(query, 'algoId');
  if (id === undefined && !query.clientAlgoId) {
    throw new VenueError(-1102, "Param 'clientAlgoId' or 'algoId' must be sent, but both were empty/null!");
  }
  return account.exchange.conditionals.find(query.symbol, id, query.clientAlgoId);
}

export const algoRoutes: readonly PrivateRoute[] = [
  signed(
    'POST',
    'v1/algoOrder',
    1,
    (query, context) => {
      const { venue, account } = context;
      return algoWords(account.exchange.placeConditional(conditionalRequest(query, context), venue.now()));
    },
    'order',
  ),
  signed('GET', 'v1/algoOrder', 1, (query, context) => {
    const order = find(query, context);
    if (!order) throw new VenueError(-2013, 'Order does not exist.');
    return algoWords(order);
  }),
  signed('DELETE', 'v1/algoOrder', 1, (query, context) => {
    const order = find(query, context);
    if (!order) throw new VenueError(-2011, 'Unknown order sent.');
    context.account.exchange.cancelConditional(order, context.venue.now());
    return { algoId: order.id, clientAlgoId: order.clientOrderId, code: '200', msg: 'success' };
  }),
  signed('DELETE', 'v1/algoOpenOrders', 1, (query, { venue, account }) => {
    const { instrument } = requiredInstrument(query, venue);
    const { exchange } = account;
    for (const order of exchange.conditionals.open(instrument.symbol)) exchange.cancelConditional(order, venue.now());
    return { code: 200, msg: 'The operation of cancel all open order is done.' };
  }),
  signed(
    'GET',
    'v1/openAlgoOrders',
    (query) => (query.symbol === undefined ? 40 : 1),
    (query, { venue, account }) => {
      if (query.symbol !== undefined) requiredInstrument(query, venue);
      return account.exchange.conditionals.open(query.symbol).map(algoWords);
    },
  ),
  signed('GET', 'v1/allAlgoOrders', 5, (query, { venue, account }) => {
    const { instrument } = requiredInstrument(query, venue);
    const from = integer(query, 'algoId');
    const { startTime, endTime } = timeRange(query);
    const limit = limitOf(query, 500, 1_000);
    const orders = account.exchange.conditionals
      .all(instrument.symbol)
      .filter(({ id, createdAt }) =>
        from === undefined ? createdAt >= (startTime ?? 0) && createdAt <= (endTime ?? createdAt) : id >= from,
      );
    return page(orders, from !== undefined || startTime !== undefined, limit).map(algoWords);
  }),
];
