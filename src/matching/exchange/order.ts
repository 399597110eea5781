import type { EpochMs, OrderSide, SymbolId } from '../../core/index.ts';

/** Which position an order is about: the one net position of one-way mode, or a leg of hedge mode. */
export type PositionSide = 'both' | 'long' | 'short';
/** `post-only`: rests or is refused. */
export type TimeInForce = 'good-till-cancel' | 'immediate-or-cancel' | 'fill-or-kill' | 'post-only';
export type WorkingPrice = 'last' | 'mark';
export type ExchangeOrderStatus = 'new' | 'partially-filled' | 'filled' | 'cancelled' | 'expired';

/** What every order names. Quantities and prices are exact units. */
interface OrderTerms {
  /** 1 to 36 characters of [.A-Z:/a-z0-9_-]. */
  readonly clientOrderId: string;
  readonly symbol: SymbolId;
  readonly side: OrderSide;
  readonly positionSide: PositionSide;
  readonly reduceOnly: boolean;
}

export interface OrderRequest extends OrderTerms {
  readonly type: 'market' | 'limit';
  readonly quantity: bigint;
  /** 0 for a market order. */
  readonly price: bigint;
  readonly timeInForce: TimeInForce;
}

export type ConditionalType = 'stop' | 'take-profit' | 'trailing-stop';

export interface ConditionalRequest extends OrderTerms {
  readonly type: ConditionalType;
  /** What it becomes when triggered. */
  readonly becomes: 'market' | 'limit';
  /** 0 with `closePosition`, which closes the whole position. */
  readonly quantity: bigint;
  readonly closePosition: boolean;
  readonly timeInForce: TimeInForce;
  /** Limit price; 0 where it becomes a market order. */
  readonly price: bigint;
  /** The price that triggers it; for a trailing stop the price that activates it, 0 for at once. */
  readonly triggerPrice: bigint;
  /** Trailing stop only: how far the price has to come back from its best, per mille; 0 otherwise. */
  readonly callbackPerMille: number;
  readonly workingPrice: WorkingPrice;
}

/** An order the venue has taken. */
export interface ExchangeOrder extends OrderRequest {
  readonly id: number;
  readonly createdAt: EpochMs;
  /** What a market order has not filled by then expires. */
  readonly validUntil: number;
  /** The conditional order it came from. */
  readonly origin: ConditionalOrder | undefined;
  /** Placed by the venue to close a position. */
  readonly isForced: boolean;
  status: ExchangeOrderStatus;
  updatedAt: EpochMs;
  filled: bigint;
  /** Cash units: the sum of its fills. */
  filledNotional: bigint;
}

export type ConditionalStatus = 'new' | 'triggered' | 'finished' | 'cancelled' | 'expired' | 'rejected';

export interface ConditionalOrder extends ConditionalRequest {
  readonly id: number;
  readonly createdAt: EpochMs;
  status: ConditionalStatus;
  updatedAt: EpochMs;
  triggeredAt: EpochMs | undefined;
  /** The order it became. */
  order: ExchangeOrder | undefined;
  /** Trailing stop: the best price since it became active. */
  extreme: bigint | undefined;
}

/** One execution. Exact units; `realizedPnl` is before the fee. */
export interface ExchangeFill {
  readonly id: number;
  readonly order: ExchangeOrder;
  readonly quantity: bigint;
  readonly price: bigint;
  readonly notional: bigint;
  readonly fee: bigint;
  readonly realizedPnl: bigint;
  readonly isMaker: boolean;
  readonly time: EpochMs;
}

export const isOpen = (order: ExchangeOrder): boolean => order.status === 'new' || order.status === 'partially-filled';

export const remainingOf = (order: ExchangeOrder): bigint => order.quantity - order.filled;
