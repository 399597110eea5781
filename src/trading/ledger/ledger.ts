import {
  type BrokerEvent,
  type CashFlow,
  DAY_MS,
  type EpochMs,
  type Fill,
  isTerminal,
  type Milliseconds,
  type Order,
  type OrderEvent,
  type OrderIntent,
  type OrderStatus,
} from '../../core/index.ts';
import { formatPrice, formatQuantity, parseQuantity, priceOf } from '../../matching/index.ts';
import type { LedgerPosition } from './account.ts';

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
