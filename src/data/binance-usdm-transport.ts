import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import type ccxt from 'ccxt';
import type { Exchange, errors } from 'ccxt';
import type { Clock } from '../core/index.ts';

/** What the public client and an account's session have in common: ccxt on our clock, at the address asked for. */

export type BinanceUsdm = InstanceType<(typeof ccxt)['pro']['binanceusdm']>;

export interface BinanceUsdmOptions {
  /** Base URL in place of the venue's own hosts: a simulated exchange. */
  readonly url: string | undefined;
  readonly clock: Clock;
  readonly requestTimeoutMs: number;
}

/** What is used of ccxt: its errors, and the venues that are supported. */
type Ccxt = typeof errors & { readonly pro: Pick<(typeof ccxt)['pro'], 'binanceusdm' | 'bybit'> };

/**
 * Loads ccxt's files of these venues: 0.4 s, hence only where an exchange is really used. Its front door would load a hundred other venues
 * with them, for twice the time and 50 MB more.
 */
export async function loadCcxt(): Promise<Ccxt> {
  const sources = new URL('../js/src/', pathToFileURL(createRequire(import.meta.url).resolve('ccxt')));
  const load = (file: string) => import(new URL(file, sources).href);
  const [classes, binanceusdm, bybit] = await Promise.all(
    ['base/errors.js', 'pro/binanceusdm.js', 'pro/bybit.js'].map(load),
  );
  return { ...classes, pro: { binanceusdm: binanceusdm.default, bybit: bybit.default } };
}

/** Prepares a client for its first request. @returns the origin that its requests go to, for messages. */
export async function configure(exchange: BinanceUsdm, options: BinanceUsdmOptions): Promise<string> {
  exchange.timeout = options.requestTimeoutMs;
  exchange.has.fetchCurrencies = false;
  exchange.milliseconds = () => options.clock.now();
  if (options.url !== undefined) exchange.urls.api = rebase(exchange.urls.api, options.url) as typeof exchange.urls.api;
  await exchange.loadHttpProxyAgent();
  return addressOf(exchange.urls.api);
}

/** What we use of ccxt's WebSocket client. */
export interface SocketClient {
  readonly url: string;
  error: Error | undefined;
  reset(error: Error): void;
  readonly connection?: { terminate(): void };
}

/** Ends all sockets at once, without waiting for a peer that may be gone; pending watches are rejected. */
export function dropSockets(exchange: Exchange, ccxt: Pick<Ccxt, 'ExchangeClosedByUser'>): void {
  for (const [url, client] of Object.entries(exchange.clients ?? {}) as [string, SocketClient][]) {
    delete exchange.clients[url];
    client.error = new ccxt.ExchangeClosedByUser('the stream was ended');
    client.reset(client.error);
    client.connection?.terminate();
  }
}

export const pathOf = (url: string): string => new URL(url).pathname;

/** `Retry-After` in milliseconds; Binance sends whole seconds. */
export function waitOf(headers: Readonly<Record<string, unknown>> | undefined): number | undefined {
  const entry = Object.entries(headers ?? {}).find(([name]) => name.toLowerCase() === 'retry-after');
  const seconds = Number(entry?.[1]);
  return Number.isFinite(seconds) && seconds >= 0 ? seconds * 1_000 : undefined;
}

/** The same tree of addresses with scheme and host of every string replaced, so that no request can reach the real venue. */
export function rebase(addresses: unknown, url: string): unknown {
  if (typeof addresses === 'string') {
    const base = new URL(url);
    const secure = base.protocol === 'https:' || base.protocol === 'wss:';
    const scheme = addresses.startsWith('ws') ? (secure ? 'wss' : 'ws') : secure ? 'https' : 'http';
    const prefix = base.pathname.replace(/\/$/, '');
    return addresses.replace(/^\w+:\/\/[^/]+/, `${scheme}://${base.host}${prefix}`);
  }
  if (typeof addresses !== 'object' || addresses === null) return addresses;
  return Object.fromEntries(Object.entries(addresses).map(([key, value]) => [key, rebase(value, url)]));
}

function addressOf(addresses: unknown): string {
  const rest =
    typeof addresses === 'object' && addresses !== null && 'fapiPublic' in addresses ? addresses.fapiPublic : '';
  return new URL(String(rest)).origin;
}
