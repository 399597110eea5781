import type { SymbolId } from '../../core/index.ts';
import { notionalOf, priceOf, shareUp } from '../exact.ts';
import { type ExchangeOrder, type OrderRequest, remainingOf } from './order.ts';
import { absolute, type ExchangePosition, unrealizedAt, valueAt } from './position.ts';

/** Leverage and margin mode of a symbol. */
export interface SymbolMargin {
  leverage: number;
  isIsolated: boolean;
}

/** What margin is computed from. */
export interface MarginInputs {
  readonly wallet: bigint;
  readonly positions: readonly ExchangePosition[];
  readonly openOrders: readonly ExchangeOrder[];
  readonly maintenanceMarginRate: number;
  marginOf(symbol: SymbolId): SymbolMargin;
  /** Price units; 0 where none is known. */
  priceOf(symbol: SymbolId): bigint;
}

/** Sums of an account, cash units. */
export interface AccountMargin {
  readonly unrealized: bigint;
  readonly crossUnrealized: bigint;
  /** Wallet less what is set aside for isolated positions. */
  readonly crossWallet: bigint;
  readonly positionInitial: bigint;
  readonly orderInitial: bigint;
  readonly maintenance: bigint;
  /** What further orders may bind. Negative where losses have eaten into the margin. */
  readonly available: bigint;
}

/** Whether an order can only make a position smaller: said so, or because it sells a long leg or buys a short one. */
export const isReducing = ({ reduceOnly, positionSide, side }: OrderRequest): boolean =>
  reduceOnly || (positionSide === 'long' && side === 'sell') || (positionSide === 'short' && side === 'buy');

export const maintenanceOf = (position: ExchangePosition, price: bigint, rate: number): bigint =>
  shareUp(absolute(valueAt(position, price)), rate);

const divideUp = (amount: bigint, by: number): bigint => (amount + BigInt(by) - 1n) / BigInt(by);

/**
 * Initial margin that a position and its symbol's open orders bind, cash units: of the position alone, and what the orders
 * add if the worse of both sides filled.
 */
export function initialMarginOf(
  position: ExchangePosition,
  inputs: MarginInputs,
  extra?: { readonly order: OrderRequest; readonly notional: bigint },
): { readonly position: bigint; readonly orders: bigint } {
  const price = inputs.priceOf(position.symbol);
  const value = valueAt(position, price);
  let bids = 0n;
  let asks = 0n;
  const count = (order: OrderRequest, notional: bigint) => {
    if (order.symbol !== position.symbol || order.positionSide !== position.side || isReducing(order)) return;
    if (order.side === 'buy') bids += notional;
    else asks += notional;
  };
  for (const order of inputs.openOrders) {
    count(order, notionalOf(order.type === 'limit' ? order.price : price, remainingOf(order)));
  }
  if (extra) count(extra.order, extra.notional);
  const { leverage } = inputs.marginOf(position.symbol);
  const exposure = [absolute(value), absolute(value + bids), absolute(value - asks)].reduce((a, b) => (a > b ? a : b));
  const own = divideUp(absolute(value), leverage);
  return { position: own, orders: divideUp(exposure, leverage) - own };
}

export function accountMargin(
  inputs: MarginInputs,
  extra?: { readonly order: OrderRequest; readonly notional: bigint },
): AccountMargin {
  let unrealized = 0n;
  let crossUnrealized = 0n;
  let isolated = 0n;
  let crossInitial = 0n;
  let positionInitial = 0n;
  let orderInitial = 0n;
  let maintenance = 0n;
  for (const position of inputs.positions) {
    const price = inputs.priceOf(position.symbol);
    const profit = unrealizedAt(position, price);
    const initial = initialMarginOf(position, inputs, extra);
    unrealized += profit;
    isolated += position.isolatedWallet;
    positionInitial += initial.position;
    orderInitial += initial.orders;
    maintenance += maintenanceOf(position, price, inputs.maintenanceMarginRate);
    if (inputs.marginOf(position.symbol).isIsolated) continue;
    crossUnrealized += profit;
    crossInitial += initial.position;
  }
  const crossWallet = inputs.wallet - isolated;
  return {
    unrealized,
    crossUnrealized,
    crossWallet,
    positionInitial,
    orderInitial,
    maintenance,
    available: crossWallet + crossUnrealized - crossInitial - orderInitial,
  };
}

/** Positions that stand or fall together, and where they fall when their symbol's price moves alone. */
export interface LiquidationPoint {
  readonly positions: readonly ExchangePosition[];
  /** Price units. */
  readonly price: bigint;
  /** Reached by falling prices; otherwise by rising ones. */
  readonly isBelow: boolean;
}

const BILLION = 1_000_000_000n;

/**
 * Where the margin of a symbol's positions falls to the maintenance margin: isolated ones each by themselves, cross ones with all
 * others of the account at their present prices. With Q the signed and A the absolute quantity, C the cost, r the maintenance rate and
 * E the equity less maintenance of everything else, it is the price p of E + Q p - C = r A p.
 */
export function liquidationPoints(symbol: SymbolId, inputs: MarginInputs): LiquidationPoint[] {
  const held = inputs.positions.filter((position) => position.symbol === symbol && position.quantity !== 0n);
  if (held.length === 0) return [];
  if (inputs.marginOf(symbol).isIsolated) {
    return held.flatMap((position) => pointOf([position], position.isolatedWallet, inputs.maintenanceMarginRate));
  }
  let others = inputs.wallet;
  for (const position of inputs.positions) {
    others -= position.isolatedWallet;
    if (position.symbol === symbol || inputs.marginOf(position.symbol).isIsolated) continue;
    const price = inputs.priceOf(position.symbol);
    others += unrealizedAt(position, price) - maintenanceOf(position, price, inputs.maintenanceMarginRate);
  }
  return pointOf(held, others, inputs.maintenanceMarginRate);
}

function pointOf(positions: readonly ExchangePosition[], others: bigint, rate: number): LiquidationPoint[] {
  let quantity = 0n;
  let total = 0n;
  let cost = 0n;
  for (const position of positions) {
    quantity += position.quantity;
    total += absolute(position.quantity);
    cost += position.cost;
  }
  const slope = quantity * BILLION - BigInt(Math.round(rate * 1e9)) * total;
  if (slope === 0n) return [];
  const price = priceOf((cost - others) * BILLION, slope);
  // Below zero: a long that more cash backs than it is worth cannot be lost.
  return price > 0n ? [{ positions, price, isBelow: slope > 0n }] : [];
}
