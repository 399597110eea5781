import {
  type CandleCommit,
  type Clock,
  type CycleRecord,
  type CycleStage,
  type EpochMs,
  type FinalCandle,
  type Journal,
  systemClock,
} from '../core/index.ts';
import { pendingCommands } from './book-commands.ts';
import { loadBook } from './books.ts';
import { upsertCandles } from './candles.ts';
import type { Database } from './connection.ts';
import { commitCommands, commitCycle, commitEvents, insertForecasts } from './cycle-commit.ts';
import { insertFeatures, loadFeatureState, saveFeatureState } from './features.ts';
import { saveReplayState } from './replay.ts';
import { updateSnapshots } from './snapshots.ts';

export interface PostgresJournalOptions {
  readonly database: Database;
  readonly venue: string;
  /** The right to write this book, as `acquireLease` gave it. */
  readonly lease: { readonly book: string; readonly epoch: number };
  /** Market time at which corrections are recorded. */
  readonly clock?: Clock;
}

/** The journal in PostgreSQL: what is committed here survives. */
export function createPostgresJournal({
  database,
  venue,
  lease,
  clock = systemClock,
}: PostgresJournalOptions): Journal {
  return {
    commitCandles: async (candles: readonly FinalCandle[]): Promise<CandleCommit> => {
      const commit = await upsertCandles(database, venue, candles, clock.now());
      await updateSnapshots(database, venue, candles);
      return commit;
    },
    commitCycle: (record: CycleRecord) => commitCycle(database, venue, lease, record),
    pendingCommands: (book) => pendingCommands(database, book),
    commitCommands: (record) => commitCommands(database, lease, record),
    commitEvents: (record) => commitEvents(database, venue, lease, record),
    commitTimings: async (
      book: string,
      minute: EpochMs,
      stageMs: Readonly<Partial<Record<CycleStage, number>>>,
    ): Promise<void> => {
      await database.pool.query({
        name: 'cycle-timings',
        text: 'UPDATE cycles SET stage_ms = stage_ms || $3::jsonb WHERE book = $1 AND minute = $2',
        values: [book, minute, JSON.stringify(stageMs)],
      });
    },
    commitChallengerForecasts: (minute, forecasts) => insertForecasts(database, venue, lease, minute, forecasts),
    commitFeatures: (rows) => insertFeatures(database, venue, rows),
    saveFeatureState: (state) => saveFeatureState(database, state),
    saveReplayState: (state) => saveReplayState(database, state),
    loadFeatureState: (book, featureSetHash) => loadFeatureState(database, book, featureSetHash),
    loadBook: (book) => loadBook(database, book),
  };
}
