import { DAY_MS, type EpochMs, isTerminal, type Milliseconds, type OrderIntent } from '../../core/index.ts';
import { type Ledger, type LedgerOrder, positionKey } from './ledger.ts';

/** Orders that have not ended, in the order they were entered. */
export const workingOrders = ({ orders }: Ledger): readonly LedgerOrder[] => orderIndexOf(orders).working;

/** The legs of one position that have not ended. */
export interface WorkingLegs {
  readonly stops: readonly LedgerOrder[];
  readonly targets: readonly LedgerOrder[];
}

const NO_LEGS: WorkingLegs = { stops: [], targets: [] };

/** The working legs of a book by `positionKey`, in the order they were entered. */
export const workingLegsOf = ({ orders }: Ledger): ((key: string) => WorkingLegs) => orderIndexOf(orders).legsOf;

/** Keys, as of `positionKey`, with working legs. */
export const keysWithLegs = ({ orders }: Ledger): readonly string[] => orderIndexOf(orders).keysWithLegs;

/** The newest working entry, or exit, of a position by its `positionKey`. */
export const workingOrderOf = ({ orders }: Ledger, purpose: 'entry' | 'exit', key: string): LedgerOrder | undefined =>
  orderIndexOf(orders)[purpose].get(key);

/** Client order ids whose end is asked for and not yet known, in the order they were entered. */
export const pendingCancels = ({ orders }: Ledger): readonly string[] => orderIndexOf(orders).cancels;

/** Of the legs that fills brought those that have not ended by now: the broker may have worked them already. */
export const unendedLegs = (legs: readonly OrderIntent[], { orders }: Ledger): OrderIntent[] =>
  legs.filter(({ clientOrderId }) => {
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

/** Cash flows are asked for from an hour before the newest on; ids older than this are not seen again. */
const FLOW_RETENTION_MS = 2 * DAY_MS;

/** The ledger without orders that ended longer before `minute` than they are remembered. */
export function forgetEnded(ledger: Ledger, minute: EpochMs, retention: EndedRetention): Ledger {
  const { firstOrderEnd, firstLegEnd } = orderIndexOf(ledger.orders);
  const isOrderDue = minute - firstOrderEnd > retention.orders || minute - firstLegEnd > retention.legs;
  if (!isOrderDue && !(minute - firstFlowAt(ledger.flows) > FLOW_RETENTION_MS)) return ledger;
  const isForgotten = ({ intent, endedAt }: LedgerOrder) =>
    endedAt !== undefined && minute - endedAt > (intent.parent === undefined ? retention.orders : retention.legs);
  const newest = lastCashFlowAt(ledger);
  const isOld = (time: EpochMs) => time !== newest && minute - time > FLOW_RETENTION_MS;
  if (![...ledger.orders.values()].some(isForgotten) && ![...ledger.flows.values()].some(isOld)) return ledger;
  return {
    ...ledger,
    orders: new Map([...ledger.orders].filter(([, order]) => !isForgotten(order))),
    flows: new Map([...ledger.flows].filter(([, time]) => !isOld(time))),
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

/** What every minute looks for among the orders. */
interface OrderIndex {
  readonly working: readonly LedgerOrder[];
  readonly cancels: readonly string[];
  readonly legsOf: (key: string) => WorkingLegs;
  readonly keysWithLegs: readonly string[];
  /** By `positionKey`. */
  readonly entry: ReadonlyMap<string, LedgerOrder>;
  readonly exit: ReadonlyMap<string, LedgerOrder>;
  /** When the first of the orders that are remembered ended, and the first of the legs; infinite where none has. */
  readonly firstOrderEnd: number;
  readonly firstLegEnd: number;
}

const orderIndices = new WeakMap<Ledger['orders'], OrderIndex>();

/** Found once for as long as the orders stay the same: a map of orders is never changed once it is part of a ledger. */
function orderIndexOf(orders: Ledger['orders']): OrderIndex {
  const known = orderIndices.get(orders);
  if (known !== undefined) return known;
  const index = indexOrders(orders);
  orderIndices.set(orders, index);
  return index;
}

function indexOrders(orders: Ledger['orders']): OrderIndex {
  const working: LedgerOrder[] = [];
  const cancels: string[] = [];
  const legs = new Map<string, { readonly stops: LedgerOrder[]; readonly targets: LedgerOrder[] }>();
  const entry = new Map<string, LedgerOrder>();
  const exit = new Map<string, LedgerOrder>();
  let firstOrderEnd = Number.POSITIVE_INFINITY;
  let firstLegEnd = Number.POSITIVE_INFINITY;
  for (const order of orders.values()) {
    const { intent, status, endedAt, isCancelRequested } = order;
    if (endedAt !== undefined) {
      if (intent.parent === undefined) firstOrderEnd = Math.min(firstOrderEnd, endedAt);
      else firstLegEnd = Math.min(firstLegEnd, endedAt);
    }
    if (isTerminal(status)) continue;
    working.push(order);
    if (isCancelRequested) cancels.push(intent.clientOrderId);
    const key = positionKey(intent.strategy, intent.symbol);
    if (intent.purpose === 'entry') entry.set(key, order);
    else if (intent.purpose === 'exit') exit.set(key, order);
    else {
      const own = legs.get(key) ?? { stops: [], targets: [] };
      legs.set(key, own);
      own[intent.purpose === 'stop' ? 'stops' : 'targets'].push(order);
    }
  }
  const legsOf = (key: string) => legs.get(key) ?? NO_LEGS;
  return { working, cancels, legsOf, keysWithLegs: [...legs.keys()], entry, exit, firstOrderEnd, firstLegEnd };
}
