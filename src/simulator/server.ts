import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
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
} from '../core/index.ts';
import { DEFAULT_EXCHANGE_SETTINGS, type ExchangeSettings } from '../matching/index.ts';
import { type AccountSpec, accountsFromEnvironment, newAccount } from './account-spec.ts';
import {
  type AdminParts,
  addAdminRoutes,
  badRequest,
  type SimulatorStatus,
  sendAdminFailure,
  statusOf,
} from './admin.ts';
import { binanceUsdm } from './binance-usdm/binance-usdm.ts';
import { type Dialect, VenueError } from './dialect.ts';
import { FaultBoard } from './fault-board.ts';
import { isAllowedOrigin } from './host-check.ts';
import { MarketTime, type Speed } from './market-time.ts';
import { PrivateVenue } from './private-venue.ts';
import { RateLimit } from './rate-limit.ts';
import { addRestRoutes, queryOf, sendText } from './rest-routes.ts';
import type { SimulatedMarket } from './simulated-market.ts';
import { StreamHub } from './stream-hub.ts';
import { makeToken, publishSecret, withdrawSecret } from './token.ts';
import { UserStreams } from './user-streams.ts';
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
  /** Accounts; by default those of MINUTEHAND_SIM_ACCOUNTS or a new one. */
  readonly accounts?: readonly AccountSpec[];
  readonly exchangeSettings?: ExchangeSettings;
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
  readonly accounts: readonly AccountSpec[];
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
  const named = options.accounts ?? accountsFromEnvironment();
  const made = named === undefined ? newAccount() : undefined;
  const accounts = named ?? (made ? [made] : []);
  const startAt = checkedStart(market, options.startAt);
  const faults = new FaultBoard();
  const time: MarketTime = new MarketTime({
    start: startAt,
    end: market.end,
    speed: options.speed,
    real: realClock,
    events: {
      // What happens to accounts goes out before the candle in which it happened.
      minute: (minute) => {
        privateVenue.sync();
        userStreams.flush();
        userStreams.expire(venue.now(), farewell);
        hub.minute(minute);
      },
      tick: (now) => {
        privateVenue.sync();
        userStreams.expire(now, farewell);
        hub.tick(now);
      },
      nextDue: () => hub.nextDue(),
    },
  });
  const venue = new Venue(market, faults, () => time.now());
  const hub = new StreamHub(dialect.streams, venue, time.minute);
  const settings = options.exchangeSettings ?? DEFAULT_EXCHANGE_SETTINGS;
  const userStreams = new UserStreams(faults, (name, payload) => hub.tell(name, payload));
  const farewell = (name: string) => dialect.privateSide.listenKeyExpired(name, venue.clock());
  const privateVenue = new PrivateVenue({
    venue,
    accounts,
    settings,
    tell: (account, event) => {
      const symbol =
        'symbol' in event ? event.symbol : 'order' in event ? event.order.symbol : event.positions[0]?.symbol;
      userStreams.tell(account.key, symbol, dialect.privateSide.userEvent(event, account, venue.clock()), venue.now());
    },
  });
  const weights = new RateLimit(options.weightLimitPerMinute ?? DEFAULT_WEIGHT_LIMIT, () => realClock.elapsed());
  const parts: AdminParts = { venueId: dialect.venue, market, time, faults, hub, weightLimit: weights.limit, token };

  const closing = new AbortController();
  const [{ default: Fastify }, { default: websocket }] = await Promise.all([
    import('fastify'),
    import('@fastify/websocket'),
  ]);
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
  // Form texts stay as they came: a signature is over the bytes.
  app.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, (_request, body, done) => {
    done(null, body);
  });
  addRestRoutes(app, { dialect, venue, settings, faults, weights, privateVenue, userStreams, signal: closing.signal });
  addStreamRoutes(app, { dialect, venue, faults, hub });

  const port = await listen(app, host, options.port);
  const credentials = made && `${made.key}:${made.secret}`;
  try {
    publishSecret(port, 'token', token);
    if (credentials) publishSecret(port, 'account', credentials);
  } catch (error) {
    log.warn({ port, reason: messageOf(error) }, 'token and account could not be left for other programs');
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
    accounts,
    status: () => statusOf(parts),
    close: () => {
      closed ??= (async () => {
        time.stop();
        closing.abort();
        hub.close();
        withdrawSecret(port, 'token', token);
        if (credentials) withdrawSecret(port, 'account', credentials);
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

const pathOf = (request: FastifyRequest): string => request.url.split('?', 1)[0] ?? '/';
