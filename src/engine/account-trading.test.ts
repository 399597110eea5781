import { expect, it } from 'vitest';
import {
  type Broker,
  type BrokerAccount,
  type BrokerEvent,
  type Clock,
  type CycleRecord,
  type EpochMs,
  type EventRecord,
  epochMs,
  type Journal,
  MINUTE_MS,
  milliseconds,
  noMetrics,
  type OrderIntent,
  silentLog,
} from '../core/index.ts';
import type { FeatureEngineer } from '../features/index.ts';
import {
  type AccountClient,
  applyBrokerEvents,
  CcxtBroker,
  DEFAULT_PROTECTION_SETTINGS,
  enterIntents,
} from '../trading/index.ts';
import { AccountTrading } from './account-trading.ts';
import { initialBookState, observeCandles } from './book-state.ts';
import { START, testCandle, testInstrument, testSettings } from './decide-fixtures.ts';
import { MinuteCycle } from './minute-cycle.ts';

const CLOCK: Clock = {
  now: () => epochMs(START + MINUTE_MS),
  elapsed: () => milliseconds(0),
  sleep: async () => undefined,
};
const ENTRY: OrderIntent = {
  clientOrderId: 'e',
  book: 'main',
  strategy: 'ml',
  symbol: 'AUSDT',
  side: 'buy',
  purpose: 'entry',
  type: 'market',
  quantity: '1',
  reduceOnly: false,
  decidedAt: START,
  validUntil: epochMs(START + 15 * MINUTE_MS),
  referencePrice: '100',
  protection: { stopPrice: '95', targets: [], quantityStep: '0.001' },
};
const FILL: BrokerEvent = {
  kind: 'fill',
  fillId: 'f',
  clientOrderId: 'e',
  quantity: '1',
  price: '100',
  fee: '0.1',
  time: START,
};

/** A book with one entry under way, at an account that is spoken for by what a test puts into `reports`. */
function book({
  isAtAccount = true,
  isFilled = false,
  isPriced = false,
  explained = (_since: EpochMs) => {},
  settings = testSettings(),
  clock = CLOCK,
} = {}) {
  const reports: BrokerEvent[] = [];
  const sent: OrderIntent[] = [];
  const committed: (CycleRecord | EventRecord)[] = [];
  const failures: Error[] = [];
  const held = { long: '0', short: '0' };
  const account: BrokerAccount = {
    blocked: undefined,
    onChange: () => undefined,
    take: () => reports.splice(0),
    settled: async () => undefined,
    poll: async () => undefined,
    explain: async (_symbols, since) => explained(since),
    snapshot: async () => ({
      takenAt: START,
      version: 0,
      positions: new Map([['AUSDT', held]]),
      isHedgeMode: true,
      balance: '10000',
      positionsCost: '0',
      foreignOrders: [],
    }),
    isCurrent: () => true,
    agreed: () => undefined,
  };
  const broker: Broker = {
    restore: async () => undefined,
    submit: async (intents) => void sent.push(...intents),
    cancel: async () => undefined,
    events: async () => reports.splice(0),
    ...(isAtAccount ? { account } : {}),
  };
  const commit = async (record: CycleRecord | EventRecord) => {
    const failure = failures.shift();
    if (failure) throw failure;
    committed.push(record);
  };
  const journal: Journal = {
    commitCandles: async (candles) => ({ inserted: candles.length, unchanged: 0, corrections: [] }),
    commitCycle: commit,
    commitEvents: commit,
    pendingCommands: async () => [],
    commitCommands: async () => undefined,
    commitTimings: async () => undefined,
    commitChallengerForecasts: async () => undefined,
    commitFeatures: async () => undefined,
    saveFeatureState: async () => undefined,
    saveReplayState: async () => undefined,
    loadFeatureState: async () => undefined,
    loadBook: async () => undefined,
  };
  const last = new Map<string, EpochMs>();
  const none = () => {
    throw new Error('no features here');
  };
  const features: FeatureEngineer = {
    featureSetHash: 'none',
    featureNames: [],
    symbols: ['AUSDT', 'BUSDT'],
    push: (candles) => {
      for (const { symbol, openTime } of candles) last.set(symbol, epochMs(openTime + MINUTE_MS));
    },
    pushHours: none,
    pushFunding: none,
    panel: none,
    indicators: none,
    lastMinute: (symbol) => last.get(symbol),
    forget: none,
    warmUp: none,
    snapshot: () => new Uint8Array(),
    restore: none,
  };
  const initial = initialBookState(settings.risk);
  const entered = enterIntents(initial.ledger, [ENTRY]).ledger;
  const ledger = isFilled ? applyBrokerEvents(entered, [FILL]).ledger : entered;
  const candle = testCandle('AUSDT', START, { open: 100, high: 100, low: 100, close: 100 });
  const markets = isPriced ? observeCandles(initial.markets, [candle], settings.sizing) : initial.markets;
  const cycle = new MinuteCycle(
    {
      book: 'main',
      universe: ['AUSDT', 'BUSDT'],
      references: [],
      instruments: () => new Map([['AUSDT', testInstrument('AUSDT', { status: 'delisted' })]]),
      ended: () => new Set(['AUSDT']),
      entriesBlocked: () => undefined,
      clock,
      journal,
      broker,
      predictors: { use: (work) => work(undefined) },
      settings: {
        enabled: false,
        intervalMs: MINUTE_MS,
        deadlineMs: 30_000,
        minimumCoverage: 0.5,
        holePatienceMinutes: 5,
        decide: settings,
        text: '{}',
      },
      log: silentLog,
      metrics: noMetrics,
      wait: async () => undefined,
    },
    { state: { ...initial, minute: START, ledger, markets }, features, lastMinute: START },
  );
  const run = (minute: EpochMs) =>
    cycle.run({
      minute,
      candles: [testCandle('BUSDT', minute, { open: 100, high: 100, low: 100, close: 100 })],
      missing: [],
      repaired: [],
    });
  return { cycle, reports, sent, committed, failures, held, run };
}

it('does not go on in memory after a failed commit, which may have come to be', async () => {
  const { cycle, reports, sent, committed, failures } = book();
  reports.push(FILL);
  failures.push(new Error('the database is away'));
  await expect(cycle.book.applyEvents()).rejects.toThrow('the database is away');
  await expect(cycle.book.applyEvents()).rejects.toThrow('the database is away');
  await expect(cycle.book.guardPositions(0)).rejects.toThrow('the database is away');
  expect([sent, committed]).toEqual([[], []]);
});

it('closes a position without a confirmed stop, and again at once where the exit came to nothing', async () => {
  let elapsed = 0;
  const clock: Clock = {
    ...CLOCK,
    now: () => epochMs(START + MINUTE_MS + elapsed),
    elapsed: () => milliseconds(elapsed),
  };
  const { cycle, reports, sent } = book({ isFilled: true, clock });
  const guardAt = async (at: number) => {
    elapsed = at;
    await cycle.book.guardPositions(10_000);
    return sent.filter(({ purpose }) => purpose === 'exit').length;
  };
  expect([await guardAt(0), await guardAt(9_000), await guardAt(10_000), await guardAt(14_000)]).toEqual([0, 0, 1, 1]);
  reports.push({ kind: 'status', clientOrderId: sent[0]?.clientOrderId ?? '', status: 'REJECTED', time: START });
  await cycle.book.applyEvents();
  expect([await guardAt(15_000), await guardAt(16_000)]).toEqual([2, 2]);
});

it('halts once for a position without a confirmed stop, however long it stays without one', async () => {
  const defaults = testSettings();
  const strategies = defaults.strategies.map((strategy) =>
    Object.assign(Object.create(strategy), {
      protection: { ...DEFAULT_PROTECTION_SETTINGS, whenUnconfirmed: 'halt' as const },
    }),
  );
  const { cycle, committed } = book({ isFilled: true, settings: { ...defaults, strategies } });
  expect(await cycle.book.guardPositions(0)).toEqual(['ml/AUSDT']);
  expect(await cycle.book.guardPositions(0)).toEqual([]);
  expect(committed).toHaveLength(1);
  expect(cycle.book.state.risk.latches).toMatchObject([{ mode: 'HALTED', reason: 'PROTECTION_UNCONFIRMED' }]);
});

it('what an account holds of an instrument that ended is left to the venue; only paper settles it by itself', async () => {
  const minute = epochMs(START + MINUTE_MS);
  const paper = book({ isAtAccount: false, isFilled: true });
  expect((await paper.run(minute)).record.fills).toMatchObject([{ side: 'sell', quantity: '1' }]);
  const live = book({ isFilled: true });
  expect((await live.run(minute)).record).toMatchObject({ fills: [], positions: [{ symbol: 'AUSDT' }] });
});

it('asks for what happened since account and book last agreed', async () => {
  const asked: EpochMs[] = [];
  const { cycle, held, run } = book({ explained: (since) => asked.push(since) });
  for (let index = 1; index <= 30; index++) await run(epochMs(START + index * MINUTE_MS));
  held.long = '1';
  expect(await cycle.book.reconcile()).toHaveLength(1);
  expect(new Set(asked)).toEqual(new Set([START - 5 * MINUTE_MS]));
  held.long = '0';
  expect(await cycle.book.reconcile()).toEqual([]);
  held.long = '1';
  asked.length = 0;
  await cycle.book.reconcile();
  expect(new Set(asked)).toEqual(new Set([START + 25 * MINUTE_MS]));
});

it('protection is looked after on and on, also when a look fails', async () => {
  const client: AccountClient = {
    address: 'nowhere',
    place: () => Promise.reject(new Error('nothing is placed here')),
    cancel: async () => undefined,
    find: async () => undefined,
    openOrders: async () => [],
    fillsOf: async () => [],
    fillsSince: async () => [],
    positions: async () => [],
    wallet: async () => ({ balance: '10000', available: '10000', isHedgeMode: true }),
    cashFlowsSince: async () => [],
    prepare: async () => undefined,
    watch: async (listener) => listener({ kind: 'connected' }),
    close: async () => undefined,
  };
  const broker = new CcxtBroker({
    book: 'main',
    client,
    fence: { stamp: async () => ({ signedAt: CLOCK.now(), receiveWindow: milliseconds(2_000) }) },
    clock: CLOCK,
    log: silentLog,
    metrics: noMetrics,
    asksBeforeMinute: false,
    wait: (_ms, signal) => new Promise((resolve) => signal?.addEventListener('abort', () => resolve())),
  });
  const stopping = new AbortController();
  const notices: string[] = [];
  let looks = 0;
  const tasks: Promise<void>[] = [];
  const trading = new AccountTrading({
    account: 'nowhere',
    broker,
    book: {
      reconcile: async () => [],
      settle: async () => undefined,
      applyEvents: async () => false,
      guardPositions: async () => {
        looks += 1;
        if (looks === 1) throw new Error('the database is away');
        if (looks === 3) stopping.abort();
        return looks === 2 ? ['ml/AUSDT'] : [];
      },
    },
    clock: { ...CLOCK, simulation: undefined },
    stopConfirmMs: 10_000,
    log: silentLog,
    signal: stopping.signal,
    notify: (text) => notices.push(text),
    inBackground: (_task, work) => void tasks.push(work()),
    onRefused: () => undefined,
    wait: async () => undefined,
  });
  await trading.start();
  await Promise.all(tasks);
  expect(looks).toBe(3);
  expect(notices).toContain('ml/AUSDT was without a confirmed stop for 10 s');
  await trading.stop();
});

it('a stop that is refused is another order the next time, and is not sent without end', async () => {
  const { cycle, reports, sent } = book({ isPriced: true });
  reports.push(FILL);
  await cycle.book.applyEvents();
  for (let refused = 0; refused < 10; refused++) {
    const { clientOrderId } = sent.at(-1) ?? ENTRY;
    const refusal = { status: 'REJECTED', reason: 'ORDER_RATE_LIMITED', time: START } as const;
    reports.push({ kind: 'status', clientOrderId, ...refusal });
    await cycle.book.applyEvents();
  }
  expect(sent.every(({ purpose, quantity }) => purpose === 'stop' && quantity === '1')).toBe(true);
  expect(new Set(sent.map(({ clientOrderId }) => clientOrderId)).size).toBe(sent.length);
  expect(sent).toHaveLength(4);
});
