import { DAY_MS, type EpochMs, HOUR_MS } from '../core/index.ts';
import type { Database } from './connection.ts';
import { IS_REPLAYED } from './features.ts';
import {
  dropPartition,
  FEATURES_KEPT,
  FEATURES_RECENT,
  FORECAST_OUTCOMES,
  INDICATORS_KEPT,
  INDICATORS_RECENT,
  listPartitions,
  type PartitionedTable,
  PREDICTIONS,
  RAW_MARKET_DATA,
  SIGNALS,
} from './partitions.ts';

/** How many days of each kind are kept; without a number they are kept for good. */
export interface RetentionPolicy {
  /** Whole months are dropped once all of their bars are older. Timeframes above 1m live in the same partitions. */
  readonly candleDays?: number;
  /** Features and indicators of phase 0. */
  readonly featureDays?: number;
  /** Forecasts and their outcomes. */
  readonly predictionDays?: number;
  readonly signalDays?: number;
  /** Candidates that a gate stopped: the bulk of the signals. */
  readonly rejectedSignalDays?: number;
  /** What replays of the past need. */
  readonly replayDays?: number;
}

export interface RetentionResult {
  readonly droppedPartitions: readonly string[];
  readonly deletedRows: number;
  /** Closed partitions of indicators that got their GIN index now. */
  readonly indexedPartitions: readonly string[];
}

/** For how long every minute's features are kept; after that, phase 0 alone. */
export const EVERY_MINUTE_MS = 48 * HOUR_MS;

/**
 * Removes what has had its time at `now`: features and indicators of phases other than 0 after 48 h, the rest by the policy; and
 * indexes closed partitions of indicators. Partitions are dropped whole where they can be. Repeating it changes nothing.
 */
export async function applyRetention(
  database: Database,
  now: EpochMs,
  policy: RetentionPolicy = {},
): Promise<RetentionResult> {
  const droppedPartitions: string[] = [];
  let deletedRows = 0;
  const drop = async (table: PartitionedTable, before: number) => {
    for (const partition of await listPartitions(database, table)) {
      if (partition.until > before) continue;
      await dropPartition(database, partition);
      droppedPartitions.push(partition.name);
    }
  };
  const remove = async (statement: string, before: number) => {
    deletedRows += (await database.pool.query(statement, [before])).rowCount ?? 0;
  };

  const everyMinuteBefore = now - EVERY_MINUTE_MS;
  for (const table of [FEATURES_RECENT, INDICATORS_RECENT]) {
    await drop(table, everyMinuteBefore);
    await remove(`DELETE FROM ${table.table} WHERE minute < $1`, everyMinuteBefore);
  }
  if (policy.replayDays !== undefined) {
    const replayBefore = now - policy.replayDays * DAY_MS;
    await remove('DELETE FROM book_steps WHERE minute < $1', replayBefore);
    await remove('DELETE FROM replay_states WHERE minute < $1', replayBefore);
    // A text is entered anew every day that it is used.
    await remove('DELETE FROM step_texts WHERE used_at < $1', replayBefore - DAY_MS);
  }
  // Of midnights the last two will do: what a history began with leads to all the others.
  await remove("DELETE FROM replay_states WHERE minute < $1 AND place = 'after'", everyMinuteBefore);
  await remove(`DELETE FROM feature_states WHERE minute < $1 AND NOT ${IS_REPLAYED}`, everyMinuteBefore);
  for (const [table, days] of [
    [FEATURES_KEPT, policy.featureDays],
    [INDICATORS_KEPT, policy.featureDays],
    [RAW_MARKET_DATA, policy.candleDays],
    [PREDICTIONS, policy.predictionDays],
    [FORECAST_OUTCOMES, policy.predictionDays],
    [SIGNALS, policy.signalDays],
  ] as const) {
    if (days !== undefined) await drop(table, now - days * DAY_MS);
  }
  if (policy.rejectedSignalDays !== undefined) {
    await remove('DELETE FROM signals WHERE minute < $1 AND NOT accepted', now - policy.rejectedSignalDays * DAY_MS);
  }
  return { droppedPartitions, deletedRows, indexedPartitions: await indexClosedPartitions(database, now) };
}

/** A GIN index on a month of indicators that nothing is written to any more. */
async function indexClosedPartitions(database: Database, now: EpochMs): Promise<string[]> {
  const indexed: string[] = [];
  for (const partition of await listPartitions(database, INDICATORS_KEPT)) {
    if (partition.until > now) continue;
    const index = `${partition.name}_gin`;
    const { rows } = await database.pool.query<{ exists: boolean }>('SELECT to_regclass($1) IS NOT NULL AS exists', [
      index,
    ]);
    if (rows[0]?.exists) continue;
    await database.pool.query(
      `CREATE INDEX IF NOT EXISTS ${index} ON ${partition.name} USING gin (indicators jsonb_path_ops)`,
    );
    indexed.push(partition.name);
  }
  return indexed;
}
