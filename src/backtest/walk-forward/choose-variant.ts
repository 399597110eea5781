import type { EquityCurve } from '../record.ts';
import { DAYS_PER_YEAR, dailyReturnsOf, shapeOf } from '../statistics/index.ts';

/** Whole days below which a stretch has no Sharpe ratio. */
const FEWEST_DAYS = 5;

/** Annual Sharpe ratio of a stretch, net of costs, of its whole days; null of fewer than five, or where nothing varies. No interval: to compare by. */
export function stretchSharpe(curve: EquityCurve): number | null {
  const { returns } = dailyReturnsOf(curve);
  const { mean, deviation } = shapeOf(returns);
  return returns.length >= FEWEST_DAYS && deviation > 0 ? (mean / deviation) * Math.sqrt(DAYS_PER_YEAR) : null;
}

/** The variant with the highest Sharpe ratio: of equal ones the first, and the first where none has one. */
export function chooseVariant(sharpes: readonly (number | null)[]): number {
  let best = 0;
  sharpes.forEach((sharpe, index) => {
    if (sharpe !== null && sharpe > (sharpes[best] ?? Number.NEGATIVE_INFINITY)) best = index;
  });
  return best;
}
