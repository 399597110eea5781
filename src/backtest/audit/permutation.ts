import { DAY_MS, type EpochMs, epochMs, type Random } from '../../core/index.ts';
import { BAR_MS } from '../../model/index.ts';
import type { ForecastSource } from '../replay.ts';
import { type AuditContext, type AuditResult, growthOf, percentText } from './context.ts';

/** A gain that more of the books without skill reach than this is not the forecasts'. */
const MOST = 0.5;

/**
 * What the book would have made of the same forecasts, dealt out to other symbols and days: the distribution of results without skill. A day's
 * forecasts go to another day at the same time of the day, and from symbol to symbol by one permutation a day, so that they change no more often than
 * they did. Fault: a gain that more than half of those books reach too.
 */
export async function auditPermutation(context: AuditContext): Promise<AuditResult> {
  const name = 'permutation';
  const { forecasts, result, backtest, random, permutations: seeds } = context;
  if (forecasts === undefined || result.fills.length === 0) {
    const detail = forecasts === undefined ? 'nothing is forecast' : 'nothing was traded';
    return { name, ok: true, detail, figures: { seeds: 0, pValue: null, return: growthOf(result) } };
  }
  const symbols = [...backtest.market.bars.keys()];
  const { from, to } = backtest.window;
  const growths: number[] = [];
  for (let seed = 0; seed < seeds; seed++) {
    await context.step(`permutation: ${seed + 1} of ${seeds}`);
    const dealt = permuteForecasts(forecasts, { symbols, from, to }, random.fork('permutation').fork(seed));
    growths.push(growthOf(await context.again({ forecasts: dealt })));
  }
  growths.sort((a, b) => a - b);
  const own = growthOf(result);
  const asGood = growths.filter((growth) => growth >= own).length;
  const pValue = (1 + asGood) / (1 + seeds);
  const median = growths[seeds >> 1] ?? 0;
  const [least, most] = [growths[0] ?? 0, growths.at(-1) ?? 0];
  return {
    name,
    ok: own <= 0 || pValue <= MOST,
    detail: `the run brought ${percentText(own)}; of ${seeds} with its forecasts dealt out to other symbols and days, from ${percentText(least)} to ${percentText(most)}, median ${percentText(median)}, ${asGood} did at least as well (p = ${pValue.toFixed(3)})`,
    figures: { seeds, pValue, return: own, leastReturn: least, medianReturn: median, mostReturn: most },
  };
}

/** The forecasts of each day are those of another, each symbol's another's. */
export function permuteForecasts(
  forecasts: ForecastSource,
  { symbols, from, to }: { readonly symbols: readonly string[]; readonly from: EpochMs; readonly to: EpochMs },
  random: Random,
): ForecastSource {
  const firstDay = dayOf(from);
  const days = dayOf(to) - firstDay + 1;
  const dayOrder = permutation(days, random);
  const symbolOrders = Array.from({ length: days }, () => permutation(symbols.length, random));
  return {
    ...forecasts,
    at(minute) {
      const day = dayOf(minute) - firstDay;
      const source = epochMs(minute + ((dayOrder[day] ?? day) - day) * DAY_MS);
      const known = new Map(forecasts.at(source).map((forecast) => [forecast.symbol, forecast]));
      return symbols.flatMap((symbol, index) => {
        const forecast = known.get(symbols[symbolOrders[day]?.[index] ?? index] ?? '');
        return forecast ? [{ ...forecast, symbol, minute }] : [];
      });
    },
  };
}

/** The UTC day in which the bar that closes at a time opened. */
const dayOf = (close: EpochMs): number => Math.floor((close - BAR_MS) / DAY_MS);

/** The numbers below `count` in random order (Fisher and Yates). */
function permutation(count: number, random: Random): number[] {
  const order = Array.from({ length: count }, (_, index) => index);
  for (let i = count - 1; i > 0; i--) {
    const j = random.integer(i + 1);
    const swapped = order[i] ?? 0;
    order[i] = order[j] ?? 0;
    order[j] = swapped;
  }
  return order;
}
