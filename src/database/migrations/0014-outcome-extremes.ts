import type { Migration } from './migration.ts';

/** How far the market rose and fell within the horizon of a forecast. */
export const outcomeExtremes: Migration = {
  id: '0014-outcome-extremes',
  up: `
    -- Fractions: of the highest price above the close at the forecast's minute, and of that close above the lowest price. Null as long as
    -- any candle of the horizon is unknown, in horizons without targets of them, and in rows of before.
    ALTER TABLE forecast_outcomes
      ADD COLUMN realized_rally double precision,
      ADD COLUMN realized_drawdown double precision,
      ADD CHECK ((realized_rally IS NULL) = (realized_drawdown IS NULL));
  `,
  down: 'ALTER TABLE forecast_outcomes DROP COLUMN realized_rally, DROP COLUMN realized_drawdown;',
};
