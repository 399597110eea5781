import type pg from 'pg';
import { type EpochMs, epochMs, type Horizon, MINUTE_MS, outputIndex } from '../core/index.ts';
import { type Database, inTransaction } from './connection.ts';
import { FORECAST_OUTCOMES, withPartitions } from './partitions.ts';

/** One horizon's outcomes: when it ends after a forecast, and from which return on a direction is up or down. */
export interface OutcomeHorizon {
  readonly horizon: Horizon;
  readonly durationMs: number;
  /** A return above it is up, at or below its negative down; a fraction. */
  readonly threshold: number;
  /** Whether forecasts have targets of how far the market rises and falls within it. */
  readonly hasExtremes: boolean;
}

export interface OutcomeCounts {
  /** Outcomes entered now, with a return and without. */
  readonly known: number;
  readonly unknown: number;
}

/**
 * Enters the outcomes of a book's forecasts whose horizon has ended by `now`, going on after the last minute done: at most `minutes` of them. A
 * forecast whose candle at either end is missing gets a row without a return, for {@link resolveOutcomes}; one within whose horizon any
 * is missing, a row without extremes, for {@link fillExtremes}. Repeating it changes nothing.
 */
export async function recordOutcomes(
  database: Database,
  query: { book: string; venue: string; now: EpochMs; minutes: number } & OutcomeHorizon,
): Promise<OutcomeCounts> {
  const { book, venue, horizon, durationMs, threshold, hasExtremes, now, minutes } = query;
  const due = [book, horizon, now - durationMs, minutes];
  const { rows: minutesDue } = await database.pool.query<{ minute: EpochMs }>(DUE, due);
  const times = minutesDue.map(({ minute }) => minute);
  if (times.length === 0) return { known: 0, unknown: 0 };
  return withPartitions(database, FORECAST_OUTCOMES, times, () =>
    inTransaction(database, async (client) => {
      const values = [book, times, venue, horizon, durationMs, threshold];
      const { rows } = await client.query<{ is_known: boolean; count: number }>(RECORD, values);
      for (const { from, last } of hasExtremes ? runsOf(times, durationMs) : []) {
        await fillExtremes(client, { venue, horizon, durationMs, from, until: epochMs(last + 1) });
      }
      await client.query(
        `INSERT INTO outcome_progress AS known (book, horizon, minute) VALUES ($1, $2, $3)
         ON CONFLICT (book, horizon) DO UPDATE SET minute = greatest(known.minute, excluded.minute)`,
        [book, horizon, times.at(-1)],
      );
      const count = (isKnown: boolean) => rows.find((row) => row.is_known === isKnown)?.count ?? 0;
      return { known: count(true), unknown: count(false) };
    }),
  );
}

/** Ascending times, parted where one is further than `gapMs` from the next. */
function runsOf(times: readonly EpochMs[], gapMs: number): { from: EpochMs; last: EpochMs }[] {
  const runs: { from: EpochMs; last: EpochMs }[] = [];
  for (const time of times) {
    const run = runs.at(-1);
    if (run && time - run.last <= gapMs) run.last = time;
    else runs.push({ from: time, last: time });
  }
  return runs;
}

/** Fills outcomes of minutes from `from` on that were without a return and whose candles have become known since; returns how many. */
export async function resolveOutcomes(
  database: Database,
  { from, horizon, durationMs, threshold }: { from: EpochMs } & Omit<OutcomeHorizon, 'hasExtremes'>,
): Promise<number> {
  const { rowCount } = await database.pool.query(
    `UPDATE forecast_outcomes AS outcome SET realized_return = found.change, direction = ${directionOf('found.change', '$4')}
     FROM (SELECT instrument_id, minute, ${returnOf('o', '$3')} AS change FROM forecast_outcomes o
       WHERE realized_return IS NULL AND minute >= $1 AND horizon = $2) AS found
     WHERE outcome.instrument_id = found.instrument_id AND outcome.minute = found.minute AND outcome.horizon = $2
       AND outcome.minute >= $1 AND found.change IS NOT NULL`,
    [from, horizon, durationMs, threshold],
  );
  return rowCount ?? 0;
}

/**
 * Fills how far the market rose and fell after the minutes of `[from, until)`, in outcomes that lack it and all of whose candles are known; returns
 * how many. Each candle of the stretch is read once.
 */
export async function fillExtremes(
  client: Pick<pg.ClientBase, 'query'>,
  query: { venue: string; horizon: Horizon; durationMs: number; from: EpochMs; until: EpochMs },
): Promise<number> {
  const { venue, horizon, durationMs, from, until } = query;
  const lacking = await client.query<{ instrument_id: number }>(
    `SELECT instrument_id FROM instruments WHERE venue = $1 AND (SELECT true FROM forecast_outcomes AS outcome
       WHERE outcome.instrument_id = instruments.instrument_id AND minute >= $3 AND minute < $4 AND horizon = $2
         AND realized_rally IS NULL LIMIT 1)`,
    [venue, horizon, from, until],
  );
  if (lacking.rows.length === 0) return 0;
  const ids = lacking.rows.map(({ instrument_id }) => instrument_id);
  const { rowCount } = await client.query(EXTREMES, [ids, horizon, from, until, until + durationMs, durationMs]);
  return rowCount ?? 0;
}

const DUE = `SELECT minute FROM cycles WHERE book = $1 AND minute <= $3 AND minute >
    coalesce((SELECT minute FROM outcome_progress WHERE book = $1 AND horizon = $2), -9e15::int8)
  ORDER BY minute LIMIT $4`;

// Scalar subqueries: each is one look into an index, whatever the planner thinks of the tables' sizes.
const closeAt = (row: string, offset: string) =>
  `(SELECT close FROM raw_market_data WHERE instrument_id = ${row}.instrument_id AND timeframe = '1m'
    AND open_time = ${row}.minute + ${offset} - 60000)`;
const returnOf = (row: string, duration: string) =>
  `${closeAt(row, `${duration}::int8`)} / nullif(${closeAt(row, '0')}, 0) - 1`;
const directionOf = (value: string, threshold: string) =>
  `CASE WHEN ${value} > ${threshold} THEN 0 WHEN ${value} <= -${threshold}::float8 THEN 1 WHEN ${value} IS NOT NULL THEN 2 END`;

const RECORD = `WITH forecast AS (
    SELECT instrument_id, minute FROM cycles CROSS JOIN LATERAL unnest(members) AS member (symbol)
      JOIN instruments ON venue = $3 AND instruments.symbol = member.symbol
    WHERE book = $1 AND minute = ANY ($2::int8[]) AND EXISTS (SELECT FROM predictions
      WHERE book = $1 AND instrument_id = instruments.instrument_id AND minute = cycles.minute)
  ), outcome AS (
    SELECT instrument_id, minute, ${returnOf('forecast', '$5')} AS change FROM forecast
  ), entered AS (
    INSERT INTO forecast_outcomes (instrument_id, minute, horizon, realized_return, direction)
    SELECT instrument_id, minute, $4, change, ${directionOf('change', '$6')} FROM outcome
    ON CONFLICT DO NOTHING RETURNING realized_return
  )
  SELECT realized_return IS NOT NULL AS is_known, count(*) AS count FROM entered GROUP BY 1`;

/**
 * A moving extreme over a horizon's length, in one pass (van Herk's): time is cut into blocks of that length, a stretch is the rest of one block from
 * its first candle on and the next block up to its last; where the candle so many before the last is not that first one, some are missing. Rows that
 * exist are looked up and changed through their key: a join could be planned as a loop over all pairs, as partitions just made have no statistics.
 */
const EXTREMES = `WITH candle AS (
    SELECT instrument_id, open_time, max(high) OVER upto AS high_upto, min(low) OVER upto AS low_upto,
      max(high) OVER rest AS high_rest, min(low) OVER rest AS low_rest
    FROM raw_market_data WHERE instrument_id = ANY ($1::int4[]) AND timeframe = '1m' AND open_time >= $3 AND open_time < $5
    WINDOW upto AS (PARTITION BY instrument_id, open_time / $6::int8 ORDER BY open_time),
      rest AS (PARTITION BY instrument_id, open_time / $6::int8 ORDER BY open_time DESC)
  ), stretch AS (
    SELECT instrument_id, open_time - $6::int8 + ${MINUTE_MS} AS minute, lag(open_time, length) OVER earlier AS first,
      greatest(high_upto, lag(high_rest, length) OVER earlier) AS highest,
      least(low_upto, lag(low_rest, length) OVER earlier) AS lowest
    FROM candle CROSS JOIN (SELECT ($6::int8 / ${MINUTE_MS} - 1)::int4 AS length) AS candles
    WINDOW earlier AS (PARTITION BY instrument_id ORDER BY open_time)
  ), found AS (
    SELECT instrument_id, minute, highest, lowest, ${closeAt('stretch', '0')} AS close FROM stretch
    WHERE first = minute AND minute < $4 AND (SELECT realized_rally IS NULL FROM forecast_outcomes AS outcome
      WHERE outcome.instrument_id = stretch.instrument_id AND outcome.minute = stretch.minute AND horizon = $2)
  )
  INSERT INTO forecast_outcomes (instrument_id, minute, horizon, realized_rally, realized_drawdown)
  SELECT instrument_id, minute, $2, highest / close - 1, close / lowest - 1 FROM found WHERE close > 0 AND lowest > 0
  ON CONFLICT (instrument_id, minute, horizon) DO UPDATE
    SET realized_rally = excluded.realized_rally, realized_drawdown = excluded.realized_drawdown`;

/** Bins of the calibration error, per class. */
const CALIBRATION_BINS = 15;
const QUARTER_MS = 900_000;

/** How one model's forecasts of one horizon came true, over the minutes that are multiples of 15. */
export interface ForecastAccuracy {
  readonly modelId: string;
  /** Forecasts with a known outcome, and with an unknown one. */
  readonly forecasts: number;
  readonly unknown: number;
  /** Stretches of the horizon's length, one after another, that hold any of them: how many of them do not overlap. */
  readonly stretches: number;
  /** Share whose likeliest direction came true, and the share of the direction that came true most often. */
  readonly hitRate: number;
  readonly baseHitRate: number;
  /** Mean log-loss of the direction probabilities, in nats, and that of the frequencies of the same minutes, known in hindsight. */
  readonly logLoss: number;
  readonly baseLogLoss: number;
  /** The same of the Brier score, summed over the classes. */
  readonly brier: number;
  readonly baseBrier: number;
  /** Classwise expected calibration error over 15 equal bins. */
  readonly calibrationError: number;
}

/** Whose forecasts, of which horizon and minutes `[from, until)`, are judged. */
export interface AccuracyQuery {
  readonly book: string;
  readonly venue: string;
  readonly horizon: Horizon;
  readonly durationMs: number;
  readonly from: EpochMs;
  readonly until: EpochMs;
}

/** The first six parameters of what judges forecasts. */
const parametersOf = ({ book, venue, horizon, durationMs, from, until }: AccuracyQuery) =>
  [book, venue, horizon, durationMs, from, until] as const;

/** Accuracy of every model of a book that forecast in `[from, until)`, by model; models without any known outcome are left out. */
export async function readForecastAccuracy(database: Database, query: AccuracyQuery): Promise<ForecastAccuracy[]> {
  const { rows } = await database.pool.query<ForecastAccuracy>(ACCURACY, [
    ...parametersOf(query),
    // Arrays count from 1.
    outputIndex(`direction_${query.horizon}_up`) + 1,
  ]);
  return rows;
}

const ACCURACY = `WITH judged AS (
    SELECT model_id, minute, direction AS label, outputs[$7:$7 + 2]::float8[] AS shares
    FROM forecast_outcomes JOIN instruments USING (instrument_id) JOIN predictions USING (instrument_id, minute)
    WHERE book = $1 AND venue = $2 AND horizon = $3 AND minute >= $5 AND minute < $6 AND minute % ${QUARTER_MS} = 0
  ), known AS (
    SELECT model_id, minute, label, shares, greatest(shares[label + 1], 1e-12) AS share FROM judged WHERE label IS NOT NULL
  ), sums AS (
    SELECT model_id, count(*)::float8 AS n, count(DISTINCT minute / $4::int8) AS stretches, sum(-ln(share)) AS log_loss,
      sum((SELECT sum(p * p) FROM unnest(shares) AS p) - 2 * shares[label + 1] + 1) AS brier,
      count(*) FILTER (WHERE shares[label + 1] >= (SELECT max(p) FROM unnest(shares) AS p)) AS hits
    FROM known GROUP BY model_id
  ), frequencies AS (
    SELECT model_id, max(count) / sum(count) AS largest, sum(power(count / n, 2)) AS squares, -sum(count / n * ln(count / n)) AS entropy
    FROM (SELECT model_id, label, count(*)::float8 AS count FROM known GROUP BY model_id, label) AS labels
      JOIN sums USING (model_id) GROUP BY model_id
  ), bins AS (
    SELECT model_id, abs(sum(p) - count(*) FILTER (WHERE label = class - 1)) AS gap
    FROM known CROSS JOIN LATERAL unnest(shares) WITH ORDINALITY AS of_class (p, class)
    GROUP BY model_id, class, least(${CALIBRATION_BINS - 1}, floor(p * ${CALIBRATION_BINS}))
  )
  SELECT model_id AS "modelId", n AS forecasts,
    (SELECT count(*) FROM judged WHERE judged.model_id = sums.model_id AND label IS NULL) AS unknown, stretches, hits / n AS "hitRate",
    largest AS "baseHitRate", log_loss / n AS "logLoss", entropy AS "baseLogLoss", brier / n AS brier, 1 - squares AS "baseBrier",
    (SELECT sum(gap) FROM bins WHERE bins.model_id = sums.model_id) / n / 3 AS "calibrationError"
  FROM sums JOIN frequencies USING (model_id) ORDER BY model_id`;

/** Where a forecast holds what it says of how far the market goes within a horizon; positions in its values. */
export interface ExtremeOutputs {
  /** Probabilities that the market rises, or falls, as far as `move`, a fraction. */
  readonly levels: readonly { readonly output: number; readonly side: 'long' | 'short'; readonly move: number }[];
  /** Forecast rally and drawdown; null where there are none. */
  readonly rally: number | null;
  readonly drawdown: number | null;
}

/** How one model's forecasts of how far the market goes within a horizon came true, over the minutes that are multiples of 15. */
export interface ExtremeAccuracy {
  readonly modelId: string;
  /** Forecasts whose extremes are known, and stretches as in {@link ForecastAccuracy}. */
  readonly forecasts: number;
  readonly stretches: number;
  /** Mean Brier score of the levels, and that of the share of each that was reached, known in hindsight; null without levels. */
  readonly levelBrier: number | null;
  readonly baseLevelBrier: number | null;
  /** Root mean squared errors, and those of the mean, known in hindsight; fractions, null where the horizon has none. */
  readonly drawdownError: number | null;
  readonly baseDrawdownError: number | null;
  readonly rallyError: number | null;
  readonly baseRallyError: number | null;
}

/** The same of how far the market went, as {@link readForecastAccuracy} of where it went. */
export async function readExtremeAccuracy(
  database: Database,
  query: AccuracyQuery,
  { levels, rally, drawdown }: ExtremeOutputs,
): Promise<ExtremeAccuracy[]> {
  // Arrays count from 1.
  const position = (output: number | null) => (output === null ? null : output + 1);
  const { rows } = await database.pool.query<ExtremeAccuracy>(EXTREME_ACCURACY, [
    ...parametersOf(query),
    levels.map(({ output }) => output + 1),
    levels.map(({ side }) => side === 'long'),
    levels.map(({ move }) => move),
    position(drawdown),
    position(rally),
  ]);
  return rows;
}

const EXTREME_ACCURACY = `WITH judged AS (
    SELECT model_id, minute, outputs, realized_rally AS rally, realized_drawdown AS drawdown
    FROM forecast_outcomes JOIN instruments USING (instrument_id) JOIN predictions USING (instrument_id, minute)
    WHERE book = $1 AND venue = $2 AND horizon = $3 AND minute >= $5 AND minute < $6 AND minute % ${QUARTER_MS} = 0
      AND realized_rally IS NOT NULL
  ), reached AS (
    SELECT model_id, output, avg(power(outputs[output] - hit, 2)) AS brier, avg(hit) AS share
    FROM judged CROSS JOIN unnest($7::int4[], $8::bool[], $9::float8[]) AS level (output, is_long, move)
      CROSS JOIN LATERAL (SELECT (CASE WHEN is_long THEN rally ELSE drawdown END >= move)::int4::float8 AS hit) AS hits
    GROUP BY model_id, output
  ), levels AS (
    SELECT model_id, avg(brier) AS brier, avg(share * (1 - share)) AS base FROM reached GROUP BY model_id
  ), sums AS (
    SELECT model_id, count(*)::float8 AS forecasts, count(DISTINCT minute / $4::int8) AS stretches,
      sqrt(avg(power(outputs[$10::int4] - drawdown, 2))) AS drawdown, stddev_pop(drawdown) AS base_drawdown,
      sqrt(avg(power(outputs[$11::int4] - rally, 2))) AS rally, stddev_pop(rally) AS base_rally
    FROM judged GROUP BY model_id
  )
  SELECT model_id AS "modelId", forecasts, stretches, brier AS "levelBrier", base AS "baseLevelBrier",
    drawdown AS "drawdownError", CASE WHEN $10 IS NOT NULL THEN base_drawdown END AS "baseDrawdownError",
    rally AS "rallyError", CASE WHEN $11 IS NOT NULL THEN base_rally END AS "baseRallyError"
  FROM sums LEFT JOIN levels USING (model_id) ORDER BY model_id`;

/** How one model's forecasts of one minute ranked the returns that came. */
export interface RankedMinute {
  readonly minute: EpochMs;
  /** Correlation of ranks over the symbols (Spearman), -1 to 1. */
  readonly coefficient: number;
}

/**
 * Rank correlations of forecast and realised returns in `[from, until)`, at full hours with five symbols at least, oldest first. Minutes in which
 * all forecasts, or all returns, are equal say nothing and are left out.
 */
export async function readRankedMinutes(
  database: Database,
  query: { book: string; venue: string; modelId: string; horizon: Horizon; from: EpochMs; until: EpochMs },
): Promise<RankedMinute[]> {
  const { book, venue, modelId, horizon, from, until } = query;
  const { rows } = await database.pool.query<RankedMinute>(RANKED, [
    book,
    venue,
    modelId,
    horizon,
    from,
    until,
    // Arrays count from 1.
    outputIndex(`future_return_${horizon}`) + 1,
  ]);
  return rows;
}

const rankOf = (column: string) =>
  `rank() OVER (PARTITION BY minute ORDER BY ${column}) + (count(*) OVER (PARTITION BY minute, ${column}) - 1) / 2.0`;
const RANKED = `WITH known AS (
    SELECT minute, outputs[$7] AS forecast, realized_return AS outcome
    FROM forecast_outcomes JOIN instruments USING (instrument_id) JOIN predictions USING (instrument_id, minute)
    WHERE book = $1 AND venue = $2 AND model_id = $3 AND horizon = $4 AND minute >= $5 AND minute < $6 AND minute % 3600000 = 0
      AND realized_return IS NOT NULL
  ), ranked AS (
    SELECT minute, (${rankOf('forecast')})::float8 AS forecast, (${rankOf('outcome')})::float8 AS outcome FROM known
  ), judged AS (
    SELECT minute, corr(forecast, outcome) AS coefficient, count(*) AS symbols FROM ranked GROUP BY minute
  )
  SELECT minute, coefficient FROM judged WHERE symbols >= 5 AND coefficient IS NOT NULL ORDER BY minute`;

/** What the market did over one horizon after a minute; null where a candle is missing or the horizon has no such target. */
export interface StoredOutcome {
  readonly horizon: Horizon;
  readonly realizedReturn: number | null;
  readonly direction: number | null;
  readonly rally: number | null;
  readonly drawdown: number | null;
}

/** The outcomes of one symbol's forecasts of a minute, of the horizons that have ended. */
export async function readOutcomes(
  database: Database,
  { venue, symbol, minute }: { venue: string; symbol: string; minute: EpochMs },
): Promise<StoredOutcome[]> {
  const { rows } = await database.pool.query<StoredOutcome>(
    `SELECT horizon, realized_return AS "realizedReturn", direction, realized_rally AS rally, realized_drawdown AS drawdown
     FROM forecast_outcomes JOIN instruments USING (instrument_id) WHERE venue = $1 AND symbol = $2 AND minute = $3`,
    [venue, symbol, minute],
  );
  return rows;
}
