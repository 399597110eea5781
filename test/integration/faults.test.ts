import { mkdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/index.ts';
import { epochMs, MINUTE_MS, noMetrics, silentLog } from '../../src/core/index.ts';
import {
  createTestDatabase,
  listCorrections,
  listCycles,
  promoteModel,
  saveModel,
  type TestDatabase,
} from '../../src/database/index.ts';
import { type EngineEvent, type RunSummary, runBookEngine } from '../../src/engine/index.ts';
import { readManifest, writeArtefact } from '../../src/model/artefact.ts';
import { modelRecord, modelStanding } from '../../src/model/index.ts';
import { modelIdOf } from '../../src/model/manifest.ts';
import { createMetrics } from '../../src/monitoring/index.ts';
import { type FaultRequest, marketFromOptions, type Simulator, startSimulator } from '../../src/simulator/index.ts';
import { ROOT, temporaryDirectory } from '../support/minutehand.ts';

const SYMBOLS = 5;
const VICTIM = 'G04USDT';

let store: TestDatabase;
let exchange: Simulator;
let folder: ReturnType<typeof temporaryDirectory>;

beforeAll(async () => {
  store = await createTestDatabase();
  folder = temporaryDirectory();
  mkdirSync(join(folder.path, 'models'));
  exchange = await startSimulator({
    market: await marketFromOptions({ generate: 7, edge: true, symbols: SYMBOLS }),
    port: 0,
    speed: 'max',
    log: silentLog,
  });
});

afterAll(async () => {
  await exchange?.close();
  await store?.drop();
  folder?.remove();
});

/** Lets the engine decide further minutes, as a restart would; returns its summary and what it told. */
async function decide(
  minutes: number,
  set: Record<string, string | number | boolean> = {},
  { isPunctual = true } = {},
): Promise<RunSummary & { events: EngineEvent[] }> {
  const events: EngineEvent[] = [];
  const settings = { 'universe.size': SYMBOLS, 'ml_integration.model.training_days': 20, ...set };
  const config = loadConfig({
    workingDirectory: ROOT,
    env: {},
    flags: Object.entries(settings).map(([key, value]) => ({ key, value, flag: '--set' })),
  }).values;
  const summary = await runBookEngine(
    {
      config,
      databaseUrl: store.url,
      exchangeUrl: exchange.url,
      simulatorToken: exchange.token,
      modelsDirectory: join(folder.path, 'models'),
      packagedModels: join(folder.path, 'packaged'),
      logDirectory: folder.path,
      binary: join(ROOT, 'bin', 'minutehand.js'),
      codeVersion: 'test',
      minutes,
    },
    {
      log: silentLog,
      metrics: set['ml_integration.monitoring.metrics_enabled'] === false ? noMetrics : createMetrics({ strict: true }),
      signal: new AbortController().signal,
      onEvent: (event) => events.push(event),
    },
  );
  expect(summary).toMatchObject({ cycles: minutes, ...(isPunctual ? { missed: 0 } : {}) });
  if (!summary) throw new Error('the run has no summary');
  return { ...summary, events };
}

async function fault(request: FaultRequest): Promise<() => Promise<unknown>> {
  const headers = { authorization: `Bearer ${exchange.token}`, 'content-type': 'application/json' };
  const answer = await fetch(`${exchange.url}/sim/v1/faults`, {
    method: 'POST',
    headers,
    body: JSON.stringify(request),
  });
  expect(answer.status, await answer.clone().text()).toBeLessThan(300);
  return () => fetch(`${exchange.url}/sim/v1/faults`, { method: 'DELETE', headers });
}

async function setSpeed(speed: number | 'max'): Promise<void> {
  const headers = { authorization: `Bearer ${exchange.token}`, 'content-type': 'application/json' };
  const answer = await fetch(`${exchange.url}/sim/v1/speed`, {
    method: 'POST',
    headers,
    body: JSON.stringify({ speed }),
  });
  expect(answer.ok, await answer.clone().text()).toBe(true);
}

const cyclesSince = (minute: number) =>
  listCycles(store.database, { book: 'main', limit: 1_000, from: epochMs(minute + MINUTE_MS) });

async function newestMinute(): Promise<number> {
  return (await listCycles(store.database, { book: 'main', limit: 1 })).at(-1)?.minute ?? 0;
}

/** Under a fault: every minute is decided in time, all but the victim have their forecasts, what is left out gets no entry. */
async function expectOthersUnharmed(since: number): Promise<void> {
  const cycles = await cyclesSince(since);
  for (const cycle of cycles) {
    expect(cycle.status).toBe('DECIDED');
    expect(cycle.excluded.filter(({ symbol }) => symbol !== VICTIM)).toEqual([]);
    expect(cycle.predictions).toBe(cycle.members.length);
  }
  const { rows } = await store.database.pool.query<{ symbol: string; decided_at: number }>(
    `SELECT symbol, decided_at FROM orders JOIN instruments USING (instrument_id) WHERE decided_at > $1 AND purpose = 'entry'`,
    [since],
  );
  for (const { symbol, decided_at } of rows) {
    const cycle = cycles.find(({ minute }) => minute === decided_at);
    expect(cycle?.excluded.some((exclusion) => exclusion.symbol === symbol)).toBe(false);
  }
}

async function missingMinutes(): Promise<number> {
  const { rows } = await store.database.pool.query<{ missing: number }>(
    `SELECT sum((max - min) / 60000 + 1 - n)::int AS missing FROM (SELECT max(open_time), min(open_time), count(*) AS n
       FROM raw_market_data WHERE timeframe = '1m' GROUP BY instrument_id) AS bars`,
  );
  return rows[0]?.missing ?? 0;
}

describe('an engine on an exchange with faults', () => {
  it('begins on a sound one', async () => {
    const { events } = await decide(3);
    expect(events.filter(({ kind }) => kind === 'cycle')).toHaveLength(3);
    expect(events.some(({ kind }) => kind === 'model')).toBe(true);
    await expectOthersUnharmed(0);
  }, 120_000);

  it('runs a challenger beside the champion in every minute, and none of its forecasts become signals', async () => {
    const since = await newestMinute();
    const { champion } = await modelStanding(store.database, 'main');
    const manifest = await readManifest(join(folder.path, 'models', champion ?? 'none'));
    const { modelId: _, ...body } = { ...manifest, provenance: { ...manifest.provenance, seed: 'another' } };
    const challenger = { ...body, modelId: modelIdOf(body) };
    const onnx = await readFile(join(folder.path, 'models', champion ?? 'none', 'model.onnx'));
    await writeArtefact(join(folder.path, 'models'), { manifest: challenger, onnx, card: '' });
    await saveModel(store.database, modelRecord(challenger, epochMs(since)));
    const { modelId } = challenger;
    const promotion = { book: 'main', modelId, alias: 'challenger', actor: 'cli:test', time: epochMs(since) } as const;
    await promoteModel(store.database, promotion);

    const summary = await decide(3);
    expect(summary).toMatchObject({
      predictions: 3 * SYMBOLS,
      challengerPredictions: 3 * SYMBOLS,
      models: { champion, challenger: modelId, reason: expect.stringMatching(/^log-loss .*; chosen by cli:test$/) },
    });
    const by = (table: string) =>
      store.database.pool.query(`SELECT DISTINCT model_id FROM ${table} WHERE minute > $1 ORDER BY 1`, [since]);
    expect((await by('predictions')).rows).toEqual([champion, modelId].sort().map((id) => ({ model_id: id })));
    expect((await by('cycles')).rows).toEqual([{ model_id: champion }]);
    expect((await by('signals')).rows.filter(({ model_id }) => model_id !== champion)).toEqual([]);
    await store.database.pool.query(`DELETE FROM model_aliases WHERE alias = 'challenger'`);
    await expectOthersUnharmed(since);
  }, 120_000);

  it('makes forecasts at its interval only, in batches of its size, and none where it is switched off', async () => {
    let since = await newestMinute();
    await decide(4, { 'ml_integration.scheduler.interval_seconds': 120, 'ml_integration.scheduler.batch_size': 8 });
    for (const { minute, predictions } of await cyclesSince(since)) {
      expect(predictions).toBe(minute % (2 * MINUTE_MS) === 0 ? SYMBOLS : 0);
    }
    since = await newestMinute();
    await decide(2, { 'ml_integration.enabled': false, 'ml_integration.monitoring.metrics_enabled': false });
    const cycles = await cyclesSince(since);
    expect(cycles.map(({ predictions, reasonCounts }) => ({ predictions, reasonCounts }))).toEqual([
      { predictions: 0, reasonCounts: { MODEL_DISABLED: 1 } },
      { predictions: 0, reasonCounts: { MODEL_DISABLED: 1 } },
    ]);
  }, 120_000);

  it.each<FaultRequest>([
    { kind: 'gap', symbols: [VICTIM], minutes: 2 },
    { kind: 'duplicates', copies: 3, minutes: 2 },
    { kind: 'out-of-order', minutes: 3 },
    { kind: 'late', symbols: [VICTIM], delayMs: 20_000, minutes: 2 },
    { kind: 'empty', form: 'flat', symbols: [VICTIM], minutes: 2 },
    { kind: 'latency', ms: 50, minutes: 3 },
    { kind: 'http-429', count: 2 },
    { kind: 'http-5xx', count: 2 },
    { kind: 'drop-sockets', count: 1 },
    { kind: 'clock-skew', ms: 700, minutes: 2 },
  ])(
    'loses nothing under $kind',
    async (request) => {
      const since = await newestMinute();
      const heal = await fault(request);
      await decide(4);
      await heal();
      await expectOthersUnharmed(since);
      expect((await cyclesSince(since)).flatMap(({ excluded }) => excluded)).toEqual([]);
      expect(await missingMinutes()).toBe(0);
    },
    120_000,
  );

  it('asks by REST while the stream is silent', async () => {
    const since = await newestMinute();
    const heal = await fault({ kind: 'silent-sockets', minutes: 3 });
    await decide(5);
    await heal();
    await expectOthersUnharmed(since);
    expect(await missingMinutes()).toBe(0);
  }, 120_000);

  it('leaves a symbol with an unknown minute out, says so, and takes it back once the minute is known', async () => {
    const since = await newestMinute();
    const heal = await fault({ kind: 'missing', symbols: [VICTIM], minutes: 1, appearsAfterMinutes: 3 });
    await decide(8);
    await heal();
    await expectOthersUnharmed(since);
    const reasons = (await cyclesSince(since)).map(({ excluded }) => excluded.map(({ reason }) => reason).join());
    expect(reasons[0]).toBe('CANDLE_MISSING');
    expect(reasons).toContain('HISTORY_INCOMPLETE');
    expect(reasons.at(-1)).toBe('');
    expect(await missingMinutes()).toBe(0);
  }, 120_000);

  it('keeps the first values of a candle that is corrected later, and records the correction', async () => {
    // The audit is spread over the minutes of a clock that runs; in lock-step nothing waits for it.
    await setSpeed(120);
    const heal = await fault({ kind: 'corrected', symbols: [VICTIM], minutes: 12, afterMinutes: 2, basisPoints: 25 });
    await decide(25, {}, { isPunctual: false });
    await heal();
    await setSpeed('max');
    const corrections = await listCorrections(store.database, {
      venue: 'binanceusdm',
      symbol: VICTIM,
      from: epochMs(0),
      until: epochMs(Number.MAX_SAFE_INTEGER),
    });
    expect(corrections.length).toBeGreaterThan(0);
    for (const { kind, stored, reported } of corrections) {
      expect(kind).toBe('reported');
      expect(reported.close).not.toBe(stored.close);
    }
  }, 120_000);

  it('leaves out what is delisted, and goes on without it', async () => {
    const since = await newestMinute();
    await fault({ kind: 'delist', symbols: [VICTIM], goneAfterMinutes: 0 });
    await decide(3);
    await expectOthersUnharmed(since);
    expect((await cyclesSince(since)).at(-1)?.excluded).toEqual([{ symbol: VICTIM, reason: 'INSTRUMENT_DELISTED' }]);
  }, 120_000);
});
