import { HOUR_MS } from '../../core/index.ts';
import { type RestRoute, VenueError } from '../dialect.ts';
import { FUNDING_INTERVAL_HOURS, type ListedInstrument, type Ticker, type Venue } from '../venue.ts';
import { volumesOf } from './klines.ts';
import { decimal, rounded } from './numbers.ts';
import { instrumentsOf, integer, limitOf, requiredInstrument, timeRange } from './parameters.ts';

const route = (path: string, weight: RestRoute['weight'], answer: RestRoute['answer']): RestRoute => ({
  path: `/fapi/v1/${path}`,
  weight,
  answer,
});

/** One object for a named symbol, a list for all. */
const perInstrument =
  (describe: (listed: ListedInstrument, venue: Venue) => unknown): RestRoute['answer'] =>
  (query, { venue }) => {
    const { one, all } = instrumentsOf(query, venue);
    const described = all.map((listed) => describe(listed, venue)).filter((value) => value !== undefined);
    return JSON.stringify(one ? (described[0] ?? {}) : described);
  };

const DEPTH_WEIGHTS = new Map([
  [5, 2],
  [10, 2],
  [20, 2],
  [50, 2],
  [100, 5],
  [500, 10],
  [1_000, 20],
]);

/** Market data but bars and instruments. */
export const marketRoutes: readonly RestRoute[] = [
  route(
    'ping',
    () => 1,
    () => '{}',
  ),
  route(
    'time',
    () => 1,
    (_query, { venue }) => JSON.stringify({ serverTime: venue.clock() }),
  ),
  route(
    'ticker/24hr',
    (query) => (query.symbol === undefined ? 40 : 1),
    perInstrument((listed, venue) => dayTicker(listed, venue.ticker(listed.instrument.symbol))),
  ),
  route(
    'ticker/price',
    (query) => (query.symbol === undefined ? 2 : 1),
    perInstrument(({ instrument: { symbol } }, venue) => {
      const price = venue.lastPrice(symbol);
      return price === undefined ? undefined : { symbol, price: decimal(price), time: venue.clock() };
    }),
  ),
  route(
    'ticker/bookTicker',
    (query) => (query.symbol === undefined ? 5 : 2),
    perInstrument(({ instrument: { symbol } }, venue) => {
      const { bids, asks } = venue.book(symbol, 1);
      const [bid, ask] = [bids[0], asks[0]];
      if (!bid || !ask) return undefined;
      return {
        symbol,
        bidPrice: decimal(bid[0]),
        bidQty: decimal(bid[1]),
        askPrice: decimal(ask[0]),
        askQty: decimal(ask[1]),
        time: venue.clock(),
      };
    }),
  ),
  route(
    'premiumIndex',
    (query) => (query.symbol === undefined ? 10 : 1),
    perInstrument(({ instrument: { symbol } }, venue) => {
      const price = venue.lastPrice(symbol);
      if (price === undefined) return undefined;
      return {
        symbol,
        markPrice: decimal(price),
        indexPrice: decimal(price),
        estimatedSettlePrice: decimal(price),
        lastFundingRate: (venue.lastFundingRate(symbol) ?? 0).toFixed(8),
        interestRate: '0.00010000',
        nextFundingTime: venue.nextFundingTime(),
        time: venue.clock(),
      };
    }),
  ),
  route(
    'fundingRate',
    () => 1,
    (query, { venue }) => {
      const { all } = instrumentsOf(query, venue);
      const limit = limitOf(query, 100, 1_000);
      const { startTime, endTime } = timeRange(query);
      const now = venue.now();
      const oldest = startTime ?? now - limit * FUNDING_INTERVAL_HOURS * HOUR_MS;
      const settled = all.flatMap(({ instrument: { symbol } }) =>
        venue.fundingRates(symbol, oldest, endTime ?? now).map(({ time, rate }) => ({
          symbol,
          fundingTime: time,
          fundingRate: rate.toFixed(8),
          markPrice: '',
        })),
      );
      settled.sort((a, b) => a.fundingTime - b.fundingTime);
      return JSON.stringify(startTime === undefined ? settled.slice(-limit) : settled.slice(0, limit));
    },
  ),
  route(
    'fundingInfo',
    () => 0,
    (_query, { venue }) =>
      JSON.stringify(
        venue.listed().map(({ instrument }) => ({
          symbol: instrument.symbol,
          adjustedFundingRateCap: '0.02000000',
          adjustedFundingRateFloor: '-0.02000000',
          fundingIntervalHours: FUNDING_INTERVAL_HOURS,
          disclaimer: false,
        })),
      ),
  ),
  route(
    'depth',
    (query) => DEPTH_WEIGHTS.get(Number(query.limit ?? 500)) ?? 1,
    (query, { venue }) => {
      const { instrument } = requiredInstrument(query, venue);
      const limit = integer(query, 'limit') ?? 500;
      if (!DEPTH_WEIGHTS.has(limit)) throw new VenueError(-4021, `'${limit}' is not valid depth limit`);
      const { bids, asks } = venue.book(instrument.symbol, limit);
      const time = venue.clock();
      const print = (side: typeof bids) => side.map(([price, quantity]) => [decimal(price), decimal(quantity)]);
      return JSON.stringify({ lastUpdateId: time, E: time, T: time, bids: print(bids), asks: print(asks) });
    },
  ),
];

function dayTicker({ instrument: { symbol }, steps }: ListedInstrument, ticker: Ticker) {
  const { day, trades } = ticker;
  if (!day) return undefined;
  const { quote } = volumesOf(day);
  const change = day.close - day.open;
  return {
    symbol,
    priceChange: rounded(change, steps.priceDecimals),
    priceChangePercent: ((100 * change) / day.open).toFixed(3),
    weightedAvgPrice: rounded(day.volume > 0 ? quote / day.volume : day.close, steps.priceDecimals + 2),
    lastPrice: decimal(day.close),
    lastQty: decimal(steps.step),
    openPrice: decimal(day.open),
    highPrice: decimal(day.high),
    lowPrice: decimal(day.low),
    volume: rounded(day.volume, steps.quantityDecimals),
    quoteVolume: rounded(quote, 2),
    openTime: ticker.openTime,
    closeTime: ticker.closeTime,
    firstId: 1,
    lastId: trades,
    count: trades,
  };
}
