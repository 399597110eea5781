import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/index.ts';
import { epochMs, HOUR_MS, ManualClock, MINUTE_MS, noMetrics, silentLog } from '../../src/core/index.ts';
import {
  applyRetention,
  createTestDatabase,
  listCycles,
  readFeaturePanels,
  type TestDatabase,
  universeAt,
} from '../../src/database/index.ts';
import { BookModels } from '../../src/engine/book-models.ts';
import { runBookEngine } from '../../src/engine/index.ts';
import { featureSet } from '../../src/features/index.ts';
import { writeArtefact } from '../../src/model/artefact.ts';
import { loadPredictor } from '../../src/model/index.ts';
import { randomNetwork, SMALL_NETWORK } from '../../src/model/random-network.fixture.ts';
import { marketFromOptions, type Simulator, startSimulator } from '../../src/simulator/index.ts';
import { runCommand } from '../support/command-line.ts';
import { ROOT, temporaryDirectory } from '../support/minutehand.ts';

const SYMBOLS = 4;
const LIVE_MINUTES = 18;

let store: TestDatabase;
let exchange: Simulator;
let folder: ReturnType<typeof temporaryDirectory>;
/** Of the minutes that the engine decided. */
let first: number;
let last: number;

beforeAll(async () => {
  store = await createTestDatabase();
  folder = temporaryDirectory();
  mkdirSync(join(folder.path, 'models'));
  exchange = await startSimulator({
    market: await marketFromOptions({ generate: 11, edge: true, symbols: SYMBOLS }),
    port: 0,
    speed: 'max',
    log: silentLog,
  });
  const settings = { 'universe.size': SYMBOLS, 'ml_integration.model.training_days': 20 };
  await runBookEngine(
    {
      config: loadConfig({
        workingDirectory: ROOT,
        env: {},
        flags: Object.entries(settings).map(([key, value]) => ({ key, value, flag: '--set' })),
      }).values,
      databaseUrl: store.url,
      exchangeUrl: exchange.url,
      simulatorToken: exchange.token,
      modelsDirectory: join(folder.path, 'models'),
      packagedModels: join(folder.path, 'packaged'),
      logDirectory: folder.path,
      binary: join(ROOT, 'bin', 'minutehand.js'),
      codeVersion: 'test',
      minutes: LIVE_MINUTES,
    },
    { log: silentLog, metrics: noMetrics, signal: new AbortController().signal, onEvent: () => undefined },
  );
  const cycles = await listCycles(store.database, { book: 'main', limit: LIVE_MINUTES });
  first = Math.min(...cycles.map(({ minute }) => minute));
  last = Math.max(...cycles.map(({ minute }) => minute));
}, 240_000);

afterAll(async () => {
  await exchange?.close();
  await store?.drop();
  folder?.remove();
});

interface Built {
  readonly ok: boolean;
  readonly hash: string;
  readonly rows: Record<'written' | 'equal' | 'identical' | 'different' | 'shorter' | 'unfounded', number>;
  readonly from: string;
  readonly to: string;
  readonly symbols: number;
  readonly differences: readonly { readonly symbol: string; readonly minute: number; readonly name: string }[];
  readonly absent: readonly string[];
  readonly faults: readonly { readonly feature: string; readonly kind: string; readonly detail: string }[];
}

async function build(...args: string[]): Promise<{ code: number; built: Built; stderr: string }> {
  const options = { folder: folder.path, databaseUrl: store.url };
  const { code, stdout, stderr } = await runCommand(['features', 'build', '--json', ...args], options);
  return { code, stderr, built: JSON.parse(stdout) as Built };
}

const liveRange = () => ['--from', new Date(first).toISOString(), '--to', new Date(last).toISOString()];

async function count(table: string, condition = 'true', ...values: unknown[]): Promise<number> {
  const { rows } = await store.database.pool.query<{ n: number }>(
    `SELECT count(*)::int AS n FROM ${table} WHERE ${condition}`,
    values,
  );
  return rows[0]?.n ?? 0;
}

describe('features build', () => {
  it('finds every row that the engine stored equal to the last bit', async () => {
    const { code, built } = await build(...liveRange());
    expect(built.rows).toEqual({
      written: 0,
      equal: LIVE_MINUTES * SYMBOLS,
      identical: LIVE_MINUTES * SYMBOLS,
      different: 0,
      shorter: 0,
      unfounded: 0,
    });
    expect(built).toMatchObject({
      ok: true,
      symbols: SYMBOLS,
      absent: [],
      hash: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    expect([Date.parse(built.from), Date.parse(built.to)]).toEqual([first, last]);
    expect(code).toBe(0);
  });

  it('writes what is missing: by default every minute of the last 48 hours', async () => {
    const { code, built } = await build();
    expect(built.rows).toMatchObject({ different: 0, identical: LIVE_MINUTES * SYMBOLS });
    expect([Date.parse(built.from), Date.parse(built.to)]).toEqual([last - 48 * HOUR_MS, last]);
    const rows = (48 * 60 + 1) * SYMBOLS;
    expect(built.rows.written + built.rows.equal).toBe(rows);
    expect(await count('processed_market_data')).toBe(rows);
    expect(await count('technical_indicators')).toBe(rows);
    // Ranks of four symbols coincide; but none may be missing.
    expect(built.faults.filter(({ kind }) => kind === 'unavailable')).toEqual([]);
    expect(built.faults.map(({ kind }) => kind)).toContain('drifting');
    expect(code).toBe(0);
  }, 240_000);

  it('gives a network that starts without stored rows the context it would have read, and so the same forecasts', async () => {
    const { hash: featureSetHash, names: featureNames } = featureSet();
    const shape = { ...SMALL_NETWORK, features: featureNames.length };
    const { manifest, onnx } = randomNetwork(shape, { featureNames, featureSetHash });
    const modelsDirectory = join(folder.path, 'networks');
    await writeArtefact(modelsDirectory, { manifest, onnx, card: '' });
    const universe = await universeAt(store.database, 'main', epochMs(last));
    const minute = epochMs(last);
    const from = epochMs(last - (shape.context - 1) * 15 * MINUTE_MS);
    const config = loadConfig({ workingDirectory: ROOT, env: {} }).values;
    const request = { venue: config.exchange.id, symbols: universe ?? [], featureSetHash, from: minute, to: minute };
    const [panel] = await readFeaturePanels(store.database, request);
    if (!panel) throw new Error('the newest minute has no rows');
    const forecast = async () => {
      const models = new BookModels({
        book: 'main',
        config,
        database: store.database,
        featureSetHash,
        universe: () => universe ?? [],
        modelsDirectory,
        clock: new ManualClock(minute),
        log: silentLog,
        metrics: noMetrics,
        onEvent: () => undefined,
      });
      const predictor = await loadPredictor(join(modelsDirectory, manifest.modelId), {
        featureSetHash,
        universe: universe ?? [],
        batchSize: 8,
      });
      await models.serve({ predictor, champion: manifest.modelId, refusal: undefined }, false);
      try {
        return await models.slot.use(async (serving) => (await serving?.predict(panel)) ?? []);
      } finally {
        await models.close();
      }
    };
    const warmed = await forecast();
    expect(warmed.map(({ symbol }) => symbol)).toEqual(panel.symbols);
    const inContext = () => count('processed_market_data', 'minute >= $1', from);
    const rows = await inContext();
    expect(rows).toBe(((last - from) / MINUTE_MS + 1) * SYMBOLS);
    await store.database.pool.query('DELETE FROM processed_market_data WHERE minute >= $1', [from]);
    const rebuilt = await forecast();
    expect(await inContext()).toBe(rows);
    expect(rebuilt).toEqual(warmed);
  }, 240_000);

  it('builds phase 0 alone before that, from 15-minute bars', async () => {
    const from = last - 6 * 24 * HOUR_MS;
    const { code, built } = await build(
      '--from',
      new Date(from).toISOString(),
      '--to',
      new Date(last - 5 * 24 * HOUR_MS).toISOString(),
    );
    expect(code).toBe(0);
    expect(built.rows.written).toBe(96 * SYMBOLS);
    expect(await count('processed_market_data', 'minute < $1 AND phase <> 0', last - 48 * HOUR_MS)).toBe(0);
    const { rows } = await store.database.pool.query<{ masked: number; indicators: number }>(
      `SELECT max(cardinality(array_positions(features, 'NaN'::real))) AS masked, min((SELECT count(*) FROM jsonb_object_keys(indicators)))::int AS indicators
       FROM processed_market_data JOIN technical_indicators USING (instrument_id, minute) WHERE minute < $1`,
      [last - 5 * 24 * HOUR_MS + 1],
    );
    // Five of a sector without others.
    expect(rows[0]).toEqual({ masked: 5, indicators: 38 });
  }, 240_000);

  it('tells of a stored row that differs, keeps it, and mends it when asked to', async () => {
    const minute = first + 2 * MINUTE_MS;
    const altered = await store.database.pool.query(
      `UPDATE processed_market_data SET features[5] = features[5] + 0.001
       WHERE minute = $1 AND instrument_id = (SELECT min(instrument_id) FROM processed_market_data)`,
      [minute],
    );
    expect(altered.rowCount).toBe(1);
    const indicator = await store.database.pool.query(
      `UPDATE technical_indicators SET indicators = indicators || '{"rsi_14": 50.5}'
       WHERE minute = $1 AND instrument_id = (SELECT max(instrument_id) FROM technical_indicators)`,
      [minute + MINUTE_MS],
    );
    expect(indicator.rowCount).toBe(1);

    const { code, built } = await build(...liveRange());
    expect(built.rows).toMatchObject({ written: 0, different: 2, shorter: 0, equal: LIVE_MINUTES * SYMBOLS - 2 });
    expect(built.differences.map((difference) => [difference.minute, difference.name])).toEqual([
      [minute, 'ret_8'],
      [minute + MINUTE_MS, 'rsi_14'],
    ]);
    expect([code, built.ok]).toEqual([1, false]);
    expect(await count('technical_indicators', "(indicators->>'rsi_14')::float8 = 50.5")).toBe(1);

    const mended = await build(...liveRange(), '--replace');
    expect(mended.built.rows).toMatchObject({ different: 2 });
    expect([mended.code, mended.built.ok]).toEqual([0, true]);
  }, 240_000);

  it('builds the rows of the symbols asked for, on the whole panel', async () => {
    await store.database.pool.query('DELETE FROM processed_market_data WHERE minute = $1', [first]);
    const one = await build(...liveRange(), '--symbols', '2');
    expect(one.built).toMatchObject({ ok: true, symbols: 2, rows: { written: 2, identical: 2 * LIVE_MINUTES - 2 } });
    const unknown = await build(...liveRange(), '--symbols', 'NONEUSDT');
    expect(unknown.code).toBe(2);
    expect(unknown.stderr).toContain('NONEUSDT is not among the 4 symbols');
    expect(await count('processed_market_data', 'minute = $1', first)).toBe(2);
  }, 240_000);

  it('leaves what retention drops, and nothing stands in its way', async () => {
    const now = epochMs(last + 24 * HOUR_MS);
    await applyRetention(store.database, now);
    for (const table of ['processed_market_data', 'technical_indicators']) {
      expect(await count(table, 'phase <> 0 AND minute < $1', now - 48 * HOUR_MS)).toBe(0);
      expect(await count(table, 'phase <> 0')).toBeGreaterThan(0);
      expect(await count(table, 'phase = 0 AND minute < $1', now - 48 * HOUR_MS)).toBeGreaterThan(96 * SYMBOLS);
    }
  });

  it('fails where there are no candles, and says where some are', async () => {
    const { code, built, stderr } = await build('--from', '2020-01-01', '--to', '2020-01-02');
    expect(code).toBe(1);
    expect(built).toMatchObject({ ok: false, error: { code: 'FEATURE_DATA_MISSING' } });
    expect(stderr).toMatch(/reach from 2025-.* to 2025-/);
    expect((await build('--from', '2025-01-02', '--to', '2025-01-01')).code).toBe(2);
  });
});
