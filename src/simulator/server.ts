import websocket from '@fastify/websocket';
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import {
  type Clock,
  type EpochMs,
  floorTo,
  formatTime,
  type Log,
  MinutehandError,
  messageOf,
  silentLog,
  systemClock,
  waitReal,
} from '../core/index.ts';
import {
  type AdminParts,
  addAdminRoutes,
  badRequest,
  type SimulatorStatus,
  sendAdminFailure,
  statusOf,
} from './admin.ts';
import { binanceUsdm } from './binance-usdm/binance-usdm.ts';
import { type Dialect, type Query, VenueError } from './dialect.ts';
import { FaultBoard } from './fault-board.ts';
import { isAllowedOrigin } from './host-check.ts';
import { MarketTime, type Speed } from './market-time.ts';
import { RateLimit } from './rate-limit.ts';
import type { SimulatedMarket } from './simulated-market.ts';
import { StreamHub } from './stream-hub.ts';
import { makeToken, publishToken, withdrawToken } from './token.ts';
import { Venue } from './venue.ts';

/** Request weight a client may use per real minute; fifty times the venue's, as a fast clock asks for more. */
export const DEFAULT_WEIGHT_LIMIT = 120_000;
/** Real time between two ping frames, as at the venue. */
const PING_EVERY_MS = 180_000;

export interface SimulatorOptions {
  readonly market: SimulatedMarket;
  /** 0 takes a free one. */
  readonly port: number;
  /** Where to listen; by default 127.0.0.1. */
  readonly host?: string;
  readonly speed: Speed;
  /** Where the clock starts; by default where the market says. */
  readonly startAt?: EpochMs;
  readonly log?: Log;
  /** Admin token; by default MINUTEHAND_SIM_TOKEN or a new one. */
  readonly token?: string;
  /** Request weight per real minute and client. */
  readonly weightLimitPerMinute?: number;
  /** Real time, of which market time is made. */
  readonly realClock?: Clock;
  readonly dialect?: Dialect;
}

export interface Simulator {
  /** Base URL, "http://127.0.0.1:9080". */
  readonly url: string;
  readonly port: number;
  readonly token: string;
  status(): SimulatorStatus;
  close(): Promise<void>;
}

/**
 * Starts a simulated exchange: REST and streams in its dialect, the admin namespace `/sim/v1`, and the market's clock.
 * @throws MinutehandError PORT_IN_USE, SIMULATOR_CANNOT_LISTEN, SIMULATOR_START_OUTSIDE
 */
export async function startSimulator(options: SimulatorOptions): Promise<Simulator> {
  const { market, host = '127.0.0.1', log = silentLog, realClock = systemClock, dialect = binanceUsdm } = options;
  const token = options.token ?? makeToken();
  const startAt = checkedStart(market, options.startAt);
  const faults = new FaultBoard();
  const time: MarketTime = new MarketTime({
    start: startAt,
    end: market.end,
    speed: options.speed,
    real: realClock,
    events: {
      minute: (minute) => hub.minute(minute),
      tick: (now) => hub.tick(now),
      nextDue: () => hub.nextDue(),
    },
  });
  const venue = new Venue(market, faults, () => time.now());
  const hub = new StreamHub(dialect.streams, venue, time.minute);
  const weights = new RateLimit(options.weightLimitPerMinute ?? DEFAULT_WEIGHT_LIMIT, () => realClock.elapsed());
  const parts: AdminParts = { venueId: dialect.venue, market, time, faults, hub, weightLimit: weights.limit, token };

  const closing = new AbortController();
  const app = Fastify({ forceCloseConnections: true, exposeHeadRoutes: false, bodyLimit: 64 * 1024 });
  app.addHook('onRequest', async (request, reply) => {
    if (isAllowedOrigin(host, request.headers)) return;
    const error = new MinutehandError(
      'SIMULATOR_HOST_REFUSED',
      'the Host or Origin header names another site',
      'Reach the simulator by the address it listens on.',
    );
    await sendAdminFailure(reply, error);
  });
  app.setErrorHandler((error: Error & { statusCode?: number }, _request, reply) => fail(dialect, log, error, reply));
  app.setNotFoundHandler((request, reply) => {
    const path = pathOf(request);
    if (path.startsWith('/sim/')) {
      return sendAdminFailure(
        reply,
        new MinutehandError('SIMULATOR_NOT_FOUND', `${request.method} ${path} is not here`, 'See docs/simulator.md.'),
      );
    }
    return sendText(reply, dialect.rest.unknownPath(request.method, path));
  });
  await app.register(websocket, { options: { maxPayload: 64 * 1024, perMessageDeflate: false } });
  addAdminRoutes(app, parts);
  addRestRoutes(app, { dialect, venue, faults, weights, signal: closing.signal });
  addStreamRoutes(app, { dialect, venue, faults, hub });

  const port = await listen(app, host, options.port);
  try {
    publishToken(port, token);
  } catch (error) {
    log.warn({ port, reason: messageOf(error) }, 'the admin token could not be left for other programs');
  }
  time.start();
  const url = `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
  log.info(
    { url, market: market.label, speed: options.speed, at: formatTime(time.minute) },
    'simulated exchange ready',
  );
  let closed: Promise<void> | undefined;
  return {
    url,
    port,
    token,
    status: () => statusOf(parts),
    close: () => {
      closed ??= (async () => {
        time.stop();
        closing.abort();
        hub.close();
        withdrawToken(port, token);
        await app.close();
      })();
      return closed;
    },
  };
}

function checkedStart(market: SimulatedMarket, asked: EpochMs | undefined): EpochMs {
  const startAt = floorTo(asked ?? market.startAt, '1m');
  const { start, end } = market;
  if (startAt > start && (end === undefined || startAt < end)) return startAt;
  throw new MinutehandError(
    'SIMULATOR_START_OUTSIDE',
    `the clock cannot start at ${formatTime(startAt)}: the market ${
      end === undefined ? `begins at ${formatTime(start)}` : `runs from ${formatTime(start)} to ${formatTime(end)}`
    }`,
    'Choose a time inside it with --start-at.',
    { exitCode: 2 },
  );
}

async function listen(app: FastifyInstance, host: string, port: number): Promise<number> {
  try {
    await app.listen({ host, port });
  } catch (error) {
    await app.close();
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') {
      throw new MinutehandError(
        'PORT_IN_USE',
        `port ${port} on ${host} is taken by another program`,
        'Stop that program, or choose another port.',
        { cause: error },
      );
    }
    throw new MinutehandError(
      'SIMULATOR_CANNOT_LISTEN',
      `the simulated exchange cannot listen on ${host}:${port}: ${messageOf(error)}`,
      'Choose an address of this machine and a port above 1023.',
      { cause: error },
    );
  }
  const address = app.server.address();
  return typeof address === 'object' && address !== null ? address.port : port;
}

interface RestParts {
  readonly dialect: Dialect;
  readonly venue: Venue;
  readonly faults: FaultBoard;
  readonly weights: RateLimit;
  readonly signal: AbortSignal;
}

function addRestRoutes(app: FastifyInstance, { dialect, venue, faults, weights, signal }: RestParts): void {
  const { rest } = dialect;
  for (const route of rest.routes) {
    app.get(route.path, async (request, reply) => {
      const query = queryOf(request);
      const { delayMs, answer } = faults.request(route.path, query.symbol, venue.now());
      if (delayMs > 0) await waitReal(delayMs, signal);
      if (answer?.kind === 'silence') return reply.hijack();
      if (answer?.kind === 'error') return sendText(reply, rest.serverError(answer.status));
      const taken = weights.take(request.ip, route.weight(query));
      reply.header(rest.usedWeightHeader, String(taken.used));
      const refusal = answer ?? (taken.verdict === 'admitted' ? undefined : { ...taken, kind: taken.verdict });
      if (!refusal) {
        return sendText(reply, { status: 200, body: await route.answer(query, { venue, weightLimit: weights.limit }) });
      }
      const { retryAfterSeconds } = refusal;
      reply.header('retry-after', String(retryAfterSeconds));
      const until = (venue.clock() + retryAfterSeconds * 1_000) as EpochMs;
      return sendText(reply, refusal.kind === 'banned' ? rest.banned(until) : rest.limited(weights.limit));
    });
  }
}

function addStreamRoutes(
  app: FastifyInstance,
  { dialect, venue, faults, hub }: { dialect: Dialect; venue: Venue; faults: FaultBoard; hub: StreamHub },
): void {
  const refuse = async (_request: FastifyRequest, reply: FastifyReply) => {
    if (faults.refusesSockets(venue.now())) await sendText(reply, dialect.rest.serverError(503));
  };
  for (const path of dialect.streams.paths) {
    app.get(path, { websocket: true, preValidation: refuse }, (socket, request) => {
      const { names, combined } = dialect.streams.connect(decodeURIComponent(pathOf(request)), queryOf(request));
      hub.add(socket, names, combined);
      const pings = setInterval(() => socket.ping(), PING_EVERY_MS);
      socket.on('close', () => clearInterval(pings));
    });
  }
}

function fail(dialect: Dialect, log: Log, error: Error & { statusCode?: number }, reply: FastifyReply): FastifyReply {
  if (error instanceof MinutehandError) return sendAdminFailure(reply, error);
  if (error instanceof VenueError) return sendText(reply, dialect.rest.failure(error));
  if (error.statusCode !== undefined && error.statusCode < 500) {
    return sendAdminFailure(reply, badRequest(error.message), error.statusCode);
  }
  log.error({ reason: messageOf(error) }, 'a request failed inside the simulated exchange');
  return sendText(reply, dialect.rest.serverError(500));
}

const sendText = (reply: FastifyReply, { status, body }: { status: number; body: string }): FastifyReply =>
  reply.code(status).type('application/json; charset=utf-8').send(body);

const pathOf = (request: FastifyRequest): string => request.url.split('?', 1)[0] ?? '/';

function queryOf(request: FastifyRequest): Query {
  const query: Record<string, string | undefined> = {};
  for (const [name, value] of Object.entries(request.query ?? {})) {
    const first: unknown = Array.isArray(value) ? value[0] : value;
    if (typeof first === 'string') query[name] = first;
  }
  return query;
}
