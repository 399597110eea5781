import { type Clock, type Log, MinutehandError, messageOf, type ReasonCode, waitReal } from '../core/index.ts';
import type { ExchangeClock } from '../data/index.ts';
import { type CcxtBroker, describeDifference, type Trader, TraderManager } from '../trading/index.ts';
import type { BookKeeper } from './book-keeper.ts';

/** Real time between two looks whether every position has its stop. */
const GUARD_EVERY_MS = 1_000;

export interface AccountTradingParts {
  readonly account: string;
  readonly broker: CcxtBroker;
  readonly book: Pick<BookKeeper, 'applyEvents' | 'guardPositions' | 'reconcile' | 'settle'>;
  readonly clock: Clock & Pick<ExchangeClock, 'simulation'>;
  /** How long a position may be without a confirmed stop. */
  readonly stopConfirmMs: number;
  readonly log: Log;
  readonly signal: AbortSignal;
  readonly notify: (text: string) => void;
  readonly inBackground: (task: string, work: () => Promise<void>) => void;
  /** Told what refuses trading at the account for good. */
  readonly onRefused: (error: MinutehandError) => void;
  /** Waits in real time. */
  readonly wait?: typeof waitReal;
}

/** What a book does at an account beside its minutes: connect, reconcile, book events as they come, watch over protection. */
export class AccountTrading {
  readonly #parts: AccountTradingParts;
  readonly #traders: TraderManager;
  #following: Promise<void> | undefined;

  constructor(parts: AccountTradingParts) {
    this.#parts = parts;
    this.#traders = new TraderManager([this.#trader()], parts);
  }

  /** Why nothing may be entered, if anything. */
  get restriction(): ReasonCode | undefined {
    return this.#traders.standing(this.#parts.account).latches[0]?.reason;
  }

  /** Connects the account and holds it against the book; nothing is entered before they agree. */
  async start(): Promise<void> {
    const { account, broker, book, clock, inBackground, notify } = this.#parts;
    // In lock-step the venue is asked before each minute: what is booked then does not depend on how fast its stream is.
    if (!clock.simulation?.lockstep) {
      broker.onChange(() => inBackground('events of the account', async () => void (await book.applyEvents())));
    }
    await this.#traders.start(account);
    const { isReconciled } = this.#traders.standing(account);
    notify(`account at ${account}: ${isReconciled ? 'agrees with the book' : 'not reconciled yet'}`);
    inBackground('protection of positions', () => this.#guard());
  }

  /** After a minute whose orders have left: what came of them, and whether account and book agree. */
  async follow(): Promise<void> {
    const { clock, book, inBackground } = this.#parts;
    if (!clock.simulation?.lockstep) {
      inBackground('reconciliation', () => this.#follow());
      return;
    }
    // Nothing runs away: what a minute's orders came to is known before the next.
    await book.settle();
    await this.#follow();
  }

  stop(): Promise<void> {
    return this.#traders.stop();
  }

  #trader(): Trader {
    const { account, broker, onRefused } = this.#parts;
    return {
      account,
      broker,
      get isReconciled() {
        return broker.blocked === undefined;
      },
      start: async () => {
        try {
          await broker.start();
          await this.#reconcile();
        } catch (error) {
          // Refused for safety: to try again would not help.
          if (error instanceof MinutehandError && error.exitCode === 3) onRefused(error);
          throw error;
        }
      },
      stop: async () => {
        if (this.#parts.signal.aborted) await broker.close();
      },
    };
  }

  /** One at a time: a venue that is slow to answer may take longer than a minute. */
  async #follow(): Promise<void> {
    this.#following ??= this.#agree().finally(() => {
      this.#following = undefined;
    });
    await this.#following;
  }

  async #agree(): Promise<void> {
    const { account } = this.#parts;
    if (this.#traders.standing(account).state === 'running') await this.#traders.run(account, () => this.#reconcile());
    else await this.#traders.start(account);
  }

  async #reconcile(): Promise<void> {
    const differences = await this.#parts.book.reconcile();
    if (differences === undefined || differences.length === 0) return;
    const text = differences.map(describeDifference).join('; ');
    this.#parts.notify(`TRADING IS HALTED, the account disagrees with the book: ${text}`);
  }

  /** Looks every second for what is not booked yet and for positions without a confirmed stop, whatever fails meanwhile. */
  async #guard(): Promise<void> {
    const { signal, book, stopConfirmMs, notify, log } = this.#parts;
    const wait = this.#parts.wait ?? waitReal;
    while (!signal.aborted) {
      await wait(GUARD_EVERY_MS, signal);
      if (signal.aborted) return;
      try {
        await book.applyEvents();
        for (const key of await book.guardPositions(stopConfirmMs)) {
          notify(`${key} was without a confirmed stop for ${stopConfirmMs / 1_000} s`);
        }
      } catch (error) {
        log.error({ error: messageOf(error) }, 'the protection of positions could not be looked after');
      }
    }
  }
}
