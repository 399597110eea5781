import type { Migration } from './migration.ts';

/** Stops and targets as orders, and how a position is protected. */
export const protection: Migration = {
  id: '0007-protection',
  up: `
    ALTER TABLE orders
      DROP CONSTRAINT orders_purpose_check,
      DROP CONSTRAINT orders_type_check,
      DROP CONSTRAINT orders_status_check,
      ADD CONSTRAINT orders_purpose_check CHECK (purpose IN ('entry', 'exit', 'stop', 'target')),
      ADD CONSTRAINT orders_type_check CHECK (type IN ('market', 'limit', 'stopMarket', 'takeProfitMarket')),
      ADD CONSTRAINT orders_status_check CHECK (status IN ('SUBMITTING', 'ACCEPTED', 'TRIGGERED', 'PARTIALLY_FILLED', 'FILLED',
        'CANCELLED', 'REJECTED', 'EXPIRED', 'UNKNOWN')),
      ADD COLUMN trigger_price numeric,
      ADD COLUMN limit_price numeric,
      ADD COLUMN parent_order_id text,
      ADD COLUMN protection jsonb,
      -- A leg belongs to an entry, has a trigger and can only close.
      ADD CONSTRAINT orders_legs_reduce CHECK (purpose NOT IN ('stop', 'target')
        OR (reduce_only AND trigger_price IS NOT NULL AND parent_order_id IS NOT NULL));
    ALTER TABLE positions
      ADD COLUMN stop_price numeric,
      ADD COLUMN stop_state text CHECK (stop_state IN ('working', 'triggered', 'placing', 'missing')),
      ADD COLUMN target_prices text[];
  `,
  // What a stop or a target filled stays: as an exit at market. One that still works has no older form: it ends.
  down: `
    ALTER TABLE positions
      DROP COLUMN target_prices,
      DROP COLUMN stop_state,
      DROP COLUMN stop_price;
    ALTER TABLE orders
      DROP CONSTRAINT orders_legs_reduce,
      DROP COLUMN protection,
      DROP COLUMN parent_order_id,
      DROP COLUMN limit_price,
      DROP COLUMN trigger_price,
      DROP CONSTRAINT orders_purpose_check,
      DROP CONSTRAINT orders_type_check,
      DROP CONSTRAINT orders_status_check;
    UPDATE orders SET status = 'CANCELLED'
      WHERE purpose IN ('stop', 'target') AND status NOT IN ('FILLED', 'CANCELLED', 'REJECTED', 'EXPIRED');
    UPDATE orders SET purpose = 'exit', type = 'market' WHERE purpose IN ('stop', 'target');
    ALTER TABLE orders
      ADD CONSTRAINT orders_purpose_check CHECK (purpose IN ('entry', 'exit')),
      ADD CONSTRAINT orders_type_check CHECK (type IN ('market')),
      ADD CONSTRAINT orders_status_check CHECK (status IN ('SUBMITTING', 'ACCEPTED', 'PARTIALLY_FILLED', 'FILLED', 'CANCELLED',
        'REJECTED', 'EXPIRED', 'UNKNOWN'));
  `,
};
