import type { Migration } from './migration.ts';

/** Settled funding rates of perpetuals. */
export const fundingRates: Migration = {
  id: '0012-funding-rates',
  up: `
    CREATE TABLE funding_rates (
      instrument_id integer NOT NULL REFERENCES instruments,
      time bigint NOT NULL,
      -- A fraction of the position's value, paid by longs to shorts if positive.
      rate double precision NOT NULL,
      PRIMARY KEY (instrument_id, time)
    );
  `,
  down: 'DROP TABLE funding_rates;',
};
