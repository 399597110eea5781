import PQueue from 'p-queue';
import {
  type Candle,
  type Clock,
  durationOf,
  type EpochMs,
  epochMs,
  type FinalCandle,
  type FormingCandle,
  type FundingRate,
  floorTo,
  type Instrument,
  type Log,
  type Metrics,
  MINUTE_MS,
  MinutehandError,
  messageOf,
  type SymbolId,
  type Timeframe,
  TransientError,
  waitReal,
} from '../core/index.ts';
import { type BinanceUsdmClient, createBinanceUsdmClient } from './binance-usdm-client.ts';
import { instrumentsOf, weightPerSecondOf } from './exchange-info.ts';
import { candleOfRow, candleOfStream, withEmptiness } from './kline.ts';
import type { RequestOutcomes } from './request-outcomes.ts';
import { answerInvalid, venueError } from './venue-error.ts';

/** Rows of one klines request at most, as Binance USD-M futures has it. */
export const MAX_PAGE = 1500;
/** Rows per request that move the most bars per unit of request weight (2 for 499 rows, 10 for 1500). */
export const THRIFTY_PAGE = 499;

/** How urgent a request is: the minute's own go before an audit, and both before a back-fill. */
export const PRIORITY = { live: 20, audit: 10, backfill: 0 } as const;

export interface CandleRequest {
  /** Open time of the first bar wanted; without it, the latest `limit` bars. */
  readonly from?: EpochMs;
  /** Open time behind the last bar wanted. */
  readonly to?: EpochMs;
  readonly limit: number;
  readonly priority?: number;
  /** Ask the venue for its time where the clock alone cannot tell whether the last bar has closed. */
  readonly settle?: boolean;
}

/** One answer of the venue. */
export interface CandlePage {
  /** Closed bars by the venue's time, oldest first. A bar of zero volume is `confirmed-empty`. */
  readonly candles: readonly FinalCandle[];
  readonly forming?: FormingCandle;
  /** A bar that opens before this and is in the range, yet not in the answer, does not exist at the venue. */
  readonly settledTo: EpochMs;
  /** Open times of rows that are no bar (high below low, not a number): neither taken nor counted as empty. */
  readonly malformed: readonly EpochMs[];
}

export interface Ticker {
  readonly symbol: SymbolId;
  readonly lastPrice: number;
  /** Of the last 24 hours, in quote currency. */
  readonly quoteVolume24h: number;
}

export interface FundingRequest {
  /** All that there are where absent. */
  readonly symbol?: SymbolId;
  /** Settlements in `[from, to)`; without a start the newest ones. */
  readonly from?: EpochMs;
  readonly to?: EpochMs;
}

/** Rows of one answer of funding rates at most. */
export const MAX_FUNDING_PAGE = 1_000;

export interface StreamListener {
  /** Every bar that arrives, closed or forming, in the order of arrival. */
  onCandle(candle: Candle): void;
  /** All subscriptions are confirmed: from now on nothing that closes is missed in this session. */
  onOpen(): void;
  /** Any frame. */
  onMessage?(): void;
  /** A message that is no bar. */
  onMalformed?(symbol: SymbolId): void;
}

/** A venue's market data, public side. Every method throws TransientError or RejectedError that names venue, endpoint and remedy. */
export interface ExchangeGateway {
  readonly exchangeId: string;
  readonly address: string;
  /** Rows per page that suit the venue's limits. */
  readonly pageLimit: number;
  /** All perpetual USDT contracts, whatever their status. */
  loadInstruments(): Promise<Instrument[]>;
  tickers(): Promise<Ticker[]>;
  /** Closed bars, oldest first, with what the answer says about bars that are not in it. */
  fetchCandlePage(symbol: SymbolId, timeframe: Timeframe, request: CandleRequest): Promise<CandlePage>;
  /** Closed bars by the venue's time, oldest first. */
  fetchCandles(symbol: SymbolId, timeframe: Timeframe, request: CandleRequest): Promise<FinalCandle[]>;
  serverTime(): Promise<EpochMs>;
  /** Settled funding rates by time, oldest first, at most {@link MAX_FUNDING_PAGE}; times are those of the minute. */
  fundingRates(request: FundingRequest): Promise<FundingRate[]>;
  /** Runs one uninterrupted stream session of 1m bars; resolves with the reason when it ends. Reopening is the caller's. */
  watchClosedCandles(symbols: readonly SymbolId[], listener: StreamListener, signal: AbortSignal): Promise<string>;
  close(): Promise<void>;
}

export interface ExchangeGatewayOptions {
  readonly exchangeId: string;
  /** Base URL of a simulated exchange, or another address of the venue. */
  readonly url?: string | undefined;
  /** How far off the venue's time it may be counts before a bar is taken as closed. */
  readonly clock: Clock & { readonly uncertaintyMs?: number };
  readonly log: Log;
  readonly metrics: Metrics;
  /** Units of request weight per second. Without it four fifths of what the venue itself declares. */
  readonly requestsPerSecond?: number | undefined;
  readonly requestTimeoutMs: number;
  /** Concurrent requests (`ml_integration.scheduler.max_parallel`). */
  readonly maxParallel: number;
  /** Told how each request went. */
  readonly outcomes?: Pick<RequestOutcomes, 'record'>;
}

/**
 * Connects nothing yet: the first request does.
 * @throws MinutehandError EXCHANGE_UNKNOWN (exit 2) for a venue there is no dialect for, EXCHANGE_URL_INVALID (exit 2).
 */
export async function createExchangeGateway(options: ExchangeGatewayOptions): Promise<ExchangeGateway> {
  if (options.exchangeId !== 'binanceusdm') {
    throw new MinutehandError(
      'EXCHANGE_UNKNOWN',
      `there is no exchange "${options.exchangeId}"`,
      'Set the exchange to "binanceusdm".',
      { exitCode: 2 },
    );
  }
  if (options.url !== undefined) assertHttpUrl(options.url);
  const client = await createBinanceUsdmClient({
    url: options.url,
    clock: options.clock,
    requestTimeoutMs: options.requestTimeoutMs,
  });
  if (options.requestsPerSecond !== undefined) client.setWeightPerSecond(options.requestsPerSecond);
  return new BinanceUsdmGateway(client, options);
}

/** Market time after a bar's end by which the venue has surely closed it, whatever the clock's error. */
const CLOSE_MARGIN_MS = 1_000;
const SUBSCRIBE_CHUNK = 100;

class BinanceUsdmGateway implements ExchangeGateway {
  readonly exchangeId = 'binanceusdm';
  readonly pageLimit: number;
  readonly #client: BinanceUsdmClient;
  readonly #options: ExchangeGatewayOptions;
  readonly #queue: PQueue;
  #marketsLoaded: Promise<void> | undefined;

  constructor(client: BinanceUsdmClient, options: ExchangeGatewayOptions) {
    this.#client = client;
    this.#options = options;
    this.#queue = new PQueue({ concurrency: options.maxParallel });
    this.pageLimit = options.url === undefined ? THRIFTY_PAGE : MAX_PAGE;
  }

  get address(): string {
    return this.#client.address;
  }

  async loadInstruments(): Promise<Instrument[]> {
    this.#marketsLoaded = undefined;
    await this.#loadMarkets();
    const instruments = instrumentsOf(this.exchangeId, this.#client.exchangeInfo());
    if (instruments === undefined) throw answerInvalid(this.#requestOf('/fapi/v1/exchangeInfo'), 'no list of symbols');
    return instruments;
  }

  async tickers(): Promise<Ticker[]> {
    const endpoint = '/fapi/v1/ticker/24hr';
    await this.#loadMarkets();
    const rows = await this.#ask(endpoint, PRIORITY.audit, () => this.#client.exchange.fapiPublicGetTicker24hr());
    return this.#list(rows, endpoint).map((row) => ({
      symbol: text(row, 'symbol'),
      lastPrice: Number(text(row, 'lastPrice')),
      quoteVolume24h: Number(text(row, 'quoteVolume')) || 0,
    }));
  }

  async fetchCandles(symbol: SymbolId, timeframe: Timeframe, request: CandleRequest): Promise<FinalCandle[]> {
    return [...(await this.fetchCandlePage(symbol, timeframe, request)).candles];
  }

  async fetchCandlePage(symbol: SymbolId, timeframe: Timeframe, request: CandleRequest): Promise<CandlePage> {
    await this.#loadMarkets();
    const { clock } = this.#options;
    // Taken before the request: what was open when the venue answered may have closed by the time the answer is read.
    const marginMs = CLOSE_MARGIN_MS + 2 * (clock.uncertaintyMs ?? 0);
    const closedAt = clock.now() - marginMs;
    const page = pageOf(await this.#klines(symbol, timeframe, request), symbol, timeframe, closedAt);
    const undecided =
      page.forming !== undefined && page.forming.openTime + durationOf(timeframe) <= clock.now() + marginMs;
    if (!request.settle || !undecided) return page;
    // Only a time the venue gave before it answered proves that the bar in the answer is complete.
    const venueTime = await this.serverTime();
    return pageOf(await this.#klines(symbol, timeframe, request), symbol, timeframe, venueTime);
  }

  async serverTime(): Promise<EpochMs> {
    const endpoint = '/fapi/v1/time';
    const answer = await this.#ask(endpoint, PRIORITY.live, () => this.#client.exchange.fapiPublicGetTime());
    const time = Number(text(answer, 'serverTime'));
    if (!Number.isSafeInteger(time)) throw answerInvalid(this.#requestOf(endpoint), 'no serverTime');
    return epochMs(time);
  }

  async fundingRates({ symbol, from, to }: FundingRequest): Promise<FundingRate[]> {
    const endpoint = '/fapi/v1/fundingRate';
    const parameters = {
      limit: MAX_FUNDING_PAGE,
      ...(symbol === undefined ? {} : { symbol }),
      ...(from === undefined ? {} : { startTime: from }),
      ...(to === undefined ? {} : { endTime: to - 1 }),
    };
    const rows = await this.#ask(endpoint, PRIORITY.backfill, () =>
      this.#client.exchange.fapiPublicGetFundingRate(parameters),
    );
    return this.#list(rows, endpoint).map((row) => ({
      symbol: text(row, 'symbol'),
      // The venue stamps a settlement some milliseconds late.
      time: floorTo(epochMs(Number(text(row, 'fundingTime'))), '1m'),
      rate: Number(text(row, 'fundingRate')),
    }));
  }

  async watchClosedCandles(
    symbols: readonly SymbolId[],
    listener: StreamListener,
    signal: AbortSignal,
  ): Promise<string> {
    if (signal.aborted) return 'stopped';
    const { exchange } = this.#client;
    const drop = () => this.#client.dropSockets();
    try {
      await this.#loadMarkets();
      if (signal.aborted) return 'stopped';
      const chunks: SymbolId[][] = [];
      for (let i = 0; i < symbols.length; i += SUBSCRIBE_CHUNK) chunks.push(symbols.slice(i, i + SUBSCRIBE_CHUNK));
      let unconfirmed = chunks.length;
      this.#client.setHooks({
        onMessage: () => listener.onMessage?.(),
        onSubscribed: () => {
          unconfirmed -= 1;
          if (unconfirmed === 0) listener.onOpen();
        },
        onKline: (kline) => {
          if (kline.i !== '1m') return;
          const candle = candleOfStream(kline, '1m');
          if (candle === undefined || candle.openTime % MINUTE_MS !== 0) listener.onMalformed?.(kline.s);
          else listener.onCandle(candle.state === 'final' ? withEmptiness(candle) : candle);
        },
      });
      signal.addEventListener('abort', drop, { once: true });
      // Our kline handler never resolves ccxt's promises: they stay pending for as long as the socket lives, and reject when it ends.
      await Promise.race(chunks.map((chunk) => exchange.watchOHLCVForSymbols(chunk.map((symbol) => [symbol, '1m']))));
      return 'the stream ended';
    } catch (error) {
      return signal.aborted ? 'stopped' : messageOf(error);
    } finally {
      signal.removeEventListener('abort', drop);
      this.#client.setHooks(undefined);
      drop();
    }
  }

  async close(): Promise<void> {
    this.#queue.clear();
    this.#client.dropSockets();
    await this.#client.exchange.close();
  }

  /** Loads the venue's rules before the first request that counts, concurrent callers sharing the request, and takes its rate limit from them. */
  #loadMarkets(): Promise<void> {
    this.#marketsLoaded ??= (async () => {
      await this.#ask('/fapi/v1/exchangeInfo', PRIORITY.live, () => this.#client.exchange.loadMarkets(true));
      if (this.#options.requestsPerSecond !== undefined) return;
      const declared = weightPerSecondOf(this.#client.exchangeInfo());
      if (declared !== undefined) this.#client.setWeightPerSecond(declared * 0.8);
    })().catch((error) => {
      this.#marketsLoaded = undefined;
      throw error;
    });
    return this.#marketsLoaded;
  }

  async #klines(symbol: SymbolId, timeframe: Timeframe, request: CandleRequest): Promise<readonly unknown[]> {
    const endpoint = '/fapi/v1/klines';
    const parameters = {
      symbol,
      interval: timeframe,
      limit: request.limit,
      ...(request.from === undefined ? {} : { startTime: request.from }),
      ...(request.to === undefined ? {} : { endTime: request.to - 1 }),
    };
    const rows = await this.#ask(`${endpoint} ${symbol} ${timeframe}`, request.priority ?? PRIORITY.backfill, () =>
      this.#client.exchange.fapiPublicGetKlines(parameters),
    );
    return this.#list(rows, endpoint);
  }

  /** One request through the queue: bounded in number and time, its errors translated, a rate limit pausing all others too. */
  async #ask<T>(endpoint: string, priority: number, request: () => Promise<T>): Promise<T> {
    const { metrics, log, requestTimeoutMs, outcomes } = this.#options;
    const label = { endpoint: endpoint.split(' ')[0] ?? endpoint };
    try {
      const answer = await this.#queue.add(request, { priority, timeout: 3 * requestTimeoutMs });
      metrics.count('minutehand_exchange_requests_total', { ...label, outcome: 'ok' });
      outcomes?.record(false);
      return answer as T;
    } catch (thrown) {
      const error = venueError(thrown, this.#requestOf(endpoint), this.#client.errors);
      metrics.count('minutehand_exchange_requests_total', { ...label, outcome: error.code });
      outcomes?.record(true);
      if (error instanceof TransientError && error.retryAfterMs !== undefined && !this.#queue.isPaused) {
        log.warn({ reason: 'SOURCE_RATE_LIMITED', waitMs: error.retryAfterMs }, error.message);
        this.#queue.pause();
        void waitReal(error.retryAfterMs).then(() => this.#queue.start());
      }
      throw error;
    }
  }

  #list(answer: unknown, endpoint: string): readonly unknown[] {
    if (Array.isArray(answer)) return answer;
    throw answerInvalid(this.#requestOf(endpoint), `a list was expected, not ${JSON.stringify(answer)?.slice(0, 80)}`);
  }

  #requestOf(endpoint: string) {
    return { exchange: this.exchangeId, address: this.address, endpoint };
  }
}

/** Sorts an answer's rows into closed, forming and malformed. A row with a successor is closed; the last one only by its time. */
function pageOf(rows: readonly unknown[], symbol: SymbolId, timeframe: Timeframe, closedAt: number): CandlePage {
  const duration = durationOf(timeframe);
  const candles: FinalCandle[] = [];
  const malformed: EpochMs[] = [];
  let settledTo = 0;
  let forming: FormingCandle | undefined;
  const bars = rows
    .filter((row) => Number.isSafeInteger(openTimeOf(row)))
    .sort((a, b) => openTimeOf(a) - openTimeOf(b));
  bars.forEach((row, index) => {
    const openTime = openTimeOf(row);
    if (index > 0 && openTimeOf(bars[index - 1]) === openTime) return;
    const closed = openTimeOf(bars.at(-1)) > openTime || openTime + duration <= closedAt;
    settledTo = Math.max(settledTo, closed ? openTime + duration : openTime);
    const candle = candleOfRow(row, symbol, timeframe, 'rest');
    if (candle === undefined || openTime % duration !== 0) malformed.push(epochMs(openTime));
    else if (closed) candles.push(withEmptiness(candle));
    else {
      const { finality: _, ...values } = candle;
      forming = { ...values, state: 'forming' };
    }
  });
  return { candles, settledTo: epochMs(settledTo), malformed, ...(forming === undefined ? {} : { forming }) };
}

const openTimeOf = (row: unknown): number => Number(Array.isArray(row) ? row[0] : Number.NaN);

function text(row: unknown, key: string): string {
  const value = typeof row === 'object' && row !== null ? (row as Readonly<Record<string, unknown>>)[key] : undefined;
  return value === undefined || value === null ? '' : String(value);
}

function assertHttpUrl(url: string): void {
  if (URL.canParse(url) && /^https?:$/.test(new URL(url).protocol)) return;
  throw new MinutehandError(
    'EXCHANGE_URL_INVALID',
    `"${url}" is not the address of an exchange`,
    'Give a full URL such as http://127.0.0.1:8090.',
    { exitCode: 2 },
  );
}
