import type { Migration } from './migration.ts';

/** Who runs what: leases, runs, universes, the audit log. */
export const operations: Migration = {
  id: '0005-operations',
  up: `
    -- The epoch grows with each change of holder; a write under an older one is refused.
    CREATE TABLE leases (
      book text PRIMARY KEY,
      holder text NOT NULL,
      epoch bigint NOT NULL,
      acquired_at bigint NOT NULL,
      expires_at bigint NOT NULL
    ) WITH (fillfactor = 50);

    CREATE TABLE runs (
      run_id text PRIMARY KEY,
      book text NOT NULL,
      from_minute bigint NOT NULL,
      until_minute bigint,
      requested_minutes integer,
      status text NOT NULL CHECK (status IN ('running', 'finished', 'failed', 'interrupted')),
      market jsonb NOT NULL,
      started_at bigint NOT NULL,
      ended_at bigint
    );
    CREATE INDEX runs_book ON runs (book, started_at);

    -- The symbols of a book from a minute on, in canonical order.
    CREATE TABLE universes (
      book text NOT NULL,
      from_minute bigint NOT NULL,
      symbols text[] NOT NULL,
      PRIMARY KEY (book, from_minute)
    );

    CREATE TABLE audit_log (
      audit_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      time bigint NOT NULL,
      actor text NOT NULL,
      action text NOT NULL,
      subject text NOT NULL,
      details jsonb NOT NULL
    );
    CREATE INDEX audit_log_time ON audit_log (time);
  `,
  down: `
    DROP TABLE audit_log;
    DROP TABLE universes;
    DROP TABLE runs;
    DROP TABLE leases;
  `,
};
