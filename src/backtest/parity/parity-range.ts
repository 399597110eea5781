import { type EpochMs, epochMs, formatTime, MINUTE_MS, MinutehandError } from '../../core/index.ts';
import { type Database, lastCycleMinute, listRuns, type RunRecord } from '../../database/index.ts';

export interface ParityRange {
  readonly runId: string;
  readonly from: EpochMs;
  readonly to: EpochMs;
}

/** Runs that are looked through, and so many of them are named where one is unknown. */
const MOST_RUNS = 1_000;
const NAMED_RUNS = 10;

/**
 * The minutes of a run, of the newest where none is named, as far as they lie in what is asked for.
 * @throws MinutehandError RUN_UNKNOWN naming the runs there are; RUN_EMPTY where none of its minutes lie there
 */
export async function parityRange(
  database: Database,
  book: string,
  asked: { readonly runId?: string; readonly from?: EpochMs; readonly to?: EpochMs },
): Promise<ParityRange> {
  const runs = await listRuns(database, book, MOST_RUNS);
  const at = asked.runId === undefined ? 0 : runs.findIndex(({ runId }) => runId === asked.runId);
  const run = runs[at];
  if (run === undefined) throw unknownRun(asked.runId, runs);
  const last = await lastCycleMinute(database, book);
  const ends = [run.untilMinute ?? lastMinuteOf(run, runs[at - 1]), last ?? run.fromMinute, asked.to].filter(
    (end) => end !== undefined,
  );
  const from = epochMs(Math.max(run.fromMinute, asked.from ?? 0));
  const to = epochMs(Math.min(...ends));
  if (last !== undefined && from <= to) return { runId: run.runId, from, to };
  throw new MinutehandError(
    'RUN_EMPTY',
    `no minute of the run ${run.runId} was decided from ${formatTime(from)} to ${formatTime(to)}`,
    'Ask for minutes of the run with --from and --to, or name another one with --run.',
    { exitCode: 2 },
  );
}

/** Where a run has no recorded end: that of the minutes asked for, or the beginning of the next run. */
function lastMinuteOf(run: RunRecord, next: RunRecord | undefined): EpochMs | undefined {
  if (run.requestedMinutes !== undefined) return epochMs(run.fromMinute + (run.requestedMinutes - 1) * MINUTE_MS);
  return next && epochMs(next.fromMinute - MINUTE_MS);
}

function unknownRun(runId: string | undefined, runs: readonly RunRecord[]): MinutehandError {
  const named = runs.slice(0, NAMED_RUNS).map((run) => run.runId);
  return new MinutehandError(
    'RUN_UNKNOWN',
    runId === undefined ? 'there is no run yet' : `there is no run ${runId}`,
    named.length === 0
      ? 'Run "minutehand up" (npm start) first, or name the right folder with --data-dir.'
      : `Name one of ${named.join(', ')}, the newest first.`,
    { exitCode: 2 },
  );
}
