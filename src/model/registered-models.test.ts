import { cp, mkdtemp, readdir, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { epochMs } from '../core/index.ts';
import {
  aliasedModel,
  createTestDatabase,
  listAudit,
  listModels,
  saveUniverse,
  type TestDatabase,
} from '../database/index.ts';
import { fitBaseline } from './fit-baseline.ts';
import {
  exportModel,
  importModel,
  listRegistry,
  type ModelRegistry,
  promoteRegistered,
  rollbackRegistered,
  showModel,
} from './registered-models.ts';
import { syntheticDataset } from './synthetic-dataset.fixture.ts';

const dataset = syntheticDataset({ seed: 5, symbols: 5, rows: 1300, width: 4, edge: 0.2 });
const act = { actor: 'test', time: epochMs(1_750_000_000_000) };
let test: TestDatabase;
let folder: string;
/** Ids of three models, in the order of the folder's list. */
let [a, b, c] = ['', '', ''];
let registry: ModelRegistry;

beforeAll(async () => {
  test = await createTestDatabase();
  folder = await mkdtemp(join(tmpdir(), 'minutehand-registered-'));
  const market = { source: 'generated', plantedEdge: true } as const;
  const outputDirectory = join(folder, 'made');
  for (const seed of [1, 2, 3]) {
    const settings = { maxLogisticRows: 600 };
    await fitBaseline({ dataset, outputDirectory, seed, market, codeVersion: 'test', settings });
  }
  [a = '', b = '', c = ''] = (await readdir(outputDirectory)).sort();
});
afterAll(async () => {
  await test.drop();
  await rm(folder, { recursive: true, force: true });
});

/** A registry with nothing in the database and all three in its folder. */
beforeEach(async () => {
  for (const table of ['model_aliases', 'model_promotions', 'models', 'universes', 'audit_log']) {
    await test.database.pool.query(`DELETE FROM ${table}`);
  }
  const models = await mkdtemp(join(folder, 'models-'));
  await cp(join(folder, 'made'), models, { recursive: true });
  registry = { database: test.database, book: 'main', folder: models, featureSetHash: dataset.featureSetHash };
});

const promote = (model: string, alias: 'champion' | 'challenger' = 'champion', isForced = false) =>
  promoteRegistered(registry, { ...act, model, alias, isForced });
const champion = () => aliasedModel(test.database, 'main', 'champion');
const cut = (modelId: string) => truncate(join(registry.folder, modelId, 'model.onnx'), 100);

describe('the list of models', () => {
  it('has those of the folder and those of the database, with what they are and what they are worth', async () => {
    await promote(b);
    await promote(c, 'challenger');
    const { models, unreadable } = await listRegistry(registry);
    expect(unreadable).toEqual([]);
    expect(models.map(({ modelId, status, alias, registeredAt }) => [modelId, status, alias, registeredAt])).toEqual([
      [b, 'champion', 'champion', act.time],
      [c, 'candidate', 'challenger', act.time],
      [a, 'candidate', null, null],
    ]);
    expect(Object.keys(models[0]?.windows ?? {})).toEqual(['train', 'calibration', 'test']);
    expect(models[0]).toMatchObject({
      kind: 'linear-baseline',
      directory: join(registry.folder, b),
      refusal: null,
      market: { source: 'generated', plantedEdge: true },
      windows: { train: { rows: expect.any(Number) }, calibration: {}, test: {} },
      figures: {
        '15m': { informationCoefficient: expect.any(Number), logLoss: expect.any(Number), macroF1: expect.any(Number) },
      },
    });
  });

  it('says of each model why it cannot serve, and names folders that nobody can read', async () => {
    await promote(a);
    await promote(b);
    await rm(join(registry.folder, a), { recursive: true });
    await writeFile(join(registry.folder, b, 'manifest.json'), '{}');
    await rename(join(registry.folder, c), join(registry.folder, 'other'));
    await writeFile(join(registry.folder, 'other', 'manifest.json'), '{');
    const { models, unreadable } = await listRegistry(registry);
    expect(models.map(({ modelId, directory, refusal }) => [modelId, directory, refusal?.field])).toEqual([
      [b, null, 'formatVersion'],
      [a, null, 'artefact'],
    ]);
    expect(unreadable).toEqual([
      { directory: join(registry.folder, 'other'), field: 'manifest', message: expect.any(String) },
    ]);
    const foreign = await listRegistry({ ...registry, featureSetHash: 'other', folder: join(folder, 'made') });
    expect(foreign.models.map(({ refusal }) => refusal?.field)).toEqual(Array(3).fill('featureSetHash'));
  });

  it('shows what an older or newer manifest has, and n/a for the rest', async () => {
    const row = { modelId: 'old', kind: 'some-network', featureSetHash: 'x', createdAt: 1 };
    for (const [modelId, manifest] of [
      ['bare', {}],
      [
        'odd',
        {
          metrics: { mean: { macroF1: 0.41 }, horizons: { '4h': { macroF1: { value: 0.4 } } }, baselines: 3 },
          windows: [],
        },
      ],
    ] as const) {
      await test.database.pool.query(
        'INSERT INTO models (model_id, kind, feature_set_hash, manifest, created_at) VALUES ($1, $2, $3, $4, $5)',
        [modelId, row.kind, row.featureSetHash, manifest, row.createdAt],
      );
    }
    const { models } = await listRegistry(registry);
    const none = { informationCoefficient: null, logLoss: null, logLossOfMajority: null, macroF1: null };
    expect(models.find(({ modelId }) => modelId === 'bare')).toMatchObject({
      windows: {},
      market: null,
      macroF1: null,
      figures: { '4h': none },
    });
    expect(models.find(({ modelId }) => modelId === 'odd')).toMatchObject({
      macroF1: 0.41,
      figures: { '4h': { ...none, macroF1: 0.4 } },
    });
  });
});

describe('one model', () => {
  it('is found by its id or alias, checked whole, and comes with its promotions', async () => {
    await promote(a);
    await promote(b);
    expect(await showModel(registry, 'champion')).toMatchObject({
      modelId: b,
      refusal: null,
      promotions: [{ alias: 'champion', actor: 'test', time: act.time }],
    });
    await cut(a);
    expect(await showModel(registry, a)).toMatchObject({ status: 'retired', refusal: { field: 'weightsSha256' } });
    for (const unknown of ['challenger', 'nothing', '../x', '']) {
      await expect(showModel(registry, unknown)).rejects.toMatchObject({
        code: 'MODEL_UNKNOWN',
        exitCode: 2,
        remedy: expect.stringContaining(c),
      });
    }
  });
});

describe('promoting', () => {
  it('registers a model that only lay in the folder, once it has passed every check', async () => {
    expect(await promote(a)).toMatchObject({ changed: true, modelId: a, refusal: null });
    expect(await promote(a)).toMatchObject({ changed: false, modelId: a });
    await cut(b);
    await expect(promote(b)).rejects.toMatchObject({ code: 'MODEL_REFUSED', field: 'weightsSha256', exitCode: 3 });
    await saveUniverse(test.database, { book: 'main', fromMinute: act.time, symbols: [...dataset.symbols, 'NEWUSDT'] });
    await expect(promote(c)).rejects.toMatchObject({ field: 'universe' });
    expect(await champion()).toBe(a);
    expect((await listModels(test.database, 'main')).map(({ modelId }) => modelId)).toEqual([a]);
  });

  it('is done by force whatever the checks say, and the audit log keeps what they said', async () => {
    await promote(a);
    await cut(b);
    expect(await promote(b, 'champion', true)).toMatchObject({
      changed: true,
      previous: a,
      refusal: { field: 'weightsSha256' },
    });
    const [entry] = await listAudit(test.database, { limit: 1, action: 'model.promote' });
    expect(entry).toMatchObject({ subject: b, details: { forced: { field: 'weightsSha256' } } });
  });

  it('takes the challenger by its alias', async () => {
    await promote(a);
    await promote(b, 'challenger');
    expect(await promote('challenger')).toMatchObject({ modelId: b, previous: a });
  });
});

describe('rolling back', () => {
  it('returns to the champion before, if that one may still serve', async () => {
    for (const id of [a, b, c]) await promote(id);
    expect(await rollbackRegistered(registry, act)).toMatchObject({ changed: true, modelId: b, previous: c });
    expect(await rollbackRegistered(registry, { ...act, from: c })).toMatchObject({ changed: false, modelId: b });
    await cut(a);
    await expect(rollbackRegistered(registry, act)).rejects.toMatchObject({ field: 'weightsSha256' });
    expect(await champion()).toBe(b);
  });

  it('says when there is nothing to go back to, or to go back from', async () => {
    await expect(rollbackRegistered(registry, act)).rejects.toMatchObject({ code: 'MODEL_WITHOUT_PREDECESSOR' });
    await promote(a);
    await expect(rollbackRegistered(registry, act)).rejects.toMatchObject({ code: 'MODEL_WITHOUT_PREDECESSOR' });
    await expect(rollbackRegistered(registry, { ...act, from: b })).rejects.toMatchObject({
      code: 'MODEL_NOT_CHAMPION',
    });
  });
});

describe('moving models', () => {
  it('takes an exported one into another registry as a candidate, once', async () => {
    await promote(a);
    const path = join(registry.folder, '..', 'champion.zip');
    expect(await exportModel(registry, 'champion', path)).toEqual({ modelId: a });
    const elsewhere = { ...registry, folder: join(folder, 'elsewhere') };
    await test.database.pool.query('DELETE FROM model_aliases; DELETE FROM model_promotions; DELETE FROM models');
    expect(await importModel(elsewhere, path, act)).toMatchObject({ changed: true, manifest: { modelId: a } });
    expect(await importModel(elsewhere, path, act)).toMatchObject({ changed: false });
    const { models } = await listRegistry(elsewhere);
    expect(models).toMatchObject([{ modelId: a, status: 'candidate', alias: null, refusal: null }]);
    const imports = await listAudit(test.database, { limit: 9, action: 'model.import' });
    expect(imports).toMatchObject([{ subject: a, actor: 'test', details: { source: path } }]);
  });

  it('leaves nothing of an import that is refused', async () => {
    const elsewhere = { ...registry, folder: join(folder, 'untouched'), featureSetHash: 'other' };
    await expect(importModel(elsewhere, join(registry.folder, a), act)).rejects.toMatchObject({
      field: 'featureSetHash',
    });
    expect(await listRegistry(elsewhere)).toEqual({ models: [], unreadable: [] });
  });
});
