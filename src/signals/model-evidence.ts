import { createRandom, DAY_MS, type EpochMs, epochMs, type Horizon } from '../core/index.ts';
import { type Database, type RankedMinute, readRankedMinutes } from '../database/index.ts';
import { dayBlocks, type Estimate, estimate, resampleDays, resampledSums, sumByDay } from '../model/index.ts';

/** What the outcomes of a model's own forecasts say of it. */
export interface ModelEvidence {
  readonly modelId: string;
  /** The first minute that counts. */
  readonly from: EpochMs;
  /** UTC days with outcomes. */
  readonly days: number;
  /** Mean rank correlation of forecast and realised returns over the panel, with its interval from resampled days. */
  readonly informationCoefficient: Estimate;
  /** Whether the forecasts rank returns the wrong way, beyond chance. */
  readonly isDegraded: boolean;
}

/**
 * How much wider than the 95 % interval the one must be that still lies below zero: it is looked at every hour for as long as a model serves,
 * and a plain one would in time speak against every model that knows nothing.
 */
const CAUTION = 1.5;

/** Judges the minutes of one model. Fewer days than `leastDays` are no evidence against it. */
export function judgeRanking(
  minutes: readonly RankedMinute[],
  { modelId, from, leastDays }: { modelId: string; from: EpochMs; leastDays: number },
): ModelEvidence {
  const { days, dayOf } = dayBlocks(Float64Array.from(minutes, ({ minute }) => minute));
  const table = sumByDay(
    Float64Array.from(minutes, ({ coefficient }) => coefficient),
    dayOf,
    days.length,
  );
  const resampling = resampleDays(days.length, createRandom('model evidence').fork(modelId).fork(from));
  const sums = resampledSums(table, 2, resampling);
  const informationCoefficient = estimate(
    resampling,
    (draw) => (sums[2 * draw] ?? Number.NaN) / (sums[2 * draw + 1] ?? Number.NaN),
  );
  const { value, high } = informationCoefficient;
  const isBelowZero = value !== null && high !== null && value + CAUTION * (high - value) < 0;
  return {
    modelId,
    from: minutes[0]?.minute ?? from,
    days: days.length,
    informationCoefficient,
    isDegraded: isBelowZero && days.length >= leastDays,
  };
}

/** Judges a model by the outcomes of its forecasts of the last `days`. */
export async function gatherEvidence(
  database: Database,
  query: { book: string; venue: string; modelId: string; horizon: Horizon; days: number; until: EpochMs },
): Promise<ModelEvidence> {
  const { modelId, days, until } = query;
  const from = epochMs(until - days * DAY_MS);
  return judgeRanking(await readRankedMinutes(database, { ...query, from }), { modelId, from, leastDays: days });
}
