import { setTimeout as pause } from 'node:timers/promises';
import {
  createRandom,
  epochMs,
  isTerminal,
  type Order,
  type OrderStatus,
  type Random,
  systemClock,
} from '../../src/core/index.ts';
import {
  createTestDatabase,
  listFills,
  listOrders,
  loadBook,
  readCommand,
  requestCommand,
  saveInstruments,
  type TestDatabase,
} from '../../src/database/index.ts';
import { decodeBookState } from '../../src/engine/book-state-text.ts';
import { notionalOf, parseCash, parsePrice, parseQuantity } from '../../src/matching/index.ts';
import { clientOptions } from '../../src/simulator/account-client-fixture.ts';
import { type AccountBench, startAccountBench, TEST_ACCOUNT } from '../../src/simulator/account-fixture.ts';
import type { FaultRequest } from '../../src/simulator/index.ts';
import { type AccountClient, createBinanceUsdmAccount } from '../../src/trading/index.ts';
import { BookProcess, type BookProcessOptions } from './book-process-handle.ts';
import { violationsOf } from './judge.ts';
import { livelyMarket } from './lively-market.ts';
import type { SequenceOutcome } from './order-sequence.ts';
import { BOOK } from './random-book.ts';

/** Market milliseconds in a real one: a minute a second. */
const SPEED = 60;
/** Real milliseconds. */
const STORM_MS = 5_000;
const CALM_MS = 1_500;
const REST_WITHIN_MS = 30_000;
const DEPOSED_WITHIN_MS = 30_000;
const OWNED_WITHIN_MS = 120_000;
const LOOK_EVERY_MS = 200;
const LONGEST_BARE_MS = 6_000;
/** What an average price of 12 decimals may hide of the cost, quote currency. */
const COST_TOLERANCE = '0.000001';

/** One random sequence of faults, kills and stops of real processes; a function of the seed as far as processes are. */
export async function runProcessSequence(seed: string): Promise<SequenceOutcome> {
  const random = createRandom(`processes/${seed}`);
  const positionMode = random.uniform() < 0.5 ? 'hedge' : 'one-way';
  const hazards = { committed: { kill: 0.06, stop: 0.04 }, signed: { kill: 0.02, stop: 0.03 } };
  const stage = await ProcessStage.open(seed, positionMode, () => hazards);
  try {
    await storm(stage, random);
    return await stage.finish();
  } finally {
    await stage.close();
  }
}

async function storm(stage: ProcessStage, random: Random): Promise<void> {
  await stage.runUntilOwned();
  for (let end = systemClock.elapsed() + STORM_MS; systemClock.elapsed() < end; ) {
    const draw = random.uniform();
    if (draw < 0.06) stage.current?.kill();
    else if (draw < 0.1) stage.current?.stop();
    else if (draw < 0.2) stage.continueStopped();
    else if (draw < 0.4) await stage.bench.fault(randomFault(random));
    await pause(LOOK_EVERY_MS);
    await stage.look();
    await stage.run();
  }
}

function randomFault(random: Random): FaultRequest {
  const count = 1 + random.integer(4);
  const draw = random.uniform();
  if (draw < 0.35) return { kind: 'lost-response', path: random.uniform() < 0.7 ? 'rder' : 'v', count };
  if (draw < 0.6) return { kind: 'duplicate-events', count };
  if (draw < 0.85) return { kind: 'stream-gap', count };
  return { kind: 'reject-orders', count: 1 };
}

type SharedOptions = Omit<BookProcessOptions, 'incarnation' | 'hazards'>;
/** By the processes' order, from 0. */
type HazardsOf = (incarnation: number) => BookProcessOptions['hazards'];

/** Tries again where a busy machine was too late for the receive window. */
async function patiently<Result>(work: () => Promise<Result>): Promise<Result> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (attempt === 20) throw error;
      await pause(LOOK_EVERY_MS);
    }
  }
}

/** A simulated exchange, a database and the processes that run one book on them, one after the other. */
export class ProcessStage {
  readonly bench: AccountBench;
  readonly #store: TestDatabase;
  readonly #client: AccountClient;
  readonly #options: SharedOptions;
  readonly #hazardsOf: HazardsOf;
  readonly #processes: BookProcess[] = [];
  readonly #violations: string[] = [];
  readonly #bareSince = new Map<string, number>();
  #incarnations = 0;
  #current: BookProcess | undefined;
  #spare: Promise<BookProcess>;

  private constructor(parts: {
    bench: AccountBench;
    store: TestDatabase;
    client: AccountClient;
    options: SharedOptions;
    hazardsOf: HazardsOf;
  }) {
    this.bench = parts.bench;
    this.#store = parts.store;
    this.#client = parts.client;
    this.#options = parts.options;
    this.#hazardsOf = parts.hazardsOf;
    this.#spare = this.#spawn();
  }

  static async open(
    seed: string,
    positionMode: BookProcessOptions['positionMode'],
    hazardsOf: HazardsOf,
  ): Promise<ProcessStage> {
    const market = livelyMarket();
    const bench = await startAccountBench({ market, speed: SPEED });
    const store = await createTestDatabase();
    await saveInstruments(store.database, market.instruments);
    const client = await patiently(() => createBinanceUsdmAccount({ ...clientOptions(bench), positionMode }));
    const options = {
      databaseUrl: store.url,
      exchangeUrl: bench.simulator.url,
      credentials: TEST_ACCOUNT,
      positionMode,
      seed,
    };
    return new ProcessStage({ bench, store, client, options, hazardsOf });
  }

  get current(): BookProcess | undefined {
    return this.#current?.state === 'running' ? this.#current : undefined;
  }

  /** Sees to it that a process runs the book, or is about to. */
  async run(): Promise<void> {
    const current = this.#current;
    if (current?.state === 'running' || current?.state === 'ready') return;
    this.#current = await this.#spare;
    this.#spare = this.#spawn();
    await this.#current.waitFor(({ state }) => state !== 'starting');
    this.#current.request('go');
  }

  /** Waits until a process owns the book. */
  async runUntilOwned(): Promise<BookProcess> {
    const end = systemClock.elapsed() + OWNED_WITHIN_MS;
    for (;;) {
      await this.run();
      if (await this.#current?.waitFor(({ state }) => state === 'running')) break;
      if (systemClock.elapsed() > end) throw new Error('no process comes to own the book');
    }
    if (this.#current === undefined) throw new Error('no process');
    return this.#current;
  }

  /** Where another process has the book, those that stand still go on. */
  continueStopped(): void {
    if (this.current !== undefined) for (const process of this.#stopped()) process.continue();
  }

  orders(): Promise<Order[]> {
    return listOrders(this.#store.database, { book: BOOK });
  }

  /** How long positions are without a stop while a process looks after them. */
  async look(): Promise<void> {
    let bare: string[];
    try {
      const [positions, orders] = await Promise.all([this.#client.positions(), this.#client.openOrders()]);
      bare = positions.flatMap(({ symbol, leg, quantity }) => {
        const side = leg === 'long' ? 'sell' : 'buy';
        const covering = orders
          .filter((order) => order.symbol === symbol && order.side === side && order.leg === leg)
          .reduce((sum, order) => sum + parseQuantity(order.quantity) - parseQuantity(order.filledQuantity), 0n);
        return covering >= parseQuantity(quantity) ? [] : [`${symbol}/${leg}`];
      });
    } catch {
      // Under a fault.
      return;
    }
    const now = systemClock.elapsed();
    for (const key of this.#bareSince.keys()) {
      if (!bare.includes(key) || this.current === undefined) this.#bareSince.delete(key);
    }
    if (this.current === undefined) return;
    for (const key of bare) {
      const since = this.#bareSince.get(key) ?? now;
      this.#bareSince.set(key, since);
      if (now - since <= LONGEST_BARE_MS) continue;
      this.#violations.push(`${key} is without a stop for ${Math.round(now - since)} ms`);
      this.#bareSince.set(key, now);
    }
  }

  /** Ends faults and hazards, lets everything come to rest, and judges. */
  async finish(): Promise<SequenceOutcome> {
    await fetch(`${this.bench.simulator.url}/sim/v1/faults`, {
      method: 'DELETE',
      headers: { authorization: `Bearer ${this.bench.simulator.token}` },
    });
    for (const process of this.#processes) process.request('calm');
    await this.runUntilOwned();
    await this.#endDeposed();
    await pause(CALM_MS);
    const { database } = this.#store;
    const time = systemClock.now();
    await this.#comeToRest(await requestCommand(database, { command: 'close-all', book: BOOK, actor: 'test', time }));
    await this.#judge();
    return {
      violations: this.#violations,
      fills: (await listFills(database, { book: BOOK })).length,
      orders: (await this.orders()).length,
      crashes: this.#processes.length - 2,
    };
  }

  async close(): Promise<void> {
    await this.#spare;
    for (const process of this.#processes) process.kill();
    await Promise.all(this.#processes.map((process) => process.waitFor(({ state }) => state === 'gone')));
    await this.#client.close();
    await this.bench.close();
    await this.#store.drop();
  }

  /** The next process, loaded and waiting, so that a book is not long without one. */
  async #spawn(): Promise<BookProcess> {
    const incarnation = this.#incarnations++;
    const process = await BookProcess.start({ ...this.#options, incarnation, hazards: this.#hazardsOf(incarnation) });
    this.#processes.push(process);
    return process;
  }

  #stopped(): BookProcess[] {
    // One that goes on may stop itself once more: to be told to go on again does no harm.
    return this.#processes.filter(({ state }) => state === 'stopped');
  }

  /** Who stood still and goes on must find out that the book is another's. */
  async #endDeposed(): Promise<void> {
    const end = systemClock.elapsed() + DEPOSED_WITHIN_MS;
    for (;;) {
      this.continueStopped();
      if (!this.#processes.some(({ isContinued, state }) => isContinued && state !== 'gone')) return;
      if (systemClock.elapsed() > end) break;
      await pause(LOOK_EVERY_MS);
    }
    this.#violations.push('a process goes on although the book is another’s');
  }

  /** Waits until the book has closed everything, which is no earlier than it has heard the command, and lets its process end. */
  async #comeToRest(closeAll: number): Promise<void> {
    const end = systemClock.elapsed() + REST_WITHIN_MS;
    for (;;) {
      await this.runUntilOwned();
      const isHeard = (await readCommand(this.#store.database, closeAll))?.applied !== undefined;
      const [positions, orders] = await patiently(() =>
        Promise.all([this.#client.positions(), this.#client.openOrders()]),
      );
      if (isHeard && positions.length === 0 && orders.length === 0) break;
      if (systemClock.elapsed() > end) {
        const held = positions.map(({ symbol, leg, quantity }) => `${symbol} ${leg} ${quantity}`);
        const open = orders.map(({ clientOrderId }) => clientOrderId);
        const unheard = isHeard ? [] : ['close-all is not heard'];
        this.#violations.push(`the account does not come to rest: ${[...unheard, ...held, ...open].join(', ')}`);
        break;
      }
      await pause(LOOK_EVERY_MS);
    }
    const last = await this.runUntilOwned();
    last.request('finish');
    await last.waitFor(({ state }) => state === 'finished');
    if (last.differences !== '[]') {
      this.#violations.push(`account and book differ at the end: ${last.differences ?? last.failure ?? 'no answer'}`);
    }
  }

  async #judge(): Promise<void> {
    const { database } = this.#store;
    const book = await loadBook(database, BOOK);
    if (book === undefined) {
      this.#violations.push('nothing was committed');
      return;
    }
    const orders = new Map((await this.orders()).map((order) => [order.clientOrderId, order]));
    const statuses = new Map<string, OrderStatus>();
    for (const { clientOrderId, symbol, type } of orders.values()) {
      const key = { clientOrderId, symbol, isConditional: type !== 'market' };
      const known = await patiently(() => this.#client.find(key));
      if (known !== undefined) statuses.set(clientOrderId, known.status);
    }
    const symbols = livelyMarket().instruments.map(({ symbol }) => symbol);
    const fills = (
      await Promise.all(
        symbols.map((symbol) => patiently(() => this.#client.fillsSince(symbol, epochMs(livelyMarket().start)))),
      )
    ).flat();
    const positions = await patiently(() => this.#client.positions());
    const cost = positions.reduce((sum, { leg, quantity, entryPrice }) => {
      const notional = notionalOf(parsePrice(entryPrice), parseQuantity(quantity));
      return sum + (leg === 'long' ? notional : -notional);
    }, 0n);
    const { balance } = await patiently(() => this.#client.wallet());
    this.#violations.push(
      ...violationsOf(
        { ledger: decodeBookState(book.bookState).ledger, orders, fills: await listFills(database, { book: BOOK }) },
        {
          accepted: await this.#accepted(symbols),
          statuses,
          fills,
          cash: parseCash(balance),
          positionsCost: cost,
          tolerance: parseCash(COST_TOLERANCE),
        },
      ),
    );
    const open = [...orders.values()].filter(({ status }) => !isTerminal(status));
    for (const { clientOrderId, status } of open) this.#violations.push(`order ${clientOrderId} is left ${status}`);
  }

  #rowsOf(path: string, symbol: string): Promise<Record<string, string>[]> {
    return patiently(async () => {
      const { status, body } = await this.bench.signed('GET', path, { symbol, limit: 1_000 });
      if (Array.isArray(body)) return body as Record<string, string>[];
      throw new Error(`${path} of ${symbol} is answered ${status}: ${JSON.stringify(body)}`);
    });
  }

  /** How often the venue accepted an order of each client id; a triggered order bears that of the conditional one. */
  async #accepted(symbols: readonly string[]): Promise<Map<string, number>> {
    const accepted = new Map<string, number>();
    for (const [path, field] of [
      ['v1/allOrders', 'clientOrderId'],
      ['v1/allAlgoOrders', 'clientAlgoId'],
    ] as const) {
      const counts = new Map<string, number>();
      for (const symbol of symbols) {
        for (const row of await this.#rowsOf(`/fapi/${path}`, symbol)) {
          const id = row[field];
          if (id !== undefined) counts.set(id, (counts.get(id) ?? 0) + 1);
        }
      }
      for (const [id, count] of counts) accepted.set(id, Math.max(count, accepted.get(id) ?? 0));
    }
    return accepted;
  }
}
