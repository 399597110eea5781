import type { Config, FlagSetting } from '../config/index.ts';
import { type Log, noMetrics } from '../core/index.ts';
import { connectVenue, type Venue } from '../engine/index.ts';
import { type AccountClient, createBinanceUsdmAccount } from '../trading/index.ts';
import type { CliContext } from './context.ts';
import { accountKeys } from './exchange-account.ts';
import { usageError } from './output.ts';

/** Options of commands that speak to an account at an exchange. */
export interface AccountOptions {
  readonly exchangeUrl?: string;
  readonly real?: boolean;
}

export function accountFlags({ exchangeUrl, real }: AccountOptions): FlagSetting[] {
  return [
    ...(exchangeUrl === undefined ? [] : [{ key: 'exchange.url', flag: '--exchange-url', value: exchangeUrl }]),
    ...(real ? [{ key: 'exchange.real', flag: '--real', value: true }] : []),
  ];
}

/**
 * Works with the account whose keys the environment holds, at the exchange that the configuration names.
 * @throws MinutehandError of the usage, the keys, the exchange, and what the work throws
 */
export async function withAccount<Result>(
  { terminal, invokedFrom }: CliContext,
  config: Config,
  log: Log,
  work: (account: { readonly client: AccountClient; readonly venue: Venue }) => Promise<Result>,
): Promise<Result> {
  const { exchange, universe } = config;
  if (!exchange.real && exchange.url === null) {
    throw usageError('no exchange is named', 'Add --exchange-url URL for a running one, or --real.');
  }
  const url = exchange.url ?? undefined;
  const credentials = accountKeys({ env: terminal.env, invokedFrom }, url);
  const venue = await connectVenue(config, { url, simulatorToken: undefined, log, metrics: noMetrics });
  try {
    const { leverage, margin_mode, position_mode } = exchange.account;
    const client = await createBinanceUsdmAccount({
      url,
      credentials,
      clock: venue.clock,
      log,
      requestTimeoutMs: exchange.request_timeout_ms,
      margin: { mode: margin_mode, leverage },
      positionMode: position_mode,
      quote: universe.quote,
    });
    try {
      return await work({ client, venue });
    } finally {
      await client.close();
    }
  } finally {
    await venue.close();
  }
}
