import {
  createRandom,
  type EpochMs,
  epochMs,
  type FinalCandle,
  type Instrument,
  MINUTE_MS,
  MinutehandError,
  milliseconds,
  noMetrics,
  type OrderStatus,
  type Random,
  type SymbolId,
  silentLog,
} from '../../src/core/index.ts';
import type { DecideSettings } from '../../src/engine/decide.ts';
import type { MinuteCycle } from '../../src/engine/minute-cycle.ts';
import { parseQuantity, priceFromNumber } from '../../src/matching/index.ts';
import { CcxtBroker } from '../../src/trading/brokers/ccxt/ccxt-broker.ts';
import {
  CALM,
  type VirtualClient,
  VirtualTime,
  VirtualVenue,
  type VirtualVenueFates,
} from '../../src/trading/brokers/ccxt/virtual-venue-fixture.ts';
import { pendingCancels } from '../../src/trading/index.ts';
import { BY_HAND, violationsOf } from './judge.ts';
import { type CommitFate, leaseLost, MemoryStore } from './memory-store.ts';
import { BOOK, bookStart, createBookCycle, randomBookSettings } from './random-book.ts';

const START = epochMs(Date.UTC(2025, 5, 19, 1));
/** Minutes with faults, and calm ones after them in which everything must come to rest. */
const STORMY_MINUTES = 3;
const CALM_MINUTES = 2;
/** Positions must be under a stop within so much virtual time while a process runs. */
const CONFIRM_WITHIN_MS = 10_000;
const LONGEST_BARE_MS = 45_000;
/** How long a lease outlives its holder's last sign of life. */
const LEASE_MS = 15_000;
const CHECK_EVERY_MS = 4_000;

const INSTRUMENTS: ReadonlyMap<SymbolId, Instrument> = new Map(
  [
    { symbol: 'BTCUSDT', tickSize: '0.1', stepSize: '0.001', minQuantity: '0.001' },
    { symbol: 'DOGEUSDT', tickSize: '0.00001', stepSize: '1', minQuantity: '1' },
  ].map((rules) => [
    rules.symbol,
    {
      venue: 'binanceusdm',
      base: rules.symbol.slice(0, -4),
      quote: 'USDT',
      minNotional: '5',
      status: 'trading' as const,
      ...rules,
    },
  ]),
);
const FIRST_PRICES: Readonly<Record<SymbolId, number>> = { BTCUSDT: 100_000, DOGEUSDT: 0.171 };
const VOLUMES: Readonly<Record<SymbolId, number>> = { BTCUSDT: 60, DOGEUSDT: 9_000_000 };

/** What a sequence came to. */
export interface SequenceOutcome {
  /** Empty where every invariant held. */
  readonly violations: readonly string[];
  readonly fills: number;
  readonly orders: number;
  readonly crashes: number;
}

/** Runs one sequence of random minutes, faults, crashes and stops: a function of the seed alone. */
export function runSequence(seed: string): Promise<SequenceOutcome> {
  return new OrderSequence(seed).run();
}

interface Process {
  readonly epoch: number;
  readonly client: VirtualClient;
  readonly broker: CcxtBroker;
  readonly cycle: MinuteCycle;
  isAlive: boolean;
  work: Promise<void>;
}

class OrderSequence {
  readonly #random: Random;
  readonly #time = new VirtualTime(START);
  readonly #venue: VirtualVenue;
  readonly #store = new MemoryStore();
  readonly #settings: DecideSettings;
  readonly #violations: string[] = [];
  readonly #prices = new Map(Object.entries(FIRST_PRICES));
  readonly #bareSince = new Map<string, number>();
  #fates: VirtualVenueFates = CALM;
  #isStormy = false;
  #process: Process | undefined;
  #crashes = 0;

  constructor(seed: string) {
    this.#random = createRandom(`orders/${seed}`);
    const isHedgeMode = this.#random.uniform() < 0.5;
    this.#venue = new VirtualVenue({
      time: this.#time,
      instruments: INSTRUMENTS,
      isHedgeMode,
      balance: '10000',
      fates: () => this.#fates,
      slices: () => 1 + this.#random.integer(3),
    });
    this.#settings = randomBookSettings(isHedgeMode, this.#random);
  }

  async run(): Promise<SequenceOutcome> {
    try {
      await this.#play();
      this.#judge();
    } catch (error) {
      this.#violations.push(`thrown: ${error instanceof Error ? error.message : String(error)}`);
    }
    this.#process?.client.cut();
    return {
      violations: this.#violations,
      fills: this.#venue.fills.length,
      orders: this.#store.orders.size,
      crashes: this.#crashes,
    };
  }

  async #play(): Promise<void> {
    this.#openMinute(START);
    await this.#start();
    for (let index = 1; index <= STORMY_MINUTES + CALM_MINUTES; index++) {
      const isStormy = index <= STORMY_MINUTES;
      this.#isStormy = isStormy;
      this.#fates = isStormy ? this.#storm() : { ...CALM, namesTriggered: this.#fates.namesTriggered };
      const minute = epochMs(START + index * MINUTE_MS);
      await this.#walk(minute, isStormy);
      if (this.#process === undefined) await this.#start();
      await this.#decide(minute, isStormy);
      this.#openMinute(minute);
    }
    await this.#advance(epochMs(this.#time.now() + 20_000));
    await this.#drive(async () => {
      await this.#process?.work;
      const left = await this.#process?.cycle.book.reconcile();
      if (left?.length !== 0) this.#violations.push(`account and book differ at the end: ${JSON.stringify(left)}`);
    });
  }

  /** The database, too, goes away for moments. */
  #commitFate(): CommitFate {
    const draw = this.#isStormy ? this.#random.uniform() : 1;
    return draw < 0.02 ? 'lost' : draw < 0.04 ? 'untold' : 'ok';
  }

  /** What may go wrong in one minute. */
  #storm(): VirtualVenueFates {
    const random = this.#random;
    const [lossy, refusing, streamLoss] = [0.25, 0.05, 0.3].map((most) => most * random.uniform());
    const isSlow = random.uniform() < 0.2;
    return {
      request: (what) => {
        const draw = random.uniform();
        const isLost = draw < (lossy ?? 0);
        const kind = isLost
          ? random.uniform() < 0.5
            ? 'lost-request'
            : 'lost-response'
          : what === 'place' && draw > 1 - (refusing ?? 0)
            ? 'refuse'
            : 'ok';
        const delay = () => 1 + random.integer(isSlow ? 1_500 : 60);
        return { kind, outMs: delay(), backMs: kind === 'ok' ? delay() : 1_000 };
      },
      event: () => {
        const draw = random.uniform();
        const copies = draw < (streamLoss ?? 0) ? 0 : draw > 0.9 ? 2 : 1;
        return { copies, delayMs: 1 + random.integer(random.uniform() < 0.1 ? 3_000 : 50) };
      },
      namesTriggered: random.uniform() < 0.5,
    };
  }

  /** Prices wander to the minute's close; processes die, stand still and come back; others touch the account. */
  async #walk(minute: EpochMs, isStormy: boolean): Promise<void> {
    const random = this.#random;
    const incident = isStormy ? random.uniform() : 1;
    const incidentAt = minute - MINUTE_MS + 1 + random.integer(MINUTE_MS - 1);
    let isPending = incident < 0.34;
    for (let at = minute - MINUTE_MS + CHECK_EVERY_MS; at <= minute; at += CHECK_EVERY_MS) {
      if (isPending && at >= incidentAt) {
        isPending = false;
        if (incident < 0.15) this.#kill();
        else if (incident < 0.2) this.#stall();
        else if (incident < 0.26) this.#touch();
        else this.#loseStream();
      }
      if ((at - START) % 12_000 === 0) this.#move(at);
      await this.#advance(epochMs(at));
      if (this.#process === undefined && random.uniform() < 0.3) await this.#start();
      const current = this.#process;
      if (current?.isAlive)
        this.#inBackground(current, async () => {
          await current.cycle.book.applyEvents();
          await current.cycle.book.guardPositions(CONFIRM_WITHIN_MS);
        });
      this.#watchProtection();
    }
  }

  #move(at: number): void {
    for (const [symbol, price] of this.#prices) {
      const next = price * (1 + 0.0012 * this.#random.normal());
      const tick = Number(INSTRUMENTS.get(symbol)?.tickSize);
      const rounded = Number((Math.round(next / tick) * tick).toFixed(5));
      this.#prices.set(symbol, rounded);
      this.#low.set(symbol, Math.min(this.#low.get(symbol) ?? rounded, rounded));
      this.#high.set(symbol, Math.max(this.#high.get(symbol) ?? rounded, rounded));
      this.#venue.exchange.walk(symbol, priceFromNumber(rounded), epochMs(at));
    }
  }

  readonly #low = new Map<SymbolId, number>();
  readonly #high = new Map<SymbolId, number>();
  readonly #opens = new Map<SymbolId, number>();

  #openMinute(minute: EpochMs): void {
    const { exchange } = this.#venue;
    exchange.expireOrders(minute);
    for (const [symbol, price] of this.#prices) {
      for (const extremes of [this.#low, this.#high, this.#opens]) extremes.set(symbol, price);
      const volume = (VOLUMES[symbol] ?? 1) * this.#random.uniform();
      exchange.openMinute(symbol, { price: priceFromNumber(price), volume }, minute);
      if (this.#random.uniform() < 0.1) exchange.settleFunding(symbol, 0.0001 * this.#random.normal(), minute);
    }
  }

  async #decide(minute: EpochMs, isStormy: boolean): Promise<void> {
    const current = this.#process;
    if (current === undefined) return;
    if (isStormy && this.#random.uniform() < 0.1)
      this.#store.command(this.#random.uniform() < 0.5 ? 'halt' : 'close-all');
    else if (this.#random.uniform() < 0.3 || !isStormy) this.#store.command('resume');
    const candles = [...this.#prices].map(
      ([symbol, close]): FinalCandle => ({
        state: 'final',
        finality: 'archive',
        timeframe: '1m',
        symbol,
        openTime: epochMs(minute - MINUTE_MS),
        open: this.#opens.get(symbol) ?? close,
        high: this.#high.get(symbol) ?? close,
        low: this.#low.get(symbol) ?? close,
        close,
        volume: VOLUMES[symbol] ?? 1,
      }),
    );
    this.#inBackground(current, async () => {
      await current.cycle.run({ minute, candles, missing: [], repaired: [] });
      await current.cycle.book.reconcile();
    });
    const end = isStormy ? this.#random.uniform() : 1;
    if (end < 0.06) {
      await this.#advance(epochMs(this.#time.now() + this.#random.integer(400)));
      this.#kill();
    } else if (end < 0.12) this.#stall();
    await this.#advance(epochMs(minute + 1));
  }

  /** A process dies: what it has sent may still arrive. */
  #kill(): void {
    const current = this.#process;
    if (current === undefined) return;
    this.#crashes += 1;
    current.isAlive = false;
    current.client.cut();
    this.#process = undefined;
  }

  /** A process stands still with requests signed but not sent, and goes on when another has long taken over. */
  #stall(): void {
    const current = this.#process;
    if (current === undefined) return;
    this.#crashes += 1;
    const { client, cycle } = current;
    client.stalledMs = LEASE_MS + this.#random.integer(60_000);
    current.isAlive = false;
    this.#process = undefined;
    // It goes on with whatever it was about to do, and finds out that it is deposed.
    this.#time.after(client.stalledMs + 500, () => {
      client.stalledMs = 0;
      cycle.book.applyEvents().catch(() => undefined);
    });
    this.#store.heldUntil = this.#time.now() + LEASE_MS;
  }

  /** The account's stream ends, and comes back after a while. */
  #loseStream(): void {
    const client = this.#process?.client;
    if (client === undefined) return;
    client.loseStream();
    this.#time.after(this.#random.integer(20_000), () => client.regainStream());
  }

  /** Somebody closes a part of what is held, at the venue's own screen. */
  #touch(): void {
    const { exchange } = this.#venue;
    const held = exchange.positions.filter(({ quantity }) => quantity !== 0n);
    const position = held[this.#random.integer(Math.max(1, held.length))];
    if (position === undefined) return;
    const { symbol, side: positionSide, quantity } = position;
    const step = parseQuantity(INSTRUMENTS.get(symbol)?.stepSize ?? '1');
    const size = quantity > 0n ? quantity : -quantity;
    const part = (BigInt(1 + this.#random.integer(4)) * size) / 4n;
    const rounded = part - (part % step) || size;
    try {
      exchange.place(
        {
          clientOrderId: `${BY_HAND}${this.#time.now()}`,
          symbol,
          side: quantity > 0n ? 'sell' : 'buy',
          positionSide,
          reduceOnly: positionSide === 'both',
          type: 'market',
          quantity: rounded,
          price: 0n,
          timeInForce: 'immediate-or-cancel',
        },
        this.#time.now(),
      );
    } catch {
      // Too small for the venue.
    }
  }

  async #start(): Promise<void> {
    if (this.#time.now() < this.#store.heldUntil) return;
    const store = this.#store;
    const epoch = ++store.epoch;
    const client = this.#venue.connect();
    const time = this.#time;
    const broker = new CcxtBroker({
      book: BOOK,
      client,
      fence: {
        stamp: async () => {
          const signedAt = time.now();
          await time.sleep(2);
          if (store.epoch !== epoch) throw leaseLost();
          return { signedAt, receiveWindow: milliseconds(2_000) };
        },
      },
      clock: time,
      log: silentLog,
      metrics: noMetrics,
      asksBeforeMinute: false,
      wait: (ms, signal) => time.sleep(ms, signal),
      settings: { tendEvery: milliseconds(2_000) },
    });
    const book = store.load();
    const { state, restored } = bookStart(book, this.#settings);
    const cycle = createBookCycle({
      instruments: INSTRUMENTS,
      clock: time,
      journal: store.journal(epoch, () => this.#commitFate()),
      broker,
      settings: this.#settings,
      state,
      book,
      wait: (ms, signal) => time.sleep(ms, signal),
      // As the engine does: it starts anew from what was committed.
      onBroken: () => {
        if (this.#process === current) this.#kill();
      },
    });
    const current: Process = { epoch, client, broker, cycle, isAlive: true, work: Promise.resolve() };
    this.#process = current;
    this.#inBackground(current, async () => {
      await broker.restore(restored);
      broker.onChange(() => this.#inBackground(current, async () => void (await cycle.book.applyEvents())));
      await untilDone(time, () => broker.start());
      await broker.cancel(pendingCancels(state.ledger));
      await untilDone(time, () => cycle.book.reconcile());
    });
    await this.#advance(epochMs(this.#time.now() + 1));
  }

  /** What a process does in the background; what goes wrong in one that is gone is nobody's concern. */
  #inBackground(process: Process, work: () => Promise<void>): void {
    process.work = Promise.all([
      process.work,
      (async () => {
        try {
          if (process.isAlive) await work();
        } catch (error) {
          if (!process.isAlive || isNoAnswer(error)) return;
          if (this.#process === process) this.#kill();
          if (error instanceof MinutehandError) return;
          this.#violations.push(`a process failed: ${error instanceof Error ? (error.stack ?? error.message) : error}`);
        }
      })(),
    ]).then(() => undefined);
  }

  async #drive(work: () => Promise<void>): Promise<void> {
    let isDone = false;
    const running = work().finally(() => {
      isDone = true;
    });
    for (let i = 0; !isDone && i < 1_000; i++) await this.#advance(epochMs(this.#time.now() + 100));
    if (!isDone) this.#violations.push('it does not come to rest');
    else await running;
  }

  #advance(to: EpochMs): Promise<void> {
    return this.#time.moveTo(to);
  }

  /** How long positions at the venue are without a stop while a process looks after them. */
  #watchProtection(): void {
    const { exchange } = this.#venue;
    const now = this.#time.now();
    for (const { symbol, side, quantity } of exchange.positions) {
      const key = `${symbol}/${side}`;
      const stops = exchange.conditionals
        .open(symbol)
        .filter(
          (order) =>
            order.positionSide === side && order.type === 'stop' && order.side === (quantity > 0n ? 'sell' : 'buy'),
        )
        .reduce((sum, order) => sum + order.quantity, 0n);
      const closing = exchange.orders
        .open(symbol)
        .filter((order) => order.positionSide === side && order.side === (quantity > 0n ? 'sell' : 'buy'))
        .reduce((sum, order) => sum + order.quantity - order.filled, 0n);
      const size = quantity > 0n ? quantity : -quantity;
      if (size <= stops + closing || !this.#process?.isAlive) {
        this.#bareSince.delete(key);
        continue;
      }
      const since = this.#bareSince.get(key) ?? now;
      this.#bareSince.set(key, since);
      if (now - since > LONGEST_BARE_MS) {
        this.#violations.push(`${key} is without a stop for ${(now - since) / 1_000} s`);
        this.#bareSince.set(key, now);
      }
    }
  }

  #judge(): void {
    const { exchange, accepted, fills } = this.#venue;
    const { orders } = this.#store;
    const statuses = new Map<string, OrderStatus>();
    for (const { clientOrderId, symbol, type } of orders.values()) {
      const known = this.#venue.find({ clientOrderId, symbol, isConditional: type !== 'market' });
      if (known !== undefined) statuses.set(clientOrderId, known.status);
    }
    const positionsCost = exchange.positions.reduce((sum, { cost }) => sum + cost, 0n);
    const venue = { accepted, statuses, fills, cash: exchange.ledger.wallet, positionsCost };
    const book = { ledger: this.#store.ledger(), orders, fills: [...this.#store.fills.values()] };
    this.#violations.push(...violationsOf(book, venue));
  }
}

/** Tries again after a while what failed for want of an answer, as a supervisor does. */
async function untilDone(time: VirtualTime, work: () => Promise<unknown>): Promise<void> {
  for (;;) {
    try {
      await work();
      return;
    } catch (error) {
      if (!isNoAnswer(error)) throw error;
      await time.sleep(500);
    }
  }
}

const isNoAnswer = (error: unknown): boolean => error instanceof Error && error.message.endsWith('no answer');
