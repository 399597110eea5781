import { type Clock, type EpochMs, epochMs, floorTo, formatTime, MINUTE_MS, MinutehandError } from '../core/index.ts';

/** A factor of the wall clock, or 'max': lock-step with whoever acknowledges minutes. */
export type Speed = number | 'max';

/** How far past a minute's close the clock stands in lock-step. */
export const LOCK_STEP_OFFSET_MS = 250;

/** Real milliseconds between two looks at a running clock. */
const TICK_MS = 500;

/** What happens as the market's time goes on. */
export interface MarketTimeEvents {
  /** A minute has closed. Called once per minute, in order. */
  minute(minute: EpochMs): void;
  /** A running clock has moved within a minute. */
  tick(now: EpochMs): void;
  /** Market time of the next thing to do before the next minute, if any. */
  nextDue(): number | undefined;
}

/**
 * The venue's clock. At a numeric speed it runs by itself from the wall clock; at 'max' it stands {@link LOCK_STEP_OFFSET_MS}
 * past a minute's close until that minute is acknowledged, then jumps to the next. It never goes back, and stops at `end`.
 */
export class MarketTime {
  readonly #real: Clock;
  readonly #end: number;
  readonly #events: MarketTimeEvents;
  #speed: Speed;
  #minute: number;
  #referenceMarket: number;
  #referenceReal: number;
  #timer: NodeJS.Timeout | undefined;
  #stopped = true;

  constructor(options: {
    start: EpochMs;
    end: EpochMs | undefined;
    speed: Speed;
    real: Clock;
    events: MarketTimeEvents;
  }) {
    this.#real = options.real;
    this.#end = options.end ?? Number.POSITIVE_INFINITY;
    this.#events = options.events;
    this.#speed = options.speed;
    this.#minute = floorTo(options.start, '1m');
    this.#referenceMarket = this.#minute + LOCK_STEP_OFFSET_MS;
    this.#referenceReal = options.real.elapsed();
  }

  now(): EpochMs {
    if (this.#speed === 'max' || this.#stopped) return epochMs(this.#referenceMarket);
    const passed = (this.#real.elapsed() - this.#referenceReal) * this.#speed;
    return epochMs(Math.floor(Math.min(this.#referenceMarket + passed, this.#end + LOCK_STEP_OFFSET_MS)));
  }

  /** The last minute that was published. */
  get minute(): EpochMs {
    return epochMs(this.#minute);
  }

  get speed(): Speed {
    return this.#speed;
  }

  /** True as soon as the clock stands on the market's last minute: none follows. */
  get ended(): boolean {
    return this.#minute >= this.#end;
  }

  start(): void {
    this.#referenceReal = this.#real.elapsed();
    this.#stopped = false;
    this.#schedule();
  }

  stop(): void {
    this.#referenceMarket = this.now();
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  setSpeed(speed: Speed): void {
    this.#referenceMarket = this.now();
    this.#referenceReal = this.#real.elapsed();
    this.#speed = speed;
    this.#schedule();
  }

  /**
   * Says that `minute` has been dealt with. In lock-step the clock then moves on by one minute; a minute already passed changes
   * nothing, and a running clock needs no acknowledgement.
   * @throws MinutehandError SIMULATOR_MINUTE_AHEAD for a minute that has not closed yet.
   */
  acknowledge(minute: EpochMs): void {
    if (minute > this.#minute) {
      throw new MinutehandError(
        'SIMULATOR_MINUTE_AHEAD',
        `minute ${formatTime(minute)} has not closed; the venue stands at ${formatTime(this.minute)}`,
        'Acknowledge the minute that the status names.',
      );
    }
    if (this.#speed !== 'max' || minute < this.#minute || this.ended) return;
    const next = this.#minute + MINUTE_MS;
    this.#minute = next;
    this.#referenceMarket = Math.max(this.#referenceMarket, next + LOCK_STEP_OFFSET_MS);
    this.#events.minute(epochMs(next));
  }

  #schedule(): void {
    clearTimeout(this.#timer);
    if (this.#stopped || this.#speed === 'max' || this.ended) return;
    const due = Math.min(this.#minute + MINUTE_MS, this.#events.nextDue() ?? Number.POSITIVE_INFINITY);
    const untilDueMs = Math.ceil((due - this.now()) / this.#speed);
    this.#timer = setTimeout(() => this.#tick(), Math.max(1, Math.min(TICK_MS, untilDueMs)));
  }

  #tick(): void {
    const now = this.now();
    while (this.#speed !== 'max' && this.#minute + MINUTE_MS <= now && !this.ended) {
      this.#minute += MINUTE_MS;
      this.#events.minute(epochMs(this.#minute));
    }
    this.#events.tick(now);
    this.#schedule();
  }
}
