import { type Clock, epochMs, type Log, milliseconds, silentLog, systemClock } from '../core/index.ts';
import {
  type AccountClient,
  type BinanceUsdmAccountOptions,
  createBinanceUsdmAccount,
  type RequestStamp,
  type VenueEvent,
  type VenueOrderKey,
  type VenueOrderRequest,
} from '../trading/index.ts';
import { type AccountBench, startAccountBench, TEST_ACCOUNT } from './account-fixture.ts';
import type { SimulatorOptions } from './server.ts';

/** A venue with one account, and the client that trades for it. */
export interface ClientBench {
  readonly bench: AccountBench;
  readonly client: AccountClient;
  readonly logged: string[];
  /** The venue's present, with five seconds to arrive. */
  stamp(ageMs?: number, receiveWindowMs?: number): RequestStamp;
  lastPrice(symbol?: string): Promise<number>;
  /** What the stream has told so far; opens it at the first call. */
  events(): Promise<VenueEvent[]>;
  close(): Promise<void>;
}

/** Venue time as the simulator has it; real time otherwise. */
export const clockOf = (bench: AccountBench): Clock => ({
  now: () => epochMs(bench.simulator.status().now),
  elapsed: systemClock.elapsed,
  sleep: systemClock.sleep,
});

export function clientOptions(bench: AccountBench): BinanceUsdmAccountOptions {
  return {
    url: bench.simulator.url,
    credentials: TEST_ACCOUNT,
    clock: clockOf(bench),
    log: silentLog,
    requestTimeoutMs: 5_000,
    margin: { mode: 'cross', leverage: 5 },
    positionMode: 'hedge',
    quote: 'USDT',
  };
}

export async function startClientBench(
  options: Partial<BinanceUsdmAccountOptions> = {},
  simulator: Partial<SimulatorOptions> = {},
): Promise<ClientBench> {
  const bench = await startAccountBench(simulator);
  const logged: string[] = [];
  const client = await createBinanceUsdmAccount({ ...clientOptions(bench), log: logInto(logged), ...options });
  let heard: VenueEvent[] | undefined;
  return {
    bench,
    client,
    logged,
    stamp: (ageMs = 0, receiveWindowMs = 5_000) => ({
      signedAt: epochMs(bench.simulator.status().now - ageMs),
      receiveWindow: milliseconds(receiveWindowMs),
    }),
    lastPrice: async (symbol = 'BTCUSDT') => {
      const { body } = await bench.get(`/fapi/v1/ticker/price?symbol=${symbol}`);
      return Number((body as { price: string }).price);
    },
    events: async () => {
      if (heard === undefined) {
        const events: VenueEvent[] = [];
        heard = events;
        await client.watch((event) => events.push(event));
      }
      return heard;
    },
    close: async () => {
      await client.close();
      await bench.close();
    },
  };
}

/** A market order that opens half a coin. */
export const orderOf = (clientOrderId: string, changes: Partial<VenueOrderRequest> = {}): VenueOrderRequest => ({
  clientOrderId,
  symbol: 'BTCUSDT',
  side: 'buy',
  type: 'market',
  quantity: '0.5',
  leg: 'long',
  isClosing: false,
  ...changes,
});

export const keyOf = ({ clientOrderId, symbol, type }: VenueOrderRequest): VenueOrderKey => ({
  clientOrderId,
  symbol,
  isConditional: type === 'stopMarket' || type === 'takeProfitMarket',
});

/** Whatever an action throws. */
export const thrownBy = (action: Promise<unknown>): Promise<unknown> =>
  action.then(
    (result) => {
      throw new Error(`nothing was thrown but ${JSON.stringify(result)}`);
    },
    (error: unknown) => error,
  );

function logInto(lines: string[]): Log {
  const write = (fields: object, message: string) => lines.push(`${message} ${JSON.stringify(fields)}`);
  const log: Log = { debug: write, info: write, warn: write, error: write, child: () => log };
  return log;
}
