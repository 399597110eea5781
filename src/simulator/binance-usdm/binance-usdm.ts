import type { Dialect, VenueReply } from '../dialect.ts';
import { accountRoutes } from './account-routes.ts';
import { algoRoutes } from './algo-routes.ts';
import { exchangeInfo } from './exchange-info.ts';
import { klines } from './klines.ts';
import { marketRoutes } from './market-routes.ts';
import { orderRoutes } from './order-routes.ts';
import { refusalError } from './refusals.ts';
import { checkSignature, unknownKey } from './signature.ts';
import { streams } from './streams.ts';
import { listenKeyExpired, userEvent } from './user-events.ts';

const reply = (status: number, code: number, msg: string): VenueReply => ({
  status,
  body: JSON.stringify({ code, msg }),
});

/** Binance USD-M futures. */
export const binanceUsdm: Dialect = {
  venue: 'binanceusdm',
  rest: {
    routes: [...marketRoutes, exchangeInfo, klines],
    usedWeightHeader: 'x-mbx-used-weight-1m',
    unknownPath: (method, path) => reply(404, -5000, `Path ${path}, Method ${method} is invalid`),
    failure: ({ status, code, message }) => reply(status, code, message),
    limited: (weightLimit) =>
      reply(
        429,
        -1003,
        `Too many requests; current limit of IP is ${weightLimit} requests per minute. Please use the websocket for live updates to avoid polling the API.`,
      ),
    banned: (until) =>
      reply(
        418,
        -1003,
        `Way too many requests; IP banned until ${until}. Please use the websocket for live updates to avoid bans.`,
      ),
    serverError: (status) =>
      status === 503
        ? reply(503, -1008, 'Server is currently overloaded with other requests. Please try again in a few minutes.')
        : reply(status, -1000, 'An unknown error occurred while processing the request.'),
  },
  privateSide: {
    routes: [...orderRoutes, ...algoRoutes, ...accountRoutes],
    keyHeader: 'x-mbx-apikey',
    unknownKey,
    checkSignature,
    refusal: refusalError,
    maintenance: () => reply(503, -1016, 'This service is no longer available.'),
    userEvent,
    listenKeyExpired,
  },
  streams,
};
