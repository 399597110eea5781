import { setTimeout as pause } from 'node:timers/promises';
import {
  createRandom,
  type EpochMs,
  epochMs,
  type Journal,
  MINUTE_MS,
  MinutehandError,
  messageOf,
  milliseconds,
  noMetrics,
  silentLog,
  systemClock,
} from '../../src/core/index.ts';
import { loadCcxt } from '../../src/data/binance-usdm-transport.ts';
import { connectExchangeClock } from '../../src/data/index.ts';
import { createPostgresJournal, openDatabase } from '../../src/database/index.ts';
import { leaseFence } from '../../src/engine/book-broker.ts';
import { holdLease } from '../../src/engine/book-lease.ts';
import { CcxtBroker, type Fence } from '../../src/trading/brokers/ccxt/ccxt-broker.ts';
import { createBinanceUsdmAccount, pendingCancels } from '../../src/trading/index.ts';
import type { BookProcessOptions, BookProcessReport, BookProcessRequest } from './book-process-handle.ts';
import { candlesOf, livelyMarket } from './lively-market.ts';
import { BOOK, bookStart, createBookCycle, randomBookSettings } from './random-book.ts';

/**
 * A process that runs a book with random strategies at a simulated exchange and keeps it in PostgreSQL. It waits for `go`; while it is
 * stormy it may kill or stop itself just where that hurts: between commit and send, and between signature and send.
 */
const options = JSON.parse(process.argv[2] ?? '{}') as BookProcessOptions;
const { databaseUrl, exchangeUrl, credentials, positionMode, seed, incarnation, hazards } = options;

/** Real milliseconds. */
const RECEIVE_WINDOW_MS = 400;
const GUARD_EVERY_MS = 200;
const CONFIRM_WITHIN_MS = 1_500;
const LOOK_EVERY_MS = 20;

const random = createRandom(`${seed}/${incarnation}`);
let isStormy = true;
let isFinishing = false;

process.on('message', (request: BookProcessRequest) => {
  if (request === 'go') void run().catch(fail);
  else if (request === 'calm') isStormy = false;
  else isFinishing = true;
});
process.on('disconnect', () => process.exit(1));
// Half of a second, not to be spent while nobody has the book.
await loadCcxt();
report({ kind: 'ready' });

async function run(): Promise<void> {
  const database = await openDatabase({
    url: databaseUrl,
    applicationName: 'minutehand-test',
    log: silentLog,
    maxConnections: 3,
  });
  const held = await holdLease(database, BOOK, {
    log: silentLog,
    signal: new AbortController().signal,
    onLost: fail,
    timing: { duration: milliseconds(2_500), renewEvery: milliseconds(400) },
  });
  const { epoch } = held.lease;
  const clock = await connectExchangeClock({
    url: exchangeUrl,
    serverTime: async () => epochMs(systemClock.now()),
    log: silentLog,
    metrics: noMetrics,
    everyMs: 1_000,
  });
  const market = livelyMarket();
  const settings = randomBookSettings(positionMode === 'hedge', createRandom(seed), 0.5);
  const instruments = new Map(market.instruments.map((instrument) => [instrument.symbol, instrument]));
  const receiveWindow = milliseconds(RECEIVE_WINDOW_MS * clock.speed);
  const fence = leaseFence({ database, book: BOOK, epoch, clock }, receiveWindow, RECEIVE_WINDOW_MS);
  const journal = createPostgresJournal({
    database,
    venue: 'binanceusdm',
    lease: { book: BOOK, epoch },
    clock,
  });
  const client = await untilDone(() =>
    createBinanceUsdmAccount({
      url: exchangeUrl,
      credentials,
      clock,
      log: silentLog,
      requestTimeoutMs: 1_000,
      margin: { mode: 'cross', leverage: 5 },
      positionMode,
      quote: 'USDT',
    }),
  );
  const broker = new CcxtBroker({
    book: BOOK,
    client,
    fence: hazardousFence(fence),
    clock,
    log: silentLog,
    metrics: noMetrics,
    asksBeforeMinute: false,
    settings: {
      receiveWindow,
      margin: receiveWindow,
      tendEvery: milliseconds(300),
      pollEvery: milliseconds(1_500),
    },
  });
  const book = await journal.loadBook(BOOK);
  const { state, restored } = bookStart(book, settings);
  await broker.restore(restored);
  const cycle = createBookCycle({
    instruments,
    clock,
    journal: hazardousJournal(journal),
    broker,
    settings,
    state,
    book,
  });
  broker.onChange(() => inBackground(async () => void (await cycle.book.applyEvents())));
  await untilDone(() => broker.start());
  await broker.cancel(pendingCancels(state.ledger));
  inBackground(async () => void (await cycle.book.reconcile()));
  report({ kind: 'running' });
  let guardedAt = 0;
  let decided = minuteOf(clock.now());
  while (!isFinishing) {
    await pause(LOOK_EVERY_MS);
    if (systemClock.elapsed() - guardedAt >= GUARD_EVERY_MS) {
      guardedAt = systemClock.elapsed();
      inBackground(async () => void (await cycle.book.guardPositions(CONFIRM_WITHIN_MS)));
    }
    const minute = minuteOf(clock.now());
    if (minute <= decided) continue;
    decided = minute;
    await cycle.run({ minute, candles: candlesOf(market, minute), missing: [], repaired: [] });
    inBackground(async () => void (await cycle.book.reconcile()));
  }
  // One under way may have looked before the last order ended: its answer is waited for, and asked for anew.
  await untilDone(() => cycle.book.reconcile());
  const differences = await untilDone(() => cycle.book.reconcile());
  await cycle.book.settle();
  await cycle.settled();
  await broker.close();
  report({ kind: 'finished', differences: JSON.stringify(differences ?? 'no moment of rest') }, () => process.exit(0));
}

const minuteOf = (now: EpochMs): EpochMs => epochMs(Math.floor(now / MINUTE_MS) * MINUTE_MS);

/** Tries again what failed for want of an answer, as a supervisor does. */
async function untilDone<Result>(work: () => Promise<Result>): Promise<Result> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (isForGood(error) || attempt === 50) throw error;
      await pause(100);
    }
  }
}

/** As in the engine: what fails in the background is tried again by what comes after it. */
function inBackground(work: () => Promise<void>): void {
  work().catch((error: unknown) => {
    if (isForGood(error)) fail(error);
  });
}

const isForGood = (error: unknown): boolean => error instanceof MinutehandError && error.exitCode === 3;

function fail(error: unknown): void {
  report({ kind: 'failed', message: messageOf(error) }, () => process.exit(isForGood(error) ? 3 : 1));
}

function hazardousFence(fence: Fence): Fence {
  return {
    stamp: async () => {
      const stamp = await fence.stamp();
      await endanger('signed');
      return stamp;
    },
  };
}

function hazardousJournal(journal: Journal): Journal {
  return {
    ...journal,
    commitCycle: async (record) => {
      await journal.commitCycle(record);
      if (record.intents.length > 0) await endanger('committed');
    },
    commitEvents: async (record) => {
      await journal.commitEvents(record);
      if (record.intents.length > 0) await endanger('committed');
    },
  };
}

async function endanger(point: 'committed' | 'signed'): Promise<void> {
  if (!isStormy) return;
  const { kill = 0, stop = 0 } = hazards[point] ?? {};
  const draw = random.uniform();
  if (draw < kill) process.kill(process.pid, 'SIGKILL');
  else if (draw < kill + stop) {
    // Once: what else is under way at this moment is held up with it.
    isStormy = false;
    await new Promise<void>((resolve) => report({ kind: 'stopping' }, resolve));
    process.kill(process.pid, 'SIGSTOP');
  }
}

function report(message: BookProcessReport, done: () => void = () => undefined): void {
  process.send?.(message, undefined, undefined, done);
}
