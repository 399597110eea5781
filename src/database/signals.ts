import { and, asc, desc, eq, gt, gte, lt, sql } from 'drizzle-orm';
import { type EpochMs, epochMs, type Forecast, type Signal, type SymbolId } from '../core/index.ts';
import type { Database } from './connection.ts';
import { instruments, queries, signals } from './tables.ts';

export interface SignalFilter {
  readonly book: string;
  readonly symbol?: SymbolId;
  readonly id?: string;
  /** Only candidates that passed every gate, or only those that did not; both when absent. */
  readonly accepted?: boolean;
  /** Only confidences of at least this. */
  readonly minConfidence?: number;
  /** Only minutes after this one: how `signals tail` goes on. */
  readonly after?: EpochMs;
  readonly from?: EpochMs;
  readonly until?: EpochMs;
  /** The newest so many; all when absent. */
  readonly limit?: number;
}

/** Candidates and signals, oldest minute first; within a minute the strongest net edge first. */
export async function listSignals(database: Database, filter: SignalFilter): Promise<Signal[]> {
  const query = queries(database)
    .select({ signal: signals, symbol: instruments.symbol })
    .from(signals)
    .innerJoin(instruments, eq(signals.instrumentId, instruments.instrumentId))
    .where(
      and(
        eq(signals.book, filter.book),
        filter.id === undefined ? undefined : eq(signals.signalId, filter.id),
        filter.symbol === undefined ? undefined : eq(instruments.symbol, filter.symbol),
        // Written out, so that the index of accepted signals serves.
        filter.accepted === undefined
          ? undefined
          : filter.accepted
            ? sql`${signals.accepted}`
            : sql`NOT ${signals.accepted}`,
        filter.minConfidence === undefined ? undefined : gte(signals.confidence, filter.minConfidence),
        filter.after === undefined ? undefined : gt(signals.minute, filter.after),
        filter.from === undefined ? undefined : gte(signals.minute, filter.from),
        filter.until === undefined ? undefined : lt(signals.minute, filter.until),
      ),
    )
    .orderBy(desc(signals.minute), asc(signals.netEdge), desc(signals.signalId));
  const rows = await (filter.limit === undefined ? query : query.limit(filter.limit));
  return rows.reverse().map(({ signal, symbol }) => signalOf(signal, symbol));
}

function signalOf(row: typeof signals.$inferSelect, symbol: SymbolId): Signal {
  const { instrumentId: _id, book: _book, signalId, minute, expiresAt, ...rest } = row;
  const { costs, agreement, uncertainty, stopDistance, targetDistance, rewardToRisk, ...others } = rest;
  const { marketRegime, symbolRegime, sizeScale, ...signal } = others;
  return {
    ...signal,
    id: signalId,
    symbol,
    minute: epochMs(minute),
    ...(costs === null ? {} : { costs }),
    ...(agreement === null ? {} : { agreement }),
    ...(uncertainty === null ? {} : { uncertainty }),
    ...(stopDistance === null ? {} : { stopDistance }),
    ...(targetDistance === null ? {} : { targetDistance }),
    ...(rewardToRisk === null ? {} : { rewardToRisk }),
    ...(expiresAt === null ? {} : { expiresAt: epochMs(expiresAt) }),
    ...(marketRegime === null ? {} : { marketRegime }),
    ...(symbolRegime === null ? {} : { symbolRegime }),
    ...(sizeScale === null ? {} : { sizeScale }),
  };
}

/** The stored forecasts of a book for minutes in `[from, until)`, by minute and symbol; of one symbol or of all. */
export async function listForecasts(
  database: Database,
  filter: { book: string; symbol?: SymbolId; from: EpochMs; until: EpochMs },
): Promise<Forecast[]> {
  const { rows } = await database.pool.query<{
    symbol: string;
    minute: number;
    model_id: string;
    outputs: number[];
    masked_share: number;
  }>(
    `SELECT symbol, minute, model_id, outputs, masked_share FROM predictions JOIN instruments USING (instrument_id)
     WHERE book = $1 AND minute >= $2 AND minute < $3 AND ($4::text IS NULL OR symbol = $4) ORDER BY minute, symbol, model_id`,
    [filter.book, filter.from, filter.until, filter.symbol ?? null],
  );
  return rows.map((row) => ({
    symbol: row.symbol,
    minute: epochMs(row.minute),
    modelId: row.model_id,
    values: Float32Array.from(row.outputs),
    maskedShare: row.masked_share,
  }));
}
