import {
  type BrokerEvent,
  type CashFlow,
  type EpochMs,
  type Fill,
  isTerminal,
  type Order,
  type OrderEvent,
  type OrderIntent,
  type OrderStatus,
} from '../../core/index.ts';
import { formatPrice, formatQuantity, parsePrice, parseQuantity, priceOf } from '../../matching/index.ts';
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

const NOTHING: readonly never[] = [];

/** A change that changes nothing. */
export const unchanged = (ledger: Ledger): LedgerChange => ({
  ledger,
  changed: NOTHING,
  orderEvents: NOTHING,
  fills: NOTHING,
  cashFlows: NOTHING,
  legs: NOTHING,
  unknown: NOTHING,
});

export const positionKey = (strategy: string, symbol: string): string => `${strategy}/${symbol}`;

/** The ledger with the end of these orders asked for; those that have ended, or are not known, are passed over. */
export function requestCancels(ledger: Ledger, clientOrderIds: readonly string[]): Ledger {
  if (clientOrderIds.length === 0) return ledger;
  const orders = new Map(ledger.orders);
  for (const id of clientOrderIds) {
    const order = orders.get(id);
    if (order !== undefined && !isTerminal(order.status)) orders.set(id, { ...order, isCancelRequested: true });
  }
  return { ...ledger, orders };
}

/** An order's quantity and trigger in exact units. */
export interface ExactOrder {
  readonly quantity: bigint;
  /** 0 where it has none. */
  readonly trigger: bigint;
}

const exactOrders = new WeakMap<OrderIntent, ExactOrder>();

/** Parsed once per object. */
export function exactOf(intent: OrderIntent): ExactOrder {
  const known = exactOrders.get(intent);
  if (known !== undefined) return known;
  const { quantity, triggerPrice } = intent;
  const exact = {
    quantity: parseQuantity(quantity),
    trigger: triggerPrice === undefined ? 0n : parsePrice(triggerPrice),
  };
  exactOrders.set(intent, exact);
  return exact;
}

/** Quantity units still to be filled, never negative. */
export function remainingOf(order: LedgerOrder): bigint {
  const remaining = exactOf(order.intent).quantity - order.filled;
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
