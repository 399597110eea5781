import {
  type Clock,
  createRandom,
  type EpochMs,
  epochMs,
  type Log,
  type Metrics,
  type Milliseconds,
  messageOf,
  ScaledClock,
  systemClock,
  waitReal,
} from '../core/index.ts';
import { retry } from './retry.ts';
import {
  advanceSimulation,
  fetchSimulationStatus,
  findSimulationToken,
  type SimulationStatus,
} from './simulation-status.ts';

export interface ExchangeClockOptions {
  /** The venue's time endpoint; `ExchangeGateway.serverTime` fits. */
  readonly serverTime: () => Promise<EpochMs>;
  /** Where a simulated exchange may answer `/sim/v1/status`; without it the venue is real and its speed 1. */
  readonly url?: string | undefined;
  /** Of the simulated exchange's admin endpoint; else MINUTEHAND_SIM_TOKEN or its token file. */
  readonly token?: string | undefined;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly requestTimeoutMs?: number;
  /** Real milliseconds between two synchronisations of a running clock. Default 30 000 for a real venue, 5 000 for a simulated one. */
  readonly everyMs?: number;
  readonly real?: Clock;
}

/** Market time as the venue has it. */
export interface ExchangeClock extends Clock {
  /** Market milliseconds per real one; 0 in lock-step. */
  readonly speed: number;
  /** The simulated exchange's latest status; undefined at a real venue. */
  readonly simulation: SimulationStatus | undefined;
  /** The venue's time minus this machine's, in milliseconds, at the last synchronisation; meaningful at a real venue only. */
  readonly skewMs: number;
  /** Half of the last request's round trip: how far off `now` may be, in market milliseconds. */
  readonly uncertaintyMs: number;
  /** Asks the venue again. */
  synchronize(): Promise<void>;
  /**
   * Tells a simulated exchange in lock-step that `minute` is done, and takes the time it moves to. Elsewhere it changes
   * nothing.
   * @throws MinutehandError SIMULATOR_REFUSED.
   */
  acknowledge(minute: EpochMs): Promise<SimulationStatus | undefined>;
  stop(): void;
}

/**
 * A clock that follows the venue's, from the mid-point of each request (Cristian's algorithm), and keeps following it.
 * @throws TransientError EXCHANGE_UNREACHABLE when the venue cannot be asked.
 */
export async function connectExchangeClock(options: ExchangeClockOptions): Promise<ExchangeClock> {
  const clock = new VenueClock(options);
  await clock.synchronize();
  clock.startFollowing();
  return clock;
}

/** Skew of the local clock above which a real venue's refusals (and our own timestamps) become a danger. */
const SKEW_WARNING_MS = 1_000;
/** A step back by less than this is noise of the measurement: time stands until it is caught up. */
const HELD_BACK_MS = 2_000;
const ADVANCE_ATTEMPTS = 8;

class VenueClock implements ExchangeClock {
  readonly #options: ExchangeClockOptions;
  readonly #real: Clock;
  readonly #timeoutMs: number;
  readonly #stopping = new AbortController();
  readonly #random = createRandom('exchange-clock');
  #clock: ScaledClock | undefined;
  #simulation: SimulationStatus | undefined;
  #token: string | undefined;
  #latest = 0;
  #skewMs = 0;
  #uncertaintyMs = 0;

  constructor(options: ExchangeClockOptions) {
    this.#options = options;
    this.#real = options.real ?? systemClock;
    this.#timeoutMs = options.requestTimeoutMs ?? 10_000;
  }

  get speed(): number {
    return this.#clock?.speed ?? 1;
  }

  get simulation(): SimulationStatus | undefined {
    return this.#simulation;
  }

  get skewMs(): number {
    return this.#skewMs;
  }

  get uncertaintyMs(): number {
    return this.#uncertaintyMs;
  }

  now(): EpochMs {
    const now = this.#clock?.now() ?? this.#real.now();
    this.#latest = Math.max(this.#latest, now);
    return epochMs(this.#latest);
  }

  elapsed(): Milliseconds {
    return this.#real.elapsed();
  }

  sleep(duration: Milliseconds, signal?: AbortSignal): Promise<void> {
    return this.#clock?.sleep(duration, signal) ?? this.#real.sleep(duration, signal);
  }

  async synchronize(): Promise<void> {
    const { url } = this.#options;
    const before = this.#real.elapsed();
    const simulation = url === undefined ? undefined : await fetchSimulationStatus(url, this.#timeoutMs);
    if (simulation !== undefined) return this.#follow(simulation, this.#real.elapsed() - before);
    const asked = this.#real.elapsed();
    const venueTime = await this.#options.serverTime();
    const roundTrip = this.#real.elapsed() - asked;
    this.#set(venueTime, 1, roundTrip);
    this.#skewMs = venueTime + roundTrip / 2 - this.#real.now();
    this.#options.metrics.gauge('minutehand_clock_skew_ms', this.#skewMs);
    if (Math.abs(this.#skewMs) > SKEW_WARNING_MS) {
      this.#options.metrics.count('minutehand_reasons_total', { reason: 'CLOCK_SKEWED' });
      this.#options.log.warn(
        { reason: 'CLOCK_SKEWED', skewMs: Math.round(this.#skewMs) },
        `this machine's clock differs from the exchange's by ${Math.round(this.#skewMs)} ms; synchronise it (NTP)`,
      );
    }
  }

  async acknowledge(minute: EpochMs): Promise<SimulationStatus | undefined> {
    const { url } = this.#options;
    if (url === undefined || !this.#simulation?.lockstep) return this.#simulation;
    this.#token ??= await findSimulationToken(url, this.#options.token);
    const status = await retry(() => advanceSimulation(url, minute, this.#token, this.#timeoutMs), {
      clock: this.#real,
      random: this.#random,
      attempts: ADVANCE_ATTEMPTS,
      signal: this.#stopping.signal,
    });
    this.#follow(status, 0);
    return status;
  }

  startFollowing(): void {
    const everyMs = this.#options.everyMs ?? (this.#simulation === undefined ? 30_000 : 5_000);
    const { signal } = this.#stopping;
    void (async () => {
      for (;;) {
        await waitReal(everyMs, signal);
        if (signal.aborted) return;
        // In lock-step time moves by acknowledgements alone.
        if (this.#simulation?.lockstep) continue;
        try {
          await this.synchronize();
        } catch (error) {
          this.#options.metrics.count('minutehand_clock_sync_failures_total');
          this.#options.log.warn(
            { reason: 'SOURCE_UNAVAILABLE' },
            `the exchange's time is unknown: ${messageOf(error)}`,
          );
        }
      }
    })();
  }

  stop(): void {
    this.#stopping.abort();
  }

  #follow(simulation: SimulationStatus, roundTripMs: number): void {
    this.#simulation = simulation;
    const speed = simulation.lockstep || simulation.speed === 'max' || simulation.ended ? 0 : simulation.speed;
    this.#set(simulation.now, speed, roundTripMs);
  }

  #set(venueTime: EpochMs, speed: number, roundTripMs: number): void {
    this.#uncertaintyMs = (roundTripMs / 2) * speed;
    const now = epochMs(Math.floor(venueTime + this.#uncertaintyMs));
    if (this.#latest - now > HELD_BACK_MS) {
      this.#options.log.warn(
        { reason: 'CLOCK_SKEWED', backMs: this.#latest - now },
        `the exchange's clock went back by ${this.#latest - now} ms; it is followed`,
      );
      this.#options.metrics.count('minutehand_reasons_total', { reason: 'CLOCK_SKEWED' });
      this.#latest = now;
    }
    if (this.#clock === undefined) this.#clock = new ScaledClock(now, speed, this.#real);
    else this.#clock.synchronize(now, speed);
  }
}
