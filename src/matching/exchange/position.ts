import { divideRound, type EpochMs, type OrderSide, type SymbolId } from '../../core/index.ts';
import { notionalOf, priceOf } from '../exact.ts';
import type { PositionSide } from './order.ts';

/** One position: exact units, shorts negative. */
export interface ExchangePosition {
  readonly symbol: SymbolId;
  readonly side: PositionSide;
  quantity: bigint;
  /** What it was bought for, cash units, negative for a short: kept as a sum, so that nothing is lost to an average. */
  cost: bigint;
  /** Cash set aside for it where the symbol's margin is isolated. */
  isolatedWallet: bigint;
  /** Sum of all it realised, before fees. */
  realizedPnl: bigint;
  updatedAt: EpochMs;
}

export const absolute = (value: bigint): bigint => (value < 0n ? -value : value);

const signed = (side: OrderSide, amount: bigint): bigint => (side === 'buy' ? amount : -amount);

/** How much of it an order of `side` can close. */
export const closableBy = (position: ExchangePosition, side: OrderSide): bigint =>
  position.quantity > 0n === (side === 'sell') ? absolute(position.quantity) : 0n;

/** Its value at a price, negative for a short. */
export const valueAt = (position: ExchangePosition, price: bigint): bigint =>
  position.quantity < 0n ? -notionalOf(price, -position.quantity) : notionalOf(price, position.quantity);

export const unrealizedAt = (position: ExchangePosition, price: bigint): bigint =>
  position.quantity === 0n ? 0n : valueAt(position, price) - position.cost;

/** Average entry price, price units; 0 when flat. */
export const entryPriceOf = ({ quantity, cost }: ExchangePosition): bigint =>
  quantity === 0n ? 0n : priceOf(absolute(cost), absolute(quantity));

/**
 * What a position gets at a settlement of funding, cash units; negative where it pays. Longs pay shorts `rate` of their value, a
 * negative rate the other way.
 * @param rate a fraction, counted to nine places
 */
export function fundingOf({ quantity }: Pick<ExchangePosition, 'quantity'>, price: bigint, rate: number): bigint {
  const owed = divideRound(notionalOf(price, absolute(quantity)) * BigInt(Math.round(rate * 1e9)), 1_000_000_000n);
  return quantity > 0n ? -owed : owed;
}

/**
 * Books an execution: closes what it can at its share of the cost, opens the rest.
 * @returns the profit it realised and the quantities closed and opened.
 */
export function applyExecution(
  position: ExchangePosition,
  side: OrderSide,
  quantity: bigint,
  price: bigint,
): { readonly realized: bigint; readonly closed: bigint; readonly opened: bigint } {
  const held = closableBy(position, side);
  const closed = quantity < held ? quantity : held;
  const opened = quantity - closed;
  let realized = 0n;
  if (closed > 0n) {
    const released = closed === held ? position.cost : divideRound(position.cost * closed, held);
    realized = -signed(side, notionalOf(price, closed)) - released;
    position.quantity += signed(side, closed);
    position.cost -= released;
    position.realizedPnl += realized;
  }
  position.quantity += signed(side, opened);
  position.cost += signed(side, notionalOf(price, opened));
  return { realized, closed, opened };
}
