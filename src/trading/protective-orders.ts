import type { EpochMs, StopState } from '../core/index.ts';
import { type LedgerPosition, magnitude } from './ledger/account.ts';
import { exactOf, type LedgerOrder, remainingOf } from './ledger/ledger-order.ts';
import type { WorkingLegs } from './ledger/ledger-orders.ts';

/** What a book remembers of the protection of one position. */
export interface PositionProtection {
  /** Client order id that names its legs: the entry's. */
  readonly parent: string;
  /** Of the position: another one under the same key is protected anew. */
  readonly openedAt: EpochMs;
  /** Where the stop is to be, price units: moved towards the market only. */
  readonly stop: bigint;
  /** Best close since it was opened, price units. */
  readonly best: bigint;
  /** Each target is placed once: what fired does not fire again. */
  readonly areTargetsPlaced: boolean;
  /** Open quantity at the last minute: so much must be under a confirmed stop now. */
  readonly quantity: bigint;
}

/** Whether the venue is known to hold the order. */
export const isConfirmed = ({ status }: LedgerOrder): boolean =>
  status === 'ACCEPTED' || status === 'TRIGGERED' || status === 'PARTIALLY_FILLED';

/** Whether a leg works at market already. */
export const isTriggered = (leg: LedgerOrder): boolean => leg.status === 'TRIGGERED' || leg.filled > 0n;

/** Quantity units that stops would close. */
export const coverOf = (stops: readonly LedgerOrder[]): bigint =>
  stops.reduce((sum, stop) => sum + remainingOf(stop), 0n);

/** Quantity units of a position that no leg closes at market already: all that an exit can be for. A venue refuses more than that on a leg. */
export function unclosedOf({ quantity }: LedgerPosition, { stops, targets }: WorkingLegs): bigint {
  const closing = coverOf([...stops, ...targets].filter(isTriggered));
  const open = magnitude(quantity) - closing;
  return open > 0n ? open : 0n;
}

export const triggerOf = ({ intent }: LedgerOrder): bigint => exactOf(intent).trigger;

/** Whether a stop is just this: its trigger there, and so much of the position under it. */
export const isStopOf = (stop: LedgerOrder, trigger: bigint, quantity: bigint): boolean =>
  triggerOf(stop) === trigger && exactOf(stop.intent).quantity - stop.filled === quantity;

/** How the stop of a position stands. */
export function stopStateOf({ quantity }: LedgerPosition, { stops }: WorkingLegs): StopState {
  if (stops.length === 0) return 'missing';
  if (stops.some(isTriggered)) return 'triggered';
  return coverOf(stops.filter(isConfirmed)) >= magnitude(quantity) ? 'working' : 'placing';
}
