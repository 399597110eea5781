import { at64 } from '../../core/index.ts';
import { DAYS_PER_YEAR, type DailyReturns } from './daily-returns.ts';
import { shapeOf } from './sample.ts';

export interface VolatilityTarget {
  /** Annual. */
  readonly volatility?: number;
  /** Largest gross exposure over equity. */
  readonly maxGross?: number;
  /** Days before the one that is scaled, which the scale is known from. */
  readonly windowDays?: number;
}

/** A series on the terms that books are compared on. */
export interface ScaledReturns {
  readonly returns: DailyReturns;
  /** [days] What each day was multiplied by. */
  readonly scales: Float64Array;
}

const TARGET = { volatility: 0.1, maxGross: 2, windowDays: 30 };

/**
 * Daily returns as they would be at one volatility: each day times target over the volatility of the days before it, and never so much
 * that gross exposure would have passed `maxGross` at its largest in them. The first `windowDays` serve to know the scale and are left out.
 * Where nothing varied in the window, the day is left as it is, within the same bound. Costs are scaled like returns.
 * @param gross [days] largest gross exposure over equity of each day of `daily`
 */
export function scaleToVolatility(
  daily: DailyReturns,
  gross: Float64Array,
  target: VolatilityTarget = {},
): ScaledReturns {
  const { volatility, maxGross, windowDays } = { ...TARGET, ...target };
  const days = Math.max(0, daily.returns.length - windowDays);
  const scales = new Float64Array(days);
  const returns = new Float64Array(days);
  for (let day = 0; day < days; day++) {
    const { deviation } = shapeOf(daily.returns.subarray(day, day + windowDays));
    let largest = 0;
    for (let before = day; before < day + windowDays; before++) largest = Math.max(largest, at64(gross, before));
    const wanted = deviation > 0 ? volatility / (deviation * Math.sqrt(DAYS_PER_YEAR)) : 1;
    const scale = Math.min(wanted, largest > 0 ? maxGross / largest : maxGross);
    scales[day] = scale;
    returns[day] = Math.max(-1, scale * at64(daily.returns, day + windowDays));
  }
  return { returns: { firstDay: daily.firstDay + windowDays, returns, before: 0, after: 0 }, scales };
}
