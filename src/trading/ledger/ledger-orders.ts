import { type EpochMs, isTerminal, VersionedMap } from '../../core/index.ts';
import { exactOf, type LedgerOrder } from './ledger-order.ts';

/** The legs of one position that have not ended. */
export interface WorkingLegs {
  readonly stops: readonly LedgerOrder[];
  readonly targets: readonly LedgerOrder[];
}

/** What every minute looks for among the working orders. */
interface WorkingIndex {
  readonly cancels: readonly string[];
  /** By `positionKey`. */
  readonly legs: ReadonlyMap<string, WorkingLegs>;
  readonly entry: ReadonlyMap<string, LedgerOrder>;
  readonly exit: ReadonlyMap<string, LedgerOrder>;
}

/** The orders of a ledger by client order id, in the order they were entered; once part of a ledger they do not change. */
export class LedgerOrders extends VersionedMap<LedgerOrder> {
  #working: LedgerOrder[] = [];
  #index: WorkingIndex | undefined;
  #firstOrderEnd = Number.POSITIVE_INFINITY;
  #firstLegEnd = Number.POSITIVE_INFINITY;

  constructor(from?: LedgerOrders) {
    super(from);
    if (from === undefined) return;
    this.#working = from.#working.slice();
    this.#index = from.#index;
    this.#firstOrderEnd = from.#firstOrderEnd;
    this.#firstLegEnd = from.#firstLegEnd;
  }

  static of(orders: Iterable<LedgerOrder>): LedgerOrders {
    const own = new LedgerOrders();
    for (const order of orders) own.put(order);
    return own;
  }

  put(order: LedgerOrder): void {
    const { clientOrderId } = order.intent;
    const known = this.get(clientOrderId);
    this.set(clientOrderId, order);
    this.#index = undefined;
    const place = known === undefined || isTerminal(known.status) ? -1 : this.#working.indexOf(known);
    if (isTerminal(order.status)) {
      if (place >= 0) this.#working.splice(place, 1);
      this.#noteEnd(order);
    } else if (place >= 0) this.#working[place] = order;
    else this.#working.push(order);
  }

  /** Without the ended orders of which this holds. */
  without(isForgotten: (order: LedgerOrder) => boolean): LedgerOrders {
    const kept = new LedgerOrders(this);
    kept.#firstOrderEnd = Number.POSITIVE_INFINITY;
    kept.#firstLegEnd = Number.POSITIVE_INFINITY;
    this.each((order) => {
      if (order.endedAt === undefined) return;
      if (isForgotten(order)) kept.delete(order.intent.clientOrderId);
      else kept.#noteEnd(order);
    });
    return kept;
  }

  /** Those that have not ended. */
  get working(): readonly LedgerOrder[] {
    return this.#working;
  }

  get workingIndex(): WorkingIndex {
    this.#index ??= indexWorking(this.#working);
    return this.#index;
  }

  /** When the first that is remembered of the ended orders ended, and of the ended legs; infinite where none has. */
  get firstOrderEnd(): number {
    return this.#firstOrderEnd;
  }

  get firstLegEnd(): number {
    return this.#firstLegEnd;
  }

  #noteEnd({
    intent,
    endedAt,
  }: {
    readonly intent: LedgerOrder['intent'];
    readonly endedAt?: EpochMs | undefined;
  }): void {
    if (endedAt === undefined) return;
    if (intent.parent === undefined) this.#firstOrderEnd = Math.min(this.#firstOrderEnd, endedAt);
    else this.#firstLegEnd = Math.min(this.#firstLegEnd, endedAt);
  }
}

function indexWorking(working: readonly LedgerOrder[]): WorkingIndex {
  if (working.length === 0) return NONE_WORKING;
  const cancels: string[] = [];
  const legs = new Map<string, { readonly stops: LedgerOrder[]; readonly targets: LedgerOrder[] }>();
  const entry = new Map<string, LedgerOrder>();
  const exit = new Map<string, LedgerOrder>();
  for (const order of working) {
    const { intent, isCancelRequested } = order;
    if (isCancelRequested) cancels.push(intent.clientOrderId);
    const { key } = exactOf(intent);
    if (intent.purpose === 'entry') entry.set(key, order);
    else if (intent.purpose === 'exit') exit.set(key, order);
    else {
      const own = legs.get(key) ?? { stops: [], targets: [] };
      legs.set(key, own);
      own[intent.purpose === 'stop' ? 'stops' : 'targets'].push(order);
    }
  }
  return { cancels, legs, entry, exit };
}

const NONE_WORKING: WorkingIndex = { cancels: [], legs: new Map(), entry: new Map(), exit: new Map() };
