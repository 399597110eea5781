import { type Broker, type Clock, type Log, messageOf, type ReasonCode } from '../core/index.ts';
import type { RiskLatch } from './risk/latches.ts';

/** One account at a venue and what trades it. */
export interface Trader {
  readonly account: string;
  readonly broker: Broker;
  /** Whether what the account holds has been held against the book since the last start. */
  readonly isReconciled: boolean;
  /** Connects and reconciles; can be called again after {@link stop}. */
  start(): Promise<void>;
  /** Lets go of the connection; orders at the venue stay. */
  stop(): Promise<void>;
}

export type TraderState = 'stopped' | 'starting' | 'running' | 'halted';

/** How a trader stands, and what restricts it. */
export interface TraderStanding {
  readonly account: string;
  readonly state: TraderState;
  readonly isReconciled: boolean;
  /** What the book of the account must heed, the strictest first. */
  readonly latches: readonly RiskLatch[];
}

const ACTOR = 'trader';

/**
 * Starts, stops and pauses the traders of several accounts, each for itself: what one throws halts that one, with the reason, and the
 * others go on.
 */
export class TraderManager {
  readonly #seats: ReadonlyMap<string, Seat>;

  /** @throws RangeError if two traders share an account. */
  constructor(traders: readonly Trader[], { clock, log }: { readonly clock: Clock; readonly log: Log }) {
    this.#seats = new Map(traders.map((trader) => [trader.account, new Seat(trader, clock, log)]));
    if (this.#seats.size < traders.length) throw new RangeError('two traders share an account');
  }

  /** Starts all, or one, also one that is halted. Never rejects: the standings say what came of it. */
  async start(account?: string): Promise<void> {
    await Promise.all(this.#chosen(account).map((seat) => seat.start()));
  }

  /** Stops all, or one. Never rejects. */
  async stop(account?: string): Promise<void> {
    await Promise.all(this.#chosen(account).map((seat) => seat.stop()));
  }

  /** Lets an account only reduce, until {@link resume}; over a stop and start too. */
  pause(account: string, text?: string): void {
    this.#seat(account).pause(text);
  }

  resume(account: string): void {
    this.#seat(account).resume();
  }

  /** Does work with a running trader; undefined where it does not run, or where the work throws, which halts it. */
  run<Result>(account: string, work: (trader: Trader) => Promise<Result>): Promise<Result | undefined> {
    return this.#seat(account).run(work);
  }

  standing(account: string): TraderStanding {
    return this.#seat(account).standing;
  }

  get standings(): TraderStanding[] {
    return this.#chosen(undefined).map(({ standing }) => standing);
  }

  #chosen(account: string | undefined): Seat[] {
    return account === undefined ? [...this.#seats.values()] : [this.#seat(account)];
  }

  #seat(account: string): Seat {
    const seat = this.#seats.get(account);
    if (seat === undefined) throw new RangeError(`there is no trader of account ${account}`);
    return seat;
  }
}

class Seat {
  readonly #trader: Trader;
  readonly #clock: Clock;
  readonly #log: Log;
  #state: TraderState = 'stopped';
  #pause: RiskLatch | undefined;
  #failure: RiskLatch | undefined;
  /** Starts and stops come one after another. */
  #turn: Promise<void> = Promise.resolve();

  constructor(trader: Trader, clock: Clock, log: Log) {
    this.#trader = trader;
    this.#clock = clock;
    this.#log = log;
  }

  get standing(): TraderStanding {
    const { account, isReconciled } = this.#trader;
    const isUnknown = this.#failure === undefined && (this.#state !== 'running' || !isReconciled);
    const unknown = isUnknown ? [this.#latch('HALTED', 'TRADER_NOT_RECONCILED')] : [];
    return {
      account,
      state: this.#state,
      isReconciled,
      latches: [...(this.#failure ? [this.#failure] : []), ...unknown, ...(this.#pause ? [this.#pause] : [])],
    };
  }

  start(): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#state === 'running') return;
      // What failed may have left a connection behind, and is not asked whether that was all.
      if (this.#state === 'halted') await this.#trader.stop().catch(() => undefined);
      this.#state = 'starting';
      this.#failure = undefined;
      await this.#trader.start();
      this.#state = 'running';
    });
  }

  stop(): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#state === 'stopped') return;
      this.#state = 'stopped';
      await this.#trader.stop();
    });
  }

  pause(text?: string): void {
    this.#pause ??= this.#latch('REDUCING', 'TRADER_PAUSED', text);
  }

  resume(): void {
    this.#pause = undefined;
  }

  async run<Result>(work: (trader: Trader) => Promise<Result>): Promise<Result | undefined> {
    if (this.#state !== 'running') return undefined;
    try {
      return await work(this.#trader);
    } catch (error) {
      this.#halt(error);
      return undefined;
    }
  }

  #inTurn(change: () => Promise<void>): Promise<void> {
    this.#turn = this.#turn.then(change).catch((error: unknown) => this.#halt(error));
    return this.#turn;
  }

  #halt(error: unknown): void {
    this.#state = 'halted';
    this.#failure ??= this.#latch('HALTED', 'TRADER_FAILED', messageOf(error));
    this.#log.error({ account: this.#trader.account, error: messageOf(error) }, 'the trader of the account is halted');
  }

  #latch(mode: RiskLatch['mode'], reason: ReasonCode, text?: string): RiskLatch {
    return { mode, reason, actor: ACTOR, since: this.#clock.now(), ...(text === undefined ? {} : { text }) };
  }
}
