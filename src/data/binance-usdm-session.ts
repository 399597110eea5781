import {
  createRandom,
  type EpochMs,
  type Metrics,
  type Milliseconds,
  messageOf,
  noMetrics,
  RejectedError,
  UnknownOutcomeError,
} from '../core/index.ts';
import {
  type BinanceUsdm,
  type BinanceUsdmOptions,
  configure,
  dropSockets,
  loadCcxt,
  type SocketClient,
  waitOf,
} from './binance-usdm-transport.ts';
import type { RequestOutcomes } from './request-outcomes.ts';
import { retry } from './retry.ts';
import { answerInvalid, rateLimited, timedOut, unavailable, unreachable, type VenueRequest } from './venue-error.ts';

export interface BinanceUsdmSessionOptions extends BinanceUsdmOptions {
  readonly credentials: { readonly key: string; readonly secret: string };
  readonly metrics?: Metrics;
  /** Told of each request whether it failed; the venue's no to what was asked is none. */
  readonly outcomes?: Pick<RequestOutcomes, 'record'>;
}

export type RequestFields = Readonly<Record<string, string | number>>;

export interface UserStreamHooks {
  onOpen(): void;
  /** A message as it came. What it throws ends the stream. */
  onMessage(message: unknown): void;
}

/**
 * Signed requests of one account at Binance USD-M futures, and its stream. Paths are as the venue's documents have them, from the version
 * on: `v1/order`. ccxt signs and transports; its unified calls are not used, as they turn amounts into floating numbers and drop fields.
 */
export interface BinanceUsdmSession {
  /** The origin that requests go to, for messages. */
  readonly address: string;
  /**
   * Asks, a few times if the venue cannot be reached.
   * @returns an object or a list, amounts still as strings.
   * @throws VenueAnswerError for a refusal; TransientError, RejectedError EXCHANGE_ANSWER_INVALID.
   */
  read(path: string, fields?: RequestFields): Promise<unknown>;
  /**
   * Sends what changes the account, once, bound to the moment given: the venue refuses it `receiveWindow` after `signedAt`.
   * @throws VenueAnswerError only where the venue has surely not acted; UnknownOutcomeError EXCHANGE_OUTCOME_UNKNOWN for everything else.
   */
  change(
    method: 'POST' | 'DELETE',
    path: string,
    fields: RequestFields,
    stamp: { readonly signedAt: EpochMs; readonly receiveWindow: Milliseconds },
  ): Promise<unknown>;
  /** Opens or prolongs the account's stream for an hour. @throws as {@link read} does. */
  listenKey(method: 'POST' | 'PUT'): Promise<string>;
  /** Listens until the stream ends or the signal aborts. @returns why it ended. */
  stream(listenKey: string, hooks: UserStreamHooks, signal: AbortSignal): Promise<string>;
  close(): Promise<void>;
}

/** The venue's no, in its own code and words. */
export class VenueAnswerError extends RejectedError {
  override readonly name = 'VenueAnswerError';
  readonly status: number;
  /** Negative; undefined where the answer has none. */
  readonly venueCode: number | undefined;
  readonly detail: string;

  constructor({ exchange, address, endpoint }: VenueRequest, answer: Pick<Answer, 'status' | 'code' | 'words'>) {
    const detail = answer.code === undefined ? answer.words : `${answer.code}: ${answer.words}`;
    super(
      'EXCHANGE_REJECTED',
      `${exchange} at ${address} refused ${endpoint}: ${detail}`,
      'The same request is refused again: check the account’s settings and the permissions of its key.',
    );
    this.status = answer.status;
    this.venueCode = answer.code;
    this.detail = detail;
  }
}

/** Codes that come with a 4xx at times and still say nothing of what became of the request. */
const UNDECIDED_CODES: ReadonlySet<number> = new Set([-1000, -1001, -1006, -1007]);
const READ_ATTEMPTS = 3;
/** The longest the venue takes: a question that arrives late does no harm, and a fast simulated clock passes seconds at once. */
const READ_WINDOW_MS = 60_000;
/** A socket on which no pong comes is given up after twice this, real time. */
const PING_EVERY_MS = 30_000;

/** An answer that is an error, however the venue words it. */
interface Answer {
  readonly status: number;
  readonly code: number | undefined;
  readonly words: string;
  readonly retryAfterMs: number | undefined;
}

/** Loads ccxt and prepares a session; the first request connects. */
export async function createBinanceUsdmSession(options: BinanceUsdmSessionOptions): Promise<BinanceUsdmSession> {
  const { clock, credentials, metrics = noMetrics, outcomes } = options;
  const ccxt = await loadCcxt();
  const random = createRandom('binance-usdm-session');
  const secrets = [credentials.secret, credentials.key];
  let hooks: UserStreamHooks | undefined;
  let heldUntil = 0;

  class AnswerError extends Error {
    readonly answer: Answer;
    constructor(answer: Answer) {
      super(answer.words);
      this.answer = answer;
    }
  }

  class Client extends ccxt.pro.binanceusdm {
    // ccxt would sort errors by the venue's host name and put whole URLs, signatures with them, into messages.
    override handleErrors(...parameters: Parameters<BinanceUsdm['handleErrors']>): undefined {
      const [status, reason, , , headers, body, response] = parameters;
      const code = codeOf(response);
      if (status < 300 && (code === undefined || code >= 0)) return;
      const words = code === undefined ? `HTTP ${status} ${reason} ${body ?? ''}` : String(response.msg ?? reason);
      throw new AnswerError({ status, code, words: redact(words), retryAfterMs: waitOf(headers) });
    }

    override handleMessage(client: SocketClient, message: unknown): void {
      if (client.error === undefined) hooks?.onMessage(message);
    }

    override onConnected(): void {
      hooks?.onOpen();
    }

    // Reconnecting, with its back-off, is the business of who listens.
    override calculateWsBackoffDelay(): number {
      return 0;
    }
  }

  const exchange = new Client({
    apiKey: credentials.key,
    secret: credentials.secret,
    // A request that waited for its turn would be sent later than it was meant to.
    enableRateLimit: false,
    streaming: { keepAlive: PING_EVERY_MS },
  });
  const address = await configure(exchange, options);

  /** Without keys, secrets and what follows the path in a URL. */
  function redact(text: string): string {
    const bare = text.replace(/\?\S*/g, '').replace(/\s+/g, ' ').trim();
    const hidden = secrets.reduce((rest, secret) => (secret === '' ? rest : rest.replaceAll(secret, '…')), bare);
    return hidden.length > 300 ? `${hidden.slice(0, 300)}…` : hidden;
  }

  const requestOf = (method: string, path: string): VenueRequest => ({
    exchange: 'binanceusdm',
    address,
    endpoint: `${method} /fapi/${path}`,
  });

  /** One request, never repeated. @throws AnswerError, or whatever kept an answer from coming. */
  async function send(method: string, path: string, fields: RequestFields): Promise<unknown> {
    const [version = 'v1', name] = path.split(/\/(.*)/);
    const api = version === 'v1' ? 'fapiPrivate' : `fapiPrivate${version.toUpperCase()}`;
    try {
      const answer: unknown = await exchange.request(name, api, method, { ...fields });
      if (typeof answer !== 'object' || answer === null) throw new Error('the answer is not JSON');
      return answer;
    } catch (error) {
      if (error instanceof AnswerError && error.answer.retryAfterMs !== undefined) {
        heldUntil = Math.max(heldUntil, clock.elapsed() + error.answer.retryAfterMs);
      }
      throw error;
    }
  }

  /** What keeps requests back while the venue has asked to wait: it bans who does not. */
  function heldAnswer(): AnswerError | undefined {
    const retryAfterMs = heldUntil - clock.elapsed();
    if (retryAfterMs <= 0) return undefined;
    const words = `not sent: the exchange asked to wait ${Math.ceil(retryAfterMs / 1_000)} s more`;
    return new AnswerError({ status: 429, code: undefined, words, retryAfterMs });
  }

  async function counted<T>(path: string, act: () => Promise<T>): Promise<T> {
    const endpoint = `/fapi/${path}`;
    try {
      const result = await act();
      metrics.count('minutehand_exchange_requests_total', { endpoint, outcome: 'ok' });
      outcomes?.record(false);
      return result;
    } catch (error) {
      const outcome = error instanceof Error && 'code' in error ? String(error.code) : 'EXCHANGE_ANSWER_INVALID';
      metrics.count('minutehand_exchange_requests_total', { endpoint, outcome });
      outcomes?.record(!(error instanceof VenueAnswerError) || isTooMany(error.status));
      throw error;
    }
  }

  const isTimeout = (error: unknown): boolean => error instanceof ccxt.RequestTimeout;
  const isTooMany = (status: number): boolean => status === 418 || status === 429;

  function readError(error: unknown, request: VenueRequest): Error {
    if (error instanceof AnswerError) {
      const { status, code, words, retryAfterMs } = error.answer;
      if (isTooMany(status)) return rateLimited(request, words, retryAfterMs);
      if (status >= 500 || (code !== undefined && UNDECIDED_CODES.has(code))) return unavailable(request, words);
      return new VenueAnswerError(request, error.answer);
    }
    if (isTimeout(error)) return timedOut(request);
    const said = redact(messageOf(error));
    return error instanceof ccxt.NetworkError ? unreachable(request, said) : answerInvalid(request, said);
  }

  function changeError(error: unknown, request: VenueRequest): Error {
    if (error instanceof AnswerError) {
      const { status, code } = error.answer;
      const isDecided = status >= 400 && status < 500 && code !== undefined && !UNDECIDED_CODES.has(code);
      if (isDecided || isTooMany(status)) return new VenueAnswerError(request, error.answer);
    }
    const said = isTimeout(error) ? `no answer in ${options.requestTimeoutMs} ms` : redact(messageOf(error));
    return new UnknownOutcomeError(
      'EXCHANGE_OUTCOME_UNKNOWN',
      `nobody can say whether ${request.exchange} at ${address} has carried out ${request.endpoint}: ${said}`,
      'The exchange is asked what became of it; nothing is sent again. Check the network and the exchange’s status page.',
    );
  }

  async function ask(method: 'GET' | 'POST' | 'PUT', path: string, fields: RequestFields): Promise<unknown> {
    const request = requestOf(method, path);
    return retry(
      () =>
        counted(path, async () => {
          try {
            const held = heldAnswer();
            if (held) throw held;
            return await send(method, path, fields);
          } catch (error) {
            throw readError(error, request);
          }
        }),
      { clock, random, attempts: READ_ATTEMPTS, deadlineMs: 2 * options.requestTimeoutMs },
    );
  }

  return {
    address,
    read: (path, fields = {}) => ask('GET', path, { ...fields, recvWindow: READ_WINDOW_MS }),
    change: (method, path, fields, stamp) =>
      counted(path, async () => {
        try {
          const held = heldAnswer();
          if (held) throw held;
          return await send(method, path, {
            ...fields,
            timestamp: stamp.signedAt,
            recvWindow: stamp.receiveWindow,
          });
        } catch (error) {
          throw changeError(error, requestOf(method, path));
        }
      }),
    async listenKey(method) {
      const path = 'v1/listenKey';
      const answer = await ask(method, path, {});
      const key = typeof answer === 'object' && answer !== null && 'listenKey' in answer ? answer.listenKey : undefined;
      if (typeof key !== 'string' || key === '') throw answerInvalid(requestOf(method, path), 'no listenKey');
      if (!secrets.includes(key)) secrets.push(key);
      return key;
    },
    async stream(listenKey, next, signal) {
      if (signal.aborted) return 'stopped';
      hooks = next;
      const drop = () => dropSockets(exchange, ccxt);
      signal.addEventListener('abort', drop, { once: true });
      try {
        // Nothing resolves the promise: it stays pending for as long as the socket lives, and rejects when it ends.
        await exchange.watch(exchange.getPrivateWsUrl('future', listenKey), 'user', undefined, 'user');
        return 'the stream ended';
      } catch (error) {
        return signal.aborted ? 'stopped' : redact(messageOf(error));
      } finally {
        signal.removeEventListener('abort', drop);
        hooks = undefined;
        drop();
      }
    },
    async close() {
      dropSockets(exchange, ccxt);
      await exchange.close();
    },
  };
}

function codeOf(response: unknown): number | undefined {
  if (typeof response !== 'object' || response === null || !('code' in response)) return undefined;
  const code = Number(response.code);
  return Number.isSafeInteger(code) ? code : undefined;
}
