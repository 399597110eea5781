import { at64 } from '../../core/index.ts';
import { SMALLEST_CROSS_SECTION } from '../design-matrix.ts';

type Sections = readonly (readonly [number, number])[];

/** Ranks of values within each of the sections [from, to), from 0; equal values share their mean rank. */
export function sectionRanks(values: Float64Array, sections: Sections): Float64Array {
  const ranks = new Float64Array(values.length);
  for (const [from, to] of sections) midRanks(values.subarray(from, to), ranks.subarray(from, to));
  return ranks;
}

/** Writes the rank of each value among all, from 0; equal values share their mean rank. */
export function midRanks(values: Float64Array, ranks: Float64Array): void {
  const ascending = Float64Array.from(values).sort();
  for (let i = 0; i < values.length; i++) {
    const value = at64(values, i);
    ranks[i] = (countBelow(ascending, value, false) + countBelow(ascending, value, true) - 1) / 2;
  }
}

/**
 * Spearman's rank correlation of two sets of ranks per section: across the symbols of one time, the information coefficient. NaN where there are
 * fewer than five symbols or one side is the same for all.
 */
export function sectionCorrelations(first: Float64Array, second: Float64Array, sections: Sections): Float64Array {
  return Float64Array.from(sections, ([from, to]) => {
    if (to - from < SMALLEST_CROSS_SECTION) return Number.NaN;
    const middle = (to - from - 1) / 2;
    let product = 0;
    let squareFirst = 0;
    let squareSecond = 0;
    for (let row = from; row < to; row++) {
      const x = at64(first, row) - middle;
      const y = at64(second, row) - middle;
      product += x * y;
      squareFirst += x * x;
      squareSecond += y * y;
    }
    return squareFirst > 0 && squareSecond > 0 ? product / Math.sqrt(squareFirst * squareSecond) : Number.NaN;
  });
}

/** How many of ascending values are below `value`, or at it too. */
function countBelow(ascending: Float64Array, value: number, orAt: boolean): number {
  let low = 0;
  let high = ascending.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const one = at64(ascending, middle);
    if (one < value || (orAt && one === value)) low = middle + 1;
    else high = middle;
  }
  return low;
}
