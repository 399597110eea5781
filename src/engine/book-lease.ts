import { hostname } from 'node:os';
import {
  type Clock,
  type Log,
  type Milliseconds,
  MinutehandError,
  messageOf,
  milliseconds,
  systemClock,
} from '../core/index.ts';
import {
  acquireLease,
  type Database,
  isAlive,
  type Lease,
  releaseLease,
  renewLease,
  thisProcess,
} from '../database/index.ts';

export interface HeldLease {
  readonly lease: Lease;
  /** Gives the lease back. */
  release(): Promise<void>;
}

interface LeaseTiming {
  /** A lease not renewed for this long is free; real time, as market time may stand still. */
  readonly duration: Milliseconds;
  readonly renewEvery: Milliseconds;
}

const DEFAULT_TIMING: LeaseTiming = { duration: milliseconds(15_000), renewEvery: milliseconds(5_000) };
const RETRY_EVERY = milliseconds(250);

/**
 * Takes the right to write a book and keeps it. A holder on this machine whose process is gone is succeeded at once; a living one,
 * or one elsewhere, is waited for until its lease runs out.
 * @param onLost called when another process has taken the lease: this one must stop
 * @throws MinutehandError LEASE_HELD when a living process keeps renewing it
 */
export async function holdLease(
  database: Database,
  book: string,
  parts: {
    log: Log;
    signal: AbortSignal;
    onLost: (error: MinutehandError) => void;
    clock?: Clock;
    timing?: LeaseTiming;
  },
): Promise<HeldLease> {
  const { duration, renewEvery } = parts.timing ?? DEFAULT_TIMING;
  const clock = parts.clock ?? systemClock;
  const self = thisProcess();
  const holder = [hostname(), self.pid, self.started].join('/');
  const giveUp = clock.now() + duration * 1.5;
  let lease: Lease | undefined;
  let deadHolder: string | undefined;
  while (lease === undefined) {
    const request = { book, holder, now: clock.now(), duration, ...(deadHolder ? { deadHolder } : {}) };
    const answer = await acquireLease(database, request);
    if (answer.acquired) {
      lease = answer.lease;
    } else if (isGone(answer.holder)) {
      deadHolder = answer.holder;
    } else if (clock.now() > giveUp || parts.signal.aborted) {
      throw new MinutehandError(
        'LEASE_HELD',
        `another engine (${answer.holder}) runs the book "${book}" on this database`,
        'Stop it first, or use another database.',
        { exitCode: 3 },
      );
    } else {
      await clock.sleep(RETRY_EVERY, parts.signal);
    }
  }
  const { epoch } = lease;
  const renewing = new AbortController();
  const renewal = (async () => {
    for (;;) {
      await clock.sleep(renewEvery, renewing.signal);
      if (renewing.signal.aborted) return;
      try {
        await renewLease(database, { book, epoch, now: clock.now(), duration });
      } catch (error) {
        if (error instanceof MinutehandError && error.code === 'LEASE_LOST') return parts.onLost(error);
        parts.log.warn({ book, error: messageOf(error) }, 'the lease could not be renewed; it is tried again');
      }
    }
  })();
  return {
    lease,
    release: async () => {
      renewing.abort();
      await renewal;
      await releaseLease(database, { book, epoch, now: clock.now() });
    },
  };
}

function isGone(holder: string): boolean {
  const [host, pid, ...started] = holder.split('/');
  return host === hostname() && pid !== undefined && !isAlive({ pid: Number(pid), started: started.join('/') });
}
