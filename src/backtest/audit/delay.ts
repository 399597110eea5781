import { epochMs } from '../../core/index.ts';
import { BAR_MS } from '../../model/index.ts';
import type { ForecastSource } from '../replay.ts';
import { roundTripsOf } from '../statistics/index.ts';
import { type AuditContext, type AuditResult, countText, growthBeforeCosts, growthOf, percentText } from './context.ts';

/** Of the gain before costs, what must be left a bar later. */
const LEAST_KEPT = 0.25;
/** With fewer round trips nothing is said of it. */
const FEWEST_TRIPS = 30;

/**
 * What is left where every forecast comes a bar later, and with it every decision. Fault: a gain of which, before costs, less than a quarter is left,
 * on at least 30 round trips: it is made in the first bar, which nobody gets.
 */
export async function auditDelay(context: AuditContext): Promise<AuditResult> {
  const name = 'delay';
  const { forecasts, result } = context;
  const own = growthOf(result);
  if (forecasts === undefined) {
    return { name, ok: true, detail: 'nothing is forecast', figures: { return: own, delayedReturn: null, kept: null } };
  }
  await context.step('delay: forecasts a bar later');
  const delayed = await context.again({ forecasts: delayForecasts(forecasts) });
  const [before, after] = [growthBeforeCosts(result), growthBeforeCosts(delayed)];
  const trips = roundTripsOf(result).closed.length;
  const kept = before > 0 ? after / before : null;
  const isJudged = trips >= FEWEST_TRIPS && own > 0 && kept !== null;
  const share = kept === null ? '' : `, ${percentText(kept)} of it`;
  const judged = isJudged ? '' : `; not judged: ${own > 0 ? countText(trips, 'round trip') : 'no gain'}`;
  return {
    name,
    ok: !isJudged || kept >= LEAST_KEPT,
    detail: `${percentText(before)} before costs, a bar later ${percentText(after)}${share}${judged}`,
    figures: {
      return: own,
      delayedReturn: growthOf(delayed),
      returnBeforeCosts: before,
      delayedReturnBeforeCosts: after,
      kept,
    },
  };
}

/** At each bar what was forecast at the one before. */
export const delayForecasts = (forecasts: ForecastSource): ForecastSource => ({
  ...forecasts,
  at: (minute) => forecasts.at(epochMs(minute - BAR_MS)).map((forecast) => ({ ...forecast, minute })),
});
