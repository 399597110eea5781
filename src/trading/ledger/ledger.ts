import {
  type BrokerEvent,
  type EpochMs,
  type Fill,
  isTerminal,
  type Milliseconds,
  type Order,
  type OrderEvent,
  type OrderIntent,
  type OrderStatus,
  type ReasonCode,
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
import { legsAfterFill } from '../protection.ts';
import { bookExecution, type LedgerPosition } from './account.ts';

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
 * Orders, positions and money of one book. `cash` = initial cash + `realized` - `fees` at all times, in cash units. Positions are
 * keyed by {@link positionKey}, orders by client order id; ended orders stay a while, so that late and repeated events find them.
 */
export interface Ledger {
  readonly cash: bigint;
  readonly realized: bigint;
  readonly fees: bigint;
  readonly orders: ReadonlyMap<string, LedgerOrder>;
  readonly positions: ReadonlyMap<string, LedgerPosition>;
}

/** What a batch of facts changed. */
export interface LedgerChange {
  readonly ledger: Ledger;
  /** Orders whose status or fills changed, as they stand after. */
  readonly changed: readonly LedgerOrder[];
  readonly orderEvents: readonly OrderEvent[];
  readonly fills: readonly Fill[];
  /** Legs that fills of entries brought, as entered: those that have not ended are to be sent. */
  readonly legs: readonly OrderIntent[];
  /** Events of orders that the ledger does not know: nothing was booked. */
  readonly unknown: readonly BrokerEvent[];
}

export const openLedger = (initialCash: bigint): Ledger => ({
  cash: initialCash,
  realized: 0n,
  fees: 0n,
  orders: new Map(),
  positions: new Map(),
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
  return { ledger: { ...ledger, orders }, changed, orderEvents, fills: [], legs: [], unknown: [] };
}

/**
 * Books what a broker reported. Repeated events and fills change nothing; a status never goes back; fills count whenever they
 * come, also before the acceptance, after the end, or beyond the ordered quantity. FILLED follows from the fills alone. A fill of
 * an entry enters the legs that protect it before the next event is looked at, so that a broker's report of them finds them.
 */
export function applyBrokerEvents(ledger: Ledger, events: readonly BrokerEvent[]): LedgerChange {
  if (events.length === 0) return { ledger, changed: [], orderEvents: [], fills: [], legs: [], unknown: [] };
  const orders = new Map(ledger.orders);
  const positions = new Map(ledger.positions);
  const changed = new Map<string, LedgerOrder>();
  const orderEvents: OrderEvent[] = [];
  const fills: Fill[] = [];
  const legs: OrderIntent[] = [];
  const unknown: BrokerEvent[] = [];
  let { cash, realized, fees } = ledger;

  const record = (order: LedgerOrder, time: EpochMs, reason?: ReasonCode): void => {
    orders.set(order.intent.clientOrderId, order);
    changed.set(order.intent.clientOrderId, order);
    orderEvents.push(eventOf(order, time, reason));
  };

  for (const event of events) {
    const order = orders.get(event.clientOrderId);
    if (order === undefined) {
      unknown.push(event);
    } else if (event.kind === 'status') {
      if (!advances(order.status, event.status)) continue;
      const ended = isTerminal(event.status) ? { endedAt: event.time } : {};
      record({ ...order, status: event.status, sequence: order.sequence + 1, ...ended }, event.time, event.reason);
    } else {
      if (order.fillIds.includes(event.fillId)) continue;
      const { intent } = order;
      const sign = intent.side === 'buy' ? 1n : -1n;
      const quantity = parseQuantity(event.quantity);
      const notional = notionalOf(parsePrice(event.price), quantity);
      const fee = parseCash(event.fee);
      const key = positionKey(intent.strategy, intent.symbol);
      const booked = bookExecution(positions.get(key), {
        strategy: intent.strategy,
        symbol: intent.symbol,
        quantity: sign * quantity,
        notional: sign * notional,
        time: event.time,
      });
      if (booked.position === undefined) positions.delete(key);
      else positions.set(key, booked.position);
      realized += booked.realized;
      fees += fee;
      cash += booked.realized - fee;
      fills.push({
        fillId: event.fillId,
        clientOrderId: event.clientOrderId,
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
      const after = withFill(order, event.fillId, quantity, notional, event.time);
      record(after, event.time);
      if (intent.purpose !== 'entry') continue;
      for (const leg of legsAfterFill(intent, after.filled, event.time)) {
        if (orders.has(leg.clientOrderId)) continue;
        record(newOrder(leg), leg.decidedAt);
        legs.push(leg);
      }
    }
  }
  return {
    ledger: { cash, realized, fees, orders, positions },
    changed: [...changed.values()],
    orderEvents,
    fills,
    legs,
    unknown,
  };
}

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

/** The ledger without orders that ended longer before `minute` than they are remembered. */
export function forgetEnded(ledger: Ledger, minute: EpochMs, retention: EndedRetention): Ledger {
  const isForgotten = ({ intent, endedAt }: LedgerOrder) =>
    endedAt !== undefined && minute - endedAt > (intent.parent === undefined ? retention.orders : retention.legs);
  if (![...ledger.orders.values()].some(isForgotten)) return ledger;
  return { ...ledger, orders: new Map([...ledger.orders].filter(([, order]) => !isForgotten(order))) };
}

/** Orders that have not ended, in the order they were entered. */
export const workingOrders = (ledger: Ledger): LedgerOrder[] =>
  [...ledger.orders.values()].filter((order) => !isTerminal(order.status));

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
