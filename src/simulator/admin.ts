import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { epochMs, MinutehandError } from '../core/index.ts';
import type { FaultBoard, FaultStatus } from './fault-board.ts';
import { faultSpecSchema } from './fault-spec.ts';
import type { MarketTime, Speed } from './market-time.ts';
import type { SimulatedMarket } from './simulated-market.ts';
import type { StreamHub } from './stream-hub.ts';
import { bearsToken } from './token.ts';

/** What `GET /sim/v1/status` answers. Times are epoch milliseconds of market time. */
export interface SimulatorStatus {
  readonly venue: string;
  readonly market: {
    readonly kind: 'generated' | 'replay';
    readonly label: string;
    /** What was planted into a generated market; null where nothing was. */
    readonly edge: string | null;
    readonly seed: number | null;
    /** In canonical order. */
    readonly symbols: readonly string[];
  };
  readonly now: number;
  /** The last minute that has closed and been published. */
  readonly minute: number;
  readonly speed: Speed;
  readonly lockstep: boolean;
  /** The clock stands on the last minute: it is still to be dealt with, none follows. */
  readonly ended: boolean;
  /** Open of the first one-minute bar; close of the last, null where the market never ends. */
  readonly from: number;
  readonly to: number | null;
  readonly weightLimitPerMinute: number;
  readonly sockets: number;
  readonly streams: number;
  readonly faults: readonly FaultStatus[];
}

export interface AdminParts {
  readonly venueId: string;
  readonly market: SimulatedMarket;
  readonly time: MarketTime;
  readonly faults: FaultBoard;
  readonly hub: StreamHub;
  readonly weightLimit: number;
  readonly token: string;
}

export function statusOf({ venueId, market, time, faults, hub, weightLimit }: AdminParts): SimulatorStatus {
  const now = time.now();
  return {
    venue: venueId,
    market: {
      kind: market.kind,
      label: market.label,
      edge: market.edge ?? null,
      seed: market.seed ?? null,
      symbols: market.instruments.map(({ symbol }) => symbol),
    },
    now,
    minute: time.minute,
    speed: time.speed,
    lockstep: time.speed === 'max',
    ended: time.ended,
    from: market.start,
    to: market.end ?? null,
    weightLimitPerMinute: weightLimit,
    sockets: hub.sockets,
    streams: hub.streams,
    faults: faults.list(now),
  };
}

const advanceSchema = z.strictObject({ minute: z.number().int().nonnegative() });
const speedSchema = z.strictObject({ speed: z.union([z.literal('max'), z.number().positive().max(100_000)]) });

/** Adds the simulator's own namespace: what no real venue has. Whatever changes something needs the token. */
export function addAdminRoutes(app: FastifyInstance, parts: AdminParts): void {
  const { time, faults, hub, token } = parts;
  const authorized = async (request: FastifyRequest) => {
    if (bearsToken(request.headers.authorization, token)) return;
    throw new MinutehandError(
      'SIMULATOR_TOKEN_WRONG',
      'the Authorization header does not carry the token of this simulator',
      'Send "Authorization: Bearer TOKEN"; the simulator names the file of its token when it starts.',
    );
  };

  app.get('/sim/v1/status', async () => statusOf(parts));
  app.post('/sim/v1/advance', { onRequest: authorized }, async (request) => {
    time.acknowledge(epochMs(parse(advanceSchema, request.body).minute));
    return statusOf(parts);
  });
  app.post('/sim/v1/speed', { onRequest: authorized }, async (request) => {
    time.setSpeed(parse(speedSchema, request.body).speed);
    return statusOf(parts);
  });
  app.post('/sim/v1/faults', { onRequest: authorized }, async (request, reply) => {
    const spec = parse(faultSpecSchema, request.body);
    const known = new Set(parts.market.instruments.map(({ symbol }) => symbol));
    const unknown = spec.symbols?.filter((symbol) => !known.has(symbol)) ?? [];
    if (unknown.length > 0) throw badRequest(`symbols: ${unknown.slice(0, 5).join(', ')} not in this market`);
    const fault = faults.add(spec, time.now());
    hub.dropSockets();
    return reply.code(201).send(faults.find(fault.id, time.now()));
  });
  app.get('/sim/v1/faults', async () => ({ faults: faults.list(time.now()) }));
  app.get<{ Params: { id: string } }>('/sim/v1/faults/:id', async (request) => {
    const fault = faults.find(request.params.id, time.now());
    if (!fault) throw noSuchFault(request.params.id);
    return fault;
  });
  app.delete('/sim/v1/faults', { onRequest: authorized }, async () => {
    faults.clear();
    return { faults: [] };
  });
  app.delete<{ Params: { id: string } }>('/sim/v1/faults/:id', { onRequest: authorized }, async (request) => {
    if (!faults.remove(request.params.id)) throw noSuchFault(request.params.id);
    return { faults: faults.list(time.now()) };
  });
}

const STATUS_OF_CODE: Readonly<Record<string, number>> = {
  SIMULATOR_TOKEN_WRONG: 401,
  SIMULATOR_HOST_REFUSED: 403,
  SIMULATOR_NOT_FOUND: 404,
  SIMULATOR_MINUTE_AHEAD: 409,
};

/** An admin answer to a failed request. */
export function sendAdminFailure(
  reply: FastifyReply,
  error: MinutehandError,
  status = STATUS_OF_CODE[error.code] ?? 400,
): FastifyReply {
  return reply
    .code(status)
    .send({ ok: false, error: { code: error.code, message: error.message, remedy: error.remedy } });
}

export const badRequest = (message: string): MinutehandError =>
  new MinutehandError('SIMULATOR_REQUEST_INVALID', message, 'See docs/simulator.md for the fields of this request.');

const noSuchFault = (id: string) =>
  new MinutehandError('SIMULATOR_NOT_FOUND', `there is no fault "${id}"`, 'GET /sim/v1/faults lists them.');

function parse<Output>(schema: z.ZodType<Output>, body: unknown): Output {
  const parsed = schema.safeParse(body ?? {});
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw badRequest(`${issue?.path.join('.') || 'body'}: ${issue?.message ?? 'invalid'}`);
}
