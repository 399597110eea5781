import { type Clock, type EpochMs, milliseconds, waitReal } from '../core/index.ts';

/** Those who wait for a minute to be complete. */
export class MinuteWaiters {
  readonly #clock: Clock;
  readonly #waiting = new Set<{ readonly minute: EpochMs; wake(): void }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Ends when the minute is woken, or after a duration of market time that lasts at least `atLeastRealMs` of real time. */
  async wait(minute: EpochMs, durationMs: number, atLeastRealMs: number, signal: AbortSignal): Promise<void> {
    const waking = new AbortController();
    const forget = this.#add(minute, () => waking.abort(), signal);
    await Promise.all([
      this.#clock.sleep(milliseconds(durationMs), waking.signal),
      waitReal(atLeastRealMs, waking.signal),
    ]);
    forget();
  }

  /** Ends when the minute is woken or the signal aborts. */
  completion(minute: EpochMs, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const forget = this.#add(
        minute,
        () => {
          forget();
          resolve();
        },
        signal,
      );
    });
  }

  wake(minute: EpochMs): void {
    for (const waiter of [...this.#waiting]) if (waiter.minute === minute) waiter.wake();
  }

  wakeAll(): void {
    for (const waiter of [...this.#waiting]) waiter.wake();
  }

  #add(minute: EpochMs, wake: () => void, signal: AbortSignal): () => void {
    const waiter = { minute, wake };
    this.#waiting.add(waiter);
    signal.addEventListener('abort', wake, { once: true });
    return () => {
      this.#waiting.delete(waiter);
      signal.removeEventListener('abort', wake);
    };
  }
}
