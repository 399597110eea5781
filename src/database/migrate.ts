import { createHash } from 'node:crypto';
import type pg from 'pg';
import { MinutehandError, messageOf } from '../core/index.ts';
import type { Database } from './connection.ts';
import { forgetInstrumentIds } from './instruments.ts';
import { MIGRATIONS, type Migration } from './migrations/index.ts';
import { forgetPartitions } from './partitions.ts';

export interface MigrationStatus {
  readonly id: string;
  readonly applied: boolean;
}

/**
 * Brings the schema up to this version; several programs may call it at once. Returns the ids applied now.
 * @throws MinutehandError DATABASE_SCHEMA_NEWER, DATABASE_MIGRATION_FAILED
 */
export function migrate(database: Database, migrations: readonly Migration[] = MIGRATIONS): Promise<string[]> {
  return underLock(database, async (client) => {
    const applied = await readApplied(client, migrations);
    const pending = migrations.filter(({ id }) => !applied.includes(id));
    for (const { id, up } of pending) {
      await step(client, id, `${up}; INSERT INTO schema_migrations VALUES ('${id}')`);
    }
    return pending.map(({ id }) => id);
  });
}

/**
 * Undoes the newest `steps` migrations, newest first; the tables they made are lost with their rows. Returns their ids.
 * @throws MinutehandError DATABASE_SCHEMA_NEWER, DATABASE_MIGRATION_FAILED
 */
export function rollback(
  database: Database,
  steps: number,
  migrations: readonly Migration[] = MIGRATIONS,
): Promise<string[]> {
  return underLock(database, async (client) => {
    const applied = await readApplied(client, migrations);
    const undone = migrations.filter(({ id }) => applied.includes(id)).slice(Math.max(0, applied.length - steps));
    for (const { id, down } of undone.toReversed()) {
      await step(client, id, `${down}; DELETE FROM schema_migrations WHERE id = '${id}'`);
    }
    forgetInstrumentIds(database);
    forgetPartitions(database);
    return undone.map(({ id }) => id).toReversed();
  });
}

/** Every migration this version knows, oldest first, and whether the database has it. */
export function migrationStatus(
  database: Database,
  migrations: readonly Migration[] = MIGRATIONS,
): Promise<MigrationStatus[]> {
  return underLock(database, async (client) => {
    const applied = await readApplied(client, migrations);
    return migrations.map(({ id }) => ({ id, applied: applied.includes(id) }));
  });
}

/** Names a schema: equal where the migrations are, to the letter. */
export function schemaHash(migrations: readonly Migration[] = MIGRATIONS): string {
  const hash = createHash('sha256');
  for (const { id, up, down } of migrations) hash.update(`${id}\0${up}\0${down}\0`);
  return hash.digest('hex').slice(0, 12);
}

/** "minutehand" as a number: one migration at a time per database. */
const LOCK_KEY = 6_846_172_001;

async function underLock<T>(database: Database, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  const client = await database.pool.connect();
  let failed = true;
  try {
    await client.query('SELECT pg_advisory_lock($1)', [LOCK_KEY]);
    await client.query('CREATE TABLE IF NOT EXISTS schema_migrations (id text PRIMARY KEY)');
    const result = await work(client);
    await client.query('SELECT pg_advisory_unlock($1)', [LOCK_KEY]);
    failed = false;
    return result;
  } finally {
    // Closing the connection gives the lock back whatever went wrong.
    client.release(failed);
  }
}

async function readApplied(client: pg.PoolClient, migrations: readonly Migration[]): Promise<string[]> {
  const { rows } = await client.query<{ id: string }>('SELECT id FROM schema_migrations ORDER BY id');
  const unknown = rows.find(({ id }) => !migrations.some((migration) => migration.id === id));
  if (unknown) {
    throw new MinutehandError(
      'DATABASE_SCHEMA_NEWER',
      `The database has the migration ${unknown.id}, which this version of Minutehand does not know.`,
      'Use the newer version, or roll the database back with it first ("minutehand db rollback").',
    );
  }
  return rows.map(({ id }) => id);
}

async function step(client: pg.PoolClient, id: string, statements: string): Promise<void> {
  try {
    await client.query(`BEGIN; ${statements}; COMMIT`);
  } catch (error) {
    await client.query('ROLLBACK');
    throw new MinutehandError(
      'DATABASE_MIGRATION_FAILED',
      `The migration ${id} failed and was undone: ${messageOf(error)}`,
      'Check that the database is Minutehand’s alone and that its user may create tables in it.',
      { cause: error },
    );
  }
}
