import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { type EpochMs, epochMs, MinutehandError, messageOf, TransientError } from '../core/index.ts';

/** What a simulated exchange says of itself at `/sim/v1/status`. */
export interface SimulationStatus {
  /** Its market time. */
  readonly now: EpochMs;
  /** Close of the last minute it published. */
  readonly minute: EpochMs;
  /** A factor of the wall clock, or 'max' in lock-step. */
  readonly speed: number | 'max';
  /** It waits for each minute to be acknowledged. */
  readonly lockstep: boolean;
  /** The market has no further minute. */
  readonly ended: boolean;
  /** Open of the market's first minute, and close of its last; undefined where it never ends. */
  readonly from: EpochMs | undefined;
  readonly to: EpochMs | undefined;
  readonly market: SimulatedMarketInfo;
}

/** Which market a simulated exchange plays: what every report must say. */
export interface SimulatedMarketInfo {
  readonly kind: 'generated' | 'replay';
  readonly label: string;
  /** What was planted into a generated market, if anything. */
  readonly edge: string | undefined;
  readonly seed: number | undefined;
  /** In canonical order. */
  readonly symbols: readonly string[];
}

const time = z.coerce.number().int().nonnegative();
const status = z.looseObject({
  now: time,
  minute: time,
  speed: z.union([z.number().nonnegative(), z.literal('max')]),
  lockstep: z.boolean(),
  ended: z.boolean(),
  from: time.nullish(),
  to: time.nullish(),
  market: z.looseObject({
    kind: z.enum(['generated', 'replay']),
    label: z.string(),
    edge: z.string().nullish(),
    seed: z.number().nullish(),
    symbols: z.array(z.string()),
  }),
});

const STATUS_PATH = '/sim/v1/status';
const ADVANCE_PATH = '/sim/v1/advance';

/**
 * The status of the simulated exchange at `url`; undefined if what answers there is not one.
 * @throws TransientError EXCHANGE_UNREACHABLE when nothing answers.
 */
export async function fetchSimulationStatus(url: string, timeoutMs: number): Promise<SimulationStatus | undefined> {
  const response = await request(joinUrl(url, STATUS_PATH), { signal: AbortSignal.timeout(timeoutMs) });
  const body = await response.text();
  return response.ok ? parseStatus(body) : undefined;
}

/**
 * Tells a simulated exchange in lock-step that everything of `minute` is done; it then goes on to the next.
 * @returns its status after that.
 * @throws MinutehandError SIMULATOR_REFUSED when it does not accept the token or the minute.
 */
export async function advanceSimulation(
  url: string,
  minute: EpochMs,
  token: string | undefined,
  timeoutMs: number,
): Promise<SimulationStatus> {
  const response = await request(joinUrl(url, ADVANCE_PATH), {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    body: JSON.stringify({ minute }),
    signal: AbortSignal.timeout(timeoutMs),
  });
  const body = await response.text();
  const parsed = response.ok ? parseStatus(body) : undefined;
  if (parsed !== undefined) return parsed;
  const said = `${response.status} ${body.slice(0, 200)}`;
  if (response.status >= 500) {
    throw new TransientError(
      'SIMULATOR_UNAVAILABLE',
      `the simulated exchange at ${url} answered ${said}`,
      'Try again.',
    );
  }
  throw new MinutehandError(
    'SIMULATOR_REFUSED',
    `the simulated exchange at ${url} did not accept that minute ${minute} is done: ${said}`,
    'Set MINUTEHAND_SIM_TOKEN to the token it printed at start, or run as the user who started it.',
  );
}

/**
 * The token of a simulated exchange: given, from MINUTEHAND_SIM_TOKEN, or from the file its process leaves for the same user.
 * Undefined where there is none, or where others could have written the file.
 */
export async function findSimulationToken(
  url: string,
  given: string | undefined,
  environment: NodeJS.ProcessEnv = process.env,
): Promise<string | undefined> {
  const known = given ?? environment.MINUTEHAND_SIM_TOKEN;
  if (known !== undefined && known !== '') return known;
  const { port, protocol } = new URL(url);
  const file = join(
    tmpdir(),
    `minutehand-sim-${process.getuid?.() ?? 0}-${port === '' ? (protocol === 'https:' ? 443 : 80) : port}.token`,
  );
  try {
    const handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW);
    try {
      const { uid, mode } = await handle.stat();
      const isOurs = uid === (process.getuid?.() ?? 0) && (mode & 0o077) === 0;
      return isOurs ? (await handle.readFile('utf8')).trim() : undefined;
    } finally {
      await handle.close();
    }
  } catch {
    return undefined;
  }
}

function parseStatus(body: string): SimulationStatus | undefined {
  try {
    const parsed = status.safeParse(JSON.parse(body));
    if (!parsed.success) return undefined;
    const { now, minute, speed, lockstep, ended, from, to, market } = parsed.data;
    return {
      now: epochMs(now),
      minute: epochMs(minute),
      speed,
      lockstep,
      ended,
      from: typeof from === 'number' ? epochMs(from) : undefined,
      to: typeof to === 'number' ? epochMs(to) : undefined,
      market: {
        kind: market.kind,
        label: market.label,
        edge: market.edge ?? undefined,
        seed: market.seed ?? undefined,
        symbols: market.symbols,
      },
    };
  } catch {
    return undefined;
  }
}

async function request(url: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(url, init);
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    throw new TransientError(
      'EXCHANGE_UNREACHABLE',
      `the exchange cannot be reached at ${new URL(url).origin}: ${messageOf(cause)}`,
      'Check that the address is right and the exchange (or `minutehand sim serve`) runs, then try again.',
      { cause: error },
    );
  }
}

const joinUrl = (base: string, path: string): string => `${base.replace(/\/$/, '')}${path}`;
