import { at64, DAY_MS } from '../../core/index.ts';

/** How often a portfolio goes back to its weights: at UTC midnight, or at that between Sunday and Monday. */
export type Rebalance = 'daily' | 'weekly';

/** The day 0 of the epoch was a Thursday. */
const DAYS_SINCE_MONDAY = 3;

/** Whether a portfolio that began at row `start` goes back to its weights at a row: there, and at the first close of each new day or week. */
export function isRebalanced(times: Float64Array, row: number, start: number, rebalance: Rebalance): boolean {
  return row === start || periodOf(at64(times, row), rebalance) !== periodOf(at64(times, row - 1), rebalance);
}

function periodOf(time: number, rebalance: Rebalance): number {
  const day = Math.floor(time / DAY_MS);
  return rebalance === 'daily' ? day : Math.floor((day + DAYS_SINCE_MONDAY) / 7);
}
