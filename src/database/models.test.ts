import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { epochMs } from '../core/index.ts';
import { migrate, rollback } from './migrate.ts';
import { MIGRATIONS } from './migrations/index.ts';
import {
  aliasedModel,
  listModels,
  listPromotions,
  MODELS_CHANNEL,
  promoteModel,
  rollbackChampion,
  saveModel,
} from './models.ts';
import { listAudit } from './operations.ts';
import type { ModelAlias } from './tables.ts';
import { createTestDatabase, type TestDatabase } from './testing.ts';

const MODEL = { kind: 'linear', featureSetHash: 'abc', manifest: { width: 60 } } as const;
const IDS = ['one', 'two', 'three', 'four'];
let test: TestDatabase;
let clock = 0;

beforeAll(async () => {
  test = await createTestDatabase();
  for (const [index, modelId] of IDS.entries()) {
    await saveModel(test.database, { ...MODEL, modelId, createdAt: epochMs(index) });
  }
});
afterAll(() => test.drop());

const by = (book: string) => ({ book, actor: 'test', time: epochMs(++clock) });
const promote = (book: string, modelId: string, alias: ModelAlias = 'champion', instead?: string | null) =>
  promoteModel(test.database, { ...by(book), modelId, alias, ...(instead === undefined ? {} : { instead }) });
const rollBack = (book: string, from: string) => rollbackChampion(test.database, { ...by(book), from });
const champion = (book: string) => aliasedModel(test.database, book, 'champion');

/** What each model is to a book: "champion", "challenger" and what it has been. */
const standing = async (book: string) =>
  Object.fromEntries(
    (await listModels(test.database, book)).map(({ modelId, status, alias }) => [
      modelId,
      [status, ...(alias ? [alias] : [])].join('/'),
    ]),
  );

describe('registered models', () => {
  it('keep what they were registered with, and are listed newest first', async () => {
    expect(await saveModel(test.database, { ...MODEL, modelId: 'one', kind: 'other', createdAt: epochMs(99) })).toBe(
      false,
    );
    const listed = await listModels(test.database, 'listing');
    expect(listed.map(({ modelId }) => modelId)).toEqual(IDS.toReversed());
    expect(listed.at(-1)).toEqual({ ...MODEL, modelId: 'one', createdAt: 0, status: 'candidate' });
  });
});

describe('a promotion', () => {
  it('passes the alias on, retires the former champion, and leaves other books alone', async () => {
    expect(await promote('a', 'one')).toEqual({ changed: true, alias: 'champion', modelId: 'one' });
    expect(await promote('a', 'two')).toEqual({ changed: true, alias: 'champion', modelId: 'two', previous: 'one' });
    await promote('a', 'three', 'challenger');
    expect(await standing('a')).toEqual({
      one: 'retired',
      two: 'champion/champion',
      three: 'candidate/challenger',
      four: 'candidate',
    });
    expect(await promote('a', 'three')).toMatchObject({ modelId: 'three', previous: 'two' });
    expect(await aliasedModel(test.database, 'a', 'challenger')).toBeUndefined();
    expect(await standing('b')).toEqual(Object.fromEntries(IDS.map((id) => [id, 'candidate'])));
  });

  it('that is repeated changes nothing and is not entered again', async () => {
    await promote('repeat', 'one');
    expect(await promote('repeat', 'one')).toEqual({ changed: false, alias: 'champion', modelId: 'one' });
    expect(await listPromotions(test.database, 'repeat', 9)).toHaveLength(1);
  });

  it('is refused for a model nobody knows, naming those there are, and for the champion as its own challenger', async () => {
    await expect(promote('refusals', 'none')).rejects.toMatchObject({
      code: 'MODEL_UNKNOWN',
      exitCode: 2,
      remedy: expect.stringContaining('two'),
    });
    await promote('refusals', 'one');
    await expect(promote('refusals', 'one', 'challenger')).rejects.toMatchObject({ code: 'MODEL_IS_CHAMPION' });
    expect(await champion('refusals')).toBe('one');
  });

  it('made on a condition happens only where the expected model holds the alias', async () => {
    expect(await promote('condition', 'one', 'champion', null)).toMatchObject({ changed: true });
    expect(await promote('condition', 'two', 'champion', null)).toMatchObject({ changed: false, modelId: 'one' });
    expect(await promote('condition', 'two', 'champion', 'three')).toMatchObject({ changed: false, modelId: 'one' });
    expect(await promote('condition', 'two', 'champion', 'one')).toMatchObject({ changed: true, previous: 'one' });
  });

  it('made at once with others leaves one champion, the last of a history without gaps', async () => {
    await Promise.all([...IDS, ...IDS, ...IDS].map((id) => promote('crowd', id)));
    const [newest, ...rest] = await listPromotions(test.database, 'crowd', 99);
    expect(await champion('crowd')).toBe(newest?.modelId);
    expect(Object.values(await standing('crowd')).filter((word) => word === 'champion/champion')).toHaveLength(1);
    rest.forEach((promotion, index) => {
      expect(promotion.modelId).not.toBe([newest, ...rest][index]?.modelId);
    });
  });

  it('is written with its audit entry or not at all, and told once it is', async () => {
    const client = new pg.Client({ connectionString: test.url });
    await client.connect();
    try {
      await client.query(`LISTEN ${MODELS_CHANNEL}`);
      const told: unknown[] = [];
      const twice = new Promise<void>((resolve) => {
        client.on('notification', ({ payload = '' }) => {
          told.push(JSON.parse(payload));
          if (told.length === 2) resolve();
        });
      });
      await promote('told', 'one');
      await test.database.pool.query(
        'ALTER TABLE audit_log ADD CONSTRAINT closed CHECK (subject <> $$two$$) NOT VALID',
      );
      await expect(promote('told', 'two')).rejects.toThrow();
      expect(await champion('told')).toBe('one');
      expect(await listPromotions(test.database, 'told', 9)).toHaveLength(1);
      await test.database.pool.query('ALTER TABLE audit_log DROP CONSTRAINT closed');
      await promote('told', 'three');
      await twice;
      expect(told).toEqual(['one', 'three'].map((modelId) => ({ book: 'told', alias: 'champion', modelId })));
    } finally {
      await client.end();
    }
    const entries = await listAudit(test.database, { limit: 2, action: 'model.promote' });
    expect(entries.map(({ subject, actor, details }) => ({ subject, actor, details }))).toEqual([
      { subject: 'one', actor: 'test', details: { book: 'told', alias: 'champion', previous: null } },
      { subject: 'three', actor: 'test', details: { book: 'told', alias: 'champion', previous: 'one' } },
    ]);
  });
});

describe('a rollback', () => {
  it('returns to the champion before, and from there one further', async () => {
    for (const id of ['one', 'two', 'three']) await promote('back', id);
    await promote('back', 'two', 'challenger');
    expect(await rollBack('back', 'three')).toEqual({
      changed: true,
      alias: 'champion',
      modelId: 'two',
      previous: 'three',
    });
    expect(await aliasedModel(test.database, 'back', 'challenger')).toBeUndefined();
    expect(await rollBack('back', 'two')).toMatchObject({ modelId: 'one' });
    await expect(rollBack('back', 'one')).rejects.toMatchObject({ code: 'MODEL_WITHOUT_PREDECESSOR', exitCode: 1 });
    expect(await champion('back')).toBe('one');
    await promote('back', 'four');
    expect(await rollBack('back', 'four')).toMatchObject({ modelId: 'one' });
    const [entry] = await listAudit(test.database, { limit: 1, action: 'model.rollback' });
    expect(entry).toMatchObject({ subject: 'one', details: { previous: 'four' } });
  });

  it('that is repeated, or asked for by several at once, goes back once', async () => {
    for (const id of ['one', 'two', 'three']) await promote('once', id);
    const changes = await Promise.all([1, 2, 3, 4].map(() => rollBack('once', 'three')));
    expect(changes.filter(({ changed }) => changed)).toHaveLength(1);
    expect(changes.every(({ modelId }) => modelId === 'two')).toBe(true);
    expect(await champion('once')).toBe('two');
  });

  it('is refused for a model that is not champion', async () => {
    for (const id of ['one', 'two']) await promote('other', id);
    await expect(rollBack('other', 'one')).rejects.toMatchObject({ code: 'MODEL_NOT_CHAMPION', exitCode: 2 });
    await expect(rollBack('nobody', 'one')).rejects.toMatchObject({ code: 'MODEL_NOT_CHAMPION' });
  });
});

describe('the schema', () => {
  it('holds one champion a book, whatever the code above believes', async () => {
    const insert = (alias: string, modelId: string) =>
      test.database.pool.query('INSERT INTO model_aliases VALUES ($1, $2, $3)', ['raw', alias, modelId]);
    await insert('champion', 'one');
    await expect(insert('champion', 'two')).rejects.toThrow(/model_aliases_pkey/);
    await expect(insert('challenger', 'one')).rejects.toThrow(/model_aliases_book_model_id_key/);
    await expect(insert('favourite', 'two')).rejects.toThrow(/check/);
    await expect(insert('challenger', 'none')).rejects.toThrow(/foreign key/);
  });

  it('carries the champion and its predecessors through the migration, in both directions', async () => {
    const own = await createTestDatabase();
    try {
      const steps = MIGRATIONS.length - MIGRATIONS.findIndex(({ id }) => id === '0006-model-registry');
      await rollback(own.database, steps);
      await own.database.pool.query(
        `INSERT INTO models (model_id, kind, feature_set_hash, manifest, created_at, status) VALUES
         ('new', 'k', 'h', '{}', 3, 'champion'), ('old', 'k', 'h', '{}', 1, 'retired'), ('idle', 'k', 'h', '{}', 2, 'candidate')`,
      );
      await migrate(own.database);
      expect((await listModels(own.database, 'main')).map(({ modelId, status }) => [modelId, status])).toEqual([
        ['new', 'champion'],
        ['idle', 'candidate'],
        ['old', 'retired'],
      ]);
      await rollbackChampion(own.database, { ...by('main'), from: 'new' });
      await rollback(own.database, steps);
      const { rows } = await own.database.pool.query('SELECT model_id, status FROM models ORDER BY model_id');
      expect(rows.map(({ model_id, status }) => `${model_id} ${status}`)).toEqual([
        'idle candidate',
        'new retired',
        'old champion',
      ]);
    } finally {
      await own.drop();
    }
  });
});
