import {
  type Clock,
  type EpochMs,
  epochMs,
  type Instrument,
  milliseconds,
  type SymbolId,
} from '../../../core/index.ts';
import {
  type AccountEvent,
  type ConditionalOrder,
  DEFAULT_EXCHANGE_SETTINGS,
  ExchangeAccount,
  type ExchangeFill,
  type ExchangeOrder,
  entryPriceOf,
  formatCash,
  formatPrice,
  formatQuantity,
  parseCash,
  parsePrice,
  parseQuantity,
  Refusal,
  type RefusalReason,
} from '../../../matching/index.ts';
import {
  type AccountClient,
  type RequestStamp,
  type VenueCashFlow,
  type VenueEvent,
  type VenueFill,
  type VenueOrder,
  type VenueOrderKey,
  type VenueOrderRequest,
  VenueRefusal,
} from './account-client.ts';

/** What becomes of one request. Delays are milliseconds of virtual time, each way. */
export interface RequestFate {
  /** `refuse`: the venue's definite no; the others: as sent, never arrived, arrived and its answer lost. */
  readonly kind: 'ok' | 'lost-request' | 'lost-response' | 'refuse';
  readonly outMs: number;
  readonly backMs: number;
}

/** What becomes of one event of the stream. */
export interface EventFate {
  readonly copies: 0 | 1 | 2;
  readonly delayMs: number;
}

export interface VirtualVenueFates {
  request(what: 'place' | 'cancel' | 'read'): RequestFate;
  event(told: VenueEvent): EventFate;
  /** Whether the fills of a triggered order carry the client id of the order they came from. */
  readonly namesTriggered: boolean;
}

export const CALM: VirtualVenueFates = {
  request: () => ({ kind: 'ok', outMs: 5, backMs: 5 }),
  event: () => ({ copies: 1, delayMs: 8 }),
  namesTriggered: true,
};

interface Due {
  readonly at: number;
  readonly sequence: number;
  readonly act: () => void;
}

/** Time that moves from one thing to do to the next, without waiting. */
export class VirtualTime implements Clock {
  #now: number;
  #sequence = 0;
  #due: Due[] = [];

  constructor(start: EpochMs) {
    this.#now = start;
  }

  now = (): EpochMs => epochMs(this.#now);
  elapsed = () => milliseconds(this.#now);

  sleep = (duration: number, signal?: AbortSignal): Promise<void> =>
    new Promise((resolve) => {
      const cancel = this.after(duration, () => {
        signal?.removeEventListener('abort', stop);
        resolve();
      });
      const stop = () => {
        cancel();
        resolve();
      };
      if (signal?.aborted) stop();
      else signal?.addEventListener('abort', stop, { once: true });
    });

  /** Does something so many milliseconds from now; what is returned calls it off. */
  after(delayMs: number, act: () => void): () => void {
    const entry = { at: this.#now + Math.max(0, delayMs), sequence: this.#sequence++, act };
    this.#due.push(entry);
    return () => {
      this.#due = this.#due.filter((each) => each !== entry);
    };
  }

  /** Runs everything due up to `time`, in order, letting what follows from each be done first. */
  async moveTo(time: EpochMs): Promise<void> {
    await flush();
    for (;;) {
      const next = this.#due.reduce<Due | undefined>(
        (first, each) =>
          each.at <= time && (!first || each.at < first.at || (each.at === first.at && each.sequence < first.sequence))
            ? each
            : first,
        undefined,
      );
      if (next === undefined) break;
      this.#due = this.#due.filter((each) => each !== next);
      this.#now = Math.max(this.#now, next.at);
      next.act();
      await flush();
    }
    this.#now = Math.max(this.#now, time);
    await flush();
  }
}

/** Lets all that has been promised be done: a tick comes when no promise has anything left to do. */
const flush = () => new Promise<void>((resolve) => process.nextTick(resolve));

const REASONS: Partial<Record<RefusalReason, ConstructorParameters<typeof VenueRefusal>[0]>> = {
  MARGIN_INSUFFICIENT: 'ORDER_MARGIN_INSUFFICIENT',
  REDUCE_ONLY_REJECTED: 'ORDER_REDUCE_REFUSED',
  WOULD_TRIGGER_AT_ONCE: 'ORDER_WOULD_TRIGGER',
  POST_ONLY_WOULD_TAKE: 'ORDER_WOULD_TAKE',
  CLIENT_ID_DUPLICATE: 'ORDER_ID_TAKEN',
  ORDER_UNKNOWN: 'ORDER_NOT_FOUND',
};

/**
 * A venue with one account in virtual time: requests and events take time, get lost, come twice or out of order as its fates say. It is
 * the matching model's account behind the port that brokers speak to.
 */
export class VirtualVenue {
  readonly time: VirtualTime;
  readonly exchange: ExchangeAccount;
  readonly #fates: () => VirtualVenueFates;
  /** How often an order of each client id was accepted: more than once is a doubled order. */
  readonly accepted = new Map<string, number>();
  readonly fills: VenueFill[] = [];
  readonly #clients = new Set<VirtualClient>();

  constructor(options: {
    readonly time: VirtualTime;
    readonly instruments: ReadonlyMap<SymbolId, Instrument>;
    readonly isHedgeMode: boolean;
    readonly balance: string;
    readonly fates: () => VirtualVenueFates;
    readonly slices?: () => number;
  }) {
    this.time = options.time;
    this.#fates = options.fates;
    this.exchange = new ExchangeAccount({
      settings: DEFAULT_EXCHANGE_SETTINGS,
      balance: parseCash(options.balance),
      instrumentOf: (symbol) => options.instruments.get(symbol),
      emit: (event) => this.#onEvent(event),
      slicesOf: options.slices ?? (() => 1),
    });
    if (options.isHedgeMode) this.exchange.setHedgeMode(true);
  }

  get fates(): VirtualVenueFates {
    return this.#fates();
  }

  /** A connection of its own, as each process has one. */
  connect(): VirtualClient {
    const client = new VirtualClient(this, () => this.#clients.delete(client));
    this.#clients.add(client);
    return client;
  }

  place(request: VenueOrderRequest): VenueOrder {
    const { exchange } = this;
    const { clientOrderId, symbol, side, type, leg, isClosing } = request;
    const terms = {
      clientOrderId,
      symbol,
      side,
      positionSide: exchange.isHedgeMode ? leg : ('both' as const),
      reduceOnly: !exchange.isHedgeMode && isClosing,
      quantity: parseQuantity(request.quantity),
      price: parsePrice(request.limitPrice ?? '0'),
    };
    const now = this.time.now();
    if (type === 'stopMarket' || type === 'takeProfitMarket') {
      const order = exchange.placeConditional(
        {
          ...terms,
          type: type === 'stopMarket' ? 'stop' : 'take-profit',
          becomes: 'market',
          closePosition: false,
          timeInForce: 'good-till-cancel',
          triggerPrice: parsePrice(request.triggerPrice ?? '0'),
          callbackPerMille: 0,
          workingPrice: 'last',
        },
        now,
      );
      return this.#conditionalWords(order);
    }
    return this.#orderWords(
      exchange.place({ ...terms, type, timeInForce: request.postOnly ? 'post-only' : 'good-till-cancel' }, now),
    );
  }

  cancel({ clientOrderId, symbol, isConditional }: VenueOrderKey): void {
    const now = this.time.now();
    if (isConditional) {
      const order = this.exchange.conditionals.find(symbol, undefined, clientOrderId);
      if (!order) throw new Refusal('ORDER_UNKNOWN');
      this.exchange.cancelConditional(order, now);
    } else {
      const order = this.exchange.orders.find(symbol, undefined, clientOrderId);
      if (!order) throw new Refusal('ORDER_UNKNOWN');
      this.exchange.cancel(order, now);
    }
  }

  find({ clientOrderId, symbol, isConditional }: VenueOrderKey): VenueOrder | undefined {
    if (isConditional) {
      const order = this.exchange.conditionals.find(symbol, undefined, clientOrderId);
      return order && this.#conditionalWords(order);
    }
    const order = this.exchange.orders.find(symbol, undefined, clientOrderId);
    return order && this.#orderWords(order);
  }

  open(): VenueOrder[] {
    return [
      ...this.exchange.orders.open().filter(({ origin }) => origin === undefined),
      ...this.exchange.orders.open().flatMap(({ origin }) => origin ?? []),
      ...this.exchange.conditionals.open().filter(({ order }) => order === undefined),
    ].map((order) => ('triggerPrice' in order ? this.#conditionalWords(order) : this.#orderWords(order)));
  }

  #onEvent(event: AccountEvent): void {
    if (event.kind === 'order') {
      const { order, fill } = event;
      if (event.change === 'new' && order.origin === undefined) this.#count(order.clientOrderId);
      if (fill) {
        const words = this.#fillWords(fill);
        this.fills.push(words);
        this.#tell({ kind: 'fill', fill: words });
      }
      this.#tell({
        kind: 'order',
        order: order.origin ? this.#conditionalWords(order.origin) : this.#orderWords(order),
      });
    } else if (event.kind === 'conditional') {
      if (event.order.status === 'new') this.#count(event.order.clientOrderId);
      this.#tell({ kind: 'order', order: this.#conditionalWords(event.order) });
    }
  }

  #count(clientOrderId: string): void {
    this.accepted.set(clientOrderId, (this.accepted.get(clientOrderId) ?? 0) + 1);
  }

  #tell(event: VenueEvent): void {
    for (const client of this.#clients) {
      const { copies, delayMs } = this.fates.event(event);
      for (let copy = 0; copy < copies; copy++) this.time.after(delayMs * (1 + copy), () => client.hear(event));
    }
  }

  #orderWords(order: ExchangeOrder): VenueOrder {
    const status = { new: 'ACCEPTED', 'partially-filled': 'PARTIALLY_FILLED', filled: 'FILLED' } as const;
    return {
      clientOrderId: order.clientOrderId,
      symbol: order.symbol,
      isConditional: false,
      venueId: String(order.id),
      side: order.side,
      leg: legOf(order),
      status:
        order.status === 'cancelled' ? 'CANCELLED' : order.status === 'expired' ? 'EXPIRED' : status[order.status],
      quantity: formatQuantity(order.quantity),
      filledQuantity: formatQuantity(order.filled),
      updatedAt: order.updatedAt,
    };
  }

  #conditionalWords(order: ConditionalOrder): VenueOrder {
    const became = order.order;
    const own = { new: 'ACCEPTED', triggered: 'TRIGGERED', cancelled: 'CANCELLED', expired: 'EXPIRED' } as const;
    const status =
      became === undefined
        ? order.status === 'rejected' || order.status === 'finished'
          ? 'REJECTED'
          : own[order.status]
        : became.status === 'new' || became.status === 'partially-filled'
          ? 'TRIGGERED'
          : this.#orderWords(became).status;
    return {
      clientOrderId: order.clientOrderId,
      symbol: order.symbol,
      isConditional: true,
      venueId: String(became?.id ?? order.id),
      side: order.side,
      leg: legOf(order),
      status,
      quantity: formatQuantity(order.quantity),
      filledQuantity: formatQuantity(became?.filled ?? 0n),
      updatedAt: order.updatedAt,
    };
  }

  #fillWords({ id, order, quantity, price, fee, time }: ExchangeFill): VenueFill {
    const isNamed = order.origin === undefined || this.fates.namesTriggered;
    return {
      fillId: `${order.symbol}:${id}`,
      venueId: String(order.id),
      ...(isNamed ? { clientOrderId: order.clientOrderId } : {}),
      symbol: order.symbol,
      side: order.side,
      leg: legOf(order),
      quantity: formatQuantity(quantity),
      price: formatPrice(price),
      fee: formatCash(fee),
      time,
    };
  }
}

/** One process's connection. Once cut it hears nothing more, but what it sent may still arrive. */
export class VirtualClient implements AccountClient {
  readonly address = 'virtual';
  readonly #venue: VirtualVenue;
  readonly #leave: () => void;
  #listener: ((event: VenueEvent) => void) | undefined;
  #isCut = false;
  #isStreamUp = true;
  /** Milliseconds by which all it sends from now on is held up: its process stands still. */
  stalledMs = 0;

  constructor(venue: VirtualVenue, leave: () => void) {
    this.#venue = venue;
    this.#leave = leave;
  }

  /** Its process is gone. */
  cut(): void {
    this.#isCut = true;
    this.#leave();
  }

  hear(event: VenueEvent): void {
    if (!this.#isCut && this.#isStreamUp) this.#listener?.(event);
  }

  async watch(listener: (event: VenueEvent) => void): Promise<void> {
    this.#listener = listener;
    if (this.#isStreamUp) listener({ kind: 'connected' });
    else listener({ kind: 'disconnected', cause: 'refused' });
  }

  /** Its stream ends, or does not come to be: what happens from now on is told to nobody. */
  loseStream(): void {
    this.#isStreamUp = false;
    if (!this.#isCut) this.#listener?.({ kind: 'disconnected', cause: 'lost' });
  }

  regainStream(): void {
    this.#isStreamUp = true;
    this.hear({ kind: 'connected' });
  }

  async close(): Promise<void> {
    this.cut();
  }

  async prepare(): Promise<void> {}

  place(request: VenueOrderRequest, stamp: RequestStamp): Promise<VenueOrder> {
    return this.#request('place', stamp, () => this.#venue.place(request));
  }

  cancel(key: VenueOrderKey, stamp: RequestStamp): Promise<void> {
    return this.#request('cancel', stamp, () => this.#venue.cancel(key));
  }

  find(key: VenueOrderKey): Promise<VenueOrder | undefined> {
    return this.#request('read', undefined, () => this.#venue.find(key));
  }

  openOrders(): Promise<VenueOrder[]> {
    return this.#request('read', undefined, () => this.#venue.open());
  }

  fillsOf({ venueId }: VenueOrder): Promise<VenueFill[]> {
    return this.#request('read', undefined, () => this.#venue.fills.filter((fill) => fill.venueId === venueId));
  }

  fillsSince(symbol: SymbolId, since: EpochMs): Promise<VenueFill[]> {
    return this.#request('read', undefined, () =>
      this.#venue.fills.filter((fill) => fill.symbol === symbol && fill.time >= since),
    );
  }

  positions() {
    return this.#request('read', undefined, () =>
      this.#venue.exchange.positions.flatMap((position) => {
        const { symbol, quantity } = position;
        if (quantity === 0n) return [];
        const leg = quantity > 0n ? ('long' as const) : ('short' as const);
        const entryPrice = formatPrice(entryPriceOf(position));
        return [{ symbol, leg, quantity: formatQuantity(quantity > 0n ? quantity : -quantity), entryPrice }];
      }),
    );
  }

  wallet() {
    return this.#request('read', undefined, () => ({
      balance: formatCash(this.#venue.exchange.ledger.wallet),
      available: formatCash(this.#venue.exchange.margin().available),
      isHedgeMode: this.#venue.exchange.isHedgeMode,
    }));
  }

  cashFlowsSince(since: EpochMs): Promise<VenueCashFlow[]> {
    return this.#request('read', undefined, () =>
      this.#venue.exchange.ledger.incomes
        .filter(({ kind, time }) => kind !== 'realized-pnl' && kind !== 'commission' && time >= since)
        .map(({ id, kind, symbol, amount, time }) => ({
          flowId: `income-${id}`,
          cause: kind === 'funding' ? ('funding' as const) : ('other' as const),
          symbol,
          amount: formatCash(amount),
          time,
        })),
    );
  }

  #request<Answer>(
    what: 'place' | 'cancel' | 'read',
    stamp: RequestStamp | undefined,
    act: () => Answer,
  ): Promise<Answer> {
    const { time, fates } = this.#venue;
    const fate = fates.request(what);
    return new Promise((resolve, reject) => {
      const answer = (give: () => void) => {
        time.after(fate.backMs, () => {
          if (!this.#isCut) give();
        });
      };
      const fail = () => answer(() => reject(new Error(`${what}: no answer`)));
      if (fate.kind === 'lost-request') return fail();
      time.after(fate.outMs + this.stalledMs, () => {
        try {
          if (stamp && time.now() > stamp.signedAt + stamp.receiveWindow) {
            throw new VenueRefusal('ORDER_STALE', 'outside of the receive window');
          }
          if (fate.kind === 'refuse') throw new VenueRefusal('ORDER_RATE_LIMITED', 'too many requests');
          const result = act();
          if (fate.kind === 'lost-response') fail();
          else answer(() => resolve(result));
        } catch (error) {
          const refusal =
            error instanceof Refusal ? new VenueRefusal(REASONS[error.reason] ?? 'ORDER_REFUSED', error.reason) : error;
          if (fate.kind === 'lost-response') fail();
          else answer(() => reject(refusal));
        }
      });
    });
  }
}

/** Which leg an order is about; in one-way mode what it opens, or closes. */
function legOf({ side, positionSide, reduceOnly }: Pick<ExchangeOrder, 'side' | 'positionSide' | 'reduceOnly'>) {
  if (positionSide !== 'both') return positionSide;
  return (side === 'buy') === reduceOnly ? ('short' as const) : ('long' as const);
}
