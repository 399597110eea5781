import {
  type EntryProtection,
  type EpochMs,
  type OrderIntent,
  type OrderSide,
  type ReasonCode,
  type SignalSide,
  UNTIL_CANCELLED,
} from '../core/index.ts';
import {
  ceilToMultiple,
  floorToMultiple,
  formatPrice,
  formatQuantity,
  parsePrice,
  parseQuantity,
  shareDown,
  shareUp,
  type TradingRules,
} from '../matching/index.ts';
import { legOrderIdOf } from './client-order-id.ts';
import type { ProtectionSettings } from './settings.ts';

/** A stop nearer to the price than this many ticks is noise of the order book. */
const MIN_STOP_TICKS = 3n;

export interface ProtectionRequest {
  readonly side: SignalSide;
  /** The price decided on, price units. */
  readonly price: bigint;
  readonly rules: TradingRules;
  /** Expected standard deviation of the return over the holding time, a fraction. */
  readonly volatility: number;
  /** Distances the signal names, fractions of the price. */
  readonly stopDistance?: number | undefined;
  readonly targetDistance?: number | undefined;
}

export type PlannedProtection =
  | { readonly protection: EntryProtection; readonly refusal?: never }
  | { readonly refusal: ReasonCode; readonly protection?: never };

/**
 * The stop and the targets of an entry at absolute prices: the signal's distances where it names them, else multiples of the
 * volatility, within the bounds of the settings. An entry that cannot be protected so is refused.
 */
export function planProtection(request: ProtectionRequest, settings: ProtectionSettings): PlannedProtection {
  const { side, price, rules } = request;
  const asked = isFromSignal(settings) ? request : { ...request, stopDistance: undefined, targetDistance: undefined };
  const stopFraction = stopFractionOf(asked, settings);
  const stop = stopPriceOf(side, price, stopFraction, rules.tick);
  if (!isStopPlaceable(side, stop, price, rules.tick)) return { refusal: 'PROTECTION_STOP_TOO_NEAR' };
  const quantityStep = formatQuantity(rules.step);
  const reward =
    settings.kind === 'position' ? rewardFractionOf(asked, stopFraction, settings.rewardToRisk) : undefined;
  if (settings.kind === 'book' || reward === undefined) {
    return { protection: { stopPrice: formatPrice(stop), targets: [], quantityStep } };
  }
  if (reward < settings.minRewardToRisk * stopFraction) return { refusal: 'PROTECTION_REWARD_LOW' };
  const targets = settings.targetLevels.map(({ at, share }) => ({
    price: targetPriceOf(side, price, reward * at, rules.tick),
    share,
  }));
  // A short's target below the first tick, or one that rounds to the price itself, cannot be reached or is no target.
  const isReachable = (target: bigint) => target > 0n && (side === 'long' ? target > price : target < price);
  if (!targets.every((target) => isReachable(target.price))) return { refusal: 'PROTECTION_REWARD_LOW' };
  return {
    protection: {
      stopPrice: formatPrice(stop),
      targets: targets.map((target) => ({ ...target, price: formatPrice(target.price) })),
      quantityStep,
    },
  };
}

const isFromSignal = (settings: ProtectionSettings): boolean => settings.kind === 'position' && settings.fromSignal;

/** The stop at a distance from the price, rounded to the tick away from it. */
export function stopPriceOf(side: SignalSide, price: bigint, fraction: number, tick: bigint): bigint {
  return side === 'long'
    ? floorToMultiple(price - shareDown(price, Math.min(1, fraction)), tick)
    : ceilToMultiple(price + shareUp(price, fraction), tick);
}

/** Whether a stop lies on its side of the price, some ticks away. */
export function isStopPlaceable(side: SignalSide, stop: bigint, price: bigint, tick: bigint): boolean {
  const distance = side === 'long' ? price - stop : stop - price;
  return stop > 0n && distance >= MIN_STOP_TICKS * tick;
}

/** Which of two stops is nearer to the market: a stop is only ever moved there. */
export const tighterStop = (side: SignalSide, a: bigint, b: bigint): bigint => ((side === 'long') === a > b ? a : b);

/** Whose legs are meant, and where they lie. */
export interface LegOwner extends Pick<OrderIntent, 'book' | 'strategy' | 'symbol'> {
  /** Client order id of the entry. */
  readonly parent: string;
  /** The side that closes the position. */
  readonly side: OrderSide;
}

export function ownerOfLegs(entry: OrderIntent): LegOwner {
  const { book, strategy, symbol } = entry;
  return { book, strategy, symbol, parent: entry.clientOrderId, side: entry.side === 'buy' ? 'sell' : 'buy' };
}

/**
 * The legs that a fill of an entry brings, as a function of the entry and what it has filled so far alone: the book and the paper
 * broker both derive them and agree on every id. The stop is of all that has filled, from the first fill on, and replaces that of
 * the fill before; the targets follow when the entry is full.
 * @param filled quantity units, after the fill
 * @param time of the fill
 */
export function legsAfterFill(entry: OrderIntent, filled: bigint, time: EpochMs): OrderIntent[] {
  const { protection } = entry;
  const covered = coveredBy(entry, filled);
  if (protection === undefined || covered <= 0n) return [];
  const owner = ownerOfLegs(entry);
  const stop = stopLeg(owner, parsePrice(protection.stopPrice), covered, time, `f${formatQuantity(covered)}`);
  const isFull = filled >= parseQuantity(entry.quantity);
  return isFull ? [stop, ...targetLegs(owner, protection, covered, time)] : [stop];
}

/** What an entry that filled so much opened, with what crossed inside the book before it was sent; quantity units. */
export const coveredBy = ({ protection }: OrderIntent, filled: bigint): bigint =>
  filled + parseQuantity(protection?.nettedQuantity ?? '0');

/** @param revision tells the stops of one parent apart: the same revision is the same order */
export function stopLeg(
  owner: LegOwner,
  price: bigint,
  quantity: bigint,
  decidedAt: EpochMs,
  revision: string,
): OrderIntent {
  return legOf(owner, 'stop', `s${revision}`, price, quantity, decidedAt);
}

/** The targets of an entry that opened so much: each level is one order for ever, however often it is asked for. */
export function targetLegs(
  owner: LegOwner,
  { targets, quantityStep }: EntryProtection,
  filled: bigint,
  decidedAt: EpochMs,
): OrderIntent[] {
  const step = parseQuantity(quantityStep);
  let share = 0;
  let planned = 0n;
  return targets.flatMap((target, level) => {
    share += target.share;
    // Levels are cut from the running total, so that shares of 1 in sum leave nothing over.
    const total = share > 1 - 1e-9 ? filled : floorToMultiple(shareDown(filled, share), step);
    const quantity = total - planned;
    planned = total;
    if (quantity <= 0n) return [];
    return [legOf(owner, 'target', `t${level}`, parsePrice(target.price), quantity, decidedAt)];
  });
}

function legOf(
  owner: LegOwner,
  purpose: 'stop' | 'target',
  leg: string,
  price: bigint,
  quantity: bigint,
  decidedAt: EpochMs,
): OrderIntent {
  const { book, strategy, symbol, parent, side } = owner;
  const triggerPrice = formatPrice(price);
  return {
    clientOrderId: legOrderIdOf({ book, parent, symbol, purpose, leg }),
    book,
    strategy,
    symbol,
    side,
    purpose,
    type: purpose === 'stop' ? 'stopMarket' : 'takeProfitMarket',
    triggerPrice,
    parent,
    quantity: formatQuantity(quantity),
    reduceOnly: true,
    decidedAt,
    validUntil: UNTIL_CANCELLED,
    referencePrice: triggerPrice,
  };
}

function stopFractionOf({ stopDistance, volatility }: ProtectionRequest, settings: ProtectionSettings): number {
  if (settings.kind === 'book') return settings.catastropheStopFraction;
  const wanted = positive(stopDistance) ?? settings.stopVolatilities * volatility;
  return Math.min(settings.maxStopFraction, Math.max(settings.minStopFraction, wanted));
}

const rewardFractionOf = (
  { targetDistance }: ProtectionRequest,
  stopFraction: number,
  rewardToRisk: number | undefined,
): number | undefined =>
  positive(targetDistance) ?? (rewardToRisk === undefined ? undefined : rewardToRisk * stopFraction);

/** A model may say nothing, or nonsense: only a distance is one. */
const positive = (distance: number | undefined): number | undefined =>
  distance !== undefined && Number.isFinite(distance) && distance > 0 ? distance : undefined;

/** Rounded to the tick towards the price: what is reached a little sooner. */
function targetPriceOf(side: SignalSide, price: bigint, fraction: number, tick: bigint): bigint {
  return side === 'long'
    ? floorToMultiple(price + shareDown(price, fraction), tick)
    : ceilToMultiple(price - shareDown(price, Math.min(1, fraction)), tick);
}
