import { DAY_MS, type EpochMs, HOUR_MS, isTerminal, type Milliseconds, type OrderIntent } from '../../core/index.ts';
import type { Ledger } from './ledger.ts';
import type { LedgerOrder } from './ledger-order.ts';
import type { WorkingLegs } from './ledger-orders.ts';

/** Orders that have not ended, in the order they were entered. */
export const workingOrders = ({ orders }: Ledger): readonly LedgerOrder[] => orders.working;

const NO_LEGS: WorkingLegs = { stops: [], targets: [] };

/** The working legs of a book by `positionKey`, in the order they were entered. */
export function workingLegsOf({ orders }: Ledger): (key: string) => WorkingLegs {
  const { legs } = orders.workingIndex;
  return (key) => legs.get(key) ?? NO_LEGS;
}

/** Keys, as of `positionKey`, with working legs. */
export const keysWithLegs = ({ orders }: Ledger): Iterable<string> => orders.workingIndex.legs.keys();

/** The newest working entry, or exit, of a position by its `positionKey`. */
export const workingOrderOf = ({ orders }: Ledger, purpose: 'entry' | 'exit', key: string): LedgerOrder | undefined =>
  orders.workingIndex[purpose].get(key);

/** Client order ids whose end is asked for and not yet known, in the order they were entered. */
export const pendingCancels = ({ orders }: Ledger): readonly string[] => orders.workingIndex.cancels;

/** Of the legs that fills brought those that have not ended by now: the broker may have worked them already. */
export const unendedLegs = (legs: readonly OrderIntent[], { orders }: Ledger): readonly OrderIntent[] =>
  legs.length === 0
    ? legs
    : legs.filter(({ clientOrderId }) => {
        const order = orders.get(clientOrderId);
        return order !== undefined && !isTerminal(order.status);
      });

/** Ids of the executions that are booked of orders that have not ended, by client order id. */
export const bookedFills = (ledger: Ledger): ReadonlyMap<string, readonly string[]> =>
  new Map(workingOrders(ledger).map(({ intent, fillIds }) => [intent.clientOrderId, fillIds]));

/** How long ended orders are remembered. A stop that moves makes many legs, and no decision looks back at an old one. */
export interface EndedRetention {
  readonly orders: Milliseconds;
  readonly legs: Milliseconds;
}

/** Paper tells those of a day again after a restart, an account those of shortly before the newest, however long ago that was. */
const FLOW_RETENTION_MS = 2 * DAY_MS;
const FLOW_RETENTION_BEFORE_NEWEST_MS = HOUR_MS;

/** The ledger without orders that ended longer before `minute` than they are remembered. */
export function forgetEnded(ledger: Ledger, minute: EpochMs, retention: EndedRetention): Ledger {
  const { firstOrderEnd, firstLegEnd } = ledger.orders;
  const isOrderDue = minute - firstOrderEnd > retention.orders || minute - firstLegEnd > retention.legs;
  const isFlowDue = minute - firstFlowAt(ledger.flows) > FLOW_RETENTION_MS;
  if (!isOrderDue && !isFlowDue) return ledger;
  const isForgotten = ({ intent, endedAt }: LedgerOrder) =>
    endedAt !== undefined && minute - endedAt > (intent.parent === undefined ? retention.orders : retention.legs);
  const kept = (lastCashFlowAt(ledger) ?? minute) - FLOW_RETENTION_BEFORE_NEWEST_MS;
  const isOld = (time: EpochMs) => time < kept && minute - time > FLOW_RETENTION_MS;
  const areFlowsOld = isFlowDue && [...ledger.flows.values()].some(isOld);
  if (!isOrderDue && !areFlowsOld) return ledger;
  return {
    ...ledger,
    orders: isOrderDue ? ledger.orders.without(isForgotten) : ledger.orders,
    flows: areFlowsOld ? new Map([...ledger.flows].filter(([, time]) => !isOld(time))) : ledger.flows,
  };
}

/** When money last came or went other than by trading. */
export const lastCashFlowAt = ({ flows }: Ledger): EpochMs | undefined =>
  [...flows.values()].reduce<EpochMs | undefined>((last, time) => (last && last > time ? last : time), undefined);

const firstFlows = new WeakMap<Ledger['flows'], number>();

/** Time of the oldest of the flows, found once for as long as they stay the same. */
function firstFlowAt(flows: Ledger['flows']): number {
  if (flows.size === 0) return Number.POSITIVE_INFINITY;
  const known = firstFlows.get(flows);
  if (known !== undefined) return known;
  const first = Math.min(...flows.values());
  firstFlows.set(flows, first);
  return first;
}
