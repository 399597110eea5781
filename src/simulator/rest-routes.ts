import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { type EpochMs, waitReal } from '../core/index.ts';
import { type ExchangeSettings, Refusal } from '../matching/index.ts';
import { type Dialect, type PrivateRoute, type Query, type RestRoute, VenueError, type VenueReply } from './dialect.ts';
import type { FaultBoard, RequestPurpose } from './fault-board.ts';
import type { PrivateVenue } from './private-venue.ts';
import type { RateLimit } from './rate-limit.ts';
import type { UserStreams } from './user-streams.ts';
import type { Venue } from './venue.ts';

export interface RestParts {
  readonly dialect: Dialect;
  readonly venue: Venue;
  readonly settings: ExchangeSettings;
  readonly faults: FaultBoard;
  readonly weights: RateLimit;
  readonly privateVenue: PrivateVenue;
  readonly userStreams: UserStreams;
  readonly signal: AbortSignal;
}

/** Adds what the dialect answers, to everybody and to accounts. */
export function addRestRoutes(app: FastifyInstance, parts: RestParts): void {
  const { dialect, venue, settings, weights } = parts;
  for (const route of dialect.rest.routes) {
    app.get(route.path, (request, reply) => {
      const query = queryOf(request);
      return answerRequest(parts, request, reply, { route, query, purpose: 'market' }, () =>
        route.answer(query, { venue, settings, weightLimit: weights.limit }),
      );
    });
  }
  for (const route of dialect.privateSide.routes) {
    app.route({
      method: route.method,
      url: route.path,
      handler: (request, reply) => {
        const bodyText = typeof request.body === 'string' ? request.body : '';
        const query = { ...queryOf(request), ...Object.fromEntries(new URLSearchParams(bodyText)) };
        return answerRequest(parts, request, reply, { route, query, purpose: route.purpose }, () =>
          answerForAccount(parts, request, route, query, bodyText),
        );
      },
    });
  }
}

interface Asked {
  readonly route: RestRoute | PrivateRoute;
  readonly query: Query;
  readonly purpose: RequestPurpose;
}

/** Answers a request as faults and weights in force let it. */
async function answerRequest(
  { dialect, venue, faults, weights, signal }: RestParts,
  request: FastifyRequest,
  reply: FastifyReply,
  { route, query, purpose }: Asked,
  answer: () => string | Promise<string>,
): Promise<FastifyReply> {
  const { rest, privateSide } = dialect;
  const { delayMs, answer: fault } = faults.request(route.path, query.symbol, venue.now(), purpose);
  if (delayMs > 0) await waitReal(delayMs, signal);
  if (fault?.kind === 'silence') return reply.hijack();
  if (fault?.kind === 'error') return sendText(reply, rest.serverError(fault.status));
  if (fault?.kind === 'maintenance') return sendText(reply, privateSide.maintenance());
  const taken = weights.take(request.ip, route.weight(query));
  reply.header(rest.usedWeightHeader, String(taken.used));
  const limited = fault?.kind === 'limited' || fault?.kind === 'banned' ? fault : undefined;
  const refusal = limited ?? (taken.verdict === 'admitted' ? undefined : { ...taken, kind: taken.verdict });
  if (refusal) {
    const { retryAfterSeconds } = refusal;
    reply.header('retry-after', String(retryAfterSeconds));
    const until = (venue.clock() + retryAfterSeconds * 1_000) as EpochMs;
    return sendText(reply, refusal.kind === 'banned' ? rest.banned(until) : rest.limited(weights.limit));
  }
  if (fault?.kind === 'rejected') return sendText(reply, rest.failure(new VenueError(fault.code, fault.message)));
  const reached = await outcome(dialect, answer);
  if (fault?.kind !== 'lost') return sendText(reply, reached);
  reply.hijack();
  request.raw.socket.destroy();
  return reply;
}

async function outcome({ rest, privateSide }: Dialect, answer: () => string | Promise<string>): Promise<VenueReply> {
  try {
    return { status: 200, body: await answer() };
  } catch (error) {
    if (error instanceof Refusal) return rest.failure(privateSide.refusal(error));
    if (error instanceof VenueError) return rest.failure(error);
    throw error;
  }
}

function answerForAccount(
  { dialect, venue, settings, weights, privateVenue, userStreams }: RestParts,
  request: FastifyRequest,
  route: PrivateRoute,
  query: Query,
  bodyText: string,
): string {
  const { privateSide } = dialect;
  const header = request.headers[privateSide.keyHeader];
  const key = typeof header === 'string' ? header : undefined;
  const account = key === undefined ? undefined : privateVenue.find(key);
  if (!account) throw privateSide.unknownKey(key);
  if (route.isSigned) {
    const queryText = request.url.split('?').slice(1).join('?');
    privateSide.checkSignature({ query, queryText, bodyText }, account.secret, venue.clock());
  }
  privateVenue.sync();
  const context = { venue, settings, weightLimit: weights.limit, account, accounts: privateVenue, userStreams };
  return route.answer(query, context);
}

export const sendText = (reply: FastifyReply, { status, body }: { status: number; body: string }): FastifyReply =>
  reply.code(status).type('application/json; charset=utf-8').send(body);

/** Parameters of the URL; of repeated ones the first. */
export function queryOf(request: FastifyRequest): Query {
  const query: Record<string, string | undefined> = {};
  for (const [name, value] of Object.entries(request.query ?? {})) {
    const first: unknown = Array.isArray(value) ? value[0] : value;
    if (typeof first === 'string') query[name] = first;
  }
  return query;
}
