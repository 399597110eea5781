import { type ExchangeKeys, isLoopback, keysMissing, readExchangeKeys } from '../config/index.ts';
import { MinutehandError } from '../core/index.ts';
import { readSimulatorAccount } from '../simulator/index.ts';

/**
 * The keys for an exchange: those of a simulated one on this machine where there is one, so that it never sees the user's own; else those of
 * the environment.
 * @param url of the exchange; undefined for the venue's own addresses
 * @throws MinutehandError EXCHANGE_KEYS_MISSING, EXCHANGE_KEYS_INVALID, EXCHANGE_URL_UNENCRYPTED (exit 2)
 */
export function accountKeys(
  { env, invokedFrom }: { readonly env: NodeJS.ProcessEnv; readonly invokedFrom: string },
  url: string | undefined,
): ExchangeKeys {
  if (url !== undefined && isLoopback(url)) {
    const simulated = readSimulatorAccount(Number(new URL(url).port), env);
    if (simulated) return simulated;
  } else if (url?.startsWith('http:')) {
    throw new MinutehandError(
      'EXCHANGE_URL_UNENCRYPTED',
      `keys would go to ${url} unencrypted`,
      'Name the exchange with https://, or one of this machine.',
      { exitCode: 2 },
    );
  }
  const keys = readExchangeKeys(env, invokedFrom);
  if (keys === undefined) throw keysMissing(url ?? 'the exchange');
  return keys;
}
