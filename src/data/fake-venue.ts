import type { AddressInfo } from 'node:net';
import websocket from '@fastify/websocket';
import fastify from 'fastify';
import { DAY_MS, durationOf, type EpochMs, epochMs, isTimeframe, MINUTE_MS } from '../core/index.ts';

/** Open, high, low, close, volume. */
export type FakeBar = readonly [open: number, high: number, low: number, close: number, volume: number];

/** A venue for tests of this folder: it answers in Binance USD-M's dialect exactly what a test put into it, and fails on request. */
export interface FakeVenue {
  readonly url: string;
  /** Venue time; moves only when set. */
  now: EpochMs;
  /** Bars per symbol by open time of the minute. */
  readonly bars: Map<string, Map<number, FakeBar>>;
  /** Answers in place of the next request to a path. */
  readonly failures: { path: string; status: number; body?: string; headers?: Record<string, string> }[];
  readonly statuses: Map<string, string>;
  /** Paths with query, in order of arrival. */
  readonly requests: string[];
  /** Simulated exchange admin endpoint: absent unless set. */
  simulation: { speed: number | 'max'; lockstep: boolean; token: string } | undefined;
  weightPerMinute: number;
  /** Kline answers, made already, wait for this before they are sent. */
  held: Promise<void> | undefined;
  /** Confirms no subscription and sends nothing while true. */
  silent: boolean;
  readonly subscriptions: Set<string>;
  /** Sends a bar to those subscribed; `closed` is the venue's flag. */
  publish(symbol: string, openTime: number, options?: { closed?: boolean; bar?: FakeBar }): void;
  sendRaw(message: string): void;
  /** Cuts all streams. */
  cutStreams(): void;
  close(): Promise<void>;
}

/** A steady, distinguishable bar: each minute and symbol has its own prices. */
export function fakeBar(openTime: number, base = 100): FakeBar {
  const close = base + ((openTime / MINUTE_MS) % 17);
  return [base, Math.max(base, close) + 1, Math.min(base, close) - 1, close, 10 + ((openTime / MINUTE_MS) % 5)];
}

export async function startFakeVenue(symbols: readonly string[], now: EpochMs): Promise<FakeVenue> {
  const server = fastify();
  await server.register(websocket);
  const sockets = new Set<{ send(text: string): void; terminate(): void; streams: Set<string> }>();
  const venue: FakeVenue = {
    url: '',
    now,
    bars: new Map(symbols.map((symbol) => [symbol, new Map<number, FakeBar>()])),
    failures: [],
    statuses: new Map(),
    requests: [],
    simulation: undefined,
    weightPerMinute: 1_000_000,
    held: undefined,
    silent: false,
    subscriptions: new Set(),
    publish(symbol, openTime, { closed = true, bar = barOf(symbol, openTime) } = {}) {
      if (bar === undefined || venue.silent) return;
      const message = JSON.stringify({
        e: 'kline',
        E: venue.now,
        s: symbol,
        k: klineOf(symbol, openTime, bar, closed),
      });
      for (const socket of sockets) if (socket.streams.has(`${symbol.toLowerCase()}@kline_1m`)) socket.send(message);
    },
    sendRaw(message) {
      for (const socket of sockets) socket.send(message);
    },
    cutStreams() {
      for (const socket of sockets) socket.terminate();
    },
    close: async () => {
      for (const socket of sockets) socket.terminate();
      await server.close();
    },
  };
  const barOf = (symbol: string, openTime: number) => venue.bars.get(symbol)?.get(openTime);

  server.addHook('onRequest', async (request, reply) => {
    venue.requests.push(request.url);
    const path = request.url.split('?')[0] ?? '';
    const index = venue.failures.findIndex((failure) => failure.path === path);
    if (index < 0) return;
    const [failure] = venue.failures.splice(index, 1);
    await reply
      .code(failure?.status ?? 500)
      .headers(failure?.headers ?? {})
      .send(failure?.body ?? '{"code":-1000,"msg":"unknown"}');
  });
  server.get('/fapi/v1/time', () => ({ serverTime: venue.now }));
  server.get('/fapi/v1/exchangeInfo', () => ({
    rateLimits: [{ rateLimitType: 'REQUEST_WEIGHT', interval: 'MINUTE', intervalNum: 1, limit: venue.weightPerMinute }],
    symbols: symbols.map((symbol) => symbolInfo(symbol, venue.statuses.get(symbol) ?? 'TRADING')),
  }));
  server.get('/fapi/v1/ticker/24hr', () =>
    symbols.map((symbol, index) => ({ symbol, lastPrice: '100.5', quoteVolume: String(1_000_000 - index) })),
  );
  server.get('/fapi/v1/fundingRate', () => [
    { symbol: symbols[0], fundingTime: 1_700_006_400_003, fundingRate: '0.00010000' },
  ]);
  server.get<{ Querystring: Record<string, string> }>('/fapi/v1/klines', async ({ query }, reply) => {
    const interval = String(query.interval);
    const minutes = venue.bars.get(String(query.symbol));
    if (minutes === undefined || !isTimeframe(interval))
      return reply.code(400).send({ code: -1121, msg: 'Invalid symbol.' });
    const duration = durationOf(interval);
    const from = Number(query.startTime ?? venue.now - 30 * DAY_MS);
    const to = Number(query.endTime ?? venue.now);
    const opens = new Set([...minutes.keys()].map((openTime) => Math.floor(openTime / duration) * duration));
    const found = [...opens]
      .filter((openTime) => openTime >= from && openTime <= to && openTime <= venue.now)
      .sort((a, b) => a - b);
    const limit = Number(query.limit ?? 500);
    const page = query.startTime === undefined ? found.slice(-limit) : found.slice(0, limit);
    const rows = page.map((openTime) => rowOf(openTime, duration, minutes));
    await venue.held;
    return rows;
  });
  server.get('/sim/v1/status', (_request, reply) => (venue.simulation ? statusOf(venue) : reply.code(404).send('{}')));
  server.post<{ Body: { minute: number } }>('/sim/v1/advance', ({ headers, body }, reply) => {
    if (!venue.simulation) return reply.code(404).send('{}');
    if (headers.authorization !== `Bearer ${venue.simulation.token}`) return reply.code(401).send('{"msg":"token"}');
    if (body.minute >= Math.floor(venue.now / MINUTE_MS) * MINUTE_MS)
      venue.now = epochMs(body.minute + MINUTE_MS + 250);
    return statusOf(venue);
  });
  server.get('/market/ws/:index', { websocket: true }, (socket) => {
    const client = Object.assign(socket, { streams: new Set<string>() });
    sockets.add(client);
    socket.on('close', () => sockets.delete(client));
    socket.on('error', () => sockets.delete(client));
    socket.on('message', (data: Buffer) => {
      const { id, params } = JSON.parse(data.toString()) as { id: number; params: string[] };
      for (const stream of params) {
        client.streams.add(stream);
        venue.subscriptions.add(stream);
      }
      if (!venue.silent) socket.send(JSON.stringify({ result: null, id }));
    });
  });
  await server.listen({ host: '127.0.0.1', port: 0 });
  const { port } = server.server.address() as AddressInfo;
  return Object.assign(venue, { url: `http://127.0.0.1:${port}` });
}

function statusOf(venue: FakeVenue) {
  const { speed, lockstep } = venue.simulation ?? { speed: 1, lockstep: false };
  const minute = Math.floor(venue.now / MINUTE_MS) * MINUTE_MS;
  return {
    now: venue.now,
    minute,
    speed,
    lockstep,
    ended: false,
    market: { kind: 'generated', label: 'fake', symbols: [...venue.bars.keys()] },
  };
}

function klineOf(symbol: string, t: number, [o, h, l, c, v]: FakeBar, x: boolean) {
  const text = { o: String(o), h: String(h), l: String(l), c: String(c), v: String(v) };
  return {
    t,
    T: t + MINUTE_MS - 1,
    s: symbol,
    i: '1m',
    ...text,
    n: 7,
    x,
    q: String(v * c),
    V: String(v / 2),
    Q: '0',
    B: '0',
  };
}

function rowOf(openTime: number, duration: number, minutes: ReadonlyMap<number, FakeBar>): unknown[] {
  const inside: FakeBar[] = [];
  for (let at = openTime; at < openTime + duration; at += MINUTE_MS) {
    const bar = minutes.get(at);
    if (bar !== undefined) inside.push(bar);
  }
  const first = inside[0] ?? [0, 0, 0, 0, 0];
  const last = inside.at(-1) ?? first;
  const volume = inside.reduce((sum, bar) => sum + bar[4], 0);
  const values = [
    first[0],
    Math.max(...inside.map((bar) => bar[1])),
    Math.min(...inside.map((bar) => bar[2])),
    last[3],
    volume,
  ];
  return [
    openTime,
    ...values.map(String),
    openTime + duration - 1,
    String(volume * last[3]),
    7,
    String(volume / 2),
    '0',
    '0',
  ];
}

function symbolInfo(symbol: string, status: string) {
  return {
    symbol,
    pair: symbol,
    contractType: 'PERPETUAL',
    deliveryDate: status === 'TRADING' ? 4_133_404_800_000 : 1_760_000_000_000,
    onboardDate: 1_569_398_400_000,
    status,
    baseAsset: symbol.replace('USDT', ''),
    quoteAsset: 'USDT',
    marginAsset: 'USDT',
    pricePrecision: 2,
    quantityPrecision: 3,
    underlyingType: 'COIN',
    filters: [
      { filterType: 'PRICE_FILTER', minPrice: '0.10', maxPrice: '1000000', tickSize: '0.10' },
      { filterType: 'LOT_SIZE', stepSize: '0.001', maxQty: '1000', minQty: '0.001' },
      { filterType: 'MIN_NOTIONAL', notional: '5' },
    ],
    orderTypes: ['LIMIT', 'MARKET'],
    timeInForce: ['GTC', 'IOC'],
  };
}
