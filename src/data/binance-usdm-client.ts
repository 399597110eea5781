import {
  type BinanceUsdm,
  type BinanceUsdmOptions,
  configure,
  dropSockets,
  loadCcxt,
  pathOf,
  type SocketClient,
  waitOf,
} from './binance-usdm-transport.ts';
import { rateLimited, unavailable, type VenueErrorClasses } from './venue-error.ts';

/** A kline message of the stream as Binance sends it. */
export interface RawStreamKline {
  /** Open time. */
  readonly t: number;
  readonly s: string;
  readonly i: string;
  readonly o: string;
  readonly h: string;
  readonly l: string;
  readonly c: string;
  readonly v: string;
  readonly q?: string;
  readonly V?: string;
  readonly n?: number;
  /** Whether the bar is closed: what ccxt's own handler drops. */
  readonly x: boolean;
}

/** What the socket reports, before any meaning is put on it. */
export interface StreamHooks {
  onKline(kline: RawStreamKline): void;
  /** Any frame at all. */
  onMessage(): void;
  /** The venue confirmed a SUBSCRIBE request. */
  onSubscribed(): void;
}

/** ccxt's Binance USD-M futures client, with what it drops kept: one instance per account, as its rate limiter lives in it. */
export interface BinanceUsdmClient {
  readonly exchange: BinanceUsdm;
  readonly errors: VenueErrorClasses;
  /** The host that requests go to, for messages. */
  readonly address: string;
  /** Where stream messages go; one stream at a time. */
  setHooks(hooks: StreamHooks | undefined): void;
  /** The latest exchangeInfo answer as it came; ccxt keeps only its own view of it. */
  exchangeInfo(): unknown;
  /** Lets `weightPerSecond` units of request weight pass, in bursts of at most one second's worth. */
  setWeightPerSecond(weightPerSecond: number): void;
  /** Ends all sockets at once, without waiting for a peer that may be gone; pending watches are rejected. */
  dropSockets(): void;
}

/** Loads ccxt and prepares a client. */
export async function createBinanceUsdmClient(options: BinanceUsdmOptions): Promise<BinanceUsdmClient> {
  const ccxt = await loadCcxt();
  let address = '';
  let hooks: StreamHooks | undefined;
  let exchangeInfo: unknown;

  class Client extends ccxt.pro.binanceusdm {
    override handleMessage(client: SocketClient, message: unknown): void {
      if (client.error !== undefined) return;
      hooks?.onMessage();
      if (isSubscribeAnswer(message)) hooks?.onSubscribed();
      super.handleMessage(client as never, message);
    }

    override handleOHLCV(_client: unknown, message: { k?: RawStreamKline }): void {
      if (message.k) hooks?.onKline(message.k);
    }

    // Reconnecting, with its back-off, is the feed's business; ccxt's own would count in market time.
    override calculateWsBackoffDelay(): number {
      return 0;
    }

    override handleErrors(...answer: Parameters<BinanceUsdm['handleErrors']>): undefined {
      const [status, reason, url, , headers, body] = answer;
      const request = { exchange: 'binanceusdm', address, endpoint: pathOf(url) };
      if (status === 418 || status === 429) throw rateLimited(request, `${reason} ${body}`, waitOf(headers));
      if (status >= 500) throw unavailable(request, `${reason} ${body}`);
      return super.handleErrors(...answer) as undefined;
    }
  }

  const exchange = new Client({
    enableRateLimit: true,
    options: { fetchMargins: false, fetchCurrencies: false },
  });
  address = await configure(exchange, options);

  const fetchInfo = exchange.fapiPublicGetExchangeInfo;
  exchange.fapiPublicGetExchangeInfo = async (parameters?: object) => {
    const answer = await fetchInfo(parameters ?? {});
    exchangeInfo = answer;
    return answer;
  };

  return {
    exchange,
    errors: {
      BaseError: ccxt.BaseError,
      OperationFailed: ccxt.OperationFailed,
      RequestTimeout: ccxt.RequestTimeout,
      ExchangeNotAvailable: ccxt.ExchangeNotAvailable,
      DDoSProtection: ccxt.DDoSProtection,
      RateLimitExceeded: ccxt.RateLimitExceeded,
    },
    address,
    setHooks(next) {
      hooks = next;
    },
    exchangeInfo: () => exchangeInfo,
    setWeightPerSecond(weightPerSecond) {
      exchange.rateLimit = 1_000 / weightPerSecond;
      exchange.tokenBucket = { capacity: Math.max(1, weightPerSecond) };
      exchange.initRestRateLimiter();
    },
    dropSockets: () => dropSockets(exchange, ccxt),
  };
}

function isSubscribeAnswer(message: unknown): boolean {
  return (
    typeof message === 'object' && message !== null && 'id' in message && 'result' in message && message.result === null
  );
}
