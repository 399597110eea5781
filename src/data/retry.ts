import { type Clock, type Random, TransientError, waitReal } from '../core/index.ts';

export interface RetryOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Tries in all, the first included. */
  readonly attempts: number;
  /** Real milliseconds from the first try after which no further one begins. */
  readonly deadlineMs?: number;
  /** Wait before the second try; doubled each time. Default 250. */
  readonly baseMs?: number;
  /** Longest wait of our own choice; what the other side asks for may be longer. Default 10 000. */
  readonly maxMs?: number;
  readonly signal?: AbortSignal;
  /** Waits real milliseconds; tests replace it. */
  readonly wait?: (durationMs: number, signal?: AbortSignal) => Promise<void>;
  onRetry?(error: TransientError, waitMs: number, attempt: number): void;
}

/**
 * Repeats an operation that fails with {@link TransientError}; every other error passes at once. Waits grow exponentially and are
 * drawn from their upper half ("equal jitter"), so that many symbols that fail together do not come back together. A wait
 * the other side asked for is kept in full, in real time: its limits do not know our market clock.
 * @returns what the operation returns.
 * @throws the last error when tries or time are used up, or the signal aborted.
 */
export async function retry<T>(operation: (attempt: number) => Promise<T>, options: RetryOptions): Promise<T> {
  const { clock, random, attempts, deadlineMs = Number.POSITIVE_INFINITY, signal } = options;
  const { baseMs = 250, maxMs = 10_000, wait = waitReal } = options;
  const started = clock.elapsed();
  for (let attempt = 1; ; attempt++) {
    try {
      return await operation(attempt);
    } catch (error) {
      if (!(error instanceof TransientError) || attempt >= attempts || signal?.aborted) throw error;
      const ceiling = Math.min(maxMs, baseMs * 2 ** (attempt - 1));
      const waitMs = Math.max(error.retryAfterMs ?? 0, ceiling * (0.5 + random.uniform() / 2));
      if (clock.elapsed() - started + waitMs > deadlineMs) throw error;
      options.onRetry?.(error, waitMs, attempt);
      await wait(waitMs, signal);
      if (signal?.aborted) throw error;
    }
  }
}
