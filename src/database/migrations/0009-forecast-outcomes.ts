import type { Migration } from './migration.ts';

/** What candidates are judged by besides, what became of them in their minute, and what the market did after each forecast. */
export const forecastOutcomes: Migration = {
  id: '0009-forecast-outcomes',
  up: `
    -- Null in rows of before.
    ALTER TABLE signals
      ADD COLUMN costs jsonb,
      ADD COLUMN agreement double precision,
      ADD COLUMN uncertainty double precision,
      ADD COLUMN stop_distance double precision,
      ADD COLUMN target_distance double precision,
      ADD COLUMN reward_to_risk double precision,
      ADD COLUMN expires_at bigint,
      ADD COLUMN market_regime text,
      ADD COLUMN symbol_regime text,
      ADD COLUMN size_scale double precision;
    ALTER TABLE cycles ADD COLUMN notes jsonb;

    -- Of every forecast's symbol and minute, whichever model made it, once its horizon has ended. The return is null as long as the
    -- candle at either end is unknown.
    CREATE TABLE forecast_outcomes (
      minute bigint NOT NULL,
      instrument_id integer NOT NULL,
      horizon text NOT NULL,
      realized_return double precision,
      direction smallint,
      PRIMARY KEY (instrument_id, minute, horizon),
      CHECK ((realized_return IS NULL) = (direction IS NULL))
    ) PARTITION BY RANGE (minute);
    CREATE INDEX forecast_outcomes_unknown ON forecast_outcomes (minute) WHERE realized_return IS NULL;

    -- Up to which minute a book's forecasts have their outcomes.
    CREATE TABLE outcome_progress (
      book text NOT NULL,
      horizon text NOT NULL,
      minute bigint NOT NULL,
      PRIMARY KEY (book, horizon)
    );
  `,
  down: `
    DROP TABLE outcome_progress;
    DROP TABLE forecast_outcomes;
    ALTER TABLE cycles DROP COLUMN notes;
    ALTER TABLE signals
      DROP COLUMN costs, DROP COLUMN agreement, DROP COLUMN uncertainty, DROP COLUMN stop_distance, DROP COLUMN target_distance,
      DROP COLUMN reward_to_risk, DROP COLUMN expires_at, DROP COLUMN market_regime, DROP COLUMN symbol_regime,
      DROP COLUMN size_scale;
  `,
};
