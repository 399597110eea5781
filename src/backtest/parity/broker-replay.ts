import {
  type BrokerEvent,
  DAY_MS,
  type EpochMs,
  epochMs,
  type Fill,
  type FinalCandle,
  type Instrument,
  type OrderIntent,
  type SymbolId,
} from '../../core/index.ts';
import { type Database, listFills } from '../../database/index.ts';
import type { BookState } from '../../engine/index.ts';
import type { CostSettings } from '../../matching/index.ts';
import { orderOf, PaperBroker, pendingCancels, positionsOf, workingOrders } from '../../trading/index.ts';
import { firstDifference } from './difference.ts';
import type { RecordedFunding } from './recorded-funding.ts';
import type { Tally } from './tally.ts';

/** What a minute needs to be worked at once more. */
export interface BrokerMinute {
  readonly minute: EpochMs;
  /** Before the minute. */
  readonly state: BookState;
  readonly candles: ReadonlyMap<SymbolId, FinalCandle>;
  readonly instruments: ReadonlyMap<SymbolId, Instrument>;
  readonly costs: CostSettings;
  /** Whether a process began with it, which told its broker what the book held. */
  readonly isFirst: boolean;
  readonly events: readonly BrokerEvent[];
  /** How many of the events are of orders that were never sent. */
  readonly unsent: number;
}

/** Works the recorded orders of a book on paper once more. */
export class BrokerReplay {
  readonly #database: Database;
  readonly #book: string;
  readonly #funding: RecordedFunding;
  #instruments: ReadonlyMap<SymbolId, Instrument> = new Map();
  #broker: PaperBroker | undefined;
  #netted: readonly Fill[] = [];
  #intents: OrderIntent[] = [];

  constructor(database: Database, book: string, funding: RecordedFunding) {
    this.#database = database;
    this.#book = book;
    this.#funding = funding;
  }

  /** Takes over what is sent before the next minute. */
  send(intents: readonly OrderIntent[], netted: readonly Fill[] = []): void {
    this.#intents.push(...intents);
    this.#netted = [...this.#netted, ...netted];
  }

  /** Works a minute and holds what the broker reports against what it reported. */
  async compare(turn: BrokerMinute, tally: Tally): Promise<void> {
    const { minute, state, candles, isFirst, events, unsent } = turn;
    this.#instruments = turn.instruments;
    const neverSent = new Set(
      events.slice(0, unsent).flatMap((event) => (event.kind === 'status' ? event.clientOrderId : [])),
    );
    const isSent = ({ clientOrderId }: { readonly clientOrderId: string }) => !neverSent.has(clientOrderId);
    let broker = this.#broker;
    if (broker === undefined || isFirst) {
      broker = await this.#restore(turn, isSent);
      this.#broker = broker;
    } else {
      if (this.#netted.length > 0) await broker.settle(this.#netted);
      await broker.submit(this.#intents.filter(isSent));
    }
    this.#netted = [];
    this.#intents = [];
    await broker.cancel(pendingCancels(state.ledger));
    // A restored broker tells of the day's money again, which is booked once.
    const isNews = (event: BrokerEvent) => event.kind !== 'cash' || !state.ledger.flows.has(event.flowId);
    const recorded = events.slice(unsent).filter(isNews);
    const replayed = (await broker.events(minute, candles)).filter(isNews);
    for (let index = 0; index < Math.max(recorded.length, replayed.length); index++) {
      const [own, other] = [recorded[index], replayed[index]];
      const event = own ?? other;
      const subject = event && ('clientOrderId' in event ? event.clientOrderId : event.kind);
      tally.count('orders', { minute, ...(subject ? { subject } : {}) }, firstDifference(own, other));
    }
  }

  async #restore(
    { state, costs }: BrokerMinute,
    isSent: (order: { readonly clientOrderId: string }) => boolean,
  ): Promise<PaperBroker> {
    const { ledger, markets } = state;
    const broker = new PaperBroker({
      instrumentOf: (symbol) => this.#instruments.get(symbol),
      costs,
      funding: this.#funding,
    });
    const isNew = state.minute === 0;
    const fills = isNew
      ? []
      : await listFills(this.#database, { book: this.#book, from: epochMs(state.minute - DAY_MS) });
    const isBooked = ({ time, clientOrderId, fillId }: Fill) =>
      time < state.minute || (ledger.orders.get(clientOrderId)?.fillIds.includes(fillId) ?? false);
    await broker.restore({
      ...(isNew ? {} : { minute: state.minute, recentFills: fills.filter(isBooked) }),
      openOrders: workingOrders(ledger).map(orderOf).filter(isSent),
      positions: positionsOf(this.#book, ledger, markets),
    });
    return broker;
  }
}
