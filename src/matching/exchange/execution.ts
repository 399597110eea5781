import { type EpochMs, floorTo, type OrderSide } from '../../core/index.ts';
import { floorToMultiple, notionalOf, shareUp, type TradingRules } from '../exact.ts';
import { matchAtPrice } from '../market-order.ts';
import type { AccountEvent } from './events.ts';
import { isReducing } from './margin.ts';
import {
  type ConditionalOrder,
  type ConditionalStatus,
  type ExchangeFill,
  type ExchangeOrder,
  isOpen,
  type OrderRequest,
  remainingOf,
} from './order.ts';
import { absolute, applyExecution, closableBy, type ExchangePosition } from './position.ts';
import type { AccountState } from './state.ts';

export interface ExecutionParts {
  readonly state: AccountState;
  readonly emit: (event: AccountEvent) => void;
  /** Into how many executions a fill is cut. */
  readonly slicesOf: (symbol: string) => number;
}

/** Whether a limit order would take: the best bid is the last price, the best offer a tick above. */
export const crosses = ({ type, side, price }: OrderRequest, last: bigint, { tick }: TradingRules): boolean =>
  type === 'limit' && (side === 'buy' ? price >= last + tick : price <= last);

/** An order's life from acceptance to its end, and the money that each execution moves. */
export class Execution {
  readonly #state: AccountState;
  readonly #emit: ExecutionParts['emit'];
  readonly #slicesOf: ExecutionParts['slicesOf'];
  #lastFillId = 0;

  constructor({ state, emit, slicesOf }: ExecutionParts) {
    this.#state = state;
    this.#emit = emit;
    this.#slicesOf = slicesOf;
  }

  /** Takes a checked order and does at once what can be done. */
  accept(request: OrderRequest, time: EpochMs, origin?: ConditionalOrder): ExchangeOrder {
    const order = this.#add(request, time, origin, false);
    const { price } = this.#state.marketOf(order.symbol);
    if (order.type === 'market' || crosses(order, price, this.#state.rulesOf(order.symbol))) this.take(order, time);
    if (isOpen(order) && (order.timeInForce === 'immediate-or-cancel' || order.timeInForce === 'fill-or-kill')) {
      this.end(order, 'expired', time);
    }
    return order;
  }

  /** Fills an order against the price that stands, as one that takes liquidity: never beyond its limit. */
  take(order: ExchangeOrder, time: EpochMs): void {
    if (!isOpen(order)) return;
    const { costs } = this.#state.settings;
    const market = this.#state.marketOf(order.symbol);
    const fill = matchAtPrice({
      side: order.side,
      remaining: this.#fillable(order),
      price: market.price,
      minuteVolume: market.volume,
      rules: this.#state.rulesOf(order.symbol),
      costs,
      available: market.available,
    });
    if (!fill) return;
    const isBeyond = order.side === 'buy' ? fill.price > order.price : fill.price < order.price;
    const price = order.type === 'limit' && isBeyond ? order.price : fill.price;
    this.#fill(order, fill.quantity, price, false, time);
  }

  /** Fills a resting order at its limit as far as the minute's volume goes. */
  make(order: ExchangeOrder, time: EpochMs): void {
    const { available } = this.#state.marketOf(order.symbol);
    const wanted = this.#fillable(order);
    const { step } = this.#state.rulesOf(order.symbol);
    const quantity = floorToMultiple(wanted < available ? wanted : available, step);
    if (quantity > 0n) this.#fill(order, quantity, order.price, true, time);
    else this.end(order, 'expired', time);
  }

  /** Closes a position whole at `price`, whatever the volume. */
  force(position: ExchangePosition, price: bigint, clientOrderId: string, time: EpochMs): ExchangeFill {
    const side: OrderSide = position.quantity > 0n ? 'sell' : 'buy';
    const request: OrderRequest = {
      clientOrderId,
      symbol: position.symbol,
      side,
      positionSide: position.side,
      reduceOnly: position.side === 'both',
      type: 'market',
      quantity: absolute(position.quantity),
      price: 0n,
      timeInForce: 'immediate-or-cancel',
    };
    const order = this.#add(request, time, undefined, true);
    return this.#execute(order, order.quantity, price, false, time);
  }

  end(order: ExchangeOrder, status: 'cancelled' | 'expired', time: EpochMs): void {
    order.status = status;
    order.updatedAt = time;
    this.#emit({ kind: 'order', change: status, order, time });
    this.#settle(order, time);
  }

  changeConditional(order: ConditionalOrder, status: ConditionalStatus, time: EpochMs, reason?: string): void {
    order.status = status;
    order.updatedAt = time;
    this.#state.conditionals.settle(order);
    this.#emit({ kind: 'conditional', order, time, ...(reason === undefined ? {} : { reason }) });
  }

  /** Tells the owner of money that moved beside an execution. */
  report(positions: readonly ExchangePosition[], time: EpochMs, cause: 'order' | 'funding' = 'order'): void {
    this.#emit({ kind: 'account', cause, positions, time });
  }

  #add(request: OrderRequest, time: EpochMs, origin: ConditionalOrder | undefined, isForced: boolean): ExchangeOrder {
    const life = this.#state.settings.marketOrderLifeMs;
    const order: ExchangeOrder = {
      ...request,
      id: this.#state.nextOrderId(),
      createdAt: time,
      validUntil: request.type === 'market' ? floorTo(time, '1m') + life : Number.POSITIVE_INFINITY,
      origin,
      isForced,
      status: 'new',
      updatedAt: time,
      filled: 0n,
      filledNotional: 0n,
    };
    if (origin) {
      origin.order = order;
      this.changeConditional(origin, 'triggered', time);
    }
    this.#state.orders.add(order);
    this.#emit({ kind: 'order', change: 'new', order, time });
    return order;
  }

  /** What of an order may still be filled: one that reduces only as far as there is a position. */
  #fillable(order: ExchangeOrder): bigint {
    const remaining = remainingOf(order);
    if (!isReducing(order)) return remaining;
    const closable = closableBy(this.#state.positionOf(order.symbol, order.positionSide), order.side);
    return closable < remaining ? closable : remaining;
  }

  #fill(order: ExchangeOrder, quantity: bigint, price: bigint, isMaker: boolean, time: EpochMs): void {
    const { symbol } = order;
    this.#state.marketOf(symbol).available -= quantity;
    const slices = BigInt(Math.max(1, this.#slicesOf(symbol)));
    const slice = floorToMultiple(quantity / slices, this.#state.rulesOf(symbol).step) || quantity;
    for (let left = quantity; left > 0n; ) {
      const part = left < slice * 2n ? left : slice;
      this.#execute(order, part, price, isMaker, time);
      left -= part;
    }
    for (const other of this.#state.orders.open(symbol)) {
      if (isReducing(other) && this.#fillable(other) === 0n) this.end(other, 'expired', time);
    }
  }

  /** One execution: money, position, isolated margin, order, and what the owner is told. */
  #execute(order: ExchangeOrder, quantity: bigint, price: bigint, isMaker: boolean, time: EpochMs): ExchangeFill {
    const { symbol, side } = order;
    const { ledger, settings } = this.#state;
    const position = this.#state.positionOf(symbol, order.positionSide);
    const held = absolute(position.quantity);
    const { realized, closed, opened } = applyExecution(position, side, quantity, price);
    const notional = notionalOf(price, quantity);
    const fee = shareUp(notional, (isMaker ? settings.makerFeeBps : settings.costs.takerFeeBps) / 10_000);
    const id = ++this.#lastFillId;
    ledger.book({ kind: 'realized-pnl', symbol, amount: realized, time, fillId: id });
    ledger.book({ kind: 'commission', symbol, amount: -fee, time, fillId: id });
    const { isIsolated, leverage } = this.#state.marginOf(symbol);
    if (isIsolated) {
      if (closed > 0n) position.isolatedWallet -= (position.isolatedWallet * closed) / held;
      position.isolatedWallet += (notionalOf(price, opened) + BigInt(leverage) - 1n) / BigInt(leverage);
    }
    position.updatedAt = time;
    order.filled += quantity;
    order.filledNotional += notional;
    order.updatedAt = time;
    order.status = remainingOf(order) === 0n ? 'filled' : 'partially-filled';
    const fill: ExchangeFill = { id, order, quantity, price, notional, fee, realizedPnl: realized, isMaker, time };
    ledger.record(fill);
    this.#emit({ kind: 'account', cause: 'order', positions: [position], time });
    this.#emit({ kind: 'order', change: order.isForced ? 'liquidation' : 'trade', order, fill, time });
    this.#settle(order, time);
    return fill;
  }

  #settle(order: ExchangeOrder, time: EpochMs): void {
    this.#state.orders.settle(order);
    if (!isOpen(order) && order.origin?.status === 'triggered') this.changeConditional(order.origin, 'finished', time);
  }
}
