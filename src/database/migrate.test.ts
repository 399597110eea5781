import { getTableConfig, PgTable } from 'drizzle-orm/pg-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { epochMs, MINUTE_MS, milliseconds } from '../core/index.ts';
import { countBars } from './bars.ts';
import { upsertCandles } from './candles.ts';
import type { Database } from './connection.ts';
import { SOME_MINUTE, someCandle, someCycle, someForecast, someIntent, someSignal, someStop } from './fixtures.ts';
import { saveFundingRates } from './funding.ts';
import { createPostgresJournal } from './journal.ts';
import { acquireLease } from './leases.ts';
import { migrate, migrationStatus, rollback } from './migrate.ts';
import { MIGRATIONS } from './migrations/index.ts';
import * as tables from './tables.ts';
import { createTestDatabase, type TestDatabase } from './testing.ts';

const SCHEMA = `SELECT table_name, column_name, data_type, is_nullable FROM information_schema.columns
  WHERE table_schema = 'public' ORDER BY table_name, column_name`;

async function schemaOf(database: Database): Promise<unknown[]> {
  const columns = await database.pool.query(SCHEMA);
  const indexes = await database.pool.query(
    "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY indexdef",
  );
  const checks = await database.pool.query(
    "SELECT conrelid::regclass::text AS of, pg_get_constraintdef(oid) AS def FROM pg_constraint WHERE connamespace = 'public'::regnamespace ORDER BY 1, 2",
  );
  return [columns.rows, indexes.rows, checks.rows];
}

async function fill(database: Database): Promise<void> {
  const lease = await acquireLease(database, {
    book: 'main',
    holder: 'test',
    now: SOME_MINUTE,
    duration: milliseconds(1_000),
  });
  if (!lease.acquired) throw new Error('the lease is held');
  const journal = createPostgresJournal({ database, venue: 'v', lease: lease.lease });
  await journal.commitCandles([someCandle()]);
  await saveFundingRates(database, 'v', [{ symbol: 'BTCUSDT', time: SOME_MINUTE, rate: 0.0001 }]);
  await journal.commitCycle(
    someCycle(SOME_MINUTE, {
      forecasts: [someForecast('BTCUSDT', SOME_MINUTE)],
      signals: [someSignal('BTCUSDT', SOME_MINUTE)],
      intents: [someIntent('BTCUSDT', SOME_MINUTE), someStop('BTCUSDT', SOME_MINUTE)],
    }),
  );
}

describe('the migrations', () => {
  let test: TestDatabase;
  beforeAll(async () => {
    test = await createTestDatabase();
  });
  afterAll(() => test.drop());

  it('can be undone one by one with data in every table, keep what older ones made, and end at the same schema when repeated', async () => {
    const { database } = test;
    const before = await schemaOf(database);
    await fill(database);
    for (const { id } of MIGRATIONS.slice(1).toReversed()) {
      expect(await rollback(database, 1)).toEqual([id]);
      const range = { venue: 'v', timeframe: '1m', from: epochMs(0), until: SOME_MINUTE } as const;
      expect(await countBars(database, range)).toBe(1);
    }
    expect(await migrationStatus(database)).toEqual(MIGRATIONS.map(({ id }, index) => ({ id, applied: index === 0 })));
    expect(await rollback(database, 99)).toEqual([MIGRATIONS[0]?.id]);
    expect(await rollback(database, 1)).toEqual([]);
    const left = await database.pool.query(SCHEMA);
    expect(new Set(left.rows.map(({ table_name }) => table_name))).toEqual(new Set(['schema_migrations']));

    expect(await migrate(database)).toEqual(MIGRATIONS.map(({ id }) => id));
    expect(await schemaOf(database)).toEqual(before);
    await fill(database);
  });

  it('are applied once, however many programs ask for it', async () => {
    await rollback(test.database, 2);
    const applied = await Promise.all([migrate(test.database), migrate(test.database), migrate(test.database)]);
    expect(applied.flat()).toEqual(MIGRATIONS.slice(-2).map(({ id }) => id));
  });

  it('leave nothing of one that fails', async () => {
    const broken = { id: '9999-broken', up: 'CREATE TABLE half (x int); SELECT nonsense', down: '' };
    await expect(migrate(test.database, [...MIGRATIONS, broken])).rejects.toMatchObject({
      code: 'DATABASE_MIGRATION_FAILED',
    });
    const { rows } = await test.database.pool.query("SELECT to_regclass('half') AS half");
    expect(rows[0]?.half).toBeNull();
  });

  it('refuse a database that a newer version has migrated', async () => {
    await expect(migrate(test.database, MIGRATIONS.slice(0, 2))).rejects.toMatchObject({
      code: 'DATABASE_SCHEMA_NEWER',
    });
  });

  it('have the columns that the typed tables name, and no time of their own', async () => {
    const { rows } = await test.database.pool.query<{ table_name: string; column_name: string; is_nullable: string }>(
      SCHEMA,
    );
    for (const table of Object.values(tables)) {
      if (!(table instanceof PgTable)) continue;
      const { name, columns } = getTableConfig(table);
      const actual = rows.filter(({ table_name }) => table_name === name);
      expect(columns.map((column) => column.name).toSorted()).toEqual(
        actual.map(({ column_name }) => column_name).toSorted(),
      );
      expect(
        columns
          .filter(({ notNull }) => !notNull)
          .map((column) => column.name)
          .toSorted(),
      ).toEqual(
        actual
          .filter(({ is_nullable }) => is_nullable === 'YES')
          .map(({ column_name }) => column_name)
          .toSorted(),
      );
    }
    const defaults = await test.database.pool.query(
      "SELECT FROM information_schema.columns WHERE table_schema = 'public' AND column_default IS NOT NULL",
    );
    expect(defaults.rowCount).toBe(0);
  });

  it('make partitions for any month on demand, also when two programs want the same one', async () => {
    const { database } = test;
    const candles = [-86_400_000 * 365 * 20, SOME_MINUTE, 4e12].map((time) =>
      someCandle({ openTime: epochMs(Math.floor(time / MINUTE_MS) * MINUTE_MS) }),
    );
    const other = { ...database };
    await Promise.all([
      upsertCandles(database, 'v', candles, SOME_MINUTE),
      upsertCandles(other, 'v', candles, SOME_MINUTE),
    ]);
    const range = { venue: 'v', timeframe: '1m', from: epochMs(-1e12), until: epochMs(5e12) } as const;
    // One more than these, which `fill` has written.
    expect(await countBars(database, range)).toBe(4);
  });
});
