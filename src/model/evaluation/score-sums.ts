import { at64, atByte, atInt32, DIRECTION_FLAT } from '../../core/index.ts';
import type { DayBlocks } from './day-resampling.ts';
import { DIRECTIONS, type HorizonColumns } from './forecast-rows.ts';

/**
 * Columns of the sums that all scores of one horizon follow from. Confusion: rows by [realised class, named class]. COEFFICIENT is summed over
 * TIMES, the others over rows.
 */
export const SUMS = {
  confusion: 0,
  logLoss: 9,
  brier: 10,
  moved: 11,
  right: 12,
  squaredError: 13,
  squaredReturn: 14,
  absoluteForecast: 15,
  coefficient: 16,
  times: 17,
  width: 18,
} as const;

/** Fewer rows than this have no figure. */
export const FEWEST_ROWS_JUDGED = 30;
/** Probabilities below this count as this in a log-loss. */
const SMALLEST_PROBABILITY = 1e-7;
export const CALIBRATION_BINS = 15;
/** Columns of one bin of a calibration table: rows, sum of probabilities, events. */
export const BIN_WIDTH = 3;

/** Which group each row is in, from 0; below 0 in none. */
export interface Partition {
  readonly groups: number;
  readonly groupOf: Int32Array;
}

/** One value per time, NaN where there is none: rows [from, to) of each in `sections`. */
export interface TimeValues {
  readonly sections: readonly (readonly [number, number])[];
  readonly values: Float64Array;
}

/**
 * The sums of one horizon per group and UTC day: a table [days, SUMS.width] per group. Coefficients go to the group of their time's first row: they are
 * given only where groups are made of whole times.
 */
export function sumScores(
  columns: HorizonColumns,
  { groups, groupOf }: Partition,
  { days, dayOf }: DayBlocks,
  coefficients: TimeValues | undefined,
): Float64Array[] {
  const tables = Array.from({ length: groups }, () => new Float64Array(days.length * SUMS.width));
  const { forecast, realised, probabilities, named, truth } = columns;
  for (let row = 0; row < truth.length; row++) {
    const table = tables[atInt32(groupOf, row)];
    if (table === undefined) continue;
    const at = atInt32(dayOf, row) * SUMS.width;
    const label = atByte(truth, row);
    add(table, at + SUMS.confusion + label * DIRECTIONS + atByte(named, row), 1);
    add(table, at + SUMS.logLoss, negativeLog(at64(probabilities, row * DIRECTIONS + label)));
    add(table, at + SUMS.brier, squaredDistance(probabilities, row * DIRECTIONS, DIRECTIONS, label));
    const move = at64(realised, row);
    const expected = at64(forecast, row);
    if (label !== DIRECTION_FLAT) {
      add(table, at + SUMS.moved, 1);
      add(table, at + SUMS.right, signScore(expected, move));
    }
    add(table, at + SUMS.squaredError, (expected - move) ** 2);
    add(table, at + SUMS.squaredReturn, move * move);
    add(table, at + SUMS.absoluteForecast, Math.abs(expected));
  }
  coefficients?.sections.forEach(([from], index) => {
    const value = at64(coefficients.values, index);
    const table = tables[atInt32(groupOf, from)];
    if (table === undefined || Number.isNaN(value)) return;
    const at = atInt32(dayOf, from) * SUMS.width;
    add(table, at + SUMS.coefficient, value);
    add(table, at + SUMS.times, 1);
  });
  return tables;
}

/** 1 where the sign was forecast, 0 where the other was, one half where the forecast is exactly 0. */
export const signScore = (forecast: number, realised: number): number => {
  const product = forecast * realised;
  return product > 0 ? 1 : product === 0 ? 0.5 : 0;
};

/** Log-loss and squared distance of probabilities [rows, classes] per day: a table [days, 3] of log-loss, Brier score and rows. */
export function sumProbabilities(
  probabilities: Float64Array,
  classes: number,
  truth: Uint8Array,
  { days, dayOf }: DayBlocks,
): Float64Array {
  const table = new Float64Array(days.length * 3);
  for (let row = 0; row < truth.length; row++) {
    const at = atInt32(dayOf, row) * 3;
    const label = atByte(truth, row);
    add(table, at, negativeLog(at64(probabilities, row * classes + label)));
    add(table, at + 1, squaredDistance(probabilities, row * classes, classes, label));
    add(table, at + 2, 1);
  }
  return table;
}

/** Width of a calibration table. */
export const calibrationWidth = (classes: number): number => classes * CALIBRATION_BINS * BIN_WIDTH;

/** Rows, probabilities and events by class and bin of probability, per day: a table [days, classes x 15 x 3]. */
export function sumCalibration(
  probabilities: Float64Array,
  classes: number,
  truth: Uint8Array,
  { days, dayOf }: DayBlocks,
): Float64Array {
  const width = calibrationWidth(classes);
  const table = new Float64Array(days.length * width);
  for (let row = 0; row < truth.length; row++) {
    const day = atInt32(dayOf, row) * width;
    const label = atByte(truth, row);
    for (let k = 0; k < classes; k++) {
      const p = at64(probabilities, row * classes + k);
      const bin = Math.min(CALIBRATION_BINS - 1, Math.floor(p * CALIBRATION_BINS));
      const at = day + (k * CALIBRATION_BINS + bin) * BIN_WIDTH;
      add(table, at, 1);
      add(table, at + 1, p);
      if (label === k) add(table, at + 2, 1);
    }
  }
  return table;
}

const negativeLog = (p: number): number => -Math.log(Math.max(SMALLEST_PROBABILITY, p));

function squaredDistance(probabilities: Float64Array, from: number, classes: number, label: number): number {
  let sum = 0;
  for (let k = 0; k < classes; k++) sum += (at64(probabilities, from + k) - (k === label ? 1 : 0)) ** 2;
  return sum;
}

function add(table: Float64Array, at: number, value: number): void {
  table[at] = at64(table, at) + value;
}
