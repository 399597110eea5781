import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DAY_MS, type EpochMs, epochMs, HOUR_MS, type Instrument, MINUTE_MS, milliseconds } from '../core/index.ts';
import { upsertCandles } from './candles.ts';
import { SOME_MINUTE, someCandle, someCycle, someForecast, someSignal } from './fixtures.ts';
import { instrumentIds, listInstruments, saveInstruments } from './instruments.ts';
import { createPostgresJournal } from './journal.ts';
import { acquireLease, readLease, releaseLease, renewLease } from './leases.ts';
import { appendAudit, listAudit, listRuns, saveRun } from './operations.ts';
import { recordOutcomes } from './outcomes.ts';
import { findReplayStart } from './replay.ts';
import { applyRetention } from './retention.ts';
import { createTestDatabase, type TestDatabase } from './testing.ts';

let test: TestDatabase;
beforeAll(async () => {
  test = await createTestDatabase();
});
afterAll(() => test.drop());

const time = (value: number): EpochMs => epochMs(value);

describe('a lease', () => {
  const ask = (holder: string, now: number, deadHolder?: string) =>
    acquireLease(test.database, {
      book: 'leased',
      holder,
      now: time(now),
      duration: milliseconds(100),
      ...(deadHolder === undefined ? {} : { deadHolder }),
    });

  it('belongs to one holder until it expires, is given back, or its holder is known to be dead; each change raises the epoch', async () => {
    expect(await ask('a', 0)).toMatchObject({ acquired: true, lease: { holder: 'a', epoch: 1, expiresAt: 100 } });
    expect(await ask('b', 99)).toEqual({ acquired: false, holder: 'a', expiresAt: 100 });
    expect(await ask('b', 100)).toMatchObject({ acquired: true, lease: { holder: 'b', epoch: 2 } });
    await releaseLease(test.database, { book: 'leased', epoch: 2, now: time(110) });
    expect(await ask('c', 110)).toMatchObject({ acquired: true, lease: { epoch: 3 } });
    expect(await ask('d', 120, 'somebody else')).toMatchObject({ acquired: false, holder: 'c' });
    expect(await ask('d', 120, 'c')).toMatchObject({ acquired: true, lease: { holder: 'd', epoch: 4 } });
    expect(await readLease(test.database, 'leased')).toMatchObject({ holder: 'd', epoch: 4, acquiredAt: 120 });
  });

  it('is renewed by its epoch alone', async () => {
    const renew = (epoch: number) =>
      renewLease(test.database, { book: 'leased', epoch, now: time(500), duration: milliseconds(100) });
    await renew(4);
    expect(await readLease(test.database, 'leased')).toMatchObject({ expiresAt: 600 });
    await expect(renew(3)).rejects.toMatchObject({ code: 'LEASE_LOST', exitCode: 3 });
    await releaseLease(test.database, { book: 'leased', epoch: 3, now: time(0) });
    expect(await readLease(test.database, 'leased')).toMatchObject({ expiresAt: 600 });
  });

  it('goes to one of many that ask at once', async () => {
    const now = time(10_000);
    const asked = ['x', 'y', 'z', 'w'].map((holder) =>
      acquireLease(test.database, { book: 'contested', holder, now, duration: milliseconds(100) }),
    );
    expect((await Promise.all(asked)).filter(({ acquired }) => acquired)).toHaveLength(1);
  });
});

describe('instruments', () => {
  const bitcoin: Instrument = {
    venue: 'w',
    symbol: 'BTCUSDT',
    base: 'BTC',
    quote: 'USDT',
    tickSize: '0.10',
    stepSize: '0.001',
    minQuantity: '0.001',
    minNotional: '100',
    status: 'trading',
    listedAt: time(1_567_964_400_000),
  };

  it('are read back with their decimals to the letter, and take new rules', async () => {
    await saveInstruments(test.database, [bitcoin, { ...bitcoin, symbol: 'ETHUSDT', base: 'ETH' }]);
    const { listedAt: _listed, ...later } = bitcoin;
    await saveInstruments(test.database, [{ ...later, tickSize: '0.50', status: 'delisted', delistedAt: time(2e12) }]);
    expect(await listInstruments(test.database, 'w')).toEqual([
      { ...bitcoin, tickSize: '0.50', status: 'delisted', delistedAt: 2e12 },
      { ...bitcoin, symbol: 'ETHUSDT', base: 'ETH' },
    ]);
  });

  it('known by candles alone have an id and no rules', async () => {
    const ids = await instrumentIds(test.database, 'w', ['NEWUSDT', 'BTCUSDT', 'NEWUSDT']);
    expect(ids.get('NEWUSDT')).toBeGreaterThan(0);
    expect((await listInstruments(test.database, 'w')).map(({ symbol }) => symbol)).toEqual(['BTCUSDT', 'ETHUSDT']);
  });
});

describe('runs and the audit log', () => {
  it('a run is entered once and takes what becomes of it', async () => {
    const run = {
      runId: 'r1',
      book: 'main',
      fromMinute: SOME_MINUTE,
      status: 'running',
      market: { kind: 'replay' },
      startedAt: time(5),
    } as const;
    await saveRun(test.database, { ...run, requestedMinutes: 180 });
    await saveRun(test.database, { ...run, runId: 'r2', startedAt: time(9) });
    await saveRun(test.database, {
      ...run,
      requestedMinutes: 180,
      status: 'finished',
      untilMinute: SOME_MINUTE,
      endedAt: time(8),
    });
    expect(await listRuns(test.database, 'main', 5)).toEqual([
      { ...run, runId: 'r2', startedAt: 9 },
      { ...run, requestedMinutes: 180, status: 'finished', untilMinute: SOME_MINUTE, endedAt: 8 },
    ]);
  });

  it('the audit log lists the newest, oldest first', async () => {
    const entry = { actor: 'cli', action: 'trade.halt', subject: 'main', details: { why: 'test' } };
    for (const at of [1, 2, 3]) await appendAudit(test.database, { ...entry, time: time(at) });
    await appendAudit(test.database, { ...entry, action: 'model.promote', time: time(4) });
    expect((await listAudit(test.database, { limit: 2 })).map((found) => found.time)).toEqual([3, 4]);
    expect(await listAudit(test.database, { limit: 9, from: time(3), action: 'trade.halt' })).toEqual([
      { ...entry, time: 3 },
    ]);
  });
});

describe('retention', () => {
  const count = async (table: string, where = 'true'): Promise<number> =>
    (await test.database.pool.query(`SELECT count(*) AS n FROM ${table} WHERE ${where}`)).rows[0].n;

  it('keeps every minute of features for 48 hours and phase 0 from then on, drops the rest by the policy, and indexes closed months', async () => {
    const { database } = test;
    const request = await acquireLease(database, {
      book: 'kept',
      holder: 'h',
      now: time(0),
      duration: milliseconds(1),
    });
    if (!request.acquired) throw new Error('the lease is held');
    const journal = createPostgresJournal({ database, venue: 'v', lease: request.lease });
    const now = SOME_MINUTE;
    const ages = [
      45 * DAY_MS,
      45 * DAY_MS - MINUTE_MS,
      80 * HOUR_MS,
      48 * HOUR_MS + MINUTE_MS,
      48 * HOUR_MS - MINUTE_MS,
      0,
    ];
    for (const age of ages) {
      const minute = time(now - age);
      const panel = {
        minute,
        symbols: ['BTCUSDT'],
        width: 1,
        featureSetHash: 'r',
        values: Float32Array.of(1),
        masked: Uint8Array.of(0),
      };
      await journal.commitFeatures({ panel, featureNames: ['a'], indicators: [{ rsi: 1 }] });
      await journal.saveFeatureState({ book: `at ${age}`, minute, featureSetHash: 'r', bytes: Uint8Array.of(1) });
      await journal.commitCycle(
        someCycle(minute, {
          book: 'kept',
          members: ['BTCUSDT'],
          forecasts: [someForecast('BTCUSDT', minute)],
          signals: [someSignal('BTCUSDT', minute), someSignal('ETHUSDT', minute, { accepted: true })],
        }),
      );
      await upsertCandles(database, 'v', [someCandle({ openTime: time(minute - MINUTE_MS) })], now);
    }

    const kept = await applyRetention(database, now);
    expect(kept.indexedPartitions).toEqual(['technical_indicators_kept_2025_05']);
    for (const table of ['processed_market_data', 'technical_indicators']) {
      expect(await count(table, 'phase <> 0')).toBe(1);
      expect(await count(table, 'phase = 0')).toBe(3);
    }
    expect(await count('feature_states')).toBe(2);
    expect(await count('raw_market_data')).toBe(ages.length);
    expect(await applyRetention(database, now)).toEqual({
      droppedPartitions: [],
      deletedRows: 0,
      indexedPartitions: [],
    });
    const live = await database.pool.query(
      "SELECT FROM pg_indexes WHERE indexdef LIKE '%gin%' AND tablename LIKE '%2025_06%'",
    );
    expect(live.rowCount).toBe(0);

    const outcomes = {
      book: 'kept',
      venue: 'v',
      horizon: '15m',
      durationMs: 900_000,
      threshold: 0.0015,
      hasExtremes: false,
    } as const;
    expect(await recordOutcomes(database, { ...outcomes, now, minutes: 100 })).toEqual({ known: 0, unknown: 5 });
    const policy = { candleDays: 15, featureDays: 15, predictionDays: 15, signalDays: 100, rejectedSignalDays: 3 };
    const dropped = await applyRetention(database, now, policy);
    expect(dropped.droppedPartitions).toEqual([
      'processed_market_data_kept_2025_05',
      'technical_indicators_kept_2025_05',
      'raw_market_data_2025_05',
      'predictions_2025_05',
      'forecast_outcomes_2025_05',
    ]);
    expect(await count('raw_market_data')).toBe(4);
    expect(await count('predictions')).toBe(4);
    expect(await count('forecast_outcomes')).toBe(3);
    expect(await count('signals', 'accepted')).toBe(ages.length);
    expect(await count('signals', 'NOT accepted')).toBe(3);
  });

  it('keeps what replays of the past begin with and go through for as long as the policy says', async () => {
    const { database } = test;
    const book = 'replayed';
    const request = await acquireLease(database, { book, holder: 'h', now: time(0), duration: milliseconds(1) });
    if (!request.acquired) throw new Error('the lease is held');
    const journal = createPostgresJournal({ database, venue: 'v', lease: request.lease });
    const midnight = time(SOME_MINUTE - 12 * HOUR_MS);
    const begins = [
      { place: 'before', minute: time(midnight - 40 * DAY_MS) },
      { place: 'before', minute: time(midnight - 20 * DAY_MS) },
      { place: 'after', minute: time(midnight - 3 * DAY_MS) },
      { place: 'after', minute: time(midnight - DAY_MS) },
      { place: 'after', minute: time(midnight - 18 * HOUR_MS) },
      ...[12, 6, 0].map((hours) => ({ place: 'after' as const, minute: time(midnight - hours * HOUR_MS) })),
    ] as const;
    for (const { place, minute } of begins) {
      const step = { inputs: '{}', stateDigest: 'd', texts: new Map([[`on ${minute}`, 'text']]) };
      await journal.commitCycle(someCycle(minute, { book, step }));
      await journal.saveReplayState({ book, minute, place, bookState: '{}', featureSetHash: 'r', funding: '[]' });
      const at = time(place === 'before' ? minute - MINUTE_MS : minute);
      await journal.saveFeatureState({ book, minute: at, featureSetHash: 'r', bytes: Uint8Array.of(1) });
    }
    await applyRetention(database, SOME_MINUTE, { replayDays: 30 });
    const minutesOf = async (table: string) =>
      (await database.pool.query(`SELECT minute FROM ${table} WHERE book = $1 ORDER BY minute`, [book])).rows.map(
        ({ minute }) => (minute - midnight) / HOUR_MS,
      );
    expect(await minutesOf('replay_states')).toEqual([-480, -24, -18, -12, -6, 0]);
    // Of the states of every six hours the newest three.
    expect(await minutesOf('feature_states')).toEqual([-480 - 1 / 60, -24, -12, -6, 0]);
    expect(await minutesOf('book_steps')).toEqual([-480, -72, -24, -18, -12, -6, 0]);
    expect(await count('step_texts', "digest LIKE 'on %'")).toBe(7);
    const begin = async (hours: number) =>
      (await findReplayStart(database, { book, minute: time(midnight + hours * HOUR_MS), to: SOME_MINUTE }))?.minute;
    expect(await begin(-1)).toBe(midnight - 6 * HOUR_MS);
    expect(await begin(-20)).toBe(midnight - DAY_MS);
    expect(await begin(-100)).toBe(midnight - 20 * DAY_MS);
    expect(await begin(-500)).toBe(midnight - 20 * DAY_MS);
  });
});
