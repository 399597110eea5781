import pg from 'pg';
import { DAY_MS } from '../core/index.ts';
import { type Database, inTransaction } from './connection.ts';

/** How much time one partition holds. */
export type PartitionSpan = 'month' | 'day';

/** A table partitioned by time, and the spans of its partitions. */
export interface PartitionedTable {
  readonly table: string;
  readonly span: PartitionSpan;
}

export const RAW_MARKET_DATA: PartitionedTable = { table: 'raw_market_data', span: 'month' };
export const PREDICTIONS: PartitionedTable = { table: 'predictions', span: 'month' };
export const FORECAST_OUTCOMES: PartitionedTable = { table: 'forecast_outcomes', span: 'month' };
export const SIGNALS: PartitionedTable = { table: 'signals', span: 'month' };
export const FEATURES_KEPT: PartitionedTable = { table: 'processed_market_data_kept', span: 'month' };
export const FEATURES_RECENT: PartitionedTable = { table: 'processed_market_data_recent', span: 'day' };
export const INDICATORS_KEPT: PartitionedTable = { table: 'technical_indicators_kept', span: 'month' };
export const INDICATORS_RECENT: PartitionedTable = { table: 'technical_indicators_recent', span: 'day' };

export interface Partition {
  readonly name: string;
  /** First and past-the-last epoch millisecond it holds. */
  readonly from: number;
  readonly until: number;
}

/** Makes the partitions that hold `times`, as far as they are missing. */
export async function ensurePartitions(
  database: Database,
  { table, span }: PartitionedTable,
  times: Iterable<number>,
): Promise<void> {
  const known = knownPartitions(database);
  const missing = new Map<string, Partition>();
  let last: Partition | undefined;
  for (const time of times) {
    if (last && time >= last.from && time < last.until) continue;
    last = partitionOf(table, span, time);
    if (!known.has(last.name)) missing.set(last.name, last);
  }
  for (const partition of missing.values()) {
    await inTransaction(database, (client) => create(client, table, partition));
    known.add(partition.name);
  }
}

/**
 * Runs a write after making sure of its partitions. Another program's retention may have dropped one that this one remembers:
 * then everything is looked up anew, once.
 */
export async function withPartitions<T>(
  database: Database,
  table: PartitionedTable,
  times: readonly number[],
  write: () => Promise<T>,
): Promise<T> {
  await ensurePartitions(database, table, times);
  try {
    return await write();
  } catch (error) {
    if (!(error instanceof pg.DatabaseError && error.code === NO_PARTITION_FOR_ROW)) throw error;
    forgetPartitions(database);
    await ensurePartitions(database, table, times);
    return write();
  }
}

/** check_violation, which is also how PostgreSQL says that no partition takes a row. */
const NO_PARTITION_FOR_ROW = '23514';

/** Forgets which partitions exist: after they were dropped by other means. */
export function forgetPartitions(database: Database): void {
  known.delete(database);
}

/** The existing partitions of a table, oldest first. */
export async function listPartitions(database: Database, { table, span }: PartitionedTable): Promise<Partition[]> {
  const { rows } = await database.pool.query<{ name: string }>(
    `SELECT child.relname AS name FROM pg_inherits JOIN pg_class child ON child.oid = inhrelid
     WHERE inhparent = $1::regclass ORDER BY name`,
    [table],
  );
  return rows.map(({ name }) => {
    const [year = 0, month = 1, day = 1] = name
      .slice(table.length + 1)
      .split('_')
      .map(Number);
    return partitionOf(table, span, Date.UTC(year, month - 1, day));
  });
}

/** Removes a partition with all its rows. */
export async function dropPartition(database: Database, partition: Partition): Promise<void> {
  await database.pool.query(`DROP TABLE IF EXISTS ${partition.name}`);
  knownPartitions(database).delete(partition.name);
}

function partitionOf(table: string, span: PartitionSpan, time: number): Partition {
  const date = new Date(time);
  const [year, month] = [date.getUTCFullYear(), date.getUTCMonth()];
  const pad = (value: number) => String(value).padStart(2, '0');
  if (span === 'month') {
    const [from, until] = [Date.UTC(year, month), Date.UTC(year, month + 1)];
    return { name: `${table}_${year}_${pad(month + 1)}`, from, until };
  }
  const from = Date.UTC(year, month, date.getUTCDate());
  return { name: `${table}_${year}_${pad(month + 1)}_${pad(date.getUTCDate())}`, from, until: from + DAY_MS };
}

/** One partition is made at a time, so that two programs do not collide. */
const LOCK_KEY = 6_846_172_003;

/**
 * Made beside the table and then attached: that takes a lock which readers and writers of the other partitions do not feel, where
 * CREATE … PARTITION OF would wait for, and hold up, all of them.
 */
async function create(client: pg.PoolClient, table: string, { name, from, until }: Partition): Promise<void> {
  await client.query('SELECT pg_advisory_xact_lock($1)', [LOCK_KEY]);
  const { rowCount } = await client.query('SELECT FROM pg_class WHERE oid = to_regclass($1)', [name]);
  if (rowCount === 1) return;
  await client.query(`CREATE TABLE ${name} (LIKE ${table} INCLUDING ALL)`);
  await client.query(`ALTER TABLE ${table} ATTACH PARTITION ${name} FOR VALUES FROM (${from}) TO (${until})`);
}

const known = new WeakMap<Database, Set<string>>();

function knownPartitions(database: Database): Set<string> {
  const names = known.get(database) ?? new Set<string>();
  known.set(database, names);
  return names;
}
