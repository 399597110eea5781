import { at64 } from '../../core/index.ts';
import { DAYS_PER_YEAR, type DailyReturns, shapeOf } from '../statistics/index.ts';

/** Rows that are drawn of a line: each pair of them is the lowest and the highest of a stretch, so that no peak is lost. */
export function drawnRows(values: Float64Array, most = 1_500): number[] {
  const rows = values.length;
  if (rows <= most) return Array.from({ length: rows }, (_, row) => row);
  const stretches = Math.floor((most - 2) / 2);
  const drawn = [0];
  for (let stretch = 0; stretch < stretches; stretch++) {
    const from = 1 + Math.floor((stretch * (rows - 2)) / stretches);
    const to = 1 + Math.floor(((stretch + 1) * (rows - 2)) / stretches);
    let [lowest, highest] = [from, from];
    for (let row = from + 1; row < to; row++) {
      if (!(at64(values, row) >= at64(values, lowest))) lowest = row;
      if (!(at64(values, row) <= at64(values, highest))) highest = row;
    }
    drawn.push(Math.min(lowest, highest));
    if (lowest !== highest) drawn.push(Math.max(lowest, highest));
  }
  drawn.push(rows - 1);
  return drawn;
}

/** Means of as many rows in a row as leave at most `most` of them, each at the last of its rows. */
export function meansOf(
  times: Float64Array,
  values: Float64Array,
  most = 400,
): { readonly times: Float64Array; readonly values: Float64Array } {
  const length = Math.max(1, Math.ceil(values.length / most));
  const count = Math.ceil(values.length / length);
  const stretch = (at: number) => values.subarray(at * length, (at + 1) * length);
  return {
    times: Float64Array.from({ length: count }, (_, at) => at64(times, Math.min(times.length, (at + 1) * length) - 1)),
    values: Float64Array.from({ length: count }, (_, at) => shapeOf(stretch(at)).mean),
  };
}

/** [rows] Loss from the highest equity so far, as a fraction of it: 0 or below. */
export function underWater(equity: Float64Array): Float64Array {
  let high = Number.NEGATIVE_INFINITY;
  return equity.map((value) => {
    high = Math.max(high, value);
    return high > 0 ? value / high - 1 : 0;
  });
}

/** [days - window + 1] Annual Sharpe ratio of each `window` days in a row; NaN where nothing varied. */
export function rollingSharpe({ returns }: DailyReturns, window: number): Float64Array {
  const rows = Math.max(0, returns.length - window + 1);
  return Float64Array.from({ length: rows }, (_, row) => {
    const { mean, deviation } = shapeOf(returns.subarray(row, row + window));
    return deviation > 0 ? (mean / deviation) * Math.sqrt(DAYS_PER_YEAR) : Number.NaN;
  });
}
