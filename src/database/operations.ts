import { and, desc, eq, gte } from 'drizzle-orm';
import { type EpochMs, epochMs } from '../core/index.ts';
import type { Database } from './connection.ts';
import { auditLog, queries, runs } from './tables.ts';

export type RunStatus = 'running' | 'finished' | 'failed' | 'interrupted';

/** One stretch of work of the engine on a book. */
export interface RunRecord {
  readonly runId: string;
  readonly book: string;
  readonly fromMinute: EpochMs;
  /** The last minute decided, once the run has ended. */
  readonly untilMinute?: EpochMs;
  /** How many minutes were asked for; without end when absent. */
  readonly requestedMinutes?: number;
  readonly status: RunStatus;
  /** Which market this was: generated, replay or real, with its seed or source. */
  readonly market: Readonly<Record<string, unknown>>;
  readonly startedAt: EpochMs;
  readonly endedAt?: EpochMs;
}

/** Enters a run, or what has become of it. */
export async function saveRun(database: Database, run: RunRecord): Promise<void> {
  const { untilMinute = null, requestedMinutes = null, endedAt = null, ...given } = run;
  const values = { ...given, untilMinute, requestedMinutes, endedAt };
  await queries(database).insert(runs).values(values).onConflictDoUpdate({ target: runs.runId, set: values });
}

/** The newest `limit` runs of a book, newest first. */
export async function listRuns(database: Database, book: string, limit: number): Promise<RunRecord[]> {
  const rows = await queries(database)
    .select()
    .from(runs)
    .where(eq(runs.book, book))
    .orderBy(desc(runs.startedAt), desc(runs.runId))
    .limit(limit);
  return rows.map(({ untilMinute, requestedMinutes, endedAt, ...run }) => ({
    ...run,
    fromMinute: epochMs(run.fromMinute),
    startedAt: epochMs(run.startedAt),
    ...(untilMinute === null ? {} : { untilMinute: epochMs(untilMinute) }),
    ...(requestedMinutes === null ? {} : { requestedMinutes }),
    ...(endedAt === null ? {} : { endedAt: epochMs(endedAt) }),
  }));
}

/** Something a person or the system did that must be traceable. */
export interface AuditEntry {
  readonly time: EpochMs;
  /** Who: "engine", "cli:alice". */
  readonly actor: string;
  /** What: "model.promote", "trade.halt". */
  readonly action: string;
  /** To what: a model, a book, a symbol. */
  readonly subject: string;
  readonly details: Readonly<Record<string, unknown>>;
}

/** Adds to the audit log; nothing in it is ever changed or removed. */
export async function appendAudit(database: Database, entry: AuditEntry): Promise<void> {
  await queries(database).insert(auditLog).values(entry);
}

/** The newest `limit` entries since a time, oldest first. */
export async function listAudit(
  database: Database,
  filter: { limit: number; from?: EpochMs; action?: string },
): Promise<AuditEntry[]> {
  const rows = await queries(database)
    .select()
    .from(auditLog)
    .where(
      and(
        filter.from === undefined ? undefined : gte(auditLog.time, filter.from),
        filter.action === undefined ? undefined : eq(auditLog.action, filter.action),
      ),
    )
    .orderBy(desc(auditLog.auditId))
    .limit(filter.limit);
  return rows.reverse().map(({ auditId: _id, ...entry }) => ({ ...entry, time: epochMs(entry.time) }));
}
