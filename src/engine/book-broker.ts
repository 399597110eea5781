import { type Config, type ExchangeKeys, keysMissing } from '../config/index.ts';
import {
  type Broker,
  type Clock,
  type Instrument,
  type Log,
  type Metrics,
  MinutehandError,
  milliseconds,
  type SymbolId,
  systemClock,
} from '../core/index.ts';
import type { ExchangeClock, RequestOutcomes } from '../data/index.ts';
import { type Database, readLease } from '../database/index.ts';
import type { CostSettings } from '../matching/index.ts';
import { CcxtBroker, createBinanceUsdmAccount, type Fence, type FundingSource, PaperBroker } from '../trading/index.ts';

/** What is left of a lease when an order leaves must be more than its receive window by so much. Real milliseconds. */
const LEASE_MARGIN_MS = 1_000;
/** The largest receive window that the venue takes. */
const LONGEST_WINDOW_MS = 60_000;

export interface BookBrokerParts {
  readonly book: string;
  readonly config: Config;
  readonly costs: CostSettings;
  readonly instrumentOf: (symbol: SymbolId) => Instrument | undefined;
  /** What the paper broker pays by. */
  readonly funding: FundingSource;
  readonly exchangeUrl: string | undefined;
  readonly clock: ExchangeClock;
  readonly database: Database;
  /** Of the book's lease. */
  readonly epoch: number;
  /** Keys for an account at an exchange. @throws MinutehandError where there are none */
  readonly accountKeys: ((url: string | undefined) => ExchangeKeys) | undefined;
  /** Of requests to the venue, those of the account among them. */
  readonly outcomes: RequestOutcomes;
  readonly log: Log;
  readonly metrics: Metrics;
}

/** The broker that the mode names, and for one at an account how it is started and closed. */
export type BookBroker =
  | { readonly broker: Broker; readonly account?: never }
  | { readonly broker: CcxtBroker; readonly account: string };

/**
 * The paper broker, or in mode live one at the account whose keys the environment holds.
 * @throws MinutehandError of the keys, and of an account that cannot be traded as configured
 */
export async function createBookBroker(parts: BookBrokerParts): Promise<BookBroker> {
  const { config, clock, exchangeUrl, outcomes, log, metrics, book } = parts;
  if (config.mode === 'paper') {
    const { instrumentOf, costs, funding } = parts;
    return { broker: new PaperBroker({ instrumentOf, costs, funding }) };
  }
  const { account, request_timeout_ms } = config.exchange;
  const keys = parts.accountKeys?.(exchangeUrl);
  if (keys === undefined) throw keysMissing(exchangeUrl ?? config.exchange.id);
  const client = await createBinanceUsdmAccount({
    url: exchangeUrl,
    credentials: keys,
    clock,
    log,
    metrics,
    outcomes,
    requestTimeoutMs: request_timeout_ms,
    margin: { mode: account.margin_mode, leverage: account.leverage },
    positionMode: account.position_mode,
    quote: config.universe.quote,
  });
  // The venue counts market time: a simulated one that runs faster sees as little real time in it.
  const speed = clock.simulation?.speed;
  const factor = typeof speed === 'number' && speed > 1 ? speed : 1;
  const receiveWindow = milliseconds(Math.min(LONGEST_WINDOW_MS, account.receive_window_ms * factor));
  const broker = new CcxtBroker({
    book,
    client,
    fence: leaseFence(parts, receiveWindow, account.receive_window_ms),
    clock,
    log,
    metrics,
    asksBeforeMinute: clock.simulation?.lockstep ?? false,
    settings: {
      receiveWindow,
      margin: milliseconds(3_000 * factor),
      entryWithin: milliseconds(config.ml_integration.scheduler.deadline_seconds * 1_000),
    },
  });
  return { broker, account: client.address };
}

/**
 * Signs first and looks at the lease then: whoever is stopped in between sends something that is void before the lease can be another's.
 * @param realWindowMs the receive window in real time, as leases are kept
 */
export function leaseFence(
  { database, book, epoch, clock }: Pick<BookBrokerParts, 'database' | 'book' | 'epoch'> & { clock: Clock },
  receiveWindow: ReturnType<typeof milliseconds>,
  realWindowMs: number,
): Fence {
  return {
    stamp: async () => {
      const signedAt = clock.now();
      const lease = await readLease(database, book);
      if (lease?.epoch !== epoch) {
        throw new MinutehandError(
          'LEASE_LOST',
          `Another process owns the book ${book}.`,
          'This process stops; see which one runs with "minutehand status".',
          { exitCode: 3 },
        );
      }
      if (lease.expiresAt - systemClock.now() < realWindowMs + LEASE_MARGIN_MS) {
        throw new MinutehandError(
          'LEASE_EXPIRING',
          `the lease of the book ${book} has not been renewed in time for an order`,
          'It is renewed every few seconds: see whether the database answers.',
        );
      }
      return { signedAt, receiveWindow };
    },
  };
}
