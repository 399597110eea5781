import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type EpochMs, epochMs, type Journal, ManualClock, MINUTE_MS, milliseconds } from '../core/index.ts';
import { saveUniverse, universeAt } from './books.ts';
import { countRange, lastCycleMinute, listCycles, readStageTimes } from './cycles.ts';
import { featureNamesOf, readFeatures } from './features.ts';
import {
  SOME_MINUTE,
  someCandle,
  someCycle,
  someFill,
  someForecast,
  someIntent,
  someOrder,
  somePosition,
  someSignal,
  someStop,
  someSymbols,
} from './fixtures.ts';
import { createPostgresJournal } from './journal.ts';
import { acquireLease } from './leases.ts';
import { listEquity, listFills, listOrderEvents, listOrders, listPositions } from './ledger.ts';
import { listSteps, readStepText } from './replay.ts';
import { listForecasts, listSignals } from './signals.ts';
import { listSnapshots } from './snapshots.ts';
import { createTestDatabase, type TestDatabase } from './testing.ts';

let test: TestDatabase;
beforeAll(async () => {
  test = await createTestDatabase();
});
afterAll(() => test.drop());

const minuteAt = (index: number): EpochMs => epochMs(SOME_MINUTE + index * MINUTE_MS);

let epochs = 0;
async function journalFor(book: string): Promise<Journal> {
  const request = await acquireLease(test.database, {
    book,
    holder: `holder ${epochs++}`,
    now: epochMs(epochs * 1_000),
    duration: milliseconds(1),
  });
  if (!request.acquired) throw new Error('the lease is held');
  return createPostgresJournal({
    database: test.database,
    venue: 'v',
    lease: request.lease,
    clock: new ManualClock(SOME_MINUTE),
  });
}

describe('a committed minute', () => {
  const symbols = someSymbols(50);
  const [first = '', second = ''] = symbols;
  const decided = someCycle(SOME_MINUTE, {
    members: symbols,
    excluded: [{ symbol: 'GONEUSDT', reason: 'CANDLE_MISSING' }],
    candles: 50,
    forecasts: symbols.map((symbol) => someForecast(symbol, SOME_MINUTE)),
    signals: symbols.map((symbol, index) =>
      someSignal(symbol, SOME_MINUTE, { accepted: index < 2, netEdge: index / 1000 }),
    ),
    intents: [someIntent(first, SOME_MINUTE), someIntent(second, SOME_MINUTE)],
    reasonCounts: { SIGNAL_CONFIDENCE_LOW: 48 },
  });
  const filled = someCycle(minuteAt(1), {
    status: 'MISSED',
    reason: 'CYCLE_PAST_DEADLINE',
    orders: [someOrder(first, SOME_MINUTE)],
    orderEvents: [
      {
        clientOrderId: someIntent(first, SOME_MINUTE).clientOrderId,
        sequence: 1,
        time: minuteAt(1),
        status: 'ACCEPTED',
      },
      { clientOrderId: someIntent(first, SOME_MINUTE).clientOrderId, sequence: 2, time: minuteAt(1), status: 'FILLED' },
    ],
    fills: [someFill(first, SOME_MINUTE)],
    cashFlows: [{ flowId: 'f1', cause: 'funding', symbol: first, amount: '-0.125', time: minuteAt(1) }],
    positions: [somePosition(first, minuteAt(1)), somePosition(second, minuteAt(1))],
    intents: [someStop(first, minuteAt(1))],
  });
  let journal: Journal;
  beforeAll(async () => {
    journal = await journalFor('main');
    expect(await journal.loadBook('main')).toBeUndefined();
    await journal.commitCycle(decided);
    await journal.commitCycle(filled);
  });

  it('is read back as it was decided', async () => {
    const range = { book: 'main', from: SOME_MINUTE, until: minuteAt(1) };
    expect(await listForecasts(test.database, range)).toEqual(decided.forecasts);
    expect(await listForecasts(test.database, { ...range, symbol: second })).toEqual([decided.forecasts[1]]);
    expect(await listSignals(test.database, range)).toEqual(decided.signals.toReversed());
    expect(await listOrders(test.database, { book: 'main', symbol: second })).toEqual([
      { ...someIntent(second, SOME_MINUTE), status: 'SUBMITTING', filledQuantity: '0' },
    ]);
    expect(await listOrders(test.database, { book: 'main', open: false })).toEqual([someOrder(first, SOME_MINUTE)]);
    expect(await listOrderEvents(test.database, someOrder(first, SOME_MINUTE).clientOrderId)).toEqual(
      filled.orderEvents,
    );
    expect(await listFills(test.database, { book: 'main', limit: 5 })).toEqual(filled.fills);
    expect(await listPositions(test.database, 'main')).toEqual(filled.positions);
    expect(await listEquity(test.database, { book: 'main', limit: 1 })).toEqual([filled.equity]);
    const { forecasts, signals, intents, orders, orderEvents, fills, positions, equity, ...told } = filled;
    const { commands, riskEvents, bookState, cashFlows, step, ...cycle } = told;
    expect(await listSteps(test.database, { book: 'main', from: SOME_MINUTE, to: minuteAt(1) })).toEqual(
      [SOME_MINUTE, minuteAt(1)].map((minute) => ({
        minute,
        step: 0,
        inputs: step.inputs,
        stateDigest: step.stateDigest,
      })),
    );
    expect(await readStepText(test.database, 'name')).toBe('text');
    const flows = await test.database.pool.query('SELECT * FROM cash_flows WHERE book = $1', ['main']);
    expect(flows.rows).toEqual([
      { book: 'main', flow_id: 'f1', cause: 'funding', symbol: first, amount: '-0.125', time: minuteAt(1) },
    ]);
    expect((await listCycles(test.database, { book: 'main', limit: 1 }))[0]).toEqual({
      ...cycle,
      predictions: forecasts.length,
      candidates: signals.length,
      signals: 0,
      intents: intents.length,
      fills: fills.length,
    });
    expect(await lastCycleMinute(test.database, 'main')).toBe(minuteAt(1));
    expect(await lastCycleMinute(test.database, 'other')).toBeUndefined();
  });

  it('is what a restart goes on from: the state to the letter, and the orders that have not ended', async () => {
    expect(await journal.loadBook('main')).toEqual({
      lastMinute: minuteAt(1),
      bookState: decided.bookState,
      openOrders: [
        { ...someIntent(second, SOME_MINUTE), status: 'SUBMITTING', filledQuantity: '0' },
        { ...someStop(first, minuteAt(1)), status: 'SUBMITTING', filledQuantity: '0' },
      ],
    });
  });

  it('is listed by filters of its signals', async () => {
    expect((await listSignals(test.database, { book: 'main', accepted: true })).map(({ symbol }) => symbol)).toEqual([
      second,
      first,
    ]);
    expect(await listSignals(test.database, { book: 'main', accepted: false, limit: 3 })).toHaveLength(3);
    expect(await listSignals(test.database, { book: 'main', minConfidence: 0.8 })).toEqual([]);
    expect(await listSignals(test.database, { book: 'main', symbol: first, after: SOME_MINUTE })).toEqual([]);
  });

  it('is counted', async () => {
    await journal.commitCandles(symbols.map((symbol) => someCandle({ symbol })));
    const counted = await countRange(test.database, 'v', { book: 'main', from: SOME_MINUTE, until: minuteAt(2) });
    expect(counted).toEqual({
      cycles: 2,
      missed: 1,
      candles: 50,
      predictions: 50,
      challengerPredictions: 0,
      signals: 2,
      orders: 3,
      fills: 1,
    });
  });

  it('has the forecasts of a challenger beside those of the model that served, of which alone it counts as its own', async () => {
    const range = { book: 'main', from: SOME_MINUTE, until: minuteAt(2) };
    const before = await countRange(test.database, 'v', range);
    const of = (minute: EpochMs) =>
      [first, second].map((symbol) => ({ ...someForecast(symbol, minute), modelId: 'b' }));
    for (let repetition = 0; repetition < 2; repetition++) {
      await journal.commitChallengerForecasts(SOME_MINUTE, of(SOME_MINUTE));
    }
    // Nothing of a minute that nobody decided.
    await journal.commitChallengerForecasts(minuteAt(5), of(minuteAt(5)));
    expect(await countRange(test.database, 'v', { ...range, until: minuteAt(9) })).toEqual({
      ...before,
      challengerPredictions: 2,
    });
    const stored = await listForecasts(test.database, { ...range, symbol: first });
    expect(stored.map(({ modelId }) => modelId)).toEqual(['b', 'linear-1']);
  });

  it('takes its last timings afterwards', async () => {
    await journal.commitTimings('main', minuteAt(1), { commit: 5, send: 0.25 });
    const times = await readStageTimes(test.database, { book: 'main', from: SOME_MINUTE, until: minuteAt(2) });
    expect([...times.stages.commit]).toEqual([Number.NaN, 5]);
    expect([...times.stages.candles]).toEqual([3.5, 3.5]);
    expect([...times.total]).toEqual([28.75, 34]);
  });

  it('changes nothing when it is committed again, even with other content', async () => {
    const dump = () =>
      test.database.pool.query('SELECT * FROM cycles, books, positions, equity WHERE books.book = cycles.book');
    const before = (await dump()).rows;
    await journal.commitCycle(filled);
    await journal.commitCycle({
      ...decided,
      bookState: 'other',
      positions: [],
      intents: [someIntent('NEWUSDT', SOME_MINUTE)],
    });
    expect((await dump()).rows).toEqual(before);
    expect(await listOrders(test.database, { book: 'main', symbol: 'NEWUSDT' })).toEqual([]);
  });

  it('replaces the open positions', async () => {
    await journal.commitCycle(someCycle(minuteAt(2), { positions: [somePosition(second, minuteAt(1))] }));
    expect((await listPositions(test.database, 'main')).map(({ symbol }) => symbol)).toEqual([second]);
    await journal.commitCycle(someCycle(minuteAt(3)));
    expect(await listPositions(test.database, 'main')).toEqual([]);
  });
});

describe('a minute is refused as a whole', () => {
  it('when another process has taken the book, and its writes alone count from then on', async () => {
    const deposed = await journalFor('fenced');
    await deposed.commitCycle(someCycle(minuteAt(0), { book: 'fenced' }));
    const owner = await journalFor('fenced');
    await expect(deposed.commitCycle(someCycle(minuteAt(1), { book: 'fenced' }))).rejects.toMatchObject({
      code: 'LEASE_LOST',
    });
    expect(await lastCycleMinute(test.database, 'fenced')).toBe(minuteAt(0));
    await deposed.commitChallengerForecasts(minuteAt(0), [someForecast('BTCUSDT', minuteAt(0))]);
    expect(await listForecasts(test.database, { book: 'fenced', from: minuteAt(0), until: minuteAt(1) })).toEqual([]);
    await owner.commitCycle(someCycle(minuteAt(1), { book: 'fenced' }));
    expect(await lastCycleMinute(test.database, 'fenced')).toBe(minuteAt(1));
  });

  it('when its book was never leased, or is another one than the lease is for', async () => {
    const journal = createPostgresJournal({
      database: test.database,
      venue: 'v',
      lease: { book: 'unleased', epoch: 1 },
    });
    await expect(journal.commitCycle(someCycle(minuteAt(0), { book: 'unleased' }))).rejects.toMatchObject({
      code: 'LEASE_LOST',
    });
    const other = await journalFor('mine');
    await journalFor('yours');
    await expect(other.commitCycle(someCycle(minuteAt(0), { book: 'yours' }))).rejects.toMatchObject({
      code: 'LEASE_LOST',
    });
  });

  it('when a later one is committed already', async () => {
    const journal = await journalFor('late');
    await journal.commitCycle(someCycle(minuteAt(5), { book: 'late' }));
    await expect(journal.commitCycle(someCycle(minuteAt(4), { book: 'late' }))).rejects.toMatchObject({
      code: 'CYCLE_OUT_OF_ORDER',
    });
  });

  it('when it holds a second entry for a symbol that has one open; once that has ended, it passes', async () => {
    const journal = await journalFor('twice');
    const entry = (minute: EpochMs) =>
      someIntent('BTCUSDT', minute, { book: 'twice', clientOrderId: `twice-${minute}` });
    const base = { book: 'twice' };
    await journal.commitCycle(someCycle(minuteAt(0), { ...base, intents: [entry(minuteAt(0))] }));
    const second = someCycle(minuteAt(1), { ...base, intents: [entry(minuteAt(1))] });
    await expect(journal.commitCycle(second)).rejects.toMatchObject({ code: 'ORDER_ENTRY_PENDING' });
    expect(await lastCycleMinute(test.database, 'twice')).toBe(minuteAt(0));
    const ended = { ...entry(minuteAt(0)), status: 'EXPIRED', reason: 'ORDER_EXPIRED', filledQuantity: '0' } as const;
    await journal.commitCycle({ ...second, orders: [ended] });
    expect((await listOrders(test.database, { ...base })).map(({ status }) => status)).toEqual([
      'EXPIRED',
      'SUBMITTING',
    ]);
  });
});

describe('the journal', () => {
  it('keeps the newest minute of each symbol as its snapshot', async () => {
    const journal = await journalFor('snapshots');
    const candle = (index: number) =>
      someCandle({ symbol: 'SNAPUSDT', openTime: minuteAt(index - 1), close: 100 + index });
    await journal.commitCandles([candle(1), candle(3), candle(2)]);
    await journal.commitCandles([candle(0)]);
    const snapshots = await listSnapshots(test.database, 'v');
    expect(snapshots.find(({ symbol }) => symbol === 'SNAPUSDT')).toMatchObject({ minute: minuteAt(3), close: 103 });
  });

  it('keeps features and indicators of a minute, masked ones as NaN', async () => {
    const journal = await journalFor('features');
    const rows = (minute: EpochMs) => ({
      panel: {
        minute,
        symbols: ['BTCUSDT', 'ETHUSDT'],
        width: 3,
        featureSetHash: 'abc',
        values: Float32Array.of(1, 2, Number.NaN, 4, 5.5, -6),
        masked: Uint8Array.of(0, 0, 1, 0, 0, 0),
      },
      featureNames: ['a', 'b', 'c'],
      indicators: [{ rsi: 50.5 }, { rsi: 49 }],
    });
    for (const index of [0, 1, 1]) await journal.commitFeatures(rows(minuteAt(index)));
    const query = { venue: 'v', featureSetHash: 'abc', from: SOME_MINUTE, until: minuteAt(2) };
    expect(await readFeatures(test.database, { ...query, symbol: 'BTCUSDT' })).toEqual(
      [0, 1].map((index) => ({
        symbol: 'BTCUSDT',
        minute: minuteAt(index),
        features: Float32Array.of(1, 2, Number.NaN),
      })),
    );
    expect(await readFeatures(test.database, { ...query, symbol: 'ETHUSDT', until: minuteAt(1) })).toEqual([
      { symbol: 'ETHUSDT', minute: SOME_MINUTE, features: Float32Array.of(4, 5.5, -6) },
    ]);
    expect(await featureNamesOf(test.database, 'abc')).toEqual(['a', 'b', 'c']);
    expect(await featureNamesOf(test.database, 'unknown')).toBeUndefined();
    const { rows: found } = await test.database.pool.query(
      'SELECT indicators FROM technical_indicators ORDER BY minute, instrument_id',
    );
    expect(found.map(({ indicators }) => indicators.rsi)).toEqual([50.5, 49, 50.5, 49]);
  });

  it('keeps the newest three states of the features', async () => {
    const journal = await journalFor('states');
    const state = { book: 'states', featureSetHash: 'abc' };
    expect(await journal.loadFeatureState('states', 'abc')).toBeUndefined();
    for (const index of [0, 1, 2, 3, 4, 4]) {
      await journal.saveFeatureState({ ...state, minute: minuteAt(index), bytes: Uint8Array.of(1, 0, 255, index) });
    }
    await journal.saveFeatureState({ ...state, featureSetHash: 'other', minute: minuteAt(9), bytes: Uint8Array.of() });
    const loaded = await journal.loadFeatureState('states', 'abc');
    expect(loaded?.minute).toBe(minuteAt(4));
    expect([...(loaded?.bytes ?? [])]).toEqual([1, 0, 255, 4]);
    const { rows } = await test.database.pool.query(
      "SELECT minute FROM feature_states WHERE feature_set_hash = 'abc' ORDER BY minute",
    );
    expect(rows.map(({ minute }) => minute)).toEqual([2, 3, 4].map(minuteAt));
  });
});

describe('a universe', () => {
  it('holds from its minute on, in its own order', async () => {
    const save = (fromMinute: EpochMs, symbols: string[]) =>
      saveUniverse(test.database, { book: 'main', fromMinute, symbols });
    await save(minuteAt(0), ['BTCUSDT', 'ETHUSDT']);
    await save(minuteAt(10), ['SOLUSDT', 'BTCUSDT']);
    expect(await universeAt(test.database, 'main', minuteAt(-1))).toBeUndefined();
    expect(await universeAt(test.database, 'main', minuteAt(9))).toEqual(['BTCUSDT', 'ETHUSDT']);
    expect(await universeAt(test.database, 'main', minuteAt(10))).toEqual(['SOLUSDT', 'BTCUSDT']);
  });
});
