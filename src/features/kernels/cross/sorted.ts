import { at64, atInt32 } from '../../../core/index.ts';
import type { CrossBuilder, CrossNode } from '../../cross-program.ts';

/**
 * The panel's known values of one column in ascending order, with the rows they belong to. What is summed over the panel is summed in
 * this order, so that it does not depend on the order of the symbols by a single bit.
 */
export interface Sorted {
  values: Float64Array;
  rows: Int32Array;
  count: number;
}

/** Sorting by insertion from the order of the panel before, which is nearly right; above this many moves a row, by a general sort. */
const MOVES_PER_ROW = 24;

export function sortedOf(stage: CrossBuilder, source: CrossNode): Sorted {
  return stage.shared(`sorted(${source.key})`, () => {
    const input = stage.use(source);
    const sorted: Sorted = { values: new Float64Array(0), rows: new Int32Array(0), count: 0 };
    let order = new Int32Array(0);
    let rows = 0;
    stage.onPanel((frame, columns) => {
      const column = columns[input] as Float64Array;
      if (frame.rows !== rows) {
        rows = frame.rows;
        order = Int32Array.from({ length: rows }, (_, row) => row);
        if (sorted.values.length < rows) {
          sorted.values = new Float64Array(rows);
          sorted.rows = new Int32Array(rows);
        }
      }
      insert(column, order, sorted);
      // Rows without a value keep their place in the order behind the others.
      for (let i = 0; i < sorted.count; i++) order[i] = atInt32(sorted.rows, i);
    });
    return sorted;
  });
}

function insert(column: Float64Array, order: Int32Array, sorted: Sorted): void {
  const { values, rows } = sorted;
  let count = 0;
  let unknown = order.length;
  let moves = MOVES_PER_ROW * order.length;
  for (let i = 0; i < order.length; i++) {
    const row = atInt32(order, i);
    const value = at64(column, row);
    if (Number.isNaN(value)) {
      rows[--unknown] = row;
      continue;
    }
    let at = count++;
    while (at > 0 && at64(values, at - 1) > value && moves > 0) {
      values[at] = at64(values, at - 1);
      rows[at] = atInt32(rows, at - 1);
      at--;
      moves--;
    }
    values[at] = value;
    rows[at] = row;
  }
  if (moves === 0) {
    const known = rows.subarray(0, count).sort((a, b) => at64(column, a) - at64(column, b));
    for (let i = 0; i < count; i++) values[i] = at64(column, atInt32(known, i));
  }
  for (let i = unknown; i < order.length; i++) order[i] = atInt32(rows, i);
  sorted.count = count;
}

/** How many of the sorted values are below `value`, or below or equal. */
export function countBelow({ values, count }: Sorted, value: number, orEqual: boolean): number {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >> 1;
    const at = at64(values, middle);
    if (at < value || (orEqual && at === value)) low = middle + 1;
    else high = middle;
  }
  return low;
}
