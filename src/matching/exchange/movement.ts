import type { EpochMs, SymbolId } from '../../core/index.ts';
import { quantityToNumber, shareUp } from '../exact.ts';
import { matchAtPrice } from '../market-order.ts';
import { admitToBook } from './admission.ts';
import type { Execution } from './execution.ts';
import { type LiquidationPoint, liquidationPoints } from './margin.ts';
import type { ConditionalOrder, OrderRequest } from './order.ts';
import { absolute, closableBy, type ExchangePosition } from './position.ts';
import { Refusal } from './refusal.ts';
import type { AccountState } from './state.ts';
import { nextStep, trail } from './walk.ts';

/** What happens to an account while a symbol's price moves. */
export class Movement {
  readonly #state: AccountState;
  readonly #execution: Execution;

  constructor(state: AccountState, execution: Execution) {
    this.#state = state;
    this.#execution = execution;
  }

  /** Moves the price in one direction, or not at all, and does what it passes in the order it is passed. */
  to(symbol: SymbolId, price: bigint, time: EpochMs): void {
    const state = this.#state;
    const market = state.marketOf(symbol);
    const { step } = state.rulesOf(symbol);
    for (;;) {
      const mayFill = market.volume > 0 && market.available >= step;
      const resting = mayFill ? state.orders.open(symbol).filter(({ type }) => type === 'limit') : [];
      const conditionals = state.conditionals.open(symbol);
      const next = nextStep(
        market.price,
        price,
        resting,
        conditionals,
        liquidationPoints(symbol, state.marginInputs()),
      );
      const at = next?.at ?? price;
      trail(conditionals, market.price, at);
      market.price = at;
      if (!next) return;
      if (next.kind === 'fill') this.#execution.make(next.order, time);
      else if (next.kind === 'trigger') this.#trigger(next.order, time);
      else this.#liquidate(next.point, time);
    }
  }

  /** Ends every order of a symbol. */
  clear(symbol: SymbolId, time: EpochMs): void {
    for (const order of this.#state.orders.open(symbol)) this.#execution.end(order, 'expired', time);
    for (const order of this.#state.conditionals.open(symbol)) {
      this.#execution.changeConditional(order, 'expired', time);
    }
  }

  /** The conditional order becomes an order; where that is refused it is rejected. */
  #trigger(order: ConditionalOrder, time: EpochMs): void {
    order.triggeredAt = time;
    const { clientOrderId, symbol, side, positionSide, price } = order;
    const closable = closableBy(this.#state.positionOf(symbol, positionSide), side);
    const reduces = order.closePosition || order.reduceOnly;
    if (order.closePosition && closable === 0n) {
      this.#execution.changeConditional(order, 'expired', time, 'there is no position to close');
      return;
    }
    const request: OrderRequest = {
      clientOrderId,
      symbol,
      side,
      positionSide,
      reduceOnly: reduces && positionSide === 'both',
      type: order.becomes,
      quantity: order.closePosition ? closable : order.quantity,
      price,
      timeInForce: order.becomes === 'market' ? 'good-till-cancel' : order.timeInForce,
    };
    try {
      admitToBook(this.#state, request);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      this.#execution.changeConditional(order, 'rejected', time, error.reason);
      return;
    }
    this.#execution.accept(request, time, order);
  }

  /**
   * The margin no longer carries the positions: their orders expire, forced orders close them whole, and a fee is taken of what is
   * left. Isolated margin bears its own loss alone, cross positions fall together; what their cash does not cover, the venue's
   * insurance does.
   */
  #liquidate({ positions }: LiquidationPoint, time: EpochMs): void {
    const state = this.#state;
    const isCross = (position: ExchangePosition) => !state.marginOf(position.symbol).isIsolated;
    const lost = positions.every(isCross) ? state.held().filter(isCross) : positions;
    const [first] = lost;
    if (!first) return;
    const reserved = state.positions().filter((position) => !lost.includes(position));
    const untouchable = positions.every(isCross)
      ? reserved.reduce((sum, { isolatedWallet }) => sum + isolatedWallet, 0n)
      : state.ledger.wallet - positions.reduce((sum, { isolatedWallet }) => sum + isolatedWallet, 0n);
    let notional = 0n;
    let fillId = 0;
    for (const { symbol } of lost) this.clear(symbol, time);
    for (const position of lost) {
      const fill = this.#execution.force(position, this.#forcedPrice(position), `autoclose-${time}`, time);
      notional += fill.notional;
      fillId = fill.id;
    }
    const left = state.ledger.wallet - untouchable;
    const fee = shareUp(notional, state.settings.liquidationFeeRate);
    const entry = { symbol: first.symbol, time, fillId };
    if (left < 0n) state.ledger.book({ ...entry, kind: 'insurance', amount: -left });
    else state.ledger.book({ ...entry, kind: 'liquidation-fee', amount: -(fee < left ? fee : left) });
    this.#execution.report(lost, time);
  }

  /** The price of an order that takes all that one order may take of a minute. */
  #forcedPrice(position: ExchangePosition): bigint {
    const { settings } = this.#state;
    const { price } = this.#state.marketOf(position.symbol);
    const quantity = absolute(position.quantity);
    const forced = matchAtPrice({
      side: position.quantity > 0n ? 'sell' : 'buy',
      remaining: quantity,
      available: quantity,
      price,
      minuteVolume: quantityToNumber(quantity) / settings.costs.maxParticipation,
      rules: this.#state.rulesOf(position.symbol),
      costs: settings.costs,
    });
    return forced?.price ?? price;
  }
}
