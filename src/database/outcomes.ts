import { type EpochMs, epochMs, type Horizon, outputIndex } from '../core/index.ts';
import { type Database, inTransaction } from './connection.ts';
import { FORECAST_OUTCOMES, withPartitions } from './partitions.ts';

/** One horizon's outcomes: when it ends after a forecast, and from which return on a direction is up or down. */
export interface OutcomeHorizon {
  readonly horizon: Horizon;
  readonly durationMs: number;
  /** A return above it is up, at or below its negative down; a fraction. */
  readonly threshold: number;
}

export interface OutcomeCounts {
  /** Outcomes entered now, with a return and without. */
  readonly known: number;
  readonly unknown: number;
}

/**
 * Enters the outcomes of a book's forecasts whose horizon has ended by `now`, going on after the last minute done: at most `minutes` of them. A
 * forecast whose candle at either end is missing gets a row without a return, for {@link resolveOutcomes}. Repeating it changes nothing.
 */
export async function recordOutcomes(
  database: Database,
  query: { book: string; venue: string; now: EpochMs; minutes: number } & OutcomeHorizon,
): Promise<OutcomeCounts> {
  const { book, venue, horizon, durationMs, threshold, now, minutes } = query;
  const due = [book, horizon, now - durationMs, minutes];
  const { rows: minutesDue } = await database.pool.query<{ minute: number }>(DUE, due);
  const last = minutesDue.at(-1)?.minute;
  if (last === undefined) return { known: 0, unknown: 0 };
  return withPartitions(
    database,
    FORECAST_OUTCOMES,
    minutesDue.map(({ minute }) => minute),
    () =>
      inTransaction(database, async (client) => {
        const values = [book, minutesDue.map(({ minute }) => minute), venue, horizon, durationMs, threshold];
        const { rows } = await client.query<{ is_known: boolean; count: number }>(RECORD, values);
        await client.query(
          `INSERT INTO outcome_progress AS known (book, horizon, minute) VALUES ($1, $2, $3)
           ON CONFLICT (book, horizon) DO UPDATE SET minute = greatest(known.minute, excluded.minute)`,
          [book, horizon, last],
        );
        const count = (isKnown: boolean) => rows.find((row) => row.is_known === isKnown)?.count ?? 0;
        return { known: count(true), unknown: count(false) };
      }),
  );
}

/** Fills outcomes of minutes from `from` on that were without a return and whose candles have become known since; returns how many. */
export async function resolveOutcomes(
  database: Database,
  { from, horizon, durationMs, threshold }: { from: EpochMs } & OutcomeHorizon,
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

/** Accuracy of every model of a book that forecast in `[from, until)`, by model; models without any known outcome are left out. */
export async function readForecastAccuracy(
  database: Database,
  query: { book: string; venue: string; horizon: Horizon; durationMs: number; from: EpochMs; until: EpochMs },
): Promise<ForecastAccuracy[]> {
  const { book, venue, horizon, durationMs, from, until } = query;
  const { rows } = await database.pool.query<ForecastAccuracy>(ACCURACY, [
    book,
    venue,
    horizon,
    durationMs,
    from,
    until,
    // Arrays count from 1.
    outputIndex(`direction_${horizon}_up`) + 1,
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

/** The realised returns of one symbol's forecast, by horizon; those not known yet are missing. */
export async function readOutcomes(
  database: Database,
  query: { venue: string; symbol: string; minute: EpochMs },
): Promise<Partial<Record<Horizon, number>>> {
  const { rows } = await database.pool.query<{ horizon: Horizon; realized_return: number }>(
    `SELECT horizon, realized_return FROM forecast_outcomes JOIN instruments USING (instrument_id)
     WHERE venue = $1 AND symbol = $2 AND minute = $3 AND realized_return IS NOT NULL`,
    [query.venue, query.symbol, epochMs(query.minute)],
  );
  return Object.fromEntries(rows.map((row) => [row.horizon, row.realized_return]));
}
