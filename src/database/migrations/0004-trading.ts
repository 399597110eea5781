import type { Migration } from './migration.ts';

/** Books and their ledger: orders, executions, positions, equity. Money is numeric: exact, and read as text. */
export const trading: Migration = {
  id: '0004-trading',
  up: `
    CREATE TABLE books (
      book text PRIMARY KEY,
      venue text NOT NULL,
      last_minute bigint NOT NULL,
      -- JSON text, kept to the letter.
      state text NOT NULL
    ) WITH (fillfactor = 50);
    ALTER TABLE books ALTER COLUMN state SET STORAGE EXTERNAL;

    CREATE TABLE orders (
      client_order_id text PRIMARY KEY,
      book text NOT NULL,
      strategy text NOT NULL,
      instrument_id integer NOT NULL REFERENCES instruments,
      side text NOT NULL CHECK (side IN ('buy', 'sell')),
      purpose text NOT NULL CHECK (purpose IN ('entry', 'exit')),
      type text NOT NULL CHECK (type IN ('market')),
      quantity numeric NOT NULL,
      reduce_only boolean NOT NULL,
      decided_at bigint NOT NULL,
      valid_until bigint NOT NULL,
      signal_id text,
      reason text,
      reference_price numeric NOT NULL,
      status text NOT NULL CHECK (status IN ('SUBMITTING', 'ACCEPTED', 'PARTIALLY_FILLED', 'FILLED', 'CANCELLED', 'REJECTED',
        'EXPIRED', 'UNKNOWN')),
      filled_quantity numeric NOT NULL,
      average_price numeric
    ) WITH (fillfactor = 80);
    CREATE INDEX orders_decided ON orders (book, decided_at);
    CREATE INDEX orders_open ON orders (book) WHERE status NOT IN ('FILLED', 'CANCELLED', 'REJECTED', 'EXPIRED');
    -- One entry at a time per strategy and symbol, whatever the code above believes.
    CREATE UNIQUE INDEX orders_one_open_entry ON orders (book, strategy, instrument_id)
      WHERE purpose = 'entry' AND status NOT IN ('FILLED', 'CANCELLED', 'REJECTED', 'EXPIRED');

    CREATE TABLE order_events (
      client_order_id text NOT NULL REFERENCES orders,
      sequence integer NOT NULL CHECK (sequence > 0),
      time bigint NOT NULL,
      status text NOT NULL,
      reason text,
      PRIMARY KEY (client_order_id, sequence)
    );

    CREATE TABLE fills (
      book text NOT NULL,
      fill_id text NOT NULL,
      client_order_id text NOT NULL REFERENCES orders,
      strategy text NOT NULL,
      instrument_id integer NOT NULL REFERENCES instruments,
      side text NOT NULL CHECK (side IN ('buy', 'sell')),
      quantity numeric NOT NULL,
      price numeric NOT NULL,
      fee numeric NOT NULL,
      realized_pnl numeric NOT NULL,
      time bigint NOT NULL,
      PRIMARY KEY (book, fill_id)
    );
    CREATE INDEX fills_time ON fills (book, time);

    CREATE TABLE positions (
      book text NOT NULL,
      strategy text NOT NULL,
      instrument_id integer NOT NULL REFERENCES instruments,
      quantity numeric NOT NULL,
      average_price numeric NOT NULL,
      opened_at bigint NOT NULL,
      mark_price numeric NOT NULL,
      unrealized_pnl numeric NOT NULL,
      PRIMARY KEY (book, strategy, instrument_id)
    ) WITH (fillfactor = 50);

    CREATE TABLE equity (
      book text NOT NULL,
      minute bigint NOT NULL,
      equity numeric NOT NULL,
      cash numeric NOT NULL,
      unrealized_pnl numeric NOT NULL,
      realized_pnl numeric NOT NULL,
      fees numeric NOT NULL,
      gross_exposure numeric NOT NULL,
      open_positions integer NOT NULL,
      PRIMARY KEY (book, minute)
    );
  `,
  down: `
    DROP TABLE equity;
    DROP TABLE positions;
    DROP TABLE fills;
    DROP TABLE order_events;
    DROP TABLE orders;
    DROP TABLE books;
  `,
};
