import { DAY_MS, type EpochMs, epochMs, HORIZON_NAMES, HORIZONS, type Horizon, MINUTE_MS } from '../core/index.ts';
import {
  type Database,
  type ForecastAccuracy,
  type OutcomeHorizon,
  readForecastAccuracy,
  recordOutcomes,
  resolveOutcomes,
} from '../database/index.ts';
import { DIRECTION_THRESHOLDS } from '../model/index.ts';

/** Minutes per horizon that one step enters at most: twelve hours are caught up in three steps. */
const MINUTES_PER_STEP = 240;
/** How far back candles that became known later are looked for. */
const RESOLVE_MS = 7 * DAY_MS;

export interface OutcomeStep {
  readonly horizon: Horizon;
  /** Outcomes entered, of which so many without a return for want of a candle. */
  readonly recorded: number;
  readonly unknown: number;
  /** Earlier ones whose return has become known. */
  readonly resolved: number;
}

const horizonOf = (horizon: Horizon): OutcomeHorizon => ({
  horizon,
  durationMs: HORIZONS[horizon] * 15 * MINUTE_MS,
  threshold: DIRECTION_THRESHOLDS[horizon],
});

/** Enters what the market did after the forecasts whose horizon has ended by `minute`: a bounded step, which goes on where the last one stopped. */
export async function stepOutcomes(
  database: Database,
  { book, venue, minute }: { book: string; venue: string; minute: EpochMs },
): Promise<OutcomeStep[]> {
  const steps: OutcomeStep[] = [];
  for (const name of HORIZON_NAMES) {
    const horizon = horizonOf(name);
    const resolved = await resolveOutcomes(database, { ...horizon, from: epochMs(minute - RESOLVE_MS) });
    const counts = await recordOutcomes(database, { ...horizon, book, venue, now: minute, minutes: MINUTES_PER_STEP });
    steps.push({ horizon: name, recorded: counts.known + counts.unknown, unknown: counts.unknown, resolved });
  }
  return steps;
}

/** Forecasts, and stretches of the horizon's length, below which an accuracy says nothing. */
export const FEWEST_FORECASTS = 200;
export const FEWEST_STRETCHES = 5;

export interface RollingAccuracy extends ForecastAccuracy {
  readonly horizon: Horizon;
  /** Whether there are enough forecasts over enough time for the figures to say anything. */
  readonly isJudged: boolean;
}

/** How the forecasts of the days before `until` came true, by horizon and model. */
export async function rollingAccuracy(
  database: Database,
  query: { book: string; venue: string; horizons: readonly Horizon[]; days: number; until: EpochMs },
): Promise<RollingAccuracy[]> {
  const { book, venue, horizons, days, until } = query;
  const found: RollingAccuracy[] = [];
  for (const horizon of horizons) {
    const { durationMs } = horizonOf(horizon);
    const from = epochMs(until - days * DAY_MS);
    for (const accuracy of await readForecastAccuracy(database, { book, venue, horizon, durationMs, from, until })) {
      const isJudged = accuracy.forecasts >= FEWEST_FORECASTS && accuracy.stretches >= FEWEST_STRETCHES;
      found.push({ ...accuracy, horizon, isJudged });
    }
  }
  return found;
}
