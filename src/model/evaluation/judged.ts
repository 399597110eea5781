import { at64, atInt32, HORIZON_NAMES, type Horizon, type Random } from '../../core/index.ts';
import { timeGroups } from '../design-matrix.ts';
import { sectionCorrelations, sectionRanks } from './cross-section.ts';
import { type DayBlocks, type DayResampling, dayBlocks, resampleDays } from './day-resampling.ts';
import type { BaselineName } from './evaluation.ts';
import type { Figure } from './figures.ts';
import { type HorizonColumns, horizonColumns, type JudgedRows, type RowForecasts } from './forecast-rows.ts';
import type { TimeValues } from './score-sums.ts';

/** What is judged: a model's forecasts, and those of baselines, of the same rows. */
export interface EvaluationInput {
  readonly rows: JudgedRows;
  readonly model: RowForecasts;
  /** The majority is needed: levels, risks and the rank are judged beside its base rates. */
  readonly baselines: { readonly majority: RowForecasts } & Partial<Record<BaselineName, RowForecasts>>;
}

/** The days of rows, how they are resampled, and the rows of each time. */
export interface Frame {
  readonly blocks: DayBlocks;
  readonly resampling: DayResampling;
  readonly sections: readonly (readonly [number, number])[];
}

/** How the intervals of an evaluation come about; equal options give equal ones. */
export interface ResamplingOptions {
  /** Draws the days. */
  readonly random: Random;
  /** 1,000 by default. */
  readonly resamples?: number;
}

/** Equal rows and options give the same resampling. */
export function frameOf(rows: JudgedRows, { random, resamples }: ResamplingOptions): Frame {
  const blocks = dayBlocks(rows.times);
  return {
    blocks,
    resampling: resampleDays(blocks.days.length, random.fork('days'), resamples),
    sections: timeGroups(rows.times),
  };
}

/** Columns of one horizon, and the information coefficient at each time. */
export interface JudgedHorizon {
  readonly columns: HorizonColumns;
  readonly coefficients: TimeValues;
}

/** Judges forecasts of one horizon; ranks of the realised returns are made once per horizon and serve all forecasts. */
export function horizonJudge(
  rows: JudgedRows,
  { sections }: Frame,
): (forecasts: RowForecasts, horizon: number) => JudgedHorizon {
  const realised: (Float64Array | undefined)[] = [];
  return (forecasts, horizon) => {
    const columns = horizonColumns(rows, forecasts, horizon);
    realised[horizon] ??= sectionRanks(columns.realised, sections);
    const ranks = realised[horizon] ?? new Float64Array(0);
    const values = sectionCorrelations(sectionRanks(columns.forecast, sections), ranks, sections);
    return { columns, coefficients: { sections, values } };
  };
}

/** The same for each horizon. */
export const byHorizon = <Value>(work: (horizon: number) => Value): Record<Horizon, Value> => ({
  '15m': work(0),
  '1h': work(1),
  '4h': work(2),
  '12h': work(3),
});

/** A figure's mean over the four horizons, given sums of each whose columns begin at `at`. */
export function meanFigure(figure: Figure, sums: readonly Float64Array[], at: number): number {
  let total = 0;
  for (const one of sums) total += figure(one, at);
  return total / HORIZON_NAMES.length;
}

/** The day of each section's first row. */
export const sectionDays = ({ sections, blocks }: Frame): Int32Array =>
  Int32Array.from(sections, ([from]) => atInt32(blocks.dayOf, from));

/** Mean of a column. */
export const meanOf = (values: Float64Array): number => {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += at64(values, i);
  return sum / values.length;
};
