import type { Migration } from './migration.ts';

/** Instruments and their closed bars. */
export const marketData: Migration = {
  id: '0001-market-data',
  up: `
    -- An instrument that is known by its candles alone has no status and no rules.
    CREATE TABLE instruments (
      instrument_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      venue text NOT NULL,
      symbol text NOT NULL,
      base text,
      quote text,
      tick_size numeric,
      step_size numeric,
      min_quantity numeric,
      min_notional numeric,
      status text CHECK (status IN ('trading', 'halted', 'delisted')),
      listed_at bigint,
      delisted_at bigint,
      UNIQUE (venue, symbol),
      CHECK (status IS NULL OR num_nulls(base, quote, tick_size, step_size, min_quantity, min_notional) = 0)
    );

    CREATE TYPE candle_finality AS ENUM ('venue-flag', 'successor', 'rest', 'archive', 'confirmed-empty');

    -- One partition per month, made on demand. No foreign key: its trigger per row would halve the rate of writing; ids come
    -- from the repository alone.
    CREATE TABLE raw_market_data (
      open_time bigint NOT NULL,
      open double precision NOT NULL,
      high double precision NOT NULL,
      low double precision NOT NULL,
      close double precision NOT NULL,
      volume double precision NOT NULL,
      quote_volume double precision,
      taker_buy_volume double precision,
      instrument_id integer NOT NULL,
      trades integer,
      finality candle_finality NOT NULL,
      timeframe text NOT NULL,
      PRIMARY KEY (instrument_id, timeframe, open_time)
    ) PARTITION BY RANGE (open_time);

    -- 'reported': the venue later said otherwise, the stored values stay. 'repaired': the reported values took their place.
    CREATE TABLE candle_corrections (
      correction_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      instrument_id integer NOT NULL REFERENCES instruments,
      timeframe text NOT NULL,
      open_time bigint NOT NULL,
      kind text NOT NULL CHECK (kind IN ('reported', 'repaired')),
      stored jsonb NOT NULL,
      reported jsonb NOT NULL,
      recorded_at bigint NOT NULL
    );
    CREATE UNIQUE INDEX candle_corrections_reported ON candle_corrections
      (instrument_id, timeframe, open_time, stored, reported) WHERE kind = 'reported';
    CREATE INDEX candle_corrections_bar ON candle_corrections (instrument_id, timeframe, open_time);

    -- The newest closed minute of each instrument. Half of each page is left free, so that an update stays on it.
    CREATE TABLE market_data_snapshots (
      instrument_id integer PRIMARY KEY REFERENCES instruments,
      minute bigint NOT NULL,
      open double precision NOT NULL,
      high double precision NOT NULL,
      low double precision NOT NULL,
      close double precision NOT NULL,
      volume double precision NOT NULL,
      finality candle_finality NOT NULL
    ) WITH (fillfactor = 50);
  `,
  down: `
    DROP TABLE market_data_snapshots;
    DROP TABLE candle_corrections;
    DROP TABLE raw_market_data;
    DROP TYPE candle_finality;
    DROP TABLE instruments;
  `,
};
