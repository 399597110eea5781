import { at64, atByte, atInt32, DIRECTION_FLAT } from '../../core/index.ts';
import { midRanks } from './cross-section.ts';
import { type DayBlocks, type DayResampling, type Estimate, estimate, resampledSums } from './day-resampling.ts';
import type { HorizonColumns } from './forecast-rows.ts';
import { FEWEST_ROWS_JUDGED, signScore } from './score-sums.ts';

/** The rows of one tenth of confidence. */
export interface ConfidenceDecile {
  readonly rows: number;
  /** Share of the rows beyond the direction threshold whose sign was forecast. */
  readonly hitRate: Estimate;
  /** Means over all rows of the decile, fractions, before costs: what the move was in the direction forecast, and what was expected of it. */
  readonly signedReturn: Estimate;
  readonly expectedReturn: number | null;
}

const DECILES = 10;
const COLUMNS = { rows: 0, moved: 1, right: 2, signed: 3, expected: 4, width: 5 } as const;
const WIDTH = DECILES * COLUMNS.width;

/**
 * Hit rate and return by decile of confidence, the least confident first. Confidence is the percentile of |expected return| among the rows judged; equal
 * ones share their mean percentile, so that they are in one decile and a decile can be empty.
 */
export function confidenceDeciles(
  { forecast, realised, truth }: HorizonColumns,
  { days, dayOf }: DayBlocks,
  resampling: DayResampling,
): ConfidenceDecile[] {
  const ranks = new Float64Array(forecast.length);
  midRanks(
    forecast.map((value) => Math.abs(value)),
    ranks,
  );
  const table = new Float64Array(days.length * WIDTH);
  for (let row = 0; row < forecast.length; row++) {
    const percentile = (at64(ranks, row) + 0.5) / forecast.length;
    const decile = Math.min(DECILES - 1, Math.floor(percentile * DECILES));
    const at = atInt32(dayOf, row) * WIDTH + decile * COLUMNS.width;
    const expected = at64(forecast, row);
    const add = (column: number, value: number) => {
      table[at + column] = at64(table, at + column) + value;
    };
    add(COLUMNS.rows, 1);
    if (atByte(truth, row) !== DIRECTION_FLAT) {
      add(COLUMNS.moved, 1);
      add(COLUMNS.right, signScore(expected, at64(realised, row)));
    }
    add(COLUMNS.signed, Math.sign(expected) * at64(realised, row));
    add(COLUMNS.expected, Math.abs(expected));
  }
  const sums = resampledSums(table, WIDTH, resampling);
  return Array.from({ length: DECILES }, (_, decile) => {
    const ratio = (draw: number, column: number, count: number) => {
      const at = draw * WIDTH + decile * COLUMNS.width;
      const rows = at64(sums, at + count);
      return rows < FEWEST_ROWS_JUDGED ? Number.NaN : at64(sums, at + column) / rows;
    };
    const expected = ratio(0, COLUMNS.expected, COLUMNS.rows);
    return {
      rows: at64(sums, decile * COLUMNS.width),
      hitRate: estimate(resampling, (draw) => ratio(draw, COLUMNS.right, COLUMNS.moved)),
      signedReturn: estimate(resampling, (draw) => ratio(draw, COLUMNS.signed, COLUMNS.rows)),
      expectedReturn: Number.isFinite(expected) ? expected : null,
    };
  });
}
