import { and, desc, eq, gte, lt, max } from 'drizzle-orm';
import {
  CYCLE_STAGES,
  type CycleStage,
  type CycleStatus,
  type DecisionNote,
  type EpochMs,
  type Exclusion,
  epochMs,
  type ReasonCode,
  type SymbolId,
} from '../core/index.ts';
import type { Database } from './connection.ts';
import { cycles, queries } from './tables.ts';

/** A committed minute in numbers. */
export interface CycleSummary {
  readonly book: string;
  readonly minute: EpochMs;
  readonly status: CycleStatus;
  readonly reason?: ReasonCode;
  readonly modelId?: string;
  readonly members: readonly SymbolId[];
  readonly excluded: readonly Exclusion[];
  /** Final 1m candles of the minute. */
  readonly candles: number;
  readonly predictions: number;
  /** Forecasts judged by the gates, and those of them that passed every one. */
  readonly candidates: number;
  readonly signals: number;
  readonly intents: number;
  readonly fills: number;
  readonly reasonCounts: Readonly<Partial<Record<ReasonCode, number>>>;
  /** Real milliseconds. */
  readonly stageMs: Readonly<Partial<Record<CycleStage, number>>>;
  readonly startedAt: EpochMs;
  /** Missing in cycles of before notes were stored. */
  readonly notes?: readonly DecisionNote[];
}

/** Minutes in `[from, until)` of a book. */
export interface MinuteRange {
  readonly book: string;
  readonly from: EpochMs;
  readonly until: EpochMs;
}

/** The newest `limit` cycles of a book, oldest first. */
export async function listCycles(
  database: Database,
  filter: { book: string; limit: number; from?: EpochMs; until?: EpochMs },
): Promise<CycleSummary[]> {
  const rows = await queries(database)
    .select()
    .from(cycles)
    .where(
      and(
        eq(cycles.book, filter.book),
        filter.from === undefined ? undefined : gte(cycles.minute, filter.from),
        filter.until === undefined ? undefined : lt(cycles.minute, filter.until),
      ),
    )
    .orderBy(desc(cycles.minute))
    .limit(filter.limit);
  return rows.reverse().map(({ reason, modelId, notes, ...cycle }) => ({
    ...cycle,
    minute: epochMs(cycle.minute),
    startedAt: epochMs(cycle.startedAt),
    ...(reason === null ? {} : { reason }),
    ...(modelId === null ? {} : { modelId }),
    ...(notes === null ? {} : { notes }),
  }));
}

/** The newest committed minute of a book; undefined before its first. */
export async function lastCycleMinute(database: Database, book: string): Promise<EpochMs | undefined> {
  const [row] = await queries(database)
    .select({ minute: max(cycles.minute) })
    .from(cycles)
    .where(eq(cycles.book, book));
  return row?.minute == null ? undefined : epochMs(row.minute);
}

/** Stage times of every cycle in the range, oldest first: one value per cycle, NaN where a stage was not recorded. */
export interface StageTimes {
  readonly stages: Readonly<Record<CycleStage, Float64Array>>;
  /** Sum of the recorded stages per cycle. */
  readonly total: Float64Array;
}

/** What latency percentiles are computed from, in real milliseconds. */
export async function readStageTimes(database: Database, range: MinuteRange): Promise<StageTimes> {
  const { rows } = await database.pool.query<{ stage_ms: Partial<Record<CycleStage, number>> }>(
    'SELECT stage_ms FROM cycles WHERE book = $1 AND minute >= $2 AND minute < $3 ORDER BY minute',
    [range.book, range.from, range.until],
  );
  const column = (stage: CycleStage) => Float64Array.from(rows, ({ stage_ms }) => stage_ms[stage] ?? Number.NaN);
  const { candles, features, forecasts, decision, commit, send } = Object.fromEntries(
    CYCLE_STAGES.map((stage) => [stage, column(stage)]),
  ) as Record<CycleStage, Float64Array>;
  return {
    stages: { candles, features, forecasts, decision, commit, send },
    total: Float64Array.from(rows, ({ stage_ms }) =>
      CYCLE_STAGES.reduce((sum, stage) => sum + (stage_ms[stage] ?? 0), 0),
    ),
  };
}

/** What is stored of the minutes of a range. */
export interface RangeCounts {
  readonly cycles: number;
  /** Cycles with status MISSED. */
  readonly missed: number;
  /** Final 1m candles of these minutes, over all symbols of the book's venue. */
  readonly candles: number;
  /** Of the models that served: the champion's, or of what stood in for it. */
  readonly predictions: number;
  /** Of the models that forecast beside them. */
  readonly challengerPredictions: number;
  /** Candidates that passed every gate. */
  readonly signals: number;
  /** Orders decided in these minutes. */
  readonly orders: number;
  /** Fills whose time lies in them. */
  readonly fills: number;
}

/** Counts the rows themselves, not what the cycles say of them. Candles are those that close at minutes of the range. */
export async function countRange(database: Database, venue: string, range: MinuteRange): Promise<RangeCounts> {
  const { rows } = await database.pool.query<RangeCounts>(
    `SELECT
       (SELECT count(*) FROM cycles WHERE book = $1 AND minute >= $2 AND minute < $3) AS cycles,
       (SELECT count(*) FROM cycles WHERE book = $1 AND minute >= $2 AND minute < $3 AND status = 'MISSED') AS missed,
       (SELECT count(*) FROM raw_market_data JOIN instruments USING (instrument_id)
         WHERE venue = $4 AND timeframe = '1m' AND open_time >= $2::int8 - 60000 AND open_time < $3::int8 - 60000) AS candles,
       forecasts.*,
       (SELECT count(*) FROM signals WHERE book = $1 AND minute >= $2 AND minute < $3 AND accepted) AS signals,
       (SELECT count(*) FROM orders WHERE book = $1 AND decided_at >= $2 AND decided_at < $3) AS orders,
       (SELECT count(*) FROM fills WHERE book = $1 AND time >= $2 AND time < $3) AS fills
     FROM (SELECT count(*) FILTER (WHERE cycles.model_id = predictions.model_id) AS predictions,
         count(*) FILTER (WHERE cycles.model_id IS DISTINCT FROM predictions.model_id) AS "challengerPredictions"
       FROM predictions LEFT JOIN cycles USING (book, minute)
       WHERE book = $1 AND minute >= $2 AND minute < $3) AS forecasts`,
    [range.book, range.from, range.until, venue],
  );
  const [counts] = rows;
  if (!counts) throw new Error('counting returns one row');
  return counts;
}
