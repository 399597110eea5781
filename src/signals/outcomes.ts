import {
  DAY_MS,
  type EpochMs,
  epochMs,
  HORIZON_NAMES,
  HORIZONS,
  type Horizon,
  MINUTE_MS,
  outputIndex,
  TARGET_NAMES,
  type TargetName,
} from '../core/index.ts';
import {
  type Database,
  type ExtremeAccuracy,
  type ExtremeOutputs,
  type ForecastAccuracy,
  fillExtremes,
  type OutcomeHorizon,
  readExtremeAccuracy,
  readForecastAccuracy,
  recordOutcomes,
  resolveOutcomes,
  type StoredOutcome,
} from '../database/index.ts';
import { DIRECTION_THRESHOLDS, LEVELS } from '../model/index.ts';

/** Minutes per horizon that one step enters at most: twelve hours are caught up in three steps. */
const MINUTES_PER_STEP = 240;
/** How far back candles that became known later are looked for. */
const RESOLVE_MS = 7 * DAY_MS;
/** A step is due every quarter of an hour. */
const STEP_MS = 15 * MINUTE_MS;
/** The part of that time that one step looks through for extremes, and the steps until it is through. */
const SWEEP_MS = MINUTES_PER_STEP * MINUTE_MS;
const SWEEP_STEPS = RESOLVE_MS / SWEEP_MS;

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
  hasExtremes: hasExtremes(horizon),
});

/** Where a forecast holds what it says of how far the market goes within a horizon. */
function extremeOutputs(horizon: Horizon): ExtremeOutputs {
  const levels = LEVELS.flatMap(({ move, bars }, index) =>
    bars !== HORIZONS[horizon]
      ? []
      : ([
          { side: 'long', move, output: outputIndex('long_will_reach_1pct_4h') + index },
          { side: 'short', move, output: outputIndex('short_will_reach_1pct_4h') + index },
        ] as const),
  );
  if (horizon !== '1h' && horizon !== '4h') return { levels, rally: null, drawdown: null };
  return {
    levels,
    rally: outputIndex(`max_rally_${horizon}`),
    drawdown: outputIndex(`max_drawdown_${horizon}`),
  };
}

const hasExtremes = (horizon: Horizon): boolean => {
  const { levels, rally } = extremeOutputs(horizon);
  return levels.length > 0 || rally !== null;
};

/**
 * Enters what the market did after the forecasts whose horizon has ended by `minute`: a bounded step, which goes on where the last one stopped. Where
 * a candle was missing, the return is looked for again every time; how far the market went, four of the last 168 hours at a time.
 */
export async function stepOutcomes(
  database: Database,
  { book, venue, minute }: { book: string; venue: string; minute: EpochMs },
): Promise<OutcomeStep[]> {
  const steps: OutcomeStep[] = [];
  for (const name of HORIZON_NAMES) {
    const horizon = horizonOf(name);
    const resolved = await resolveOutcomes(database, { ...horizon, from: epochMs(minute - RESOLVE_MS) });
    if (horizon.hasExtremes) {
      const until = epochMs(minute - horizon.durationMs - (Math.floor(minute / STEP_MS) % SWEEP_STEPS) * SWEEP_MS);
      const { durationMs } = horizon;
      await fillExtremes(database.pool, { venue, horizon: name, durationMs, from: epochMs(until - SWEEP_MS), until });
    }
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
  /** Of how far the market went within the horizon; null where there are no targets of it or nothing is known yet. */
  readonly extremes: (Omit<ExtremeAccuracy, 'modelId'> & { readonly isJudged: boolean }) | null;
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
    const range = { book, venue, horizon, durationMs, from: epochMs(until - days * DAY_MS), until };
    const accuracies = await readForecastAccuracy(database, range);
    const ofExtremes = hasExtremes(horizon) ? await readExtremeAccuracy(database, range, extremeOutputs(horizon)) : [];
    const extremesOf = (model: string) => {
      const known = ofExtremes.find(({ modelId }) => modelId === model);
      if (!known) return null;
      const { modelId: _, ...figures } = known;
      return { ...figures, isJudged: isEnough(known) };
    };
    for (const accuracy of accuracies) {
      const { modelId } = accuracy;
      found.push({ ...accuracy, horizon, isJudged: isEnough(accuracy), extremes: extremesOf(modelId) });
    }
  }
  return found;
}

const isEnough = ({ forecasts, stretches }: { readonly forecasts: number; readonly stretches: number }): boolean =>
  forecasts >= FEWEST_FORECASTS && stretches >= FEWEST_STRETCHES;

/** The targets that the outcomes of a forecast tell, by name: those whose horizon has ended and whose candles are known. */
export function realizedTargets(outcomes: readonly StoredOutcome[]): Partial<Record<TargetName, number>> {
  const realized = new Map<string, number>();
  for (const { horizon, realizedReturn, direction, rally, drawdown } of outcomes) {
    if (realizedReturn !== null) realized.set(`future_return_${horizon}`, realizedReturn);
    if (direction !== null) realized.set(`direction_${horizon}`, direction);
    if (rally === null || drawdown === null) continue;
    const outputs = extremeOutputs(horizon);
    for (const { output, side, move } of outputs.levels) {
      realized.set(TARGET_NAMES[output] ?? '', Number((side === 'long' ? rally : drawdown) >= move));
    }
    if (outputs.rally !== null) realized.set(`max_rally_${horizon}`, rally);
    if (outputs.drawdown !== null) realized.set(`max_drawdown_${horizon}`, drawdown);
  }
  return Object.fromEntries(
    TARGET_NAMES.flatMap((name) => {
      const value = realized.get(name);
      return value === undefined ? [] : [[name, value]];
    }),
  );
}
