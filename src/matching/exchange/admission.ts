import { notionalOf, shareUp } from '../exact.ts';
import { crosses } from './execution.ts';
import { accountMargin, isReducing } from './margin.ts';
import { type ConditionalRequest, type OrderRequest, remainingOf } from './order.ts';
import { closableBy } from './position.ts';
import { Refusal } from './refusal.ts';
import { checkBand, checkClientId, checkNotional, checkPrice, checkQuantity, checkSides } from './rules.ts';
import type { AccountState } from './state.ts';

/** What the venue asks of an order before it takes it. @throws Refusal */
export function admitOrder(state: AccountState, request: OrderRequest): void {
  const { settings, orders } = state;
  const rules = state.rulesOf(request.symbol);
  const { price } = state.marketOf(request.symbol);
  checkClientId(request.clientOrderId);
  checkSides(request, state.isHedgeMode);
  checkQuantity(request.quantity, rules);
  if (request.type === 'limit') {
    checkPrice(request.price, rules);
    checkBand(request, price, settings);
  }
  checkNotional(request, price, rules, isReducing(request));
  if (orders.isClientIdTaken(request.clientOrderId)) throw new Refusal('CLIENT_ID_DUPLICATE');
  if (orders.openCount >= settings.maxOpenOrders) throw new Refusal('TOO_MANY_ORDERS');
  admitToBook(state, request);
}

/** What depends on the price and the position: asked again when a conditional order becomes an order. @throws Refusal */
export function admitToBook(state: AccountState, request: OrderRequest): void {
  const market = state.marketOf(request.symbol);
  const rules = state.rulesOf(request.symbol);
  const isCrossing = crosses(request, market.price, rules);
  if (request.timeInForce === 'post-only' && isCrossing) throw new Refusal('POST_ONLY_WOULD_TAKE');
  if (request.timeInForce === 'fill-or-kill') {
    const canTake = (request.type === 'market' || isCrossing) && market.volume > 0;
    if (!canTake || market.available < request.quantity) throw new Refusal('FILL_OR_KILL_UNFILLABLE');
  }
  if (isReducing(request)) checkReduction(state, request);
  else checkMargin(state, request, market.price);
}

/** @throws Refusal */
export function admitConditional(state: AccountState, request: ConditionalRequest): void {
  const { settings, conditionals } = state;
  const rules = state.rulesOf(request.symbol);
  checkClientId(request.clientOrderId);
  checkSides(request, state.isHedgeMode);
  if (!request.closePosition) checkQuantity(request.quantity, rules);
  if (request.becomes === 'limit') checkPrice(request.price, rules);
  const isTrailing = request.type === 'trailing-stop';
  if (!isTrailing || request.triggerPrice > 0n) checkPrice(request.triggerPrice, rules);
  if (isTrailing && !(request.callbackPerMille >= 1 && request.callbackPerMille <= 100)) {
    throw new Refusal('CALLBACK_RATE_INVALID');
  }
  if (conditionals.isClientIdTaken(request.clientOrderId)) throw new Refusal('CLIENT_ID_DUPLICATE');
  if (conditionals.openCount >= settings.maxConditionalOrders) throw new Refusal('TOO_MANY_CONDITIONAL_ORDERS');
}

/** A leg of hedge mode cannot be oversold, counting what its other orders already close. */
function checkReduction(state: AccountState, request: OrderRequest): void {
  const closable = closableBy(state.positionOf(request.symbol, request.positionSide), request.side);
  let promised = 0n;
  if (request.positionSide !== 'both') {
    for (const order of state.orders.open(request.symbol)) {
      if (order.positionSide === request.positionSide && order.side === request.side) promised += remainingOf(order);
    }
    promised += request.quantity;
  }
  if (closable === 0n || promised > closable) throw new Refusal('REDUCE_ONLY_REJECTED');
}

function checkMargin(state: AccountState, request: OrderRequest, last: bigint): void {
  state.positionOf(request.symbol, request.positionSide);
  const inputs = state.marginInputs();
  const notional = notionalOf(request.type === 'limit' ? request.price : last, request.quantity);
  const after = accountMargin(inputs, { order: request, notional });
  if (after.available >= accountMargin(inputs).available) return;
  const fee = shareUp(notional, state.settings.costs.takerFeeBps / 10_000);
  if (after.available < fee) throw new Refusal('MARGIN_INSUFFICIENT');
}
