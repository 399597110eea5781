import { durationOf, type FinalCandle, MINUTE_MS, type OrderSide } from '../core/index.ts';
import { type CostSettings, halfSpreadOf, impactOf } from './costs.ts';
import {
  ceilToMultiple,
  floorToMultiple,
  notionalOf,
  priceFromNumber,
  priceToNumber,
  quantityFromNumber,
  quantityToNumber,
  shareUp,
  type TradingRules,
} from './exact.ts';

/** One execution in exact units. */
export interface MarketFill {
  /** Quantity units, a multiple of the step. */
  readonly quantity: bigint;
  /** Price units, a multiple of the tick. */
  readonly price: bigint;
  /** Cash units. */
  readonly fee: bigint;
  /** What of the price is half the spread, and what impact and rounding; cash units, in the price already. */
  readonly spread: bigint;
  readonly impact: bigint;
}

/** The quantity of one candle that a book's orders may fill against, in quantity units. */
export function fillableVolume(candle: { readonly volume: number }, costs: CostSettings): bigint {
  const volume = candle.volume * costs.maxParticipation;
  return volume > 0 ? quantityFromNumber(volume) : 0n;
}

/**
 * Fills a market order against a bar: at the bar's open, or where it was triggered, moved against the taker by half the
 * spread and the square-root impact on the volume of a minute, rounded to the tick against the taker. A longer bar counts as so many equal minutes. `available` bounds the quantity; it starts at
 * {@link fillableVolume} and shrinks by what the book's other orders took of the same bar. What does not fill stays open.
 * @returns the fill, or undefined when the bar traded nothing or less than a step is available.
 */
export function matchMarketOrder(order: {
  readonly side: OrderSide;
  readonly remaining: bigint;
  readonly candle: FinalCandle;
  readonly rules: TradingRules;
  readonly costs: CostSettings;
  readonly available: bigint;
  /** Price units; the bar's open when absent. */
  readonly triggeredAt?: bigint | undefined;
}): MarketFill | undefined {
  const { side, remaining, candle, rules, costs, available, triggeredAt } = order;
  return matchAtPrice({
    side,
    remaining,
    rules,
    costs,
    available,
    price: triggeredAt ?? openOf(candle),
    minuteVolume: (candle.volume * MINUTE_MS) / durationOf(candle.timeframe),
  });
}

/** The same at any price of the minute: `price` in price units, `minuteVolume` in base units. */
export function matchAtPrice(order: {
  readonly side: OrderSide;
  readonly remaining: bigint;
  readonly price: bigint;
  readonly minuteVolume: number;
  readonly rules: TradingRules;
  readonly costs: CostSettings;
  readonly available: bigint;
}): MarketFill | undefined {
  const { price: at, minuteVolume, rules, costs } = order;
  const wanted = order.remaining < order.available ? order.remaining : order.available;
  const quantity = wanted > 0n ? floorToMultiple(wanted, rules.step) : 0n;
  if (quantity === 0n || at <= 0n || !(minuteVolume > 0)) return undefined;
  const halfSpread = halfSpreadOf(costs, at, rules.tick);
  const slippage = shareUp(at, halfSpread + impactOf(costs, quantityToNumber(quantity) / minuteVolume));
  const price =
    order.side === 'buy'
      ? ceilToMultiple(at + slippage, rules.tick)
      : floorToMultiple(at > slippage ? at - slippage : 0n, rules.tick) || rules.tick;
  const slipped = notionalOf(price > at ? price - at : at - price, quantity);
  const crossed = shareUp(notionalOf(at, quantity), halfSpread);
  const spread = crossed < slipped ? crossed : slipped;
  const fee = shareUp(notionalOf(price, quantity), costs.takerFeeBps / 10_000);
  return { quantity, price, fee, spread, impact: slipped - spread };
}

interface ConditionalSide {
  readonly side: OrderSide;
  readonly type: 'stopMarket' | 'takeProfitMarket';
}

/**
 * Where in a one-minute bar a conditional order's price is reached: at the open when the bar opens at or beyond the trigger, else at
 * the trigger when the bar's range reaches it. A stop waits on the far side of the price (a buy stop above it), a target on the near.
 * @returns price units, and whether it was at the open; undefined when the bar did not reach it or traded nothing
 */
export function triggerIn(
  candle: FinalCandle,
  order: ConditionalSide & { readonly trigger: bigint },
): { readonly price: bigint; readonly isAtOpen: boolean } | undefined {
  const { side, type } = order;
  if (isOutOfReach(candle, { side, type, near: priceToNumber(order.trigger) })) return undefined;
  const rises = risesTo(order);
  const extreme = rises ? candle.high : candle.low;
  const isReached = (price: bigint) => (rises ? price >= order.trigger : price <= order.trigger);
  const open = openOf(candle);
  if (isReached(open)) return { price: open, isAtOpen: true };
  if (!isReached(priceFromNumber(extreme))) return undefined;
  return { price: order.trigger, isAtOpen: false };
}

/**
 * Whether a one-minute bar is beyond doubt short of a conditional order's price, or traded nothing: what is near is for {@link triggerIn}.
 * @param order with the trigger as a float, quote currency
 */
export function isOutOfReach(candle: FinalCandle, order: ConditionalSide & { readonly near: number }): boolean {
  const { open, high, low, volume } = candle;
  if (!(volume > 0) || !(open > 0)) return true;
  const { near } = order;
  return risesTo(order)
    ? Math.max(open, high) < near * (1 - 1e-9) - 1e-12
    : Math.min(open, low) > near * (1 + 1e-9) + 1e-12;
}

/** Whether the price gets to the order's from below. */
const risesTo = ({ side, type }: ConditionalSide): boolean => (side === 'buy') === (type === 'stopMarket');

const openOf = (candle: FinalCandle): bigint => (candle.open > 0 ? priceFromNumber(candle.open) : 0n);
