import type { Clock, Log, MarketFeed, MinuteCandles, ReasonCode } from '../core/index.ts';
import { type EpochMs, epochMs, floorTo, formatTime, MINUTE_MS, milliseconds } from '../core/index.ts';
import type { CycleReport } from './minute-cycle.ts';

export interface SchedulerParts {
  readonly clock: Clock;
  readonly feed: Pick<MarketFeed, 'awaitMinute'>;
  /** Runs one minute. */
  readonly runMinute: (input: MinuteCandles, late?: ReasonCode) => Promise<CycleReport>;
  /** Stored candles of minutes that closed while nobody watched, after the source was asked for them. */
  readonly recover: (from: EpochMs, to: EpochMs, signal: AbortSignal) => AsyncIterable<MinuteCandles>;
  /** Called after each minute: a simulated exchange in lock-step waits for it. */
  readonly acknowledge: (minute: EpochMs) => Promise<void>;
  readonly settings: SchedulerSettings;
  readonly log: Log;
}

export interface SchedulerSettings {
  readonly deadlineMs: number;
  readonly graceMs: number;
  /** How far back missed minutes are caught up; older ones stay undecided. */
  readonly catchUpMs: number;
}

/**
 * Drives a book minute by minute: each minute is run once its candles are there or its grace has passed; minutes that closed while
 * nobody watched are caught up first, in order, marked late once their deadline has passed.
 */
export class SignalScheduler {
  readonly #parts: SchedulerParts;

  constructor(parts: SchedulerParts) {
    this.#parts = parts;
  }

  /**
   * @param last the newest minute already decided; without one, the newest closed minute comes first
   * @param until runs no minute after this one
   * @returns the newest minute decided when the signal stops it or `until` is reached
   */
  async run(last: EpochMs | undefined, signal: AbortSignal, until?: EpochMs): Promise<EpochMs | undefined> {
    const { clock, feed, settings, log } = this.#parts;
    const closed = () => floorTo(clock.now(), '1m');
    let done = last ?? epochMs(closed() - MINUTE_MS);
    const within = () => until === undefined || done < until;
    const oldest = epochMs(closed() - settings.catchUpMs);
    if (done < oldest) {
      log.warn(
        { from: formatTime(done), to: formatTime(oldest) },
        'minutes further back than catch_up_hours stay undecided',
      );
      done = oldest;
    }
    // Whatever closed before the stream was open is asked for, not waited for; what closes from now on comes by the stream.
    const opened = closed();
    while (!signal.aborted && within() && opened > done) {
      const to = epochMs(until === undefined ? opened : Math.min(until, opened));
      const before = done;
      for await (const input of this.#parts.recover(epochMs(done + MINUTE_MS), to, signal)) {
        const late = this.#lateness(input.minute);
        // A bar that has only just closed may not have reached the venue's history yet: the feed waits for it.
        if (signal.aborted || !within() || (late === undefined && input.missing.length > 0)) break;
        done = await this.#step(input, late);
      }
      if (done === before) break;
    }
    while (!signal.aborted && within()) {
      const minute = epochMs(done + MINUTE_MS);
      const wait = minute - clock.now();
      if (wait > 0) {
        await clock.sleep(milliseconds(wait), signal);
        continue;
      }
      const input = await feed.awaitMinute(minute, settings.graceMs, signal);
      if (signal.aborted) break;
      done = await this.#step(input);
    }
    return done;
  }

  async #step(input: MinuteCandles, late?: ReasonCode): Promise<EpochMs> {
    await this.#parts.runMinute(input, late);
    await this.#parts.acknowledge(input.minute);
    return input.minute;
  }

  #lateness(minute: EpochMs): ReasonCode | undefined {
    return this.#parts.clock.now() > minute + this.#parts.settings.deadlineMs ? 'CYCLE_NOT_RUN' : undefined;
  }
}
