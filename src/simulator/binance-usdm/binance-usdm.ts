import type { Dialect, VenueReply } from '../dialect.ts';
import { exchangeInfo } from './exchange-info.ts';
import { klines } from './klines.ts';
import { marketRoutes } from './market-routes.ts';
import { streams } from './streams.ts';

const reply = (status: number, code: number, msg: string): VenueReply => ({
  status,
  body: JSON.stringify({ code, msg }),
});

/** Binance USD-M futures, public side. */
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
  streams,
};
