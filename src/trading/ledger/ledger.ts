import {
  type BrokerEvent,
  type CashFlow,
  DAY_MS,
  divideRound,
  type EpochMs,
  type Fill,
  isTerminal,
  type Milliseconds,
  type Order,
  type OrderEvent,
  type OrderIntent,
  type OrderStatus,
  type ReasonCode,
  type SymbolId,
} from '../../core/index.ts';
import {
  formatCash,
  formatPrice,
  formatQuantity,
  notionalOf,
  parseCash,
  parsePrice,
  parseQuantity,
  priceOf,
} from '../../matching/index.ts';
import { externalOrderIdOf } from '../client-order-id.ts';
import { legsAfterFill } from '../protection.ts';
import { bookExecution, type LedgerPosition, magnitude } from './account.ts';

/** An order with what became of it, in exact units. */
export interface LedgerOrder {
  readonly intent: OrderIntent;
  readonly status: OrderStatus;
  /** Quantity units. */
  readonly filled: bigint;
  /** Cash units. */
  readonly filledNotional: bigint;
  /** Of the newest order event. */
  readonly sequence: number;
  /** Fills already booked. */
  readonly fillIds: readonly string[];
  /** When it reached a final status. */
  readonly endedAt?: EpochMs;
  /** Set for good once its end is asked for: asked again until it has ended, also by the next process. */
  readonly isCancelRequested?: true;
}

/**
 * Orders, positions and money of one book. `cash` = initial cash + `realized` - `fees` + `funding` + `transfers` at all times, in cash units. Positions are
 * keyed by {@link positionKey}, orders by client order id; ended orders stay a while, so that late and repeated events find them.
 */
export interface Ledger {
  readonly cash: bigint;
  readonly realized: bigint;
  readonly fees: bigint;
  /** Received less paid. */
  readonly funding: bigint;
  /** What else came in less what went out. */
  readonly transfers: bigint;
  readonly orders: ReadonlyMap<string, LedgerOrder>;
  readonly positions: ReadonlyMap<string, LedgerPosition>;
  /** Times of the cash flows booked of late, by id. */
  readonly flows: ReadonlyMap<string, EpochMs>;
}

/** What a batch of facts changed. */
export interface LedgerChange {
  readonly ledger: Ledger;
  /** Orders whose status or fills changed, as they stand after. */
  readonly changed: readonly LedgerOrder[];
  readonly orderEvents: readonly OrderEvent[];
  readonly fills: readonly Fill[];
  readonly cashFlows: readonly CashFlow[];
  /** Legs that fills of entries brought, as entered: those that have not ended are to be sent. */
  readonly legs: readonly OrderIntent[];
  /** Events of orders that the ledger does not know: nothing was booked. */
  readonly unknown: readonly BrokerEvent[];
}

export const openLedger = (initialCash: bigint): Ledger => ({
  cash: initialCash,
  realized: 0n,
  fees: 0n,
  funding: 0n,
  transfers: 0n,
  orders: new Map(),
  positions: new Map(),
  flows: new Map(),
});

/** A change that changes nothing. */
export const unchanged = (ledger: Ledger): LedgerChange => ({
  ledger,
  changed: [],
  orderEvents: [],
  fills: [],
  cashFlows: [],
  legs: [],
  unknown: [],
});

export const positionKey = (strategy: string, symbol: string): string => `${strategy}/${symbol}`;

/** Enters intents as SUBMITTING orders, each with its first event. An intent already known changes nothing. */
export function enterIntents(ledger: Ledger, intents: readonly OrderIntent[]): LedgerChange {
  const orders = new Map(ledger.orders);
  const orderEvents: OrderEvent[] = [];
  const changed: LedgerOrder[] = [];
  for (const intent of intents) {
    if (orders.has(intent.clientOrderId)) continue;
    const order = newOrder(intent);
    orders.set(intent.clientOrderId, order);
    changed.push(order);
    orderEvents.push(eventOf(order, intent.decidedAt, intent.reason));
  }
  return { ...unchanged({ ...ledger, orders }), changed, orderEvents };
}

/**
 * Books what a broker reported. Repeated events and fills change nothing; a status never goes back; fills count whenever they
 * come, also before the acceptance, after the end, or beyond the ordered quantity. FILLED follows from the fills alone. A fill of
 * an entry enters the legs that protect it before the next event is looked at, so that a broker's report of them finds them.
 */
export function applyBrokerEvents(ledger: Ledger, events: readonly BrokerEvent[]): LedgerChange {
  if (events.length === 0) return unchanged(ledger);
  const booking = new Booking(ledger);
  for (const event of events) booking.take(event);
  return booking.finish();
}

/** Lives for one call of {@link applyBrokerEvents}. */
class Booking {
  readonly #orders: Map<string, LedgerOrder>;
  readonly #positions: Map<string, LedgerPosition>;
  readonly #flows: Map<string, EpochMs>;
  readonly #changed = new Map<string, LedgerOrder>();
  readonly #orderEvents: OrderEvent[] = [];
  readonly #fills: Fill[] = [];
  readonly #cashFlows: CashFlow[] = [];
  readonly #legs: OrderIntent[] = [];
  readonly #unknown: BrokerEvent[] = [];
  #money: Pick<Ledger, 'cash' | 'realized' | 'fees' | 'funding' | 'transfers'>;

  constructor({ orders, positions, flows, ...money }: Ledger) {
    this.#orders = new Map(orders);
    this.#positions = new Map(positions);
    this.#flows = new Map(flows);
    this.#money = money;
  }

  take(event: BrokerEvent): void {
    if (event.kind === 'cash') this.#move(event);
    else if (event.kind === 'external') this.#reduce(event);
    else this.#report(event);
  }

  #report(event: Extract<BrokerEvent, { kind: 'status' | 'fill' }>): void {
    const order = this.#orders.get(event.clientOrderId);
    if (order === undefined) this.#unknown.push(event);
    else if (event.kind === 'fill') this.#fill(order, event);
    else if (advances(order.status, event.status)) {
      const ended = isTerminal(event.status) ? { endedAt: event.time } : {};
      this.#record(
        { ...order, status: event.status, sequence: order.sequence + 1, ...ended },
        event.time,
        event.reason,
      );
    }
  }

  finish(): LedgerChange {
    this.#settleAll();
    return {
      ledger: { ...this.#money, orders: this.#orders, positions: this.#positions, flows: this.#flows },
      changed: [...this.#changed.values()],
      orderEvents: this.#orderEvents,
      fills: this.#fills,
      cashFlows: this.#cashFlows,
      legs: this.#legs,
      unknown: this.#unknown,
    };
  }

  #record(order: LedgerOrder, time: EpochMs, reason?: ReasonCode): void {
    this.#orders.set(order.intent.clientOrderId, order);
    this.#changed.set(order.intent.clientOrderId, order);
    this.#orderEvents.push(eventOf(order, time, reason));
  }

  /**
   * An account has one leg for all strategies: what an order reduces beyond its own strategy's position, such as a target that was
   * reached before its end was known, has reduced what others hold there.
   */
  #fill(order: LedgerOrder, event: FillEvent): void {
    if (order.fillIds.includes(event.fillId)) return;
    const { intent } = order;
    const total = parseQuantity(event.quantity);
    const own = this.#positions.get(positionKey(intent.strategy, intent.symbol));
    const isOwn = own !== undefined && own.quantity > 0n === (intent.side === 'sell');
    const reducible = isOwn ? magnitude(own.quantity) : 0n;
    const others = intent.reduceOnly && total > reducible ? this.#heldBeside(intent) : 0n;
    if (others === 0n) {
      this.#execute(order, event, total);
      return;
    }
    const excess = minimum(total - reducible, others);
    const kept = total - excess;
    const fee = parseCash(event.fee);
    const keptFee = divideRound(fee * kept, total);
    this.#execute(order, { ...event, quantity: formatQuantity(kept), fee: formatCash(keptFee) }, total);
    const { book, symbol, side } = intent;
    this.#reduce(
      {
        kind: 'external',
        book,
        fillId: `${event.fillId}/beside`,
        symbol,
        side,
        quantity: formatQuantity(excess),
        price: event.price,
        fee: formatCash(fee - keptFee),
        time: event.time,
        reason: 'ORDER_REDUCED_BESIDE',
      },
      intent.strategy,
    );
  }

  /** What other strategies hold that an order of this side reduces, quantity units. */
  #heldBeside({ strategy, symbol, side }: OrderIntent): bigint {
    return [...this.#positions.values()]
      .filter((position) => position.symbol === symbol && position.strategy !== strategy)
      .filter(({ quantity }) => quantity > 0n === (side === 'sell'))
      .reduce((sum, { quantity }) => sum + magnitude(quantity), 0n);
  }

  /** @param counted of the order, quantity units: what is booked of it may be less */
  #execute(order: LedgerOrder, event: FillEvent, counted: bigint): void {
    const { intent } = order;
    const sign = intent.side === 'buy' ? 1n : -1n;
    const quantity = parseQuantity(event.quantity);
    const notional = notionalOf(parsePrice(event.price), quantity);
    const fee = parseCash(event.fee);
    const key = positionKey(intent.strategy, intent.symbol);
    if (quantity > 0n) this.#book(intent, event, { key, sign, quantity, notional, fee });
    const whole = counted === quantity ? notional : notionalOf(parsePrice(event.price), counted);
    const after = withFill(order, event.fillId, counted, whole, event.time);
    this.#record(after, event.time);
    if (intent.purpose !== 'entry') return;
    for (const leg of legsAfterFill(intent, after.filled, event.time)) {
      if (this.#orders.has(leg.clientOrderId)) continue;
      this.#record(newOrder(leg), leg.decidedAt);
      this.#legs.push(leg);
    }
  }

  #book(
    intent: OrderIntent,
    event: FillEvent,
    {
      key,
      sign,
      quantity,
      notional,
      fee,
    }: { key: string; sign: bigint; quantity: bigint; notional: bigint; fee: bigint },
  ): void {
    const booked = bookExecution(this.#positions.get(key), {
      strategy: intent.strategy,
      symbol: intent.symbol,
      quantity: sign * quantity,
      notional: sign * notional,
      time: event.time,
    });
    const before = this.#positions.get(key);
    if (booked.position === undefined) this.#positions.delete(key);
    else {
      // What reduces only has opened nothing at the venue.
      const isTurned = before === undefined || before.quantity > 0n !== booked.position.quantity > 0n;
      const isOvershoot = intent.reduceOnly && (isTurned || before.isOvershoot);
      this.#positions.set(key, { ...withoutMark(booked.position), ...(isOvershoot ? { isOvershoot } : {}) });
    }
    const { cash, realized, fees } = this.#money;
    this.#money = {
      ...this.#money,
      cash: cash + booked.realized - fee,
      realized: realized + booked.realized,
      fees: fees + fee,
    };
    this.#fills.push({
      fillId: event.fillId,
      clientOrderId: intent.clientOrderId,
      book: intent.book,
      strategy: intent.strategy,
      symbol: intent.symbol,
      side: intent.side,
      quantity: event.quantity,
      price: event.price,
      fee: event.fee,
      realizedPnl: formatCash(booked.realized),
      time: event.time,
    });
  }

  #move({ kind: _, ...flow }: Extract<BrokerEvent, { kind: 'cash' }>): void {
    if (this.#flows.has(flow.flowId)) return;
    const amount = parseCash(flow.amount);
    const { cash, funding, transfers } = this.#money;
    const sum = flow.cause === 'funding' ? { funding: funding + amount } : { transfers: transfers + amount };
    this.#money = { ...this.#money, cash: cash + amount, ...sum };
    this.#flows.set(flow.flowId, flow.time);
    this.#cashFlows.push(flow);
  }

  /** Takes what the venue closed by itself from the positions on that side, the oldest first, each by an order born filled. */
  #reduce(event: Extract<BrokerEvent, { kind: 'external' }>, except?: string): void {
    const { book, symbol, side } = event;
    const held = [...this.#positions.values()].filter(
      (position) =>
        position.symbol === symbol && position.strategy !== except && position.quantity > 0n === (side === 'sell'),
    );
    const idOf = (strategy: string) => externalOrderIdOf({ book, strategy, symbol, fillId: event.fillId });
    const isBooked = [...this.#orders.values()].some(
      ({ intent, fillIds }) => fillIds.includes(event.fillId) || intent.clientOrderId === idOf(intent.strategy),
    );
    if (isBooked) return;
    const total = parseQuantity(event.quantity);
    const fee = parseCash(event.fee);
    let left = total;
    let feeLeft = fee;
    for (const { strategy, quantity } of held) {
      if (left === 0n) break;
      const clientOrderId = idOf(strategy);
      const taken = minimum(left, magnitude(quantity));
      left -= taken;
      const share = left === 0n ? feeLeft : divideRound(fee * taken, total);
      feeLeft -= share;
      this.#bookBornFilled({
        clientOrderId,
        fillId: `${event.fillId}/${strategy}`,
        strategy,
        side,
        taken,
        fee: share,
        event,
      });
    }
    if (left === total) this.#unknown.push(event);
  }

  /** An execution without an order of its own: one that ends at once stands for it. */
  #bookBornFilled(execution: {
    clientOrderId: string;
    fillId: string;
    strategy: string;
    side: OrderIntent['side'];
    /** Quantity units. */
    taken: bigint;
    /** Cash units. */
    fee: bigint;
    event: Pick<Extract<BrokerEvent, { kind: 'external' }>, 'book' | 'symbol' | 'price' | 'time' | 'reason'>;
  }): void {
    const { clientOrderId, fillId, strategy, side, taken, fee, event } = execution;
    const { book, symbol, price, time, reason } = event;
    const quantity = formatQuantity(taken);
    const order = newOrder({
      clientOrderId,
      book,
      strategy,
      symbol,
      side,
      purpose: 'exit',
      type: 'market',
      quantity,
      reduceOnly: true,
      decidedAt: time,
      validUntil: time,
      reason,
      referencePrice: price,
    });
    this.#record(order, time, reason);
    this.#execute(order, { kind: 'fill', fillId, clientOrderId, quantity, price, fee: formatCash(fee), time }, taken);
  }

  #settleAll(): void {
    for (const { symbol, isOvershoot } of [...this.#positions.values()]) {
      const last = this.#fills.at(-1);
      if (isOvershoot && last !== undefined) this.#settleOvershoots(last.book, symbol, last.time);
    }
  }

  /**
   * Executions come in any order: one that reduced what another strategy holds may be known before that strategy's own entry is. What
   * it overshot by is settled with it as soon as there is something to settle with, at the price of the overshooting execution.
   */
  #settleOvershoots(book: string, symbol: SymbolId, time: EpochMs): void {
    const ofSymbol = () => [...this.#positions.values()].filter((position) => position.symbol === symbol);
    for (const over of ofSymbol().filter(({ isOvershoot }) => isOvershoot)) {
      const other = ofSymbol().find(
        ({ isOvershoot, quantity }) => !isOvershoot && quantity > 0n !== over.quantity > 0n,
      );
      if (other === undefined) continue;
      const taken = minimum(magnitude(over.quantity), magnitude(other.quantity));
      const price = formatPrice(priceOf(magnitude(over.cost), magnitude(over.quantity)));
      const fillId = `settled-${over.strategy}-${other.strategy}-${symbol}-${over.openedAt}-${taken}`;
      const event = { book, symbol, price, time, reason: 'ORDER_REDUCED_BESIDE' as const };
      for (const { strategy, quantity } of [over, other]) {
        const clientOrderId = externalOrderIdOf({ book, strategy, symbol, fillId });
        if (this.#orders.has(clientOrderId)) continue;
        const side = quantity > 0n ? 'sell' : 'buy';
        this.#bookBornFilled({ clientOrderId, fillId: `${fillId}/${strategy}`, strategy, side, taken, fee: 0n, event });
      }
    }
  }
}

type FillEvent = Extract<BrokerEvent, { kind: 'fill' }>;

const withoutMark = ({ isOvershoot: _, ...position }: LedgerPosition): LedgerPosition => position;

const minimum = (a: bigint, b: bigint): bigint => (a < b ? a : b);

/** The ledger with the end of these orders asked for; those that have ended, or are not known, are passed over. */
export function requestCancels(ledger: Ledger, clientOrderIds: readonly string[]): Ledger {
  const orders = new Map(ledger.orders);
  for (const id of clientOrderIds) {
    const order = orders.get(id);
    if (order !== undefined && !isTerminal(order.status)) orders.set(id, { ...order, isCancelRequested: true });
  }
  return { ...ledger, orders };
}

/** Client order ids whose end is asked for and not yet known, in the order they were entered. */
export const pendingCancels = (ledger: Ledger): string[] =>
  workingOrders(ledger).flatMap((order) => (order.isCancelRequested ? [order.intent.clientOrderId] : []));

/** How long ended orders are remembered. A stop that moves makes many legs, and no decision looks back at an old one. */
export interface EndedRetention {
  readonly orders: Milliseconds;
  readonly legs: Milliseconds;
}

/** Cash flows are asked for from an hour before the newest on; ids older than this are not seen again. */
const FLOW_RETENTION_MS = 2 * DAY_MS;

/** The ledger without orders that ended longer before `minute` than they are remembered. */
export function forgetEnded(ledger: Ledger, minute: EpochMs, retention: EndedRetention): Ledger {
  const isForgotten = ({ intent, endedAt }: LedgerOrder) =>
    endedAt !== undefined && minute - endedAt > (intent.parent === undefined ? retention.orders : retention.legs);
  const newest = lastCashFlowAt(ledger);
  const isOld = (time: EpochMs) => time !== newest && minute - time > FLOW_RETENTION_MS;
  if (![...ledger.orders.values()].some(isForgotten) && ![...ledger.flows.values()].some(isOld)) return ledger;
  return {
    ...ledger,
    orders: new Map([...ledger.orders].filter(([, order]) => !isForgotten(order))),
    flows: new Map([...ledger.flows].filter(([, time]) => !isOld(time))),
  };
}

/** When money last came or went other than by trading. */
export const lastCashFlowAt = ({ flows }: Ledger): EpochMs | undefined =>
  [...flows.values()].reduce<EpochMs | undefined>((last, time) => (last && last > time ? last : time), undefined);

/** Orders that have not ended, in the order they were entered. */
export const workingOrders = (ledger: Ledger): LedgerOrder[] =>
  [...ledger.orders.values()].filter((order) => !isTerminal(order.status));

/** Of the legs that fills brought those that have not ended by now: the broker may have worked them already. */
export const unendedLegs = (legs: readonly OrderIntent[], { orders }: Ledger): OrderIntent[] =>
  legs.filter(({ clientOrderId }) => {
    const order = orders.get(clientOrderId);
    return order !== undefined && !isTerminal(order.status);
  });

/** Ids of the executions that are booked of orders that have not ended, by client order id. */
export const bookedFills = (ledger: Ledger): ReadonlyMap<string, readonly string[]> =>
  new Map(workingOrders(ledger).map(({ intent, fillIds }) => [intent.clientOrderId, fillIds]));

/** Quantity units still to be filled, never negative. */
export function remainingOf(order: LedgerOrder): bigint {
  const remaining = parseQuantity(order.intent.quantity) - order.filled;
  return remaining > 0n ? remaining : 0n;
}

/** An order as the database and the broker know it. */
export function orderOf(order: LedgerOrder): Order {
  return {
    ...order.intent,
    status: order.status,
    filledQuantity: formatQuantity(order.filled),
    ...(order.filled > 0n ? { averagePrice: formatPrice(priceOf(order.filledNotional, order.filled)) } : {}),
  };
}

const newOrder = (intent: OrderIntent): LedgerOrder => ({
  intent,
  status: 'SUBMITTING',
  filled: 0n,
  filledNotional: 0n,
  sequence: 1,
  fillIds: [],
});

function eventOf(order: LedgerOrder, time: EpochMs, reason?: ReasonCode): OrderEvent {
  return {
    clientOrderId: order.intent.clientOrderId,
    sequence: order.sequence,
    time,
    status: order.status,
    ...(reason === undefined ? {} : { reason }),
  };
}

function withFill(order: LedgerOrder, fillId: string, quantity: bigint, notional: bigint, time: EpochMs): LedgerOrder {
  const filled = order.filled + quantity;
  const isFull = filled >= parseQuantity(order.intent.quantity);
  // An order that ended short keeps its end when a late fill arrives, unless that completes it.
  const status = isFull ? 'FILLED' : isTerminal(order.status) ? order.status : 'PARTIALLY_FILLED';
  return {
    ...order,
    status,
    filled,
    filledNotional: order.filledNotional + notional,
    sequence: order.sequence + 1,
    fillIds: [...order.fillIds, fillId],
    ...(isFull && order.endedAt === undefined ? { endedAt: time } : {}),
  };
}

/** Whether a reported status says more than the known one. */
function advances(known: OrderStatus, reported: OrderStatus): boolean {
  if (isTerminal(known)) return false;
  switch (reported) {
    case 'SUBMITTING':
    case 'PARTIALLY_FILLED':
    case 'FILLED':
      return false; // ours to say, or the fills'
    case 'UNKNOWN':
      return known === 'SUBMITTING';
    case 'ACCEPTED':
      return known === 'SUBMITTING' || known === 'UNKNOWN';
    case 'TRIGGERED':
      return known === 'SUBMITTING' || known === 'UNKNOWN' || known === 'ACCEPTED';
    case 'CANCELLED':
    case 'REJECTED':
    case 'EXPIRED':
      return true;
  }
}
