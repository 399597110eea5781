import type { Config } from '../config/index.ts';
import { type Clock, createRandom, type Log, type Metrics, systemClock } from '../core/index.ts';
import {
  connectExchangeClock,
  createExchangeGateway,
  type ExchangeClock,
  type ExchangeGateway,
  RequestOutcomes,
  retry,
} from '../data/index.ts';

/** Which market this is, as every screen and report says it. */
export interface MarketDescription {
  readonly kind: 'generated' | 'replay' | 'real';
  readonly label: string;
  readonly edge: boolean;
  readonly speed: number | 'max';
}

export interface Venue {
  readonly gateway: ExchangeGateway;
  readonly clock: ExchangeClock;
  readonly outcomes: RequestOutcomes;
  close(): Promise<void>;
}

/** Connects to the exchange: requests by a gateway, time by a clock that follows the venue's. */
export async function connectVenue(
  config: Config,
  options: { url: string | undefined; simulatorToken: string | undefined; log: Log; metrics: Metrics },
): Promise<Venue> {
  const { log, metrics, url } = options;
  // The gateway stamps and waits by the venue's time, which only its first answer tells.
  let following: Clock & { readonly uncertaintyMs?: number } = systemClock;
  const clock: Clock & { readonly uncertaintyMs: number } = {
    get uncertaintyMs() {
      return following.uncertaintyMs ?? 0;
    },
    now: () => following.now(),
    sleep: (duration, signal) => following.sleep(duration, signal),
    elapsed: () => following.elapsed(),
  };
  const { id, request_timeout_ms, requests_per_second } = config.exchange;
  const outcomes = new RequestOutcomes(systemClock);
  const gateway = await createExchangeGateway({
    exchangeId: id,
    url,
    clock,
    log,
    metrics,
    outcomes,
    requestTimeoutMs: request_timeout_ms,
    maxParallel: config.ml_integration.scheduler.max_parallel,
    ...(requests_per_second === null ? {} : { requestsPerSecond: requests_per_second }),
  });
  try {
    const connect = () =>
      connectExchangeClock({
        serverTime: () => gateway.serverTime(),
        url,
        token: options.simulatorToken,
        log,
        metrics,
        requestTimeoutMs: request_timeout_ms,
      });
    const exchangeClock = await retry(connect, { clock: systemClock, random: createRandom('venue'), attempts: 4 });
    following = exchangeClock;
    return {
      gateway,
      clock: exchangeClock,
      outcomes,
      close: async () => {
        exchangeClock.stop();
        await gateway.close();
      },
    };
  } catch (error) {
    await gateway.close();
    throw error;
  }
}

/** What the venue says of its market; an exchange that says nothing is a real one. */
export function describeMarket(clock: ExchangeClock, exchangeId: string): MarketDescription {
  const { simulation } = clock;
  if (simulation === undefined) return { kind: 'real', label: exchangeId, edge: false, speed: 1 };
  const market = typeof simulation.market === 'string' ? { label: simulation.market } : simulation.market;
  const read = (key: string): unknown => (market as Readonly<Record<string, unknown>>)[key];
  const kind = read('kind') === 'replay' ? 'replay' : 'generated';
  return { kind, label: String(read('label') ?? kind), edge: Boolean(read('edge')), speed: simulation.speed };
}

/** What of a market must not change between two starts on one store. */
export const marketIdentity = ({ kind, label, edge }: MarketDescription): string =>
  `${kind}: ${label}${edge ? ' (planted edge)' : ''}`;
