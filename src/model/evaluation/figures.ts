import { at64 } from '../../core/index.ts';
import { DIRECTIONS } from './forecast-rows.ts';
import { BIN_WIDTH, CALIBRATION_BINS, FEWEST_ROWS_JUDGED, SUMS } from './score-sums.ts';

/** A figure of one horizon from sums whose columns begin at `at`; NaN where there are too few rows. */
export type Figure = (sums: Float64Array, at: number) => number;

/** F1 of one class; NaN where the class neither occurs nor is named. */
export function classF1(sums: Float64Array, at: number, label: number): number {
  let occurred = 0;
  let named = 0;
  for (let k = 0; k < DIRECTIONS; k++) {
    occurred += at64(sums, at + SUMS.confusion + label * DIRECTIONS + k);
    named += at64(sums, at + SUMS.confusion + k * DIRECTIONS + label);
  }
  const right = at64(sums, at + SUMS.confusion + label * (DIRECTIONS + 1));
  return (2 * right) / (occurred + named);
}

/** Mean F1 of the classes; one that neither occurs nor is named is left out. */
export const macroF1: Figure = (sums, at) => enough(rowsOf(sums, at), meanOfClasses(classF1, sums, at));

/** Mean share of rows named rightly, of the classes that occur. */
export const balancedAccuracy: Figure = (sums, at) => enough(rowsOf(sums, at), meanOfClasses(recall, sums, at));

export const accuracy: Figure = (sums, at) => {
  const right = at64(sums, at) + at64(sums, at + DIRECTIONS + 1) + at64(sums, at + 2 * (DIRECTIONS + 1));
  return enough(rowsOf(sums, at), right / rowsOf(sums, at));
};

export const meanLogLoss: Figure = (sums, at) => enough(rowsOf(sums, at), perRow(sums, at, SUMS.logLoss));
export const meanBrier: Figure = (sums, at) => enough(rowsOf(sums, at), perRow(sums, at, SUMS.brier));

/** Of rows that moved beyond the direction threshold. */
export const signAccuracy: Figure = (sums, at) =>
  enough(at64(sums, at + SUMS.moved), at64(sums, at + SUMS.right) / at64(sums, at + SUMS.moved));

/** Mean over times. */
export const informationCoefficient: Figure = (sums, at) =>
  at64(sums, at + SUMS.coefficient) / at64(sums, at + SUMS.times);

export function rowsOf(sums: Float64Array, at: number): number {
  let rows = 0;
  for (let k = 0; k < DIRECTIONS * DIRECTIONS; k++) rows += at64(sums, at + SUMS.confusion + k);
  return rows;
}

/** A sum divided by its rows, however few. */
export const perRow = (sums: Float64Array, at: number, column: number): number =>
  at64(sums, at + column) / rowsOf(sums, at);

/**
 * Expected calibration error of a calibration table's sums: the mean over classes of |mean probability - frequency| over 15 equal bins of
 * probability, weighted by rows (classwise ECE, Kull et al. 2019).
 */
export function calibrationError(sums: Float64Array, at: number, classes: number): number {
  let rows = 0;
  let gap = 0;
  for (let bin = 0; bin < classes * CALIBRATION_BINS; bin++) {
    const from = at + bin * BIN_WIDTH;
    rows += at64(sums, from);
    gap += Math.abs(at64(sums, from + 1) - at64(sums, from + 2));
  }
  // Each row is counted once per class: dividing by that count takes the mean over the classes, too.
  return enough(rows / classes, gap / rows);
}

/** Of a table [rows' log-loss, Brier score, rows]. */
export const meanOfTable = (sums: Float64Array, at: number, column: number): number =>
  enough(at64(sums, at + 2), at64(sums, at + column) / at64(sums, at + 2));

const enough = (rows: number, value: number): number => (rows < FEWEST_ROWS_JUDGED ? Number.NaN : value);

function recall(sums: Float64Array, at: number, label: number): number {
  const row = at + SUMS.confusion + label * DIRECTIONS;
  return at64(sums, row + label) / (at64(sums, row) + at64(sums, row + 1) + at64(sums, row + 2));
}

/** Mean of what is finite over the classes. */
function meanOfClasses(
  figure: (sums: Float64Array, at: number, label: number) => number,
  sums: Float64Array,
  at: number,
): number {
  let total = 0;
  let classes = 0;
  for (let label = 0; label < DIRECTIONS; label++) {
    const value = figure(sums, at, label);
    if (!Number.isFinite(value)) continue;
    total += value;
    classes++;
  }
  return total / classes;
}
