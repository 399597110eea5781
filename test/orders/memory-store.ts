import {
  type BookCommand,
  type BookCommandKind,
  type BookSnapshot,
  type CommandRecord,
  type CycleRecord,
  type EpochMs,
  type EventRecord,
  type Fill,
  isTerminal,
  type Journal,
  MinutehandError,
  type Order,
} from '../../src/core/index.ts';
import { decodeBookState } from '../../src/engine/book-state-text.ts';
import type { Ledger } from '../../src/trading/index.ts';

export type CommitFate = 'ok' | 'lost' | 'untold';

/** What is committed, as a database keeps it; processes come and go. */
export class MemoryStore {
  epoch = 0;
  heldUntil = 0;
  readonly orders = new Map<string, Order>();
  readonly fills = new Map<string, Fill>();
  #commands: BookCommand[] = [];
  #nextCommand = 1;
  #state: string | undefined;
  #minute: EpochMs | undefined;

  command(command: Exclude<BookCommandKind, 'arm'>): void {
    this.#commands.push({ id: this.#nextCommand++, command, actor: 'test' });
  }

  ledger(): Ledger {
    if (this.#state === undefined) throw new Error('nothing was committed');
    return decodeBookState(this.#state).ledger;
  }

  load(): BookSnapshot | undefined {
    if (this.#state === undefined || this.#minute === undefined) return undefined;
    const openOrders = [...this.orders.values()].filter(({ status }) => !isTerminal(status)).reverse();
    return { lastMinute: this.#minute, bookState: this.#state, openOrders };
  }

  /** @param fate of each commit between minutes: whether it comes to be, and whether that is told */
  journal(epoch: number, fate: () => CommitFate = () => 'ok'): Journal {
    const require = () => {
      if (this.epoch !== epoch) throw leaseLost();
    };
    return {
      commitCandles: async (candles) => ({ inserted: candles.length, unchanged: 0, corrections: [] }),
      commitCycle: async (record: CycleRecord) => {
        require();
        this.#take(record, record.commands);
        this.#minute = record.minute;
      },
      pendingCommands: async () => [...this.#commands],
      commitCommands: async (record: CommandRecord) => {
        require();
        this.#state = record.bookState;
        this.#done(record.commands);
      },
      commitEvents: async (record: EventRecord) => {
        require();
        if (record.minute !== this.#minute) throw new Error('events between other minutes');
        const kind = fate();
        if (kind !== 'lost') this.#take(record, []);
        if (kind !== 'ok') throw new Error('commit: no answer');
      },
      commitTimings: async () => undefined,
      commitChallengerForecasts: async () => undefined,
      commitFeatures: async () => undefined,
      saveFeatureState: async () => undefined,
      saveReplayState: async () => undefined,
      loadFeatureState: async () => undefined,
      loadBook: async () => this.load(),
    };
  }

  #take(record: EventRecord | CycleRecord, commands: CycleRecord['commands']): void {
    for (const order of record.orders) this.orders.set(order.clientOrderId, order);
    for (const intent of record.intents) {
      if (!this.orders.has(intent.clientOrderId))
        this.orders.set(intent.clientOrderId, { ...intent, status: 'SUBMITTING', filledQuantity: '0' });
    }
    for (const fill of record.fills) this.fills.set(fill.fillId, fill);
    this.#state = record.bookState;
    this.#done(commands);
  }

  #done(commands: CycleRecord['commands']): void {
    const ids = new Set(commands.map(({ id }) => id));
    this.#commands = this.#commands.filter(({ id }) => !ids.has(id));
  }
}

export const leaseLost = () =>
  new MinutehandError('LEASE_LOST', 'another process owns the book', 'This process stops.');
