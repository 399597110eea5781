import type { LiquidationPoint } from './margin.ts';
import { type ConditionalOrder, type ExchangeOrder, isOpen } from './order.ts';
import { absolute } from './position.ts';

/** The next thing that happens while a price moves in one direction. */
export type Step =
  | { readonly kind: 'fill'; readonly at: bigint; readonly order: ExchangeOrder }
  | { readonly kind: 'trigger'; readonly at: bigint; readonly order: ConditionalOrder }
  | { readonly kind: 'liquidation'; readonly at: bigint; readonly point: LiquidationPoint };

/** Where a move from `from` to `to` first stands at or below `level`; undefined if it does not. */
const fallsTo = (from: bigint, to: bigint, level: bigint): bigint | undefined =>
  from <= level ? from : to <= level ? level : undefined;

const risesTo = (from: bigint, to: bigint, level: bigint): bigint | undefined =>
  from >= level ? from : to >= level ? level : undefined;

/** A resting order fills when the price trades through its limit, not when it touches. */
export function fillPoint({ side, price }: ExchangeOrder, from: bigint, to: bigint): bigint | undefined {
  if (side === 'buy') return from < price ? from : to < price ? price : undefined;
  return from > price ? from : to > price ? price : undefined;
}

/** The price at which a conditional order triggers, as things stand; undefined for a trailing stop that is not active. */
export function triggerLevel(
  order: ConditionalOrder,
): { readonly price: bigint; readonly isBelow: boolean } | undefined {
  const sells = order.side === 'sell';
  if (order.type !== 'trailing-stop') return { price: order.triggerPrice, isBelow: sells === (order.type === 'stop') };
  if (order.extreme === undefined) return undefined;
  const back = (order.extreme * BigInt(order.callbackPerMille)) / 1_000n;
  return { price: sells ? order.extreme - back : order.extreme + back, isBelow: sells };
}

/**
 * What comes first on the way from `from` to `to`, undefined if nothing does. A jump is a move that starts where it ends. Of
 * what happens at one price the older order goes first and a liquidation last.
 */
export function nextStep(
  from: bigint,
  to: bigint,
  resting: readonly ExchangeOrder[],
  conditionals: readonly ConditionalOrder[],
  liquidations: readonly LiquidationPoint[],
): Step | undefined {
  let next: Step | undefined;
  const offer = (step: Step) => {
    if (next === undefined || absolute(step.at - from) < absolute(next.at - from)) next = step;
  };
  for (const order of resting) {
    const at = isOpen(order) ? fillPoint(order, from, to) : undefined;
    if (at !== undefined) offer({ kind: 'fill', at, order });
  }
  for (const order of conditionals) {
    const level = triggerLevel(order);
    const at = level && (level.isBelow ? fallsTo : risesTo)(from, to, level.price);
    if (at !== undefined) offer({ kind: 'trigger', at, order });
  }
  for (const point of liquidations) {
    const at = (point.isBelow ? fallsTo : risesTo)(from, to, point.price);
    if (at !== undefined) offer({ kind: 'liquidation', at, point });
  }
  return next;
}

/** Moves the best price of active trailing stops, and activates those whose activation price has come. */
export function trail(conditionals: readonly ConditionalOrder[], from: bigint, to: bigint): void {
  for (const order of conditionals) {
    if (order.type !== 'trailing-stop') continue;
    const sells = order.side === 'sell';
    const better = (a: bigint, b: bigint) => (sells === a > b ? a : b);
    if (order.extreme !== undefined) order.extreme = better(order.extreme, to);
    else if ((sells ? risesTo : fallsTo)(from, to, order.triggerPrice) !== undefined) order.extreme = better(from, to);
  }
}
