import type { Config } from '../config/index.ts';
import {
  CYCLE_STAGES,
  type CycleStage,
  type EpochMs,
  epochMs,
  formatTime,
  MINUTE_MS,
  MinutehandError,
  systemClock,
} from '../core/index.ts';
import { countRange, type Database, listRuns, readStageTimes, saveRun } from '../database/index.ts';
import { type ModelStanding, modelStanding } from '../model/index.ts';
import { type LatencySummary, summarizeLatency } from './cycle-summary.ts';
import { type MarketDescription, marketIdentity } from './venue.ts';

type TradingMode = Config['mode'];

/** A stretch of a fixed number of minutes. */
export interface BookRun {
  readonly runId: string;
  readonly book: string;
  readonly venue: string;
  readonly market: MarketDescription;
  readonly mode: TradingMode;
  readonly minutes: number;
  /** The first and the last minute to decide. */
  readonly from: EpochMs;
  readonly until: EpochMs;
  readonly startedAt: EpochMs;
}

/** A finished run, counted from what is stored. */
export interface RunSummary {
  readonly cycles: number;
  readonly missed: number;
  /** Final 1m candles of these minutes. */
  readonly candles: number;
  /** Of the models that served. */
  readonly predictions: number;
  /** Of the challenger, beside them. */
  readonly challengerPredictions: number;
  readonly signals: number;
  readonly orders: number;
  readonly fills: number;
  readonly latencyMs: { readonly total: LatencySummary; readonly stages: Readonly<Record<CycleStage, LatencySummary>> };
  /** Largest resident memory of the engine. */
  readonly rssMb: number;
  /** Candles fetched before and between the minutes. */
  readonly backfilled: number;
  /** The first and the last minute, by their close. */
  readonly from: string;
  readonly to: string;
  readonly market: string;
  /** Champion and challenger at the end. */
  readonly models: ModelStanding;
}

/**
 * @throws MinutehandError MARKET_DIFFERS when the book was begun on another market, MODE_DIFFERS when it was begun on paper and is to trade
 * live, or the other way round: its positions and its cash are of one or the other.
 */
export async function requireSameMarket(
  database: Database,
  book: string,
  market: MarketDescription,
  mode: TradingMode,
): Promise<void> {
  const [latest] = await listRuns(database, book, 1);
  const begunAs = latest === undefined ? mode : (latest.market.mode ?? 'paper');
  if (begunAs !== mode) {
    throw new MinutehandError(
      'MODE_DIFFERS',
      `the store holds a book that trades ${begunAs === 'live' ? 'live' : 'on paper'}, and the mode is ${mode}`,
      `Use another --data-dir (or database) for ${mode} trading, or set mode: ${String(begunAs)}.`,
      { exitCode: 2 },
    );
  }
  const before = latest?.market.identity;
  const now = marketIdentity(market);
  if (before === undefined || before === now) return;
  throw new MinutehandError(
    'MARKET_DIFFERS',
    `the store holds a book on another market (${String(before)}), not on this one (${now})`,
    'Use another --data-dir (or database) for this market, or start with the options of the first time.',
    { exitCode: 2 },
  );
}

/** Enters that the book is run, without a given end. */
export async function enterOpenRun(
  database: Database,
  book: string,
  parts: { market: MarketDescription; mode: TradingMode; after: EpochMs },
): Promise<void> {
  const from = epochMs(parts.after + MINUTE_MS);
  await saveRun(database, {
    runId: `${book}/${from}/open`,
    book,
    fromMinute: from,
    status: 'running',
    market: { ...parts.market, identity: marketIdentity(parts.market), mode: parts.mode },
    startedAt: systemClock.now(),
  });
}

/** Begins a run of `minutes` after the minute `after`; a run of as many minutes that was cut off is gone on with instead. */
export async function beginRun(
  database: Database,
  book: string,
  parts: { venue: string; market: MarketDescription; mode: TradingMode; minutes: number; after: EpochMs },
): Promise<BookRun> {
  const { minutes, after, market, mode, venue } = parts;
  const [latest] = await listRuns(database, book, 1);
  const open = latest && latest.status !== 'finished' && latest.requestedMinutes === minutes ? latest : undefined;
  const from = open?.fromMinute ?? epochMs(after + MINUTE_MS);
  const run: BookRun = {
    runId: open?.runId ?? `${book}/${from}/${minutes}`,
    book,
    venue,
    market,
    mode,
    minutes,
    from,
    until: epochMs(from + (minutes - 1) * MINUTE_MS),
    startedAt: open?.startedAt ?? systemClock.now(),
  };
  await saveRun(database, { ...recordOf(run), status: 'running' });
  return run;
}

/** Marks a run as finished and counts it. */
export async function finishRun(database: Database, run: BookRun, backfilled: number): Promise<RunSummary> {
  const range = { book: run.book, from: run.from, until: epochMs(run.until + MINUTE_MS) };
  const counts = await countRange(database, run.venue, range);
  const times = await readStageTimes(database, range);
  await saveRun(database, {
    ...recordOf(run),
    untilMinute: run.until,
    status: 'finished',
    endedAt: systemClock.now(),
  });
  const summarize = (values: Float64Array) => summarizeLatency([...values].filter(Number.isFinite));
  const stages = {} as Record<CycleStage, LatencySummary>;
  for (const stage of CYCLE_STAGES) stages[stage] = summarize(times.stages[stage]);
  return {
    ...counts,
    latencyMs: { total: summarize(times.total), stages },
    rssMb: Math.round(process.resourceUsage().maxRSS / 1_024),
    backfilled,
    from: formatTime(run.from),
    to: formatTime(run.until),
    market: marketIdentity(run.market),
    models: await modelStanding(database, run.book),
  };
}

const recordOf = (run: BookRun) => ({
  runId: run.runId,
  book: run.book,
  fromMinute: run.from,
  requestedMinutes: run.minutes,
  market: { ...run.market, identity: marketIdentity(run.market), mode: run.mode },
  startedAt: run.startedAt,
});
