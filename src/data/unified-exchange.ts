import type { Exchange } from 'ccxt';
import {
  type EpochMs,
  type Milliseconds,
  MinutehandError,
  messageOf,
  TransientError,
  UnknownOutcomeError,
} from '../core/index.ts';
import { type BinanceUsdmOptions, dropSockets, loadCcxt, rebase, type SocketClient } from './binance-usdm-transport.ts';

export interface UnifiedExchangeOptions extends BinanceUsdmOptions {
  readonly exchangeId: 'binanceusdm' | 'bybit';
  readonly credentials: { readonly key: string; readonly secret: string };
}

/** Why a venue said no, by the classes of ccxt that leave no doubt; `refused` where none is more to the point. */
export type RefusalKind = 'margin' | 'not-found' | 'id-taken' | 'immediate' | 'stale' | 'rate-limited' | 'refused';

/** A definite no, in ccxt's class. */
export class UnifiedRefusal extends MinutehandError {
  override readonly name = 'UnifiedRefusal';
  readonly kind: RefusalKind;

  constructor(kind: RefusalKind, message: string) {
    super('EXCHANGE_REJECTED', message, 'The same request is refused again: check the account and the order.');
    this.kind = kind;
  }
}

/** A venue through ccxt's unified calls, with decimal strings in place of ccxt's floating numbers. */
export interface UnifiedExchange {
  readonly address: string;
  /** @throws UnifiedRefusal; TransientError for everything else. */
  read<T>(question: (exchange: Exchange) => Promise<T>): Promise<T>;
  /**
   * Everything the call sends is signed at the stamp's time and void after its window.
   * @throws UnifiedRefusal only for a class of error that leaves no doubt; UnknownOutcomeError for everything else.
   */
  change<T>(stamp: ChangeStamp, call: (exchange: Exchange) => Promise<T>): Promise<T>;
  /** Runs until one of the loops fails or the signal aborts. @returns why it ended. */
  watch(
    onOpen: () => void,
    loops: readonly ((exchange: Exchange) => Promise<void>)[],
    signal: AbortSignal,
  ): Promise<string>;
  close(): Promise<void>;
}

interface ChangeStamp {
  readonly signedAt: EpochMs;
  readonly receiveWindow: Milliseconds;
}

/** Loads ccxt and the venue's markets. */
export async function createUnifiedExchange(options: UnifiedExchangeOptions): Promise<UnifiedExchange> {
  const { exchangeId, credentials, clock, url } = options;
  const ccxt = await loadCcxt();
  const secrets = [credentials.secret, credentials.key];
  const Venue = ccxt.pro[exchangeId] as new (config: object) => Exchange;
  let onOpen: (() => void) | undefined;

  class Client extends Venue {
    // Whatever else such an answer says, ccxt sorts some of it under refusals.
    override handleErrors(...parameters: Parameters<Exchange['handleErrors']>): undefined {
      const [status, reason] = parameters;
      if (Number(status) >= 500) throw new ccxt.ExchangeNotAvailable(`HTTP ${status} ${reason}`);
      return super.handleErrors(...parameters);
    }

    override onConnected(client: SocketClient): void {
      super.onConnected(client);
      onOpen?.();
    }
  }

  async function open(): Promise<Exchange> {
    const exchange = new Client({
      apiKey: credentials.key,
      secret: credentials.secret,
      enableRateLimit: false,
      timeout: options.requestTimeoutMs,
      options: {
        fetchMargins: false,
        fetchCurrencies: false,
        warnOnFetchOpenOrdersWithoutSymbol: false,
        ...(exchangeId === 'bybit' ? { fetchMarkets: { types: ['linear'] }, defaultSubType: 'linear' } : {}),
      },
    });
    exchange.has.fetchCurrencies = false;
    exchange.milliseconds = () => clock.now();
    if (url !== undefined) exchange.urls.api = rebase(exchange.urls.api, url) as typeof exchange.urls.api;
    await exchange.loadHttpProxyAgent();
    return exchange;
  }

  const exchange = await open();
  const address = new URL(exchange.implodeHostname(firstAddress(exchange.urls.api))).origin;
  await exchange.loadMarkets().catch((error) => {
    throw readError(error);
  });
  keepStrings(exchange);

  function redact(text: string): string {
    const bare = text.replace(/\?\S*/g, '');
    const hidden = secrets.reduce((rest, secret) => (secret === '' ? rest : rest.replaceAll(secret, '…')), bare);
    return hidden.length > 300 ? `${hidden.slice(0, 300)}…` : hidden;
  }

  function refusalKind(error: unknown): RefusalKind | undefined {
    const kinds: readonly [abstract new (...parts: never[]) => Error, RefusalKind][] = [
      [ccxt.InsufficientFunds, 'margin'],
      [ccxt.OrderNotFound, 'not-found'],
      [ccxt.DuplicateOrderId, 'id-taken'],
      [ccxt.OrderImmediatelyFillable, 'immediate'],
      [ccxt.OrderNotFillable, 'immediate'],
      [ccxt.InvalidNonce, 'stale'],
      [ccxt.RateLimitExceeded, 'rate-limited'],
      [ccxt.InvalidOrder, 'refused'],
      [ccxt.AuthenticationError, 'refused'],
      [ccxt.BadSymbol, 'refused'],
      [ccxt.ArgumentsRequired, 'refused'],
      [ccxt.NotSupported, 'refused'],
    ];
    const kind = kinds.find(([type]) => error instanceof type)?.[1];
    // ccxt has it under invalid orders at some venues, where the order is there all the same.
    return kind === 'refused' && /duplicat/i.test(messageOf(error)) ? 'id-taken' : kind;
  }

  function readError(error: unknown): Error {
    if (error instanceof MinutehandError) return error;
    const said = redact(messageOf(error));
    const kind = refusalKind(error);
    if (kind !== undefined) return new UnifiedRefusal(kind, `${exchangeId} at ${address} refused: ${said}`);
    return new TransientError(
      'EXCHANGE_UNAVAILABLE',
      `${exchangeId} at ${address} did not answer: ${said}`,
      'It usually passes; if not, check the exchange’s status page and the configured address.',
    );
  }

  function changeError(error: unknown): Error {
    const failure = readError(error);
    if (!(failure instanceof TransientError)) return failure;
    return new UnknownOutcomeError(
      'EXCHANGE_OUTCOME_UNKNOWN',
      `nobody can say what became of a request: ${failure.message}`,
      'The exchange is asked what became of it; nothing is sent again. Check the network and the exchange’s status page.',
    );
  }

  return {
    address,
    async read(question) {
      try {
        return await question(exchange);
      } catch (error) {
        throw readError(error);
      }
    },
    async change(stamp, call) {
      // A client of its own: ccxt takes time and window from the client, and another request may be under way.
      const bound = await open();
      try {
        bound.setMarkets(exchange.markets);
        keepStrings(bound);
        bound.options = { ...exchange.options, recvWindow: stamp.receiveWindow };
        bound.nonce = () => stamp.signedAt;
        return await call(bound);
      } catch (error) {
        throw changeError(error);
      } finally {
        await bound.close();
      }
    },
    async watch(opened, loops, signal) {
      if (signal.aborted) return 'stopped';
      onOpen = opened;
      const drop = () => dropSockets(exchange, ccxt);
      signal.addEventListener('abort', drop, { once: true });
      const forever = async (act: (exchange: Exchange) => Promise<void>) => {
        while (!signal.aborted) await act(exchange);
      };
      try {
        await Promise.race(loops.map(forever));
        return 'stopped';
      } catch (error) {
        return signal.aborted ? 'stopped' : redact(messageOf(error));
      } finally {
        signal.removeEventListener('abort', drop);
        onOpen = undefined;
        drop();
      }
    },
    async close() {
      dropSockets(exchange, ccxt);
      await exchange.close();
    },
  };
}

/** Amounts in parsed answers as the strings that came, which ccxt's types call numbers. */
function keepStrings(exchange: Exchange): void {
  exchange.number = String as unknown as typeof exchange.number;
}

function firstAddress(addresses: unknown): string {
  if (typeof addresses === 'string') return addresses;
  for (const inner of Object.values(addresses ?? {})) {
    const found = firstAddress(inner);
    if (found !== '') return found;
  }
  return '';
}
