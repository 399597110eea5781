import { MinutehandError, messageOf, RejectedError, TransientError } from '../core/index.ts';

/** The classes of ccxt's error tree that decide what we may do next. */
export interface VenueErrorClasses {
  readonly BaseError: ErrorClass;
  readonly OperationFailed: ErrorClass;
  readonly RequestTimeout: ErrorClass;
  readonly ExchangeNotAvailable: ErrorClass;
  readonly DDoSProtection: ErrorClass;
  readonly RateLimitExceeded: ErrorClass;
}

type ErrorClass = abstract new (...args: never[]) => Error;

/** What was asked of whom: every message names both. */
export interface VenueRequest {
  readonly exchange: string;
  /** Where it is reached, as the user configured it or the venue's own host. */
  readonly address: string;
  readonly endpoint: string;
}

/**
 * Turns whatever a request threw into one of our kinds: transient (had no effect, try again) or rejected (the same request
 * is refused again). Market data requests change nothing at the venue, so a timeout is transient here.
 */
export function venueError(error: unknown, request: VenueRequest, classes: VenueErrorClasses): MinutehandError {
  if (error instanceof MinutehandError) return error;
  const { exchange, address, endpoint } = request;
  const said = shorten(messageOf(error));
  if (error instanceof classes.DDoSProtection || error instanceof classes.RateLimitExceeded) {
    return rateLimited(request, said, undefined);
  }
  if (error instanceof classes.RequestTimeout || (error instanceof Error && error.name === 'TimeoutError')) {
    return timedOut(request, error);
  }
  if (error instanceof classes.OperationFailed && !(error instanceof classes.ExchangeNotAvailable)) {
    return unreachable(request, said, error);
  }
  if (error instanceof classes.ExchangeNotAvailable) {
    return unavailable(request, said, error);
  }
  if (error instanceof classes.BaseError) {
    return new RejectedError(
      'EXCHANGE_REJECTED',
      `${exchange} at ${address} refused ${endpoint}: ${said}`,
      'The same request is refused again: check the symbol, the timeframe and the range asked for.',
      { cause: error },
    );
  }
  return answerInvalid(request, said, error);
}

export function timedOut({ exchange, address, endpoint }: VenueRequest, cause?: unknown): TransientError {
  return new TransientError(
    'EXCHANGE_TIMEOUT',
    `${exchange} did not answer ${endpoint} at ${address} in time`,
    'Check the network and the exchange’s status page, or raise the request timeout.',
    { cause },
  );
}

export function unreachable(request: VenueRequest, said: string, cause?: unknown): TransientError {
  const { exchange, address, endpoint } = request;
  return new TransientError(
    'EXCHANGE_UNREACHABLE',
    `${exchange} cannot be reached at ${address} (${endpoint}): ${shorten(said)}`,
    'Check that the address is right and the exchange (or `minutehand sim serve`) runs, then try again.',
    { cause },
  );
}

/** The venue failed by itself: HTTP 5xx. What it says beside that does not matter; ccxt takes some of it for a refusal. */
export function unavailable(request: VenueRequest, said: string, cause?: unknown): TransientError {
  const { exchange, address, endpoint } = request;
  return new TransientError(
    'EXCHANGE_UNAVAILABLE',
    `${exchange} at ${address} answered ${endpoint} with an error of its own: ${shorten(said)}`,
    'It usually passes; if not, check the exchange’s status page and the configured address.',
    { cause },
  );
}

/** The venue asked to slow down: HTTP 429, or 418 after 429 was ignored. */
export function rateLimited(request: VenueRequest, said: string, retryAfterMs: number | undefined): TransientError {
  const { exchange, address, endpoint } = request;
  return new TransientError(
    'EXCHANGE_RATE_LIMITED',
    `${exchange} at ${address} asked to slow down (${endpoint}): ${shorten(said)}`,
    'Requests pause and are repeated; if it persists, lower ml_integration.scheduler.max_parallel or the requests per second.',
    retryAfterMs === undefined ? {} : { retryAfterMs },
  );
}

/** The answer has not the form the venue documents: another server, or a proxy, answered. */
export function answerInvalid(request: VenueRequest, detail: string, cause?: unknown): RejectedError {
  return new RejectedError(
    'EXCHANGE_ANSWER_INVALID',
    `the answer of ${request.exchange} at ${request.address} to ${request.endpoint} is not understood: ${shorten(detail)}`,
    'Check that the exchange address points at an exchange of this kind and not at another server or a proxy page.',
    cause === undefined ? {} : { cause },
  );
}

const shorten = (text: string): string => (text.length > 300 ? `${text.slice(0, 300)}…` : text);
