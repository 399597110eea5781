import { marketData } from './0001-market-data.ts';
import { features } from './0002-features.ts';
import { decisions } from './0003-decisions.ts';
import { trading } from './0004-trading.ts';
import { operations } from './0005-operations.ts';
import { modelRegistry } from './0006-model-registry.ts';
import { protection } from './0007-protection.ts';
import { bookCommands } from './0008-book-commands.ts';
import { forecastOutcomes } from './0009-forecast-outcomes.ts';
import { cashFlows } from './0010-cash-flows.ts';
import { arming } from './0011-arming.ts';
import { fundingRates } from './0012-funding-rates.ts';
import { replay } from './0013-replay.ts';
import { outcomeExtremes } from './0014-outcome-extremes.ts';
import type { Migration } from './migration.ts';

export type { Migration } from './migration.ts';

/** Every step of the schema, oldest first. A released step is never changed: a correction is a further one. */
export const MIGRATIONS: readonly Migration[] = [
  marketData,
  features,
  decisions,
  trading,
  operations,
  modelRegistry,
  protection,
  bookCommands,
  forecastOutcomes,
  cashFlows,
  arming,
  fundingRates,
  replay,
  outcomeExtremes,
];
