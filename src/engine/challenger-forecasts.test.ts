import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadConfig } from '../config/index.ts';
import {
  type EpochMs,
  type FeaturePanel,
  type Forecast,
  HORIZON_NAMES,
  type Horizon,
  ManualClock,
  milliseconds,
  noMetrics,
  type Predictor,
  silentLog,
} from '../core/index.ts';
import {
  acquireLease,
  createPostgresJournal,
  createTestDatabase,
  listForecasts,
  type TestDatabase,
} from '../database/index.ts';
import { CATALOGUE, createFeatureEngineer, featureSet } from '../features/index.ts';
import { createPredictorSlot, type PredictorSlot } from '../model/index.ts';
import { createMetrics } from '../monitoring/index.ts';
import { PaperBroker } from '../trading/index.ts';
import { initialBookState } from './book-state.ts';
import { ChallengerForecasts, type CommittedMinute } from './challenger-forecasts.ts';
import { minuteAt, START, testCandle, testForecast, testInstrument, testSettings } from './decide-fixtures.ts';
import { MinuteCycle } from './minute-cycle.ts';
import { cycleSettings } from './settings.ts';

const SYMBOLS = ['BTCUSDT', 'ETHUSDT', 'AUSDT', 'BUSDT'];

/** A model that says what `returnOf` says, and keeps what it was given. */
function predictorOf(
  modelId: string,
  returnOf: (symbol: string, minute: EpochMs) => number,
  { contextBars = 1, wait = async (): Promise<void> => undefined } = {},
) {
  const given = { observed: [] as EpochMs[], predicted: [] as EpochMs[], closed: false };
  const edges = Array.from({ length: 101 }, (_, index) => index * 1e-4);
  const predictor: Predictor = {
    modelId,
    featureSetHash: 'any',
    edgeReference: Object.fromEntries(HORIZON_NAMES.map((name) => [name, edges])) as Record<Horizon, number[]>,
    contextBars,
    observe: async ({ minute }) => void given.observed.push(minute),
    predict: async ({ minute, symbols }) => {
      await wait();
      given.predicted.push(minute);
      return symbols.map((symbol) => ({ ...testForecast(symbol, minute, returnOf(symbol, minute)), modelId }));
    },
    withheld: () => new Map(),
    close: async () => {
      given.closed = true;
    },
  };
  return { predictor, given };
}

describe('the forecasts of a challenger', () => {
  const panelOf = (minute: EpochMs): FeaturePanel => ({
    minute,
    symbols: SYMBOLS,
    width: 0,
    featureSetHash: 'any',
    values: new Float32Array(0),
    masked: new Uint8Array(0),
  });
  const committed = (index: number, changes: Partial<CommittedMinute> = {}): CommittedMinute => ({
    minute: minuteAt(index),
    panel: () => panelOf(minuteAt(index)),
    servedBy: 'champion',
    isDue: true,
    isLate: false,
    ...changes,
  });

  async function start(predictor: Predictor, store?: (forecasts: readonly Forecast[]) => Promise<void>) {
    const slot: PredictorSlot = createPredictorSlot();
    await slot.swap(predictor);
    const stored: EpochMs[] = [];
    const metrics = createMetrics({ strict: true });
    const challenger = new ChallengerForecasts({
      slot,
      journal: {
        commitChallengerForecasts: async (minute, forecasts) => {
          await store?.(forecasts);
          stored.push(minute);
        },
      },
      clock: new ManualClock(START),
      log: silentLog,
      metrics,
    });
    const reasons = async (reason: string) =>
      (await metrics.snapshot()).find(
        ({ name, labels }) => name === 'minutehand_reasons_total' && labels.reason === reason,
      )?.value ?? 0;
    return { challenger, slot, stored, reasons };
  }

  it('are made of the minutes in which forecasts are due; the rows of the others go into its context', async () => {
    const { predictor, given } = predictorOf('network', () => 0, { contextBars: 96 });
    const { challenger, stored } = await start(predictor);
    for (const [index, isDue] of [true, false, true].entries()) {
      challenger.take(committed(index, { isDue }));
      await challenger.settled();
    }
    expect(given).toMatchObject({ predicted: [minuteAt(0), minuteAt(2)], observed: [minuteAt(1)] });
    expect(stored).toEqual([minuteAt(0), minuteAt(2)]);
  });

  it('are left out where it is behind, which is counted, and its context stays whole', async () => {
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const { predictor, given } = predictorOf('network', () => 0, { contextBars: 96, wait: () => held });
    const { challenger, stored, reasons } = await start(predictor);
    for (let index = 0; index < 40; index++) challenger.take(committed(index));
    release();
    await challenger.settled();
    challenger.take(committed(40, { isLate: true }));
    challenger.take(committed(41, { servedBy: 'network' }));
    await challenger.settled();
    expect(stored).toEqual([minuteAt(0)]);
    // What waits is bounded.
    expect(given.observed).toEqual([...Array.from({ length: 14 }, (_, index) => minuteAt(index + 1)), minuteAt(40)]);
    expect(await reasons('MODEL_CHALLENGER_BEHIND')).toBe(40);
  });

  it('fail alone: the reason is counted, and the next minute is tried again', async () => {
    const { predictor } = predictorOf('broken', (_, minute) => {
      if (minute === minuteAt(0)) throw new Error('no forecast');
      return 0;
    });
    const { challenger, stored, reasons } = await start(predictor, async (forecasts) => {
      if (forecasts[0]?.minute === minuteAt(1)) throw new Error('no store');
    });
    for (let index = 0; index < 3; index++) {
      challenger.take(committed(index));
      await challenger.settled();
    }
    expect(stored).toEqual([minuteAt(2)]);
    expect(await reasons('MODEL_CHALLENGER_FAILED')).toBe(2);
  });

  it('come from another model from the next minute on; the old one is closed after its last', async () => {
    const [first, second] = [predictorOf('first', () => 0), predictorOf('second', () => 0)];
    const { challenger, slot } = await start(first.predictor);
    challenger.take(committed(0));
    await challenger.settled();
    await slot.swap(second.predictor);
    challenger.take(committed(1));
    await challenger.settled();
    await slot.close();
    challenger.take(committed(2));
    await challenger.settled();
    expect(first.given).toMatchObject({ predicted: [minuteAt(0)], closed: true });
    expect(second.given).toMatchObject({ predicted: [minuteAt(1)], closed: true });
  });
});

describe('a book with a challenger', () => {
  const config = loadConfig({ workingDirectory: process.cwd(), env: {} }).values;
  const set = featureSet(CATALOGUE.filter(({ stage }) => stage === 'fast').slice(0, 2));
  const MINUTES = 75;
  let test: TestDatabase;
  beforeAll(async () => {
    test = await createTestDatabase();
  });
  afterAll(() => test.drop());

  /** Strong opinions that change every half hour. */
  const opinion = (symbol: string, minute: EpochMs) =>
    0.02 * (SYMBOLS.indexOf(symbol) % 2 === Math.floor(minute / 1_800_000) % 2 ? 1 : -1);

  async function run(book: string, challenger?: Predictor) {
    const clock = new ManualClock(START);
    const { database } = test;
    const held = await acquireLease(database, { book, holder: 'test', now: START, duration: milliseconds(1e12) });
    if (!held.acquired) throw new Error('the lease is held');
    const journal = createPostgresJournal({ database, venue: 'binanceusdm', lease: held.lease, clock });
    const predictors = createPredictorSlot();
    await predictors.swap(predictorOf('champion', opinion).predictor);
    const slot = createPredictorSlot();
    if (challenger) await slot.swap(challenger);
    const beside = new ChallengerForecasts({ slot, journal, clock, log: silentLog, metrics: noMetrics });
    const settings = { ...cycleSettings(config, 'main'), decide: testSettings() };
    const instruments = new Map(SYMBOLS.map((symbol) => [symbol, testInstrument(symbol)]));
    const features = createFeatureEngineer({ featureSet: set, symbols: SYMBOLS, references: ['BTCUSDT', 'ETHUSDT'] });
    const cycle = new MinuteCycle(
      {
        book,
        universe: SYMBOLS,
        references: ['BTCUSDT', 'ETHUSDT'],
        instruments: () => instruments,
        ended: () => new Set(),
        entriesBlocked: () => undefined,
        clock,
        journal,
        broker: new PaperBroker({ instrumentOf: (symbol) => instruments.get(symbol), costs: settings.decide.costs }),
        predictors,
        challenger: beside,
        settings,
        log: silentLog,
        metrics: noMetrics,
      },
      { state: initialBookState(settings.decide.risk), features },
    );
    const decided: unknown[] = [];
    for (let index = 1; index <= MINUTES; index++) {
      const minute = minuteAt(index);
      clock.moveTo(minute);
      const candles = SYMBOLS.map((symbol, at) => testCandle(symbol, minute, { close: 100 + ((index + at) % 3) / 10 }));
      const { record } = await cycle.run({ minute, candles, missing: [], repaired: [] });
      await beside.settled();
      const { book: _book, stageMs: _times, startedAt: _began, ...rest } = record;
      decided.push(rest);
    }
    await cycle.settled();
    const stored = await listForecasts(database, { book, from: START, until: minuteAt(MINUTES + 1) });
    const countOf = (modelId: string) => stored.filter((forecast) => forecast.modelId === modelId).length;
    return { decided: decided as { intents: unknown[]; fills: unknown[] }[], countOf };
  }

  it('decides, orders and fills what it would without one, whatever the challenger says', async () => {
    const alone = await run('alone');
    expect(alone.decided.flatMap(({ intents }) => intents).length).toBeGreaterThan(3);
    expect(alone.decided.flatMap(({ fills }) => fills).length).toBeGreaterThan(3);
    expect(alone.countOf('challenger')).toBe(0);

    const contrary = predictorOf('challenger', (symbol, minute) => -2 * opinion(symbol, minute));
    const beside = await run('beside', contrary.predictor);
    expect(beside.decided).toEqual(alone.decided);
    expect(beside.countOf('champion')).toBe(alone.countOf('champion'));
    expect(beside.countOf('challenger')).toBe(alone.countOf('champion'));

    const broken = predictorOf('challenger', () => Number.parseFloat('nothing'), {
      wait: () => Promise.reject(new Error('no forecast')),
    });
    const harmed = await run('harmed', broken.predictor);
    expect(harmed.decided).toEqual(alone.decided);
    expect(harmed.countOf('challenger')).toBe(0);
  });
});
