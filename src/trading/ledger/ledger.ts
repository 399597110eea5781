import {
  type BrokerEvent,
  type CashFlow,
  type EpochMs,
  type Fill,
  isTerminal,
  type OrderEvent,
  type OrderIntent,
} from '../../core/index.ts';
import type { LedgerPosition } from './account.ts';
import type { LedgerOrder } from './ledger-order.ts';
import { LedgerOrders } from './ledger-orders.ts';

/**
 * Orders, positions and money of one book. `cash` = initial cash + `realized` - `fees` + `funding` + `transfers` at all times, in cash units. Positions are
 * keyed by `positionKey`, orders by client order id; ended orders stay a while, so that late and repeated events find them.
 */
export interface Ledger {
  readonly cash: bigint;
  readonly realized: bigint;
  /** Of executions, and what a venue takes less what it gives beside them. */
  readonly fees: bigint;
  /** Received less paid. */
  readonly funding: bigint;
  /** What was paid in less what was taken out. */
  readonly transfers: bigint;
  readonly orders: LedgerOrders;
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
  orders: new LedgerOrders(),
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

/** The ledger with the end of these orders asked for; those that have ended, or are not known, are passed over. */
export function requestCancels(ledger: Ledger, clientOrderIds: readonly string[]): Ledger {
  if (clientOrderIds.length === 0) return ledger;
  const orders = new LedgerOrders(ledger.orders);
  for (const id of clientOrderIds) {
    const order = orders.get(id);
    if (order === undefined || isTerminal(order.status) || order.isCancelRequested) continue;
    const { intent, status, filled, filledNotional, sequence, fillIds, endedAt } = order;
    orders.put({ intent, status, filled, filledNotional, sequence, fillIds, endedAt, isCancelRequested: true });
  }
  return withOrders(ledger, orders);
}

export function withOrders(ledger: Ledger, orders: LedgerOrders): Ledger {
  const { cash, realized, fees, funding, transfers, positions, flows } = ledger;
  return { cash, realized, fees, funding, transfers, orders, positions, flows };
}
