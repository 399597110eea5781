import { notionalOf, shareDown, shareUp, type TradingRules } from '../exact.ts';
import type { ConditionalRequest, OrderRequest } from './order.ts';
import { Refusal } from './refusal.ts';
import type { ExchangeSettings } from './settings.ts';

const CLIENT_ID = /^[.A-Z:/a-z0-9_-]{1,36}$/;

/** @throws Refusal for an id the venue does not take. */
export function checkClientId(clientOrderId: string): void {
  if (!CLIENT_ID.test(clientOrderId)) throw new Refusal('CLIENT_ID_INVALID');
}

/** @throws Refusal where the position side does not fit the account's mode. */
export function checkSides(order: OrderRequest | ConditionalRequest, isHedgeMode: boolean): void {
  if ((order.positionSide === 'both') === isHedgeMode) throw new Refusal('POSITION_SIDE_MISMATCH');
  if (isHedgeMode && order.reduceOnly) throw new Refusal('REDUCE_ONLY_IN_HEDGE_MODE');
}

/** @throws Refusal for a quantity that is no multiple of the step or too small. */
export function checkQuantity(quantity: bigint, rules: TradingRules): void {
  if (quantity <= 0n) throw new Refusal('QUANTITY_NOT_POSITIVE');
  if (quantity < rules.minQuantity) throw new Refusal('QUANTITY_BELOW_MINIMUM');
  if (quantity % rules.step !== 0n) throw new Refusal('QUANTITY_OFF_STEP');
}

/** @throws Refusal for a price that is not positive or off the tick. */
export function checkPrice(price: bigint, rules: TradingRules): void {
  if (price <= 0n) throw new Refusal('PRICE_NOT_POSITIVE');
  if (price % rules.tick !== 0n) throw new Refusal('PRICE_OFF_TICK');
}

/** @throws Refusal for a bid far above, or an offer far below the last price. */
export function checkBand(order: OrderRequest, last: bigint, settings: ExchangeSettings): void {
  if (order.side === 'buy' && order.price > last + shareUp(last, settings.priceBand)) {
    throw new Refusal('PRICE_ABOVE_BAND');
  }
  if (order.side === 'sell' && order.price < last - shareDown(last, settings.priceBand)) {
    throw new Refusal('PRICE_BELOW_BAND');
  }
}

/** @throws Refusal for an order worth too little; one that only reduces may be worth anything. */
export function checkNotional(order: OrderRequest, last: bigint, rules: TradingRules, isReducing: boolean): void {
  const price = order.type === 'limit' ? order.price : last;
  if (!isReducing && notionalOf(price, order.quantity) < rules.minNotional) throw new Refusal('NOTIONAL_BELOW_MINIMUM');
}
