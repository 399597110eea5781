import { type EpochMs, isTerminal, type StopState } from '../core/index.ts';
import { parsePrice, parseQuantity } from '../matching/index.ts';
import { type LedgerPosition, magnitude } from './ledger/account.ts';
import { type Ledger, type LedgerOrder, positionKey, remainingOf } from './ledger/ledger.ts';

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

/** The legs of one position that have not ended. */
export interface WorkingLegs {
  readonly stops: readonly LedgerOrder[];
  readonly targets: readonly LedgerOrder[];
}

const NONE: WorkingLegs = { stops: [], targets: [] };

/** The working legs of a book by `positionKey`, in the order they were entered. */
export function workingLegsOf(ledger: Ledger): (key: string) => WorkingLegs {
  const byKey = new Map<string, { stops: LedgerOrder[]; targets: LedgerOrder[] }>();
  for (const order of ledger.orders.values()) {
    const { purpose, strategy, symbol } = order.intent;
    if (isTerminal(order.status) || (purpose !== 'stop' && purpose !== 'target')) continue;
    const key = positionKey(strategy, symbol);
    const legs = byKey.get(key) ?? { stops: [], targets: [] };
    byKey.set(key, legs);
    legs[purpose === 'stop' ? 'stops' : 'targets'].push(order);
  }
  return (key) => byKey.get(key) ?? NONE;
}

/** Whether the venue is known to hold the order. */
export const isConfirmed = ({ status }: LedgerOrder): boolean =>
  status === 'ACCEPTED' || status === 'TRIGGERED' || status === 'PARTIALLY_FILLED';

/** Whether a leg works at market already. */
export const isTriggered = (leg: LedgerOrder): boolean => leg.status === 'TRIGGERED' || leg.filled > 0n;

/** Quantity units that stops would close. */
export const coverOf = (stops: readonly LedgerOrder[]): bigint =>
  stops.reduce((sum, stop) => sum + remainingOf(stop), 0n);

export const triggerOf = ({ intent }: LedgerOrder): bigint => parsePrice(intent.triggerPrice ?? '0');

/** Whether a stop is just this: its trigger there, and so much of the position under it. */
export const isStopOf = (stop: LedgerOrder, trigger: bigint, quantity: bigint): boolean =>
  triggerOf(stop) === trigger && parseQuantity(stop.intent.quantity) - stop.filled === quantity;

/** How the stop of a position stands. */
export function stopStateOf({ quantity }: LedgerPosition, { stops }: WorkingLegs): StopState {
  if (stops.length === 0) return 'missing';
  if (stops.some(isTriggered)) return 'triggered';
  return coverOf(stops.filter(isConfirmed)) >= magnitude(quantity) ? 'working' : 'placing';
}
