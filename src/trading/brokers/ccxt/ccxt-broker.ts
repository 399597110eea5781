import {
  type AccountSnapshot,
  type Broker,
  type BrokerAccount,
  type BrokerEvent,
  type BrokerStart,
  type Clock,
  type EpochMs,
  epochMs,
  isTerminal,
  type Log,
  type Metrics,
  MINUTE_MS,
  type Milliseconds,
  MinutehandError,
  messageOf,
  milliseconds,
  type OrderIntent,
  type OrderStatus,
  type ReasonCode,
  type SymbolId,
  waitReal,
} from '../../../core/index.ts';
import { parseCash, parseQuantity } from '../../../matching/index.ts';
import { AccountCash } from './account-cash.ts';
import {
  type AccountClient,
  type RequestStamp,
  type VenueEvent,
  type VenueFill,
  type VenueOrder,
  VenueRefusal,
} from './account-client.ts';
import { takeSnapshot } from './account-snapshot.ts';
import { externalReason, isInDoubt, placeOf, requestOf, type TrackedOrder, trackedOrder } from './tracked-order.ts';

/** Gives moments at which this process certainly owned its book: what is signed with one is void before anybody else can own it. */
export interface Fence {
  /** @throws MinutehandError LEASE_LOST when the book has another owner */
  stamp(): Promise<RequestStamp>;
}

export interface CcxtBrokerParts {
  readonly book: string;
  readonly client: AccountClient;
  readonly fence: Fence;
  /** Venue time. */
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Whether every minute begins with a question to the venue: where nothing runs away, what is booked follows from that alone. */
  readonly asksBeforeMinute: boolean;
  /** Waits in real time. */
  readonly wait?: typeof waitReal;
  readonly settings?: Partial<CcxtBrokerSettings>;
}

export interface CcxtBrokerSettings {
  readonly receiveWindow: Milliseconds;
  /** How long after the receive window the venue may still not show an order that it has. */
  readonly margin: Milliseconds;
  /** Real time: how long the stream may take to tell of an execution that an answer mentions before it is asked for. */
  readonly fillGrace: Milliseconds;
  /** Real time between two looks at what is still in doubt. */
  readonly tendEvery: Milliseconds;
  /** Real time between two looks at all open orders. */
  readonly pollEvery: Milliseconds;
  /** Real time: how long {@link CcxtBroker.settled} waits at most. */
  readonly settleWithin: Milliseconds;
  /** Venue time after its decision within which an entry may leave. */
  readonly entryWithin: Milliseconds;
  /** Requests under way at once. */
  readonly maxParallel: number;
}

export const DEFAULT_BROKER_SETTINGS: CcxtBrokerSettings = {
  receiveWindow: milliseconds(2_000),
  margin: milliseconds(3_000),
  fillGrace: milliseconds(250),
  tendEvery: milliseconds(1_000),
  pollEvery: milliseconds(15_000),
  entryWithin: milliseconds(30_000),
  settleWithin: milliseconds(30_000),
  maxParallel: 8,
};

/** How long ended orders are remembered for late events. */
const REMEMBER_MS = 60 * MINUTE_MS;
/**
 * A broker at a real account. Each intent leaves at most once, signed with a moment at which this process owned the book. What the
 * venue's answer leaves open is UNKNOWN until a question to the venue settles it; "not found" settles it only once the venue can no
 * longer accept the request. Answers, the account's stream and polls all lead through the same observations, so that what comes late,
 * twice, out of order or not at all changes nothing in the end.
 */
export class CcxtBroker implements Broker, BrokerAccount {
  readonly account: BrokerAccount = this;
  readonly #parts: CcxtBrokerParts;
  readonly #settings: CcxtBrokerSettings;
  readonly #wait: typeof waitReal;
  readonly #orders = new Map<string, TrackedOrder>();
  /** By {@link placeOf}. */
  readonly #byVenueId = new Map<string, TrackedOrder>();
  /** Executions of orders that are not known, or not yet, by id; with the real time of their arrival. */
  readonly #strays = new Map<string, { readonly fill: VenueFill; readonly at: number }>();
  /** Executions told as nobody's, by id, with the venue time of that. */
  readonly #externals = new Map<string, EpochMs>();
  readonly #cash: AccountCash;
  readonly #stopping = new AbortController();
  #reports: BrokerEvent[] = [];
  #version = 0;
  #listener: (() => void) | undefined;
  #waiting: (() => void)[] = [];
  #inFlight = 0;
  #hasAgreed = false;
  #isConnected = false;
  #running: Promise<void> = Promise.resolve();
  #polling: Promise<void> | undefined;
  #watching: Promise<void> | undefined;
  #isTending = false;

  constructor(parts: CcxtBrokerParts) {
    this.#parts = parts;
    this.#settings = { ...DEFAULT_BROKER_SETTINGS, ...parts.settings };
    this.#wait = parts.wait ?? waitReal;
    this.#cash = new AccountCash(parts, (event) => this.#report(event));
  }

  get blocked(): ReasonCode | undefined {
    return this.#hasAgreed && this.#isConnected ? undefined : 'ACCOUNT_NOT_RECONCILED';
  }

  /**
   * Takes over the ledger's open orders. Those that were committed and have no answer are in doubt: a former process may have sent
   * them at any moment up to now.
   */
  async restore({ openOrders, bookedFills, positions, cash, lastCashFlowAt }: BrokerStart): Promise<void> {
    const now = this.#parts.clock.now();
    for (const order of openOrders) {
      if (isTerminal(order.status)) continue;
      const { status, filledQuantity, averagePrice: _, ...intent } = order;
      const tracked = this.#track(intent);
      tracked.status = status;
      tracked.filled = parseQuantity(filledQuantity);
      for (const id of bookedFills.get(intent.clientOrderId) ?? []) tracked.fillIds.add(id);
      tracked.conclusiveAt = this.#conclusiveAfter(now);
      if (status === 'SUBMITTING') this.#tell(tracked, 'UNKNOWN', now, 'ORDER_UNCONFIRMED');
    }
    const isNew = openOrders.length === 0 && positions.length === 0 && lastCashFlowAt === undefined;
    this.#cash.restore(isNew ? { openingCash: parseCash(cash) } : { since: lastCashFlowAt });
  }

  /** Opens the account's stream and asks for everything that has happened since the ledger was written. */
  async start(): Promise<void> {
    this.#watching ??= this.#parts.client.watch((event) => this.#onStream(event));
    await this.#watching;
    await this.#cash.open();
    await this.poll();
    if (this.#isTending) return;
    this.#isTending = true;
    this.#running = this.#tend();
  }

  async close(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
    await this.#parts.client.close();
  }

  async submit(intents: readonly OrderIntent[]): Promise<void> {
    const fresh = intents.filter(({ clientOrderId }) => !this.#orders.has(clientOrderId));
    // What reduces goes first.
    const ordered = [...fresh.filter((intent) => intent.reduceOnly), ...fresh.filter((intent) => !intent.reduceOnly)];
    await this.#inParallel(
      ordered.map((intent) => this.#track(intent)),
      (order) => this.#send(order),
    );
  }

  async cancel(clientOrderIds: readonly string[]): Promise<void> {
    const orders = clientOrderIds.flatMap((id) => this.#orders.get(id) ?? []);
    const working = orders.filter((order) => order.endedAt === undefined && order.ending === undefined);
    // One in doubt may still arrive: its end is asked for when it is seen.
    for (const order of working) order.isCancelWanted = isInDoubt(order);
    await this.#inParallel(
      working.filter((order) => !isInDoubt(order)),
      (order) => this.#sendCancel(order),
    );
  }

  async events(minute: EpochMs): Promise<BrokerEvent[]> {
    for (const order of this.#orders.values()) {
      if (order.endedAt === undefined && order.ending === undefined && minute >= order.intent.validUntil) {
        order.isExpiring = true;
        order.isCancelWanted = isInDoubt(order);
        if (!isInDoubt(order)) this.#background(this.#sendCancel(order));
      }
    }
    if (this.#parts.asksBeforeMinute) {
      await this.poll();
      await this.settled();
    }
    return this.take();
  }

  onChange(listener: () => void): void {
    this.#listener = listener;
    if (this.#reports.length > 0) listener();
  }

  take(): BrokerEvent[] {
    return this.#reports.splice(0);
  }

  async settled(): Promise<void> {
    if (this.#isSettled()) return;
    const settling = new AbortController();
    let isOver = false;
    void this.#wait(this.#settings.settleWithin, settling.signal).then(() => {
      isOver = true;
      this.#wake();
    });
    while (!this.#isSettled() && !isOver && !this.#stopping.signal.aborted) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    settling.abort();
  }

  snapshot(): Promise<AccountSnapshot> {
    const { client, clock } = this.#parts;
    const isOwn = (id: string) => {
      const known = this.#orders.get(id);
      return known !== undefined && known.endedAt === undefined;
    };
    return takeSnapshot(client, { takenAt: clock.now(), version: this.#version, isOwn });
  }

  isCurrent({ version }: AccountSnapshot): boolean {
    return version === this.#version && this.#reports.length === 0 && this.#isSettled() && this.#strays.size === 0;
  }

  agreed(isInAgreement: boolean): void {
    this.#hasAgreed = isInAgreement;
  }

  /** Asks for executions of these symbols since a time: what nobody here ordered is told as such. */
  async explain(symbols: readonly SymbolId[], since: EpochMs): Promise<void> {
    for (const symbol of symbols) {
      for (const fill of await this.#parts.client.fillsSince(symbol, since)) {
        // Told again: the book may not have been able to make sense of it before.
        this.#externals.delete(fill.fillId);
        this.#onFill(fill);
      }
    }
    await this.#adoptStrays(0);
  }

  /**
   * Asks for the open orders, and for each that should be among them and is not; and for money that came or went. Asks anew even where
   * a poll is under way: that one may have been answered before what is to be known happened.
   * @throws what the connection throws, also where a single order could not be asked for: what is not known does not agree
   */
  async poll(): Promise<void> {
    await this.#polling?.catch(() => undefined);
    this.#polling ??= this.#poll().finally(() => {
      this.#polling = undefined;
    });
    await this.#polling;
  }

  async #poll(): Promise<void> {
    const { client, clock } = this.#parts;
    const asked = [...this.#orders.values()].filter(({ endedAt }) => endedAt === undefined);
    const open = new Set<string>();
    for (const order of await client.openOrders()) {
      open.add(order.clientOrderId);
      this.#observe(order);
    }
    const missing = asked.filter(({ intent, endedAt }) => endedAt === undefined && !open.has(intent.clientOrderId));
    let failure: { readonly error: unknown } | undefined;
    await this.#inParallel(missing, (order) =>
      this.#ask(order).catch((error: unknown) => {
        failure ??= { error };
      }),
    );
    await this.#cash.poll();
    const now = clock.now();
    const isOld = (time: EpochMs | undefined) => time !== undefined && now - time >= REMEMBER_MS;
    for (const [id, { endedAt }] of this.#orders) if (isOld(endedAt)) this.#orders.delete(id);
    for (const [id, { endedAt }] of this.#byVenueId) if (isOld(endedAt)) this.#byVenueId.delete(id);
    for (const [id, toldAt] of this.#externals) if (isOld(toldAt)) this.#externals.delete(id);
    if (failure) throw failure.error;
  }

  #track(intent: OrderIntent): TrackedOrder {
    const tracked = trackedOrder(intent);
    this.#orders.set(intent.clientOrderId, tracked);
    return tracked;
  }

  async #send(order: TrackedOrder): Promise<void> {
    const { client, fence, clock, log, metrics } = this.#parts;
    const { intent } = order;
    if (this.#expiresUnsent(order, clock.now())) return;
    let stamp: RequestStamp;
    try {
      if (intent.purpose === 'entry') await client.prepare(intent.symbol);
      stamp = await fence.stamp();
    } catch (error) {
      log.error({ order: intent.clientOrderId, error: messageOf(error) }, 'an order was not sent');
      // Who owns the book now finds it committed and without an answer, and settles it.
      if (error instanceof MinutehandError && error.code === 'LEASE_LOST') return;
      const reason = error instanceof VenueRefusal ? error.reason : 'ORDER_NOT_RECEIVED';
      this.#tell(order, 'REJECTED', clock.now(), reason);
      return;
    }
    // Preparing its symbol, or looking at the lease, may have taken long.
    if (this.#expiresUnsent(order, stamp.signedAt)) return;
    order.conclusiveAt = this.#conclusiveAfter(stamp.signedAt);
    try {
      this.#observe(await client.place(requestOf(intent), stamp));
    } catch (error) {
      const isRefused = error instanceof VenueRefusal && error.reason !== 'ORDER_ID_TAKEN';
      const reason = isRefused ? error.reason : 'ORDER_UNCONFIRMED';
      log.warn({ order: intent.clientOrderId, reason, error: messageOf(error) }, 'an order was not confirmed');
      metrics.count('minutehand_reasons_total', { reason });
      if (order.status !== 'SUBMITTING') return;
      this.#tell(order, isRefused ? 'REJECTED' : 'UNKNOWN', clock.now(), reason);
    }
  }

  /** @returns whether the order is too old to leave at `now`: then its end is told */
  #expiresUnsent(order: TrackedOrder, now: EpochMs): boolean {
    const { purpose, decidedAt, validUntil } = order.intent;
    const isLate = purpose === 'entry' && now > decidedAt + this.#settings.entryWithin;
    if (!isLate && now < validUntil) return false;
    this.#tell(order, 'EXPIRED', now, 'ORDER_EXPIRED');
    return true;
  }

  async #sendCancel(order: TrackedOrder): Promise<void> {
    const { client, fence, log } = this.#parts;
    try {
      await client.cancel(order.key, await fence.stamp());
    } catch (error) {
      if (!(error instanceof VenueRefusal && error.reason === 'ORDER_NOT_FOUND')) {
        log.warn({ order: order.intent.clientOrderId, error: messageOf(error) }, 'a cancel was not confirmed');
      }
    }
    await this.#refresh(order);
  }

  /**
   * Asks the venue how an order stands, as far as it answers.
   * @returns whether it has answered
   */
  async #refresh(order: TrackedOrder): Promise<boolean> {
    try {
      await this.#ask(order);
      return true;
    } catch (error) {
      const { clientOrderId } = order.intent;
      this.#parts.log.warn({ order: clientOrderId, error: messageOf(error) }, 'an order could not be asked for');
      return false;
    }
  }

  /** Asks the venue how an order stands. */
  async #ask(order: TrackedOrder): Promise<void> {
    const { client, clock } = this.#parts;
    const { intent } = order;
    const isConclusive = clock.now() > order.conclusiveAt;
    const found = await client.find(order.key);
    if (found !== undefined) {
      this.#observe(found);
      return;
    }
    if (!isConclusive || order.endedAt !== undefined || order.ending !== undefined) return;
    const now = clock.now();
    if (!isInDoubt(order)) this.#tell(order, 'CANCELLED', now, 'ORDER_NOT_FOUND');
    else if (now >= intent.validUntil) this.#tell(order, 'EXPIRED', now, 'ORDER_EXPIRED');
    else this.#tell(order, 'REJECTED', now, 'ORDER_NOT_RECEIVED');
  }

  /** @returns false for an order of somebody else */
  #observe(seen: VenueOrder): boolean {
    const order = this.#orders.get(seen.clientOrderId) ?? this.#byVenueId.get(placeOf(seen));
    if (order === undefined) return false;
    this.#byVenueId.set(placeOf(seen), order);
    if (order.endedAt !== undefined) return true;
    const after = this.#conclusiveAfter(this.#parts.clock.now());
    if (after > order.conclusiveAt) order.conclusiveAt = after;
    const told = parseQuantity(seen.filledQuantity);
    // Of a conditional order that is filled the venue may not say how much; one that closes it may have cut to the position.
    const filled = seen.status === 'FILLED' && told === 0n ? parseQuantity(order.intent.quantity) : told;
    if (filled > order.venueFilled) order.venueFilled = filled;
    if (seen.status !== 'REJECTED' && isInDoubt(order)) this.#tell(order, 'ACCEPTED', seen.updatedAt);
    if (seen.status === 'TRIGGERED' && order.status === 'ACCEPTED') this.#tell(order, 'TRIGGERED', seen.updatedAt);
    if (isTerminal(seen.status)) order.ending ??= { status: seen.status, time: seen.updatedAt };
    if (order.filled < order.venueFilled) this.#awaitFills(order, seen);
    this.#finish(order);
    if (order.isCancelWanted && order.endedAt === undefined && order.ending === undefined) {
      order.isCancelWanted = false;
      this.#background(this.#sendCancel(order));
    }
    return true;
  }

  #onFill(fill: VenueFill): void {
    const order =
      (fill.clientOrderId === undefined ? undefined : this.#orders.get(fill.clientOrderId)) ??
      this.#byVenueId.get(placeOf(fill));
    if (order === undefined) {
      if (this.#externals.has(fill.fillId) || this.#strays.has(fill.fillId)) return;
      this.#strays.set(fill.fillId, { fill, at: this.#parts.clock.elapsed() });
      return;
    }
    this.#strays.delete(fill.fillId);
    if (order.fillIds.has(fill.fillId)) return;
    order.fillIds.add(fill.fillId);
    if (isInDoubt(order)) this.#tell(order, 'ACCEPTED', fill.time);
    order.filled += parseQuantity(fill.quantity);
    if (order.filled > order.venueFilled) order.venueFilled = order.filled;
    this.#report({
      kind: 'fill',
      fillId: fill.fillId,
      clientOrderId: order.intent.clientOrderId,
      quantity: fill.quantity,
      price: fill.price,
      fee: fill.fee,
      time: fill.time,
    });
    this.#finish(order);
  }

  /** The stream tells of executions first, mostly; what it leaves out is asked for. */
  #awaitFills(order: TrackedOrder, seen: VenueOrder): void {
    if (order.asksForFills) return;
    order.asksForFills = true;
    this.#background(
      (async () => {
        const { log } = this.#parts;
        try {
          for (let isFirst = true; order.filled < order.venueFilled; isFirst = false) {
            await this.#wait(isFirst ? this.#settings.fillGrace : this.#settings.tendEvery, this.#stopping.signal);
            if (this.#stopping.signal.aborted || order.filled >= order.venueFilled) return;
            try {
              await this.#askForFills(order, seen);
            } catch (error) {
              log.warn({ order: seen.clientOrderId, error: messageOf(error) }, 'executions could not be asked for');
            }
          }
        } finally {
          order.asksForFills = false;
          this.#finish(order);
        }
      })(),
    );
  }

  async #askForFills(order: TrackedOrder, seen: VenueOrder): Promise<void> {
    const fills = await this.#parts.client.fillsOf(seen);
    for (const fill of fills) this.#onFill({ ...fill, clientOrderId: order.intent.clientOrderId });
  }

  #finish(order: TrackedOrder): void {
    const { ending } = order;
    if (order.endedAt !== undefined) return;
    const isFull = order.filled >= parseQuantity(order.intent.quantity);
    if (isFull) {
      order.endedAt = ending?.time ?? this.#parts.clock.now();
    } else if (ending !== undefined && order.filled >= order.venueFilled) {
      const isOver = order.isExpiring && ending.status === 'CANCELLED';
      if (isOver) this.#tell(order, 'EXPIRED', ending.time, 'ORDER_NO_LIQUIDITY');
      else if (ending.status === 'FILLED') this.#tell(order, 'CANCELLED', ending.time, 'ORDER_POSITION_CLOSED');
      else this.#tell(order, ending.status, ending.time);
    }
    this.#wake();
  }

  #onStream(event: VenueEvent): void {
    const { log } = this.#parts;
    switch (event.kind) {
      case 'order':
        this.#observe(event.order);
        return;
      case 'fill':
        this.#onFill(event.fill);
        return;
      case 'connected':
        this.#isConnected = true;
        // It has missed what happened meanwhile.
        this.#hasAgreed = false;
        this.#version += 1;
        this.#background(this.poll());
        return;
      case 'disconnected':
        this.#isConnected = false;
        log.warn({ cause: event.cause }, "the account's stream is gone");
    }
  }

  /** Looks after what is in doubt until it is closed. */
  async #tend(): Promise<void> {
    const { signal } = this.#stopping;
    let sincePoll = 0;
    while (!signal.aborted) {
      await this.#wait(this.#settings.tendEvery, signal);
      if (signal.aborted) return;
      const doubtful = [...this.#orders.values()].filter((order) => order.status === 'UNKNOWN');
      await this.#inParallel(doubtful, (order) => this.#refresh(order));
      sincePoll += this.#settings.tendEvery;
      if (sincePoll >= this.#settings.pollEvery) {
        sincePoll = 0;
        await this.poll().catch((error: unknown) =>
          this.#parts.log.warn({ error: messageOf(error) }, 'the open orders could not be asked for'),
        );
      }
      await this.#adoptStrays(2 * this.#settings.tendEvery).catch((error: unknown) =>
        this.#parts.log.warn({ error: messageOf(error) }, 'executions of unknown orders could not be looked into'),
      );
    }
  }

  /** Finds the orders of executions that came without one; those that nobody here ordered are told as such. */
  async #adoptStrays(olderThan: number): Promise<void> {
    const { clock, book } = this.#parts;
    const due = [...this.#strays.values()].filter(({ at }) => clock.elapsed() - at >= olderThan);
    if (due.length === 0) return;
    const symbols = new Set(due.map(({ fill }) => fill.symbol));
    const conditional = [...this.#orders.values()].filter(
      ({ key, endedAt }) => key.isConditional && endedAt === undefined && symbols.has(key.symbol),
    );
    const unanswered = new Set<SymbolId>();
    await this.#inParallel(conditional, async (order) => {
      if (!(await this.#refresh(order))) unanswered.add(order.key.symbol);
    });
    for (const { fill } of due) {
      this.#onFill(fill);
      // It may be of an order that could not be asked for: it waits.
      if (unanswered.has(fill.symbol) || !this.#strays.delete(fill.fillId)) continue;
      this.#externals.set(fill.fillId, clock.now());
      const { fillId, symbol, side, quantity, price, fee, time } = fill;
      const reason = externalReason(fill.clientOrderId);
      this.#report({ kind: 'external', book, fillId, symbol, side, quantity, price, fee, time, reason });
    }
  }

  #tell(order: TrackedOrder, status: OrderStatus, time: EpochMs, reason?: ReasonCode): void {
    order.status = status;
    if (isTerminal(status)) order.endedAt = time;
    const { clientOrderId } = order.intent;
    this.#report({ kind: 'status', clientOrderId, status, time, ...(reason === undefined ? {} : { reason }) });
  }

  #report(event: BrokerEvent): void {
    this.#reports.push(event);
    this.#version += 1;
    this.#wake();
    this.#listener?.();
  }

  #conclusiveAfter(signedAt: EpochMs): EpochMs {
    return epochMs(signedAt + this.#settings.receiveWindow + this.#settings.margin);
  }

  #isSettled(): boolean {
    return this.#inFlight === 0 && ![...this.#orders.values()].some(({ asksForFills }) => asksForFills);
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  #background(work: Promise<void>): void {
    this.#inFlight += 1;
    work
      .catch((error: unknown) => this.#parts.log.error({ error: messageOf(error) }, 'work on an order failed'))
      .finally(() => {
        this.#inFlight -= 1;
        this.#wake();
      });
  }

  async #inParallel(orders: readonly TrackedOrder[], work: (order: TrackedOrder) => Promise<unknown>): Promise<void> {
    const queue = [...orders];
    const worker = async () => {
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) await work(next);
    };
    await Promise.all(Array.from({ length: Math.min(this.#settings.maxParallel, orders.length) }, worker));
  }
}
