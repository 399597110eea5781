import { readFileSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { MinutehandError, messageOf } from '../core/index.ts';
import { LARGEST_SECRET_BYTES } from './load-config.ts';
import { isLoopback } from './loopback.ts';
import type { Config } from './schema.ts';

/** What signs requests of an account at an exchange: never stored, never shown. */
export interface ExchangeKeys {
  readonly key: string;
  readonly secret: string;
}

const VARIABLES = { key: 'MINUTEHAND_EXCHANGE_KEY', secret: 'MINUTEHAND_EXCHANGE_SECRET' } as const;

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Key and secret from MINUTEHAND_EXCHANGE_KEY and MINUTEHAND_EXCHANGE_SECRET, each also as a file that the variable with _FILE names,
 * relative to `invokedFrom`; undefined where none of them is set.
 * @throws MinutehandError EXCHANGE_KEYS_INVALID (exit 2) when half of it is missing, named twice or cannot be read; it never shows a value
 */
export function readExchangeKeys(env: Environment, invokedFrom: string): ExchangeKeys | undefined {
  const key = readKey(VARIABLES.key, env, invokedFrom);
  const secret = readKey(VARIABLES.secret, env, invokedFrom);
  if (key === undefined && secret === undefined) return undefined;
  if (key !== undefined && secret !== undefined) return { key, secret };
  const [set, absent] = key === undefined ? [VARIABLES.secret, VARIABLES.key] : [VARIABLES.key, VARIABLES.secret];
  throw invalid(`${set} is set and ${absent} is not`, `Set ${absent} or ${absent}_FILE too.`);
}

/** Where each half comes from, by its variable; null where it is not set. Reads no file. */
export function exchangeKeySources(env: Environment): { readonly variable: string; readonly where: string | null }[] {
  return Object.values(VARIABLES).map((variable) => {
    const where = [variable, `${variable}_FILE`].find((name) => env[name]) ?? null;
    return { variable, where };
  });
}

/**
 * Refuses live trading without keys. An exchange on this machine may be a simulated one, which has an account of its own for
 * whoever may read its file.
 * @throws MinutehandError EXCHANGE_KEYS_MISSING (exit 2), EXCHANGE_KEYS_INVALID (exit 2)
 */
export function requireExchangeKeys({ mode, exchange }: Config, env: Environment, invokedFrom: string): void {
  if (mode !== 'live') return;
  const isForeign = exchange.real || (exchange.url !== null && !isLoopback(exchange.url));
  if (isForeign && readExchangeKeys(env, invokedFrom) === undefined) throw keysMissing(exchange.url ?? exchange.id);
}

export const keysMissing = (exchange: string): MinutehandError =>
  new MinutehandError(
    'EXCHANGE_KEYS_MISSING',
    `there are no keys for an account at ${exchange}`,
    `Set ${VARIABLES.key} and ${VARIABLES.secret} in the environment, or name files that hold them with ${VARIABLES.key}_FILE and ${VARIABLES.secret}_FILE. Give the key no right to withdraw.`,
    { exitCode: 2 },
  );

function readKey(variable: string, env: Environment, invokedFrom: string): string | undefined {
  const file = env[`${variable}_FILE`];
  if (env[variable] && file) {
    throw invalid(`${variable} and ${variable}_FILE are both set`, 'Unset one of them.');
  }
  const value = file ? readKeyFile(variable, resolve(invokedFrom, file)) : env[variable]?.trim();
  if (!value) return undefined;
  if (/^[\x21-\x7e]{8,256}$/.test(value)) return value;
  throw invalid(
    `what ${file ? `${variable}_FILE names` : variable} holds is no key`,
    'Copy it from the exchange anew.',
  );
}

function readKeyFile(variable: string, path: string): string {
  const remedy = 'Name a readable file that holds the key and nothing else.';
  let text: string;
  try {
    if (statSync(path).size > LARGEST_SECRET_BYTES) throw new RangeError('it is too large');
    text = readFileSync(path, 'utf8').trim();
  } catch (error) {
    throw invalid(`${variable}_FILE: ${path} cannot be read (${messageOf(error)})`, remedy);
  }
  if (text === '') throw invalid(`${variable}_FILE: ${path} is empty`, remedy);
  return text;
}

const invalid = (message: string, remedy: string): MinutehandError =>
  new MinutehandError('EXCHANGE_KEYS_INVALID', message, remedy, { exitCode: 2 });
