import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  createRandom,
  type EpochMs,
  epochMs,
  type FinalCandle,
  FORECAST_WIDTH,
  type Forecast,
  type Journal,
  MINUTE_MS,
  milliseconds,
  outputIndex,
  type SymbolId,
} from '../core/index.ts';
import {
  acquireLease,
  createPostgresJournal,
  createTestDatabase,
  readOutcomes,
  readRankedMinutes,
  recordOutcomes,
  type TestDatabase,
} from '../database/index.ts';
import { gatherEvidence } from './model-evidence.ts';
import { realizedTargets, rollingAccuracy, stepOutcomes } from './outcomes.ts';

const START = Date.UTC(2025, 5, 20, 12);
const minuteAt = (index: number): EpochMs => epochMs(START + index * MINUTE_MS);

/** The candle that closes at a minute. */
const candleOf = (symbol: SymbolId, minute: EpochMs, close: number): FinalCandle => ({
  state: 'final',
  finality: 'archive',
  symbol,
  timeframe: '1m',
  openTime: epochMs(minute - MINUTE_MS),
  open: close,
  high: close,
  low: close,
  close,
  volume: 1,
});

function forecastOf(symbol: SymbolId, minute: EpochMs, shares = [0.5, 0.2, 0.3]): Forecast {
  const values = new Float32Array(FORECAST_WIDTH);
  values.set(shares, outputIndex('direction_15m_up'));
  return { symbol, minute, modelId: 'model-1', values, maskedShare: 0 };
}

let test: TestDatabase;
let journalOf: (book: string) => Promise<Journal>;
beforeAll(async () => {
  test = await createTestDatabase();
  journalOf = async (book) => {
    const { database } = test;
    const now = minuteAt(0);
    const held = await acquireLease(database, { book, holder: 'test', now, duration: milliseconds(1e9) });
    if (!held.acquired) throw new Error('the lease is held');
    return createPostgresJournal({ database, venue: book, lease: held.lease });
  };
});
afterAll(() => test.drop());

/** Commits the forecasts of a minute. */
async function commit(journal: Journal, book: string, minute: EpochMs, forecasts: readonly Forecast[]): Promise<void> {
  await journal.commitCycle({
    book,
    minute,
    status: 'DECIDED',
    members: forecasts.map(({ symbol }) => symbol),
    excluded: [],
    candles: 0,
    forecasts,
    signals: [],
    notes: [],
    intents: [],
    orders: [],
    orderEvents: [],
    fills: [],
    cashFlows: [],
    positions: [],
    equity: {
      minute,
      equity: '1',
      cash: '1',
      unrealizedPnl: '0',
      realizedPnl: '0',
      fees: '0',
      funding: '0',
      transfers: '0',
      grossExposure: '0',
      openPositions: 0,
    },
    commands: [],
    riskEvents: [],
    reasonCounts: {},
    stageMs: {},
    startedAt: minute,
    bookState: '{}',
    step: { inputs: '{}', stateDigest: 'none', texts: new Map() },
  });
}

describe('the outcomes of forecasts', () => {
  const book = 'outcomes';
  const step = (index: number) =>
    stepOutcomes(test.database, { book, venue: book, minute: minuteAt(index) }).then((steps) =>
      steps.map(({ recorded, unknown, resolved }) => [recorded, unknown, resolved]),
    );
  const outcomeOf = (symbol: SymbolId, index: number) =>
    readOutcomes(test.database, { venue: book, symbol, minute: minuteAt(index) }).then((outcomes) =>
      Object.fromEntries(
        outcomes.flatMap(({ horizon, realizedReturn }) => (realizedReturn === null ? [] : [[horizon, realizedReturn]])),
      ),
    );
  const closeOf = (symbol: SymbolId, index: number) => (symbol === 'AUSDT' ? 100 + index : 100 - index / 100);

  it('are entered once their horizon has ended, and only where the candles at both ends are known', async () => {
    const journal = await journalOf(book);
    for (let index = 0; index <= 64; index++) {
      const symbols = ['AUSDT', 'BUSDT'];
      // B has no candle at minute 17: neither the end of the forecast of minute 2, nor the start of that of minute 17.
      const candles = symbols
        .filter((symbol) => symbol === 'AUSDT' || index !== 17)
        .map((symbol) => candleOf(symbol, minuteAt(index), closeOf(symbol, index)));
      await journal.commitCandles(candles);
      const forecasts = symbols.map((symbol) => forecastOf(symbol, minuteAt(index)));
      await commit(journal, book, minuteAt(index), forecasts);
      if (index === 14)
        expect(await step(14)).toEqual([
          [0, 0, 0],
          [0, 0, 0],
          [0, 0, 0],
          [0, 0, 0],
        ]);
      if (index === 15)
        expect(await step(15)).toEqual([
          [2, 0, 0],
          [0, 0, 0],
          [0, 0, 0],
          [0, 0, 0],
        ]);
    }
    expect(await outcomeOf('AUSDT', 0)).toEqual({ '15m': expect.closeTo(0.15, 12) });
    // 49 minutes more of the shortest horizon, five of the next.
    expect(await step(64)).toEqual([
      [98, 2, 0],
      [10, 0, 0],
      [0, 0, 0],
      [0, 0, 0],
    ]);
    expect(await outcomeOf('AUSDT', 4)).toEqual({
      '15m': expect.closeTo(119 / 104 - 1, 12),
      '1h': expect.closeTo(164 / 104 - 1, 12),
    });
    expect(await outcomeOf('BUSDT', 2)).toEqual({ '1h': expect.closeTo(99.38 / 99.98 - 1, 12) });
    const { rows } = await test.database.pool.query(
      'SELECT horizon, direction, count(*) AS count FROM forecast_outcomes GROUP BY 1, 2 ORDER BY 1, 2',
    );
    // A rises by far; B falls by 0.15 % within 15 minutes, which is down, and by 0.6 % within an hour.
    expect(rows).toEqual([
      { horizon: '15m', direction: 0, count: 50 },
      { horizon: '15m', direction: 1, count: expect.any(Number) },
      { horizon: '15m', direction: null, count: 2 },
      { horizon: '1h', direction: 0, count: 5 },
      { horizon: '1h', direction: 1, count: 5 },
    ]);
  });

  it('are entered once, however often and by whichever start', async () => {
    expect(await step(64)).toEqual([
      [0, 0, 0],
      [0, 0, 0],
      [0, 0, 0],
      [0, 0, 0],
    ]);
    await test.database.pool.query("DELETE FROM outcome_progress WHERE book = 'outcomes'");
    expect(await step(64)).toEqual([
      [0, 0, 0],
      [0, 0, 0],
      [0, 0, 0],
      [0, 0, 0],
    ]);
  });

  it('are filled in when a missing candle becomes known', async () => {
    const later = await journalOf(book);
    await later.commitCandles([candleOf('BUSDT', minuteAt(17), closeOf('BUSDT', 17))]);
    expect(await step(64)).toEqual([
      [0, 0, 2],
      [0, 0, 0],
      [0, 0, 0],
      [0, 0, 0],
    ]);
    expect(await outcomeOf('BUSDT', 2)).toMatchObject({ '15m': expect.closeTo(99.83 / 99.98 - 1, 12) });
  });

  it('are entered so many minutes at a time, going on where the last step ended', async () => {
    const horizon = { horizon: '15m', durationMs: 900_000, threshold: 0.0015, hasExtremes: false } as const;
    await test.database.pool.query('DELETE FROM outcome_progress');
    await test.database.pool.query('DELETE FROM forecast_outcomes');
    const next = () => recordOutcomes(test.database, { ...horizon, book, venue: book, now: minuteAt(64), minutes: 20 });
    expect([await next(), await next(), await next(), await next()].map(({ known }) => known)).toEqual([40, 40, 20, 0]);
  });
});

describe('how forecasts ranked returns', () => {
  const book = 'ranks';

  it('is the rank correlation of each full hour over the symbols, ties shared; minutes that say nothing are left out', async () => {
    const journal = await journalOf(book);
    const symbols = ['AUSDT', 'BUSDT', 'CUSDT', 'DUSDT', 'EUSDT'];
    // Forecast returns by hour: in the order of the outcomes, against it but for a tie, and all equal.
    const forecasts = [
      [1, 2, 3, 4, 5],
      [5, 4, 3, 3, 1],
      [2, 2, 2, 2, 2],
    ];
    for (let minute = 0; minute <= 3 * 60; minute += 15) {
      const time = minuteAt(minute);
      const closes = symbols.map((symbol, index) => candleOf(symbol, time, 100 + ((index + 1) * minute) / 15));
      await journal.commitCandles(closes);
      const hour = forecasts[minute / 60] ?? forecasts[0];
      await commit(
        journal,
        book,
        time,
        symbols.map((symbol, index) => {
          const forecast = forecastOf(symbol, time);
          forecast.values[outputIndex('future_return_15m')] = hour?.[index] ?? 0;
          return forecast;
        }),
      );
    }
    await stepOutcomes(test.database, { book, venue: book, minute: minuteAt(180) });
    const query = { book, venue: book, modelId: 'model-1', horizon: '15m' as const };
    const window = { from: minuteAt(0), until: minuteAt(180) };
    // Ranks 5, 4, 2.5, 2.5, 1 against 1 to 5.
    expect(await readRankedMinutes(test.database, { ...query, ...window })).toEqual([
      { minute: minuteAt(0), coefficient: expect.closeTo(1, 12) },
      { minute: minuteAt(60), coefficient: expect.closeTo(-9.5 / Math.sqrt(9.5 * 10), 12) },
    ]);
    const evidence = await gatherEvidence(test.database, { ...query, days: 5, until: minuteAt(180) });
    expect(evidence).toMatchObject({ from: minuteAt(0), days: 1, isDegraded: false });
    const other = { ...query, ...window, modelId: 'another' };
    expect(await readRankedMinutes(test.database, other)).toEqual([]);
  });
});

describe('rolling accuracy', () => {
  const book = 'accuracy';
  const QUARTERS = 24;
  const symbols = Array.from({ length: 10 }, (_, index) => `S${index}USDT`);

  it('is what a count by hand gives, with the frequencies as its base, and says when it is too little', async () => {
    const journal = await journalOf(book);
    const random = createRandom(9);
    const closes = new Map(symbols.map((symbol) => [symbol, 100]));
    const made: { symbol: SymbolId; quarter: number; shares: number[]; close: number }[] = [];
    for (let quarter = 0; quarter <= QUARTERS; quarter++) {
      const minute = minuteAt(15 * quarter);
      const forecasts = symbols.map((symbol) => {
        const weights = [random.uniform(), random.uniform(), random.uniform()];
        const sum = weights.reduce((total, weight) => total + weight, 0);
        const shares = weights.map((weight) => Math.fround(weight / sum));
        const close = (closes.get(symbol) ?? 1) * (1 + 0.003 * random.normal());
        closes.set(symbol, close);
        made.push({ symbol, quarter, shares, close });
        return forecastOf(symbol, minute, shares);
      });
      await journal.commitCandles(made.slice(-10).map(({ symbol, close }) => candleOf(symbol, minute, close)));
      await commit(journal, book, minute, forecasts);
    }
    await stepOutcomes(test.database, { book, venue: book, minute: minuteAt(15 * QUARTERS) });

    const labelled = made
      .filter(({ quarter }) => quarter < QUARTERS)
      .map(({ symbol, quarter, shares, close }) => {
        const after = made.find((each) => each.symbol === symbol && each.quarter === quarter + 1)?.close ?? 0;
        const change = after / close - 1;
        return { shares, label: change > 0.0015 ? 0 : change <= -0.0015 ? 1 : 2 };
      });
    const n = labelled.length;
    const mean = (of: (row: (typeof labelled)[number]) => number) =>
      labelled.reduce((sum, row) => sum + of(row), 0) / n;
    const frequencies = [0, 1, 2].map((label) => mean((row) => Number(row.label === label)));
    let gaps = 0;
    for (let bin = 0; bin < 45; bin++) {
      const of = bin % 3;
      const inBin = labelled.filter(({ shares }) => Math.floor((shares[of] ?? 0) * 15) === Math.floor(bin / 3));
      gaps += Math.abs(inBin.reduce((sum, row) => sum + (row.shares[of] ?? 0) - Number(row.label === of), 0));
    }
    const query = { book, venue: book, horizons: ['15m'] as const, days: 1, until: minuteAt(15 * QUARTERS) };
    const [found, ...others] = await rollingAccuracy(test.database, query);
    expect(others).toEqual([]);
    expect(found).toEqual({
      modelId: 'model-1',
      horizon: '15m',
      isJudged: true,
      forecasts: 240,
      unknown: 0,
      stretches: 24,
      hitRate: expect.closeTo(
        mean(({ shares, label }) => Number(shares[label] === Math.max(...shares))),
        10,
      ),
      baseHitRate: expect.closeTo(Math.max(...frequencies), 10),
      logLoss: expect.closeTo(
        mean(({ shares, label }) => -Math.log(shares[label] ?? 0)),
        10,
      ),
      baseLogLoss: expect.closeTo(-frequencies.reduce((sum, share) => sum + share * Math.log(share), 0), 10),
      brier: expect.closeTo(
        mean(({ shares, label }) => shares.reduce((sum, p, k) => sum + (p - Number(k === label)) ** 2, 0)),
        10,
      ),
      baseBrier: expect.closeTo(1 - frequencies.reduce((sum, share) => sum + share * share, 0), 10),
      calibrationError: expect.closeTo(gaps / n / 3, 10),
      extremes: null,
    });
    const [short] = await rollingAccuracy(test.database, { ...query, days: 1 / 24 });
    expect(short).toMatchObject({ forecasts: 40, isJudged: false });
  });
});

describe('how far the market went', () => {
  const book = 'extremes';
  const HOURS = 17;
  /** 100 throughout, but for a spike within each horizon of the forecast of minute 0: lows of 98 and 96, highs of 102, 103.5 and 105. */
  const pricesOf = (index: number) => ({
    high: { 20: 102, 200: 103.5, 720: 105, 721: 200 }[index] ?? 100,
    low: { 60: 98, 240: 96, 0: 1 }[index] ?? 100,
  });
  const minutes = [0, 15, 30];
  const realizedOf = async (symbol: SymbolId, index: number) =>
    realizedTargets(await readOutcomes(test.database, { venue: book, symbol, minute: minuteAt(index) }));
  const candlesOf = (symbol: SymbolId, from: number, until: number) =>
    Array.from({ length: until - from }, (_, offset) => ({
      ...candleOf(symbol, minuteAt(from + offset), 100),
      ...pricesOf(from + offset),
    }));
  let journal: Journal;

  it('is told from the candles of the whole horizon, and not where one is missing', async () => {
    journal = await journalOf(book);
    // B has no candle at minute 100.
    await journal.commitCandles(candlesOf('AUSDT', 0, HOURS * 60));
    await journal.commitCandles([...candlesOf('BUSDT', 0, 100), ...candlesOf('BUSDT', 101, HOURS * 60)]);
    for (const index of minutes) {
      const forecasts = ['AUSDT', 'BUSDT'].map((symbol) => {
        const forecast = forecastOf(symbol, minuteAt(index));
        forecast.values[outputIndex('long_will_reach_1pct_4h')] = 0.75;
        forecast.values[outputIndex('max_drawdown_1h')] = 0.01;
        return forecast;
      });
      await commit(journal, book, minuteAt(index), forecasts);
    }
    await stepOutcomes(test.database, { book, venue: book, minute: minuteAt(HOURS * 60 - 1) });

    expect(await realizedOf('AUSDT', 0)).toEqual({
      future_return_15m: 0,
      future_return_1h: 0,
      future_return_4h: 0,
      future_return_12h: 0,
      direction_15m: 2,
      direction_1h: 2,
      direction_4h: 2,
      direction_12h: 2,
      long_will_reach_1pct_4h: 1,
      long_will_reach_2pct_4h: 1,
      long_will_reach_3pct_12h: 1,
      long_will_reach_5pct_12h: 1,
      short_will_reach_1pct_4h: 1,
      short_will_reach_2pct_4h: 1,
      short_will_reach_3pct_12h: 1,
      short_will_reach_5pct_12h: 0,
      max_drawdown_1h: 100 / 98 - 1,
      max_drawdown_4h: 100 / 96 - 1,
      max_rally_1h: 102 / 100 - 1,
      max_rally_4h: 103.5 / 100 - 1,
    });
    // The highest of 12 hours from minute 15 on is that of minute 721; from minute 30 on the highest of an hour is past.
    expect(await realizedOf('AUSDT', 15)).toMatchObject({ long_will_reach_5pct_12h: 1 });
    expect(await realizedOf('AUSDT', 30)).toMatchObject({ max_rally_1h: 0, max_drawdown_1h: 100 / 98 - 1 });
    const known = await realizedOf('BUSDT', 0);
    expect(known).toMatchObject({ future_return_12h: 0, max_rally_1h: 102 / 100 - 1 });
    expect(Object.keys(known)).toHaveLength(10);
    expect(await realizedOf('BUSDT', 30)).toMatchObject({ max_rally_1h: 0 });
  });

  it('is what forecasts are held against, by horizon', async () => {
    const query = { book, venue: book, days: 1, until: minuteAt(HOURS * 60) };
    const accuracies = await rollingAccuracy(test.database, { ...query, horizons: ['15m', '1h', '4h', '12h'] });
    const [quarter, hour, four, twelve] = accuracies.map(({ extremes }) => extremes);
    expect(quarter).toBeNull();
    // Of six forecasts the highest of the hour was 2 % above four times, and the lowest 2 % below in all.
    expect(hour).toEqual({
      forecasts: 6,
      stretches: 1,
      isJudged: false,
      levelBrier: null,
      baseLevelBrier: null,
      drawdownError: expect.closeTo(100 / 98 - 1.01, 7),
      baseDrawdownError: 0,
      rallyError: expect.closeTo(0.02 * Math.sqrt(4 / 6), 12),
      baseRallyError: expect.closeTo(0.02 * Math.sqrt((4 / 6) * (2 / 6)), 12),
    });
    // Without those of B. One of the four levels was forecast with 0.75, the others with 0; all were reached.
    expect(four).toMatchObject({ forecasts: 3, levelBrier: (0.25 ** 2 + 3) / 4, baseLevelBrier: 0 });
    expect(four?.drawdownError).toBeCloseTo(100 / 96 - 1, 12);
    expect(twelve).toMatchObject({ forecasts: 3, levelBrier: 3 / 4, baseLevelBrier: 0, rallyError: null });
    expect(twelve?.baseRallyError).toBeNull();
  });

  it('is told later where the missing candle becomes known', async () => {
    await journal.commitCandles(candlesOf('BUSDT', 100, 101));
    for (let quarter = 0; quarter < 48; quarter++) {
      await stepOutcomes(test.database, { book, venue: book, minute: minuteAt(HOURS * 60 + 15 * quarter) });
    }
    expect(await realizedOf('BUSDT', 15)).toEqual(await realizedOf('AUSDT', 15));
    const { rows } = await test.database.pool.query(
      "SELECT count(*) AS count FROM forecast_outcomes JOIN instruments USING (instrument_id) WHERE venue = $1 AND horizon <> '15m' AND realized_rally IS NULL",
      [book],
    );
    expect(rows).toEqual([{ count: 0 }]);
  });
});
