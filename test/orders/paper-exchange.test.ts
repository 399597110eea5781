import { expect, it } from 'vitest';
import {
  createRandom,
  epochMs,
  type Instrument,
  milliseconds,
  noMetrics,
  type SymbolId,
  silentLog,
} from '../../src/core/index.ts';
import type { DecideSettings } from '../../src/engine/decide.ts';
import type { MinuteCycle } from '../../src/engine/minute-cycle.ts';
import { formatCash } from '../../src/matching/index.ts';
import { clientOptions, clockOf } from '../../src/simulator/account-client-fixture.ts';
import { type AccountBench, startAccountBench } from '../../src/simulator/account-fixture.ts';
import { CcxtBroker } from '../../src/trading/brokers/ccxt/ccxt-broker.ts';
import { createBinanceUsdmAccount, PaperBroker } from '../../src/trading/index.ts';
import { candlesOf, livelyMarket } from './lively-market.ts';
import { MemoryStore } from './memory-store.ts';
import { BOOK, bookStart, createBookCycle, randomBookSettings } from './random-book.ts';

const MINUTES = 40;

interface Side {
  readonly store: MemoryStore;
  readonly cycle: MinuteCycle;
}

it.each([
  ['one-way', 1],
  ['hedge', 2],
] as const)('a book in %s mode gives the same orders and fills on paper and at the exchange', async (mode, seed) => {
  const market = livelyMarket();
  const bench = await startAccountBench({ market });
  const settings = randomBookSettings(mode === 'hedge', createRandom(`paper-exchange/${seed}`));
  const instruments = new Map(market.instruments.map((instrument) => [instrument.symbol, instrument]));
  const client = await createBinanceUsdmAccount({ ...clientOptions(bench), positionMode: mode });
  const clock = clockOf(bench);
  const broker = new CcxtBroker({
    book: BOOK,
    client,
    fence: { stamp: async () => ({ signedAt: clock.now(), receiveWindow: milliseconds(5_000) }) },
    clock,
    log: silentLog,
    metrics: noMetrics,
    asksBeforeMinute: true,
  });
  try {
    const exchange = await open(bench, instruments, settings, broker);
    await broker.start();
    expect(await exchange.cycle.book.reconcile()).toEqual([]);
    const paper = await open(
      bench,
      instruments,
      settings,
      new PaperBroker({ instrumentOf: (symbol) => instruments.get(symbol), costs: settings.costs }),
    );
    for (let index = 0; index < MINUTES; index++) {
      const { minute } = bench.simulator.status();
      const input = { minute: epochMs(minute), candles: candlesOf(market, epochMs(minute)), missing: [], repaired: [] };
      if (index === MINUTES - 4) for (const { store } of [paper, exchange]) store.command('close-all');
      await paper.cycle.run(input);
      await exchange.cycle.run(input);
      await exchange.cycle.book.settle();
      expect(await exchange.cycle.book.reconcile()).toEqual([]);
      await bench.advance();
    }
    const records = recordsOf(exchange);
    expect(records).toEqual(recordsOf(paper));
    for (const purpose of ['entry', 'exit', 'stop', 'target'])
      expect(records.orders.filter((order) => order.endsWith(`${purpose} FILLED`)).length).toBeGreaterThan(1);
  } finally {
    await broker.close();
    await bench.close();
  }
});

async function open(
  bench: AccountBench,
  instruments: ReadonlyMap<SymbolId, Instrument>,
  settings: DecideSettings,
  broker: CcxtBroker | PaperBroker,
): Promise<Side> {
  const store = new MemoryStore();
  const { state, restored } = bookStart(undefined, settings);
  await broker.restore(restored);
  const cycle = createBookCycle({
    instruments,
    clock: clockOf(bench),
    journal: store.journal(0),
    broker,
    settings,
    state,
    book: undefined,
  });
  return { store, cycle };
}

function recordsOf({ store }: Side) {
  const { cash, positions } = store.ledger();
  return {
    orders: [...store.orders.values()]
      .map((order) => [order.clientOrderId, order.side, order.quantity, order.purpose, order.status].join(' '))
      .sort(),
    fills: [...store.fills.values()]
      .map((fill) => [fill.clientOrderId, fill.quantity, fill.price, fill.fee].join(' '))
      .sort(),
    cash: formatCash(cash),
    positions: positions.size,
  };
}
