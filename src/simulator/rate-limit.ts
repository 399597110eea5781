import { MINUTE_MS } from '../core/index.ts';

/** Requests over the limit within one window after which a client is banned. */
const IGNORED_BEFORE_BAN = 20;
/** How long a ban lasts, real time. */
const BAN_MS = 2 * MINUTE_MS;

export interface WeightVerdict {
  readonly verdict: 'admitted' | 'limited' | 'banned';
  /** Weight used in the current minute. */
  readonly used: number;
  readonly retryAfterSeconds: number;
}

interface Account {
  window: number;
  used: number;
  ignored: number;
  bannedUntil: number;
}

/**
 * Request weight per client and minute of real time. Over the limit a request is refused; a client that goes on asking is
 * banned for two minutes.
 */
export class RateLimit {
  readonly limit: number;
  readonly #elapsed: () => number;
  readonly #accounts = new Map<string, Account>();

  constructor(limit: number, elapsed: () => number) {
    this.limit = limit;
    this.#elapsed = elapsed;
  }

  take(client: string, weight: number): WeightVerdict {
    const now = this.#elapsed();
    const window = Math.floor(now / MINUTE_MS);
    const account = this.#accounts.get(client) ?? { window, used: 0, ignored: 0, bannedUntil: 0 };
    this.#accounts.set(client, account);
    if (account.window !== window) {
      account.window = window;
      account.used = 0;
      account.ignored = 0;
    }
    const verdict = (kind: WeightVerdict['verdict'], untilMs: number): WeightVerdict => ({
      verdict: kind,
      used: account.used,
      retryAfterSeconds: Math.max(0, Math.ceil((untilMs - now) / 1_000)),
    });
    if (now < account.bannedUntil) return verdict('banned', account.bannedUntil);
    if (account.used + weight > this.limit) {
      account.ignored++;
      if (account.ignored <= IGNORED_BEFORE_BAN) return verdict('limited', (window + 1) * MINUTE_MS);
      account.bannedUntil = now + BAN_MS;
      return verdict('banned', account.bannedUntil);
    }
    account.used += weight;
    return verdict('admitted', now);
  }
}
