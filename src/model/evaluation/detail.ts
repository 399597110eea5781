import { at64, DAY_MS, type Horizon } from '../../core/index.ts';
import { type Breakdowns, breakdowns } from './breakdown.ts';
import { type ConfidenceDecile, confidenceDeciles } from './confidence.ts';
import { sumByDay } from './day-resampling.ts';
import { DIRECTIONS } from './forecast-rows.ts';
import {
  byHorizon,
  type EvaluationInput,
  frameOf,
  horizonJudge,
  type ResamplingOptions,
  sectionDays,
} from './judged.ts';
import type { MarketState } from './regimes.ts';
import { BIN_WIDTH, CALIBRATION_BINS, sumCalibration } from './score-sums.ts';

/** A bin of forecast probability that has rows. */
export interface ReliabilityBin {
  readonly rows: number;
  readonly meanProbability: number;
  /** Share of the rows in which the event came. */
  readonly frequency: number;
}

export interface DailyCoefficient {
  /** Midnight that begins the UTC day, epoch milliseconds. */
  readonly day: number;
  /** Mean information coefficient of the day's times; null without one. */
  readonly value: number | null;
}

/** What a report shows beyond the figures. */
export interface EvaluationDetail {
  /** Per horizon and class (up, down, flat). */
  readonly reliability: Readonly<Record<Horizon, readonly (readonly ReliabilityBin[])[]>>;
  readonly confidence: Readonly<Record<Horizon, readonly ConfidenceDecile[]>>;
  readonly dailyCoefficients: Readonly<Record<Horizon, readonly DailyCoefficient[]>>;
  readonly breakdowns: Breakdowns;
}

/** Looks closer at the rows of an evaluation; with the same options, its intervals are of the same draws. */
export function detailForecasts(
  input: EvaluationInput,
  options: ResamplingOptions & { readonly market?: MarketState },
): EvaluationDetail {
  const { rows, model } = input;
  const frame = frameOf(rows, options);
  const { blocks, resampling } = frame;
  const judge = horizonJudge(rows, frame);
  const days = sectionDays(frame);
  const whole = { days: [0], dayOf: new Int32Array(rows.times.length) };
  const horizons = byHorizon((horizon) => {
    const { columns, coefficients } = judge(model, horizon);
    const daily = sumByDay(coefficients.values, days, blocks.days.length);
    return {
      reliability: reliabilityOf(sumCalibration(columns.probabilities, DIRECTIONS, columns.truth, whole)),
      confidence: confidenceDeciles(columns, blocks, resampling),
      daily: blocks.days.map((day, index) => {
        const times = at64(daily, index * 2 + 1);
        return { day: day * DAY_MS, value: times === 0 ? null : at64(daily, index * 2) / times };
      }),
    };
  });
  return {
    reliability: pick(horizons, ({ reliability }) => reliability),
    confidence: pick(horizons, ({ confidence }) => confidence),
    dailyCoefficients: pick(horizons, ({ daily }) => daily),
    breakdowns: breakdowns(input, options),
  };
}

function reliabilityOf(table: Float64Array): ReliabilityBin[][] {
  return Array.from({ length: DIRECTIONS }, (_, label) =>
    Array.from({ length: CALIBRATION_BINS }, (_, bin) => {
      const at = (label * CALIBRATION_BINS + bin) * BIN_WIDTH;
      const rows = at64(table, at);
      return { rows, meanProbability: at64(table, at + 1) / rows, frequency: at64(table, at + 2) / rows };
    }).filter(({ rows }) => rows > 0),
  );
}

const pick = <Value, Part>(by: Record<Horizon, Value>, part: (value: Value) => Part): Record<Horizon, Part> => ({
  '15m': part(by['15m']),
  '1h': part(by['1h']),
  '4h': part(by['4h']),
  '12h': part(by['12h']),
});
