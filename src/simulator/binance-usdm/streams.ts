import { durationOf, isTimeframe } from '../../core/index.ts';
import type { Dialect, KlineEvent, MarkEvent, StreamSession, Topic } from '../dialect.ts';
import { volumesOf } from './klines.ts';
import { decimal, rounded } from './numbers.ts';

/** How often a mark price stream speaks, in market time, unless it asks for every second. */
const MARK_EVERY_MS = 3_000;

/** Streams of the venue, reached at `/ws`, `/stream` and the same below `/public`, `/market` and `/private`. */
export const streams: Dialect['streams'] = {
  paths: [
    '/ws',
    '/ws/*',
    '/stream',
    ...['public', 'market', 'private'].flatMap((category) => [
      `/${category}/ws`,
      `/${category}/ws/*`,
      `/${category}/stream`,
    ]),
  ],
  connect(path, query) {
    if (path.endsWith('/stream')) {
      return { names: (query.streams ?? '').split('/').filter((name) => name !== ''), combined: true };
    }
    const after = path.slice(path.indexOf('/ws') + 3);
    return { names: [...after.split('/'), query.listenKey ?? ''].filter((name) => name !== ''), combined: false };
  },
  receive,
  topic,
  kline: klineText,
  mark: (event) => JSON.stringify(markObject(event)),
  marks: (events) => JSON.stringify(events.map(markObject)),
  book: ({ eventTime, symbol, bids: [bid], asks: [ask] }) =>
    JSON.stringify({
      e: 'bookTicker',
      u: eventTime,
      s: symbol,
      b: decimal(bid?.[0] ?? 0),
      B: decimal(bid?.[1] ?? 0),
      a: decimal(ask?.[0] ?? 0),
      A: decimal(ask?.[1] ?? 0),
      T: eventTime,
      E: eventTime,
    }),
  wrap: (name, payload) => `{"stream":${JSON.stringify(name)},"data":${payload}}`,
};

function topic(name: string): Topic | undefined {
  if (/^[0-9a-f]{64}$/.test(name)) return { kind: 'user', symbol: undefined };
  const all = /^!markPrice@arr(@1s)?$/.exec(name);
  if (all) return { kind: 'mark', symbol: undefined, everyMs: all[1] ? 1_000 : MARK_EVERY_MS };
  if (name === '!bookTicker') return { kind: 'book', symbol: undefined };
  const parts = /^([a-z0-9_]+)@(kline_(\w+)|markPrice(@1s)?|bookTicker)$/.exec(name);
  if (!parts) return undefined;
  const symbol = (parts[1] ?? '').toUpperCase();
  const timeframe = parts[3];
  if (timeframe !== undefined) return isTimeframe(timeframe) ? { kind: 'kline', symbol, timeframe } : undefined;
  if (parts[2] === 'bookTicker') return { kind: 'book', symbol };
  return { kind: 'mark', symbol, everyMs: parts[4] ? 1_000 : MARK_EVERY_MS };
}

/** The venue takes any stream name and stays silent on those it does not have. */
function receive(session: StreamSession, text: string): string {
  const failure = (code: number, msg: string, id: unknown = null) => JSON.stringify({ error: { code, msg }, id });
  let message: unknown;
  try {
    message = JSON.parse(text);
  } catch {
    return failure(3, 'Invalid JSON: expected value at line 1 column 1');
  }
  if (typeof message !== 'object' || message === null) return failure(2, 'Invalid request: expected an object');
  const { method, params, id } = message as { method?: unknown; params?: unknown; id?: unknown };
  if (typeof id !== 'number' && typeof id !== 'string' && id !== undefined && id !== null) {
    return failure(2, 'Invalid request: request ID must be an unsigned integer');
  }
  const result = (value: unknown) => JSON.stringify({ result: value, id: id ?? null });
  switch (method) {
    case 'SUBSCRIBE':
    case 'UNSUBSCRIBE': {
      if (!Array.isArray(params) || !params.every((name) => typeof name === 'string')) {
        return failure(2, 'Invalid request: params must be an array of strings', id);
      }
      if (method === 'SUBSCRIBE') session.subscribe(params);
      else session.unsubscribe(params);
      return result(null);
    }
    case 'LIST_SUBSCRIPTIONS':
      return result(session.names());
    case 'SET_PROPERTY': {
      if (!Array.isArray(params) || params[0] !== 'combined') return failure(0, 'Unknown property', id);
      if (typeof params[1] !== 'boolean') return failure(1, 'Invalid value type: expected Boolean', id);
      session.combined = params[1];
      return result(null);
    }
    case 'GET_PROPERTY':
      if (!Array.isArray(params) || params[0] !== 'combined') return failure(0, 'Unknown property', id);
      return result(session.combined);
    default:
      return failure(2, 'Invalid request: unknown variant, expected one of `SUBSCRIBE`, `UNSUBSCRIBE`, …', id);
  }
}

function klineText({ eventTime, symbol, timeframe, bar, closed, quantityDecimals }: KlineEvent): string {
  const { quote, takerBuy, takerQuote, trades } = volumesOf(bar);
  const firstTrade = trades > 0 ? bar.openTime : -1;
  return (
    `{"e":"kline","E":${eventTime},"s":"${symbol}","k":{"t":${bar.openTime},` +
    `"T":${bar.openTime + durationOf(timeframe) - 1},"s":"${symbol}","i":"${timeframe}","f":${firstTrade},"L":${firstTrade},` +
    `"o":"${decimal(bar.open)}","c":"${decimal(bar.close)}","h":"${decimal(bar.high)}","l":"${decimal(bar.low)}",` +
    `"v":"${rounded(bar.volume, quantityDecimals)}","n":${trades},"x":${closed},"q":"${rounded(quote, 4)}",` +
    `"V":"${rounded(takerBuy, quantityDecimals)}","Q":"${rounded(takerQuote, 4)}","B":"0"}}`
  );
}

const markObject = ({ eventTime, symbol, price, fundingRate, nextFundingTime }: MarkEvent) => ({
  e: 'markPriceUpdate',
  E: eventTime,
  s: symbol,
  p: decimal(price),
  ap: decimal(price),
  P: decimal(price),
  i: decimal(price),
  r: fundingRate.toFixed(8),
  T: nextFundingTime,
});
