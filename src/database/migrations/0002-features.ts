import type { Migration } from './migration.ts';

/**
 * Features and indicators per minute. Rows of phase 0 (minutes that are multiples of 15) are kept in one partition per month; the
 * other phases in one per day, so that after two days a whole table is dropped instead of 67,000 rows deleted.
 */
export const features: Migration = {
  id: '0002-features',
  up: `
    CREATE TABLE feature_sets (
      feature_set_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      feature_set_hash text NOT NULL UNIQUE,
      feature_names text[] NOT NULL
    );

    CREATE TABLE processed_market_data (
      minute bigint NOT NULL,
      instrument_id integer NOT NULL,
      feature_set_id integer NOT NULL,
      phase smallint NOT NULL CHECK (phase = (minute / 60000) % 15),
      -- In the order of feature_sets.feature_names; NaN where masked.
      features real[] NOT NULL,
      PRIMARY KEY (instrument_id, minute, feature_set_id, phase)
    ) PARTITION BY LIST (phase);
    CREATE TABLE processed_market_data_kept PARTITION OF processed_market_data
      FOR VALUES IN (0) PARTITION BY RANGE (minute);
    CREATE TABLE processed_market_data_recent PARTITION OF processed_market_data
      DEFAULT PARTITION BY RANGE (minute);

    -- No GIN index here: on a partition that is written to it takes the minute's p99 from 29 to 293 ms. Closed partitions get one.
    CREATE TABLE technical_indicators (
      minute bigint NOT NULL,
      instrument_id integer NOT NULL,
      phase smallint NOT NULL CHECK (phase = (minute / 60000) % 15),
      indicators jsonb NOT NULL,
      PRIMARY KEY (instrument_id, minute, phase)
    ) PARTITION BY LIST (phase);
    CREATE TABLE technical_indicators_kept PARTITION OF technical_indicators
      FOR VALUES IN (0) PARTITION BY RANGE (minute);
    CREATE TABLE technical_indicators_recent PARTITION OF technical_indicators
      DEFAULT PARTITION BY RANGE (minute);

    -- Streaming state of the features; bytes are stored as they are, since compressing them costs more than it saves.
    CREATE TABLE feature_states (
      book text NOT NULL,
      feature_set_hash text NOT NULL,
      minute bigint NOT NULL,
      state bytea NOT NULL,
      PRIMARY KEY (book, feature_set_hash, minute)
    );
    ALTER TABLE feature_states ALTER COLUMN state SET STORAGE EXTERNAL;
  `,
  down: `
    DROP TABLE feature_states;
    DROP TABLE technical_indicators;
    DROP TABLE processed_market_data;
    DROP TABLE feature_sets;
  `,
};
