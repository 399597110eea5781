import type { EpochMs, Order, OrderIntent, OrderStatus } from '../../core/index.ts';
import { formatPrice, formatQuantity, parsePrice, parseQuantity, priceOf } from '../../matching/index.ts';

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
  readonly endedAt?: EpochMs | undefined;
  /** Set for good once its end is asked for: asked again until it has ended, also by the next process. */
  readonly isCancelRequested?: true | undefined;
}

export const positionKey = (strategy: string, symbol: string): string => `${strategy}/${symbol}`;

/** An order's quantity and trigger in exact units, and whose they are. */
export interface ExactOrder {
  readonly quantity: bigint;
  /** 0 where it has none. */
  readonly trigger: bigint;
  /** Of its position, as {@link positionKey}. */
  readonly key: string;
}

const exactOrders = new WeakMap<OrderIntent, ExactOrder>();

/** Parsed once per object. */
export function exactOf(intent: OrderIntent): ExactOrder {
  const known = exactOrders.get(intent);
  if (known !== undefined) return known;
  const { quantity, triggerPrice, strategy, symbol } = intent;
  const exact = {
    quantity: parseQuantity(quantity),
    trigger: triggerPrice === undefined ? 0n : parsePrice(triggerPrice),
    key: positionKey(strategy, symbol),
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
