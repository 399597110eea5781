import { type EpochMs, epochMs, type Milliseconds } from './units.ts';

/**
 * The only source of time. `now` and `sleep` are in market time, which a simulated exchange may run faster than the wall
 * clock; `elapsed` is real time for measuring how long work took.
 */
export interface Clock {
  /** Market time. */
  now(): EpochMs;
  /** Waits a duration of market time; resolves early, without an error, when the signal aborts. */
  sleep(duration: Milliseconds, signal?: AbortSignal): Promise<void>;
  /** Real, monotonic milliseconds with a fraction, from an arbitrary origin. */
  elapsed(): Milliseconds;
}

/** Waits real milliseconds; resolves early when the signal aborts. A long wait is split, as a timer holds 2^31-1 ms at most. */
export function waitReal(durationMs: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted || durationMs <= 0) return Promise.resolve();
  const stepMs = Math.min(durationMs, LONGEST_TIMER_MS);
  const waited = new Promise<void>((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, stepMs);
    signal?.addEventListener('abort', done, { once: true });
  });
  return stepMs < durationMs ? waited.then(() => waitReal(durationMs - stepMs, signal)) : waited;
}

const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** The wall clock. */
export const systemClock: Clock = {
  now: () => epochMs(Date.now()),
  sleep: (duration, signal) => waitReal(duration, signal),
  elapsed: () => performance.now() as Milliseconds,
};

/** A clock that stands still until a test or a backtest moves it; sleepers wake when their time comes. */
export class ManualClock implements Clock {
  #now: number;
  readonly #sleepers = new Set<{ until: number; wake: () => void }>();

  constructor(start: EpochMs) {
    this.#now = start;
  }

  now(): EpochMs {
    return epochMs(this.#now);
  }

  elapsed(): Milliseconds {
    return this.#now as Milliseconds;
  }

  sleep(duration: Milliseconds, signal?: AbortSignal): Promise<void> {
    if (duration <= 0 || signal?.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const sleeper = {
        until: this.#now + duration,
        wake: () => {
          this.#sleepers.delete(sleeper);
          signal?.removeEventListener('abort', sleeper.wake);
          resolve();
        },
      };
      this.#sleepers.add(sleeper);
      signal?.addEventListener('abort', sleeper.wake, { once: true });
    });
  }

  /** Moves market time to `time`, waking those whose time has come, in order. */
  moveTo(time: EpochMs): void {
    if (time < this.#now) throw new RangeError(`a clock does not go back (from ${this.#now} to ${time})`);
    this.#now = time;
    for (const sleeper of [...this.#sleepers].sort((a, b) => a.until - b.until)) {
      if (sleeper.until <= time) sleeper.wake();
    }
  }
}

/**
 * Market time that runs at `speed` times the wall clock from a reference point. `speed` 0 stands still (lock-step): then
 * `sleep` still ends, after the duration divided by {@link FROZEN_SLEEP_SPEED} of real time, so that a wait for a
 * candle that never comes does not hang.
 */
export class ScaledClock implements Clock {
  readonly #real: Clock;
  #referenceReal: number;
  #referenceMarket: number;
  #speed: number;

  constructor(market: EpochMs, speed: number, real: Clock = systemClock) {
    this.#real = real;
    this.#referenceReal = real.elapsed();
    this.#referenceMarket = market;
    this.#speed = speed;
  }

  now(): EpochMs {
    return epochMs(Math.floor(this.#referenceMarket + (this.#real.elapsed() - this.#referenceReal) * this.#speed));
  }

  elapsed(): Milliseconds {
    return this.#real.elapsed();
  }

  sleep(duration: Milliseconds, signal?: AbortSignal): Promise<void> {
    return waitReal(duration / (this.#speed > 0 ? this.#speed : FROZEN_SLEEP_SPEED), signal);
  }

  get speed(): number {
    return this.#speed;
  }

  /** Sets market time and, optionally, speed from now on. */
  synchronize(market: EpochMs, speed: number = this.#speed): void {
    this.#referenceReal = this.#real.elapsed();
    this.#referenceMarket = market;
    this.#speed = speed;
  }
}

/** How many market milliseconds a sleeper of a frozen clock waits per real millisecond. */
export const FROZEN_SLEEP_SPEED = 5;

/** Lets waiting I/O and timers run before long computation goes on. */
export function yieldToEventLoop(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
