import type { Migration } from './migration.ts';

/** What each minute decided: cycles, forecasts, signals; and the models that forecast. */
export const decisions: Migration = {
  id: '0003-decisions',
  up: `
    CREATE TABLE models (
      model_id text PRIMARY KEY,
      kind text NOT NULL,
      status text NOT NULL CHECK (status IN ('candidate', 'champion', 'retired')),
      feature_set_hash text NOT NULL,
      manifest jsonb NOT NULL,
      created_at bigint NOT NULL
    );

    CREATE TABLE cycles (
      book text NOT NULL,
      minute bigint NOT NULL,
      status text NOT NULL CHECK (status IN ('DECIDED', 'MISSED')),
      reason text,
      model_id text,
      members text[] NOT NULL,
      excluded jsonb NOT NULL,
      candles integer NOT NULL,
      predictions integer NOT NULL,
      candidates integer NOT NULL,
      signals integer NOT NULL,
      intents integer NOT NULL,
      fills integer NOT NULL,
      reason_counts jsonb NOT NULL,
      stage_ms jsonb NOT NULL,
      started_at bigint NOT NULL,
      PRIMARY KEY (book, minute)
    ) WITH (fillfactor = 80);

    CREATE TABLE predictions (
      minute bigint NOT NULL,
      instrument_id integer NOT NULL,
      book text NOT NULL,
      model_id text NOT NULL,
      masked_share double precision NOT NULL,
      -- In the order of FORECAST_OUTPUTS.
      outputs real[] NOT NULL,
      PRIMARY KEY (book, instrument_id, minute, model_id)
    ) PARTITION BY RANGE (minute);

    CREATE TABLE signals (
      minute bigint NOT NULL,
      instrument_id integer NOT NULL,
      accepted boolean NOT NULL,
      book text NOT NULL,
      signal_id text NOT NULL,
      model_id text NOT NULL,
      side text NOT NULL CHECK (side IN ('long', 'short')),
      horizon text NOT NULL,
      expected_return double precision NOT NULL,
      expected_cost double precision NOT NULL,
      net_edge double precision NOT NULL,
      probability double precision NOT NULL,
      confidence double precision NOT NULL,
      reference_price double precision NOT NULL,
      verdicts jsonb NOT NULL,
      PRIMARY KEY (book, minute, signal_id)
    ) PARTITION BY RANGE (minute);
    CREATE INDEX signals_accepted ON signals (book, minute) WHERE accepted;
  `,
  down: `
    DROP TABLE signals;
    DROP TABLE predictions;
    DROP TABLE cycles;
    DROP TABLE models;
  `,
};
