import {
  type Broker,
  type BrokerEvent,
  type Clock,
  type EpochMs,
  epochMs,
  type Instrument,
  type Journal,
  type Log,
  type Metrics,
  MINUTE_MS,
  MinutehandError,
  type SymbolId,
  waitReal,
} from '../core/index.ts';
import {
  applyBrokerEvents,
  type Difference,
  describeDifference,
  differencesOf,
  isClosingAll,
  type Ledger,
  pendingCancels,
} from '../trading/index.ts';
import {
  type BetweenMinutes,
  bookCommands,
  bookEvents,
  closePositions,
  closeUnprotected,
  haltUnreconciled,
  isHaltedFor,
  positionsWithoutExit,
  positionsWithoutStop,
  unprotectedPositions,
} from './book-events.ts';
import type { BookState } from './book-state.ts';
import { encodeBookState } from './book-state-text.ts';
import type { DecideSettings } from './decide.ts';
import { type RiskStanding, riskStandingOf } from './risk-standing.ts';
import { type BetweenCause, StepRecorder } from './step-recorder.ts';

/** How often account and book are compared before a difference counts, and the real time between two looks. */
const RECONCILIATION_LOOKS = 4;
/** Reconciliations in a row in which nothing but the balance differs, until that counts. */
const MOST_MONEY_DIFFERENCES = 4;
const RECONCILIATION_PAUSE_MS = 1_000;
/** Reconciliations in a row that found no moment of rest, until that is told. */
const LONG_UNSETTLED = 3;
/** Real time between two attempts to close a position without a confirmed stop, at the least. */
const CLOSE_AGAIN_MS = 2_000;
/** Less than the ledger remembers ended legs: an older execution may be one that is booked and forgotten. */
const LONGEST_EXPLAINED_MS = 90 * MINUTE_MS;

export interface BookKeeperParts {
  readonly book: string;
  /** Canonical order. */
  readonly universe: readonly SymbolId[];
  readonly instruments: () => ReadonlyMap<SymbolId, Instrument>;
  readonly clock: Clock;
  readonly journal: Journal;
  readonly broker: Broker;
  readonly settings: KeeperSettings;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Told when a commit has failed: nobody knows what is stored, and the book is gone on with from the journal, by another keeper. */
  readonly onBroken?: (error: unknown) => void;
  /** Waits in real time. */
  readonly wait?: typeof waitReal;
}

export interface KeeperSettings {
  readonly decide: DecideSettings;
  /** What decisions are made with, as it is recorded. */
  readonly text: string;
}

/** The state of a book, changed by one at a time and committed with each change, and all that happens to it between two minutes. */
export class BookKeeper {
  readonly recorder: StepRecorder;
  readonly #parts: BookKeeperParts;
  #state: BookState;
  #lastMinute: EpochMs | undefined;
  #broken: unknown;
  #moneyDiffers = 0;
  /** Reconciliations in a row without a moment of rest. */
  #unsettled = 0;
  /** When a position was last tried to be closed outside of a minute, by `positionKey`; real time. */
  readonly #closingSince = new Map<string, number>();
  /** The newest minute after which account and book agreed; after a start that of the former process. */
  #agreedAt: EpochMs | undefined;
  /** What was reported and is not committed. */
  #unbooked: readonly BrokerEvent[] = [];
  /** When a position was first seen without a confirmed stop, by `positionKey`; real time. */
  #bareSince = new Map<string, number>();
  /** Minutes and commands change the state one at a time. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(parts: BookKeeperParts, start: { readonly state: BookState; readonly lastMinute?: EpochMs }) {
    this.#parts = parts;
    this.#state = start.state;
    this.#lastMinute = start.lastMinute;
    this.#agreedAt = start.lastMinute;
    this.recorder = new StepRecorder(parts.universe, parts.settings.text);
  }

  get state(): BookState {
    return this.#state;
  }

  /** The newest minute decided. */
  get lastMinute(): EpochMs | undefined {
    return this.#lastMinute;
  }

  /** What was reported and is not committed. */
  get unbooked(): readonly BrokerEvent[] {
    return this.#unbooked;
  }

  /** Commits a minute, after which the state is `next`. @throws what the commit throws: then the book is read anew, by another keeper */
  async decided(minute: EpochMs, next: BookState, commit: () => Promise<void>): Promise<void> {
    await this.#write(commit);
    this.#state = next;
    this.#lastMinute = minute;
    this.#unbooked = [];
  }

  /** Has events booked with the next change. */
  report(events: readonly BrokerEvent[]): void {
    this.#unbooked = [...this.#unbooked, ...events];
  }

  /** Does work that changes the book when nobody else does. @throws what broke the keeper, or the work */
  inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.#turn.then(() => {
      if (this.#broken !== undefined) throw this.#broken;
      return work();
    });
    this.#turn = result.catch(() => undefined);
    return result;
  }

  /**
   * Lets commands that have come in take effect between two minutes; those of a book without a minute wait for its first.
   * @returns where the book stands, if there were any
   */
  applyCommands(): Promise<RiskStanding | undefined> {
    return this.inTurn(async () => {
      const { book, clock, instruments, journal, log, metrics, settings } = this.#parts;
      const minute = this.#lastMinute;
      const commands = minute === undefined ? [] : await journal.pendingCommands(book);
      if (minute === undefined || commands.length === 0) return undefined;
      const at = clock.now();
      const { state, ...changed } = bookCommands(this.#state, commands, at, settings.decide);
      const bookState = encodeBookState(state);
      const step = this.recorder.between(minute, { kind: 'commands', at, commands }, instruments(), bookState);
      await this.#write(() => journal.commitCommands({ book, minute, ...changed, bookState, step }));
      this.#state = state;
      log.warn({ commands, outcomes: changed.commands }, 'commands took effect');
      for (const event of changed.riskEvents) {
        if (event.action === 'risk.latch') metrics.count('minutehand_reasons_total', { reason: event.reason });
      }
      await this.#parts.broker.cancel(pendingCancels(state.ledger));
      return riskStandingOf(state, settings.decide.risk);
    });
  }

  /**
   * Books what the broker has reported since the last minute, commits it, and sends what follows: the legs of what has filled.
   * @returns whether there was anything
   */
  applyEvents(): Promise<boolean> {
    return this.inTurn(async () => {
      const { broker, instruments, settings } = this.#parts;
      this.report(broker.account?.take() ?? []);
      if (this.#unbooked.length === 0 || this.#lastMinute === undefined) return false;
      const events = this.#unbooked;
      const booked = bookEvents(this.#state, events, instruments(), settings.decide);
      await this.#commit(booked, { kind: 'events', events });
      this.#unbooked = [];
      await this.#carryOut(booked);
      return true;
    });
  }

  /** Resolves when nothing that was sent is on its way any more, and all that came of it is booked and sent. */
  async settle(): Promise<void> {
    const { account } = this.#parts.broker;
    if (account === undefined) return;
    do await account.settled();
    while (await this.applyEvents());
  }

  /**
   * Holds the account against the book. What the venue can explain is booked; what nobody explains halts trading, with the list.
   * @returns the differences that are left, or undefined where there was no moment of rest to compare in
   * @throws what the venue's connection throws
   */
  async reconcile(): Promise<readonly Difference[] | undefined> {
    const { broker, clock, log } = this.#parts;
    const { account } = broker;
    if (account === undefined) return [];
    await account.poll();
    let differences: readonly Difference[] | undefined;
    for (let look = 0; look < RECONCILIATION_LOOKS; look++) {
      await this.settle();
      const snapshot = await account.snapshot();
      await this.settle();
      differences = await this.inTurn(async () =>
        account.isCurrent(snapshot) ? differencesOf(snapshot, this.#knownLedger()) : undefined,
      );
      if (differences?.length === 0) break;
      if (differences !== undefined && look > 0) await (this.#parts.wait ?? waitReal)(RECONCILIATION_PAUSE_MS);
      const symbols = (differences ?? []).flatMap(({ symbol }) => symbol ?? []);
      if (symbols.length > 0) await account.explain([...new Set(symbols)], this.#knownSince());
      await account.poll();
    }
    account.agreed(differences?.length === 0);
    this.#unsettled = differences === undefined ? this.#unsettled + 1 : 0;
    if (this.#unsettled >= LONG_UNSETTLED) {
      log.warn({ attempts: this.#unsettled }, 'the account does not come to rest: it cannot be held against the book');
    }
    if (differences?.length === 0) {
      this.#agreedAt = this.#lastMinute;
      this.#moneyDiffers = 0;
    }
    if (differences === undefined || differences.length === 0) return differences;
    const text = differences.map(describeDifference).join('; ');
    log.error({ differences }, 'the account disagrees with the book');
    if (this.#lastMinute === undefined) {
      throw new MinutehandError(
        'ACCOUNT_NOT_EMPTY',
        `the account holds what a new book knows nothing of: ${text}`,
        'Close and cancel it at the venue, use an account of its own for this book, or start with the database that knows it.',
        { exitCode: 3 },
      );
    }
    // A settlement moves the balance before it is in the account's history: entries wait, and so does the halt.
    const isMoneyAlone = differences.every(({ kind }) => kind === 'balance');
    this.#moneyDiffers = isMoneyAlone ? this.#moneyDiffers + 1 : 0;
    if (isMoneyAlone && this.#moneyDiffers < MOST_MONEY_DIFFERENCES) return differences;
    await this.inTurn(async () => {
      const at = clock.now();
      const halted = haltUnreconciled(this.#state, at, text, this.#parts.settings.decide);
      await this.#commitBetween(halted, { kind: 'unreconciled', at, text });
    });
    return differences;
  }

  /**
   * Closes, or halts for, positions that have been without a confirmed stop for `confirmWithinMs`, and everything where that was asked
   * for; to be called every second or so.
   * @returns keys of positions that were without a confirmed stop, and are acted on
   */
  guardPositions(confirmWithinMs: number): Promise<readonly string[]> {
    return this.inTurn(async () => {
      const { clock, settings, log } = this.#parts;
      const now = clock.elapsed();
      if (this.#lastMinute === undefined) return [];
      const bare = positionsWithoutStop(this.#state);
      this.#bareSince = new Map(bare.map((key) => [key, this.#bareSince.get(key) ?? now]));
      // An exit that came to nothing has protected nothing: the next one does not wait for as long again.
      const isTime = (key: string) =>
        now - (this.#bareSince.get(key) ?? now) >= confirmWithinMs &&
        now - (this.#closingSince.get(key) ?? Number.NEGATIVE_INFINITY) >= Math.min(confirmWithinMs, CLOSE_AGAIN_MS);
      const due = unprotectedPositions(this.#state).filter(
        (key) => isTime(key) && !isHaltedFor(this.#state, key, settings.decide),
      );
      if (due.length > 0) {
        for (const key of due) this.#closingSince.set(key, now);
        log.error({ positions: due, reason: 'PROTECTION_UNCONFIRMED' }, 'positions without a confirmed stop');
        const at = clock.now();
        const closed = closeUnprotected(this.#state, due, at, settings.decide);
        await this.#commitBetween(closed, { kind: 'unprotected', at, keys: due });
      }
      // Closing everything does not wait for a minute, which may never come.
      const open = isClosingAll(this.#state.risk) ? positionsWithoutExit(this.#state) : [];
      const again = open.filter((key) => now - (this.#closingSince.get(key) ?? -confirmWithinMs) >= confirmWithinMs);
      if (again.length > 0) {
        for (const key of again) this.#closingSince.set(key, now);
        const at = clock.now();
        const reason = 'RISK_CLOSE_ALL';
        const closed = closePositions(this.#state, again, at, reason, settings.decide);
        await this.#commitBetween(closed, { kind: 'close', at, keys: again, reason });
      }
      return due;
    });
  }

  /** The ledger with what was reported before the first minute, or could not be committed yet. */
  #knownLedger(): Ledger {
    return applyBrokerEvents(this.#state.ledger, this.#unbooked).ledger;
  }

  /** From when on something may have happened that is not booked; what is booked since then is still in the ledger's orders. */
  #knownSince(): EpochMs {
    const last = this.#lastMinute ?? this.#parts.clock.now();
    return epochMs(Math.max((this.#agreedAt ?? last) - 5 * MINUTE_MS, last - LONGEST_EXPLAINED_MS));
  }

  async #commitBetween(between: BetweenMinutes, cause: BetweenCause): Promise<void> {
    await this.#commit(between, cause);
    await this.#carryOut(between);
  }

  /** A commit whose answer is lost may have come to be: what is in memory is no longer the book. */
  async #write(commit: () => Promise<void>): Promise<void> {
    try {
      await commit();
    } catch (error) {
      this.#broken = error;
      this.#parts.onBroken?.(error);
      throw error;
    }
  }

  async #commit({ state, record }: BetweenMinutes, cause: BetweenCause): Promise<void> {
    const { journal, instruments } = this.#parts;
    const step = this.recorder.between(record.minute, cause, instruments(), record.bookState);
    await this.#write(() => journal.commitEvents({ ...record, step }));
    this.#state = state;
  }

  async #carryOut({ record, unknownEvents, cancels }: BetweenMinutes): Promise<void> {
    const { broker, log, metrics } = this.#parts;
    for (const event of record.riskEvents) {
      log.warn({ ...event }, 'what the book may do changed');
      if (event.action === 'risk.latch') metrics.count('minutehand_reasons_total', { reason: event.reason });
    }
    for (const event of unknownEvents) {
      log.error(
        { event, reason: 'ORDER_EVENT_UNKNOWN' },
        'the broker reported something of an order this book does not know',
      );
      metrics.count('minutehand_reasons_total', { reason: 'ORDER_EVENT_UNKNOWN' });
    }
    metrics.count('minutehand_fills_total', {}, record.fills.length);
    if (record.intents.length > 0) await broker.submit(record.intents);
    if (cancels.length > 0) await broker.cancel(cancels);
  }
}
