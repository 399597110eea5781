import type { Migration } from './migration.ts';

/** Money that comes and goes other than by trading, and orders whose fate the venue has yet to tell. */
export const cashFlows: Migration = {
  id: '0010-cash-flows',
  up: `
    CREATE TABLE cash_flows (
      book text NOT NULL,
      flow_id text NOT NULL,
      cause text NOT NULL CHECK (cause IN ('funding', 'transfer', 'other')),
      symbol text,
      -- Quote currency; positive = received.
      amount numeric NOT NULL,
      time bigint NOT NULL,
      PRIMARY KEY (book, flow_id)
    );
    CREATE INDEX cash_flows_time ON cash_flows (book, time);
    ALTER TABLE equity
      ADD COLUMN funding numeric NOT NULL DEFAULT 0,
      ADD COLUMN transfers numeric NOT NULL DEFAULT 0;
    ALTER TABLE equity ALTER COLUMN funding DROP DEFAULT, ALTER COLUMN transfers DROP DEFAULT;
  `,
  down: `
    ALTER TABLE equity DROP COLUMN funding, DROP COLUMN transfers;
    DROP TABLE cash_flows;
  `,
};
