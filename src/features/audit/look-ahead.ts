import { at64, createRandom, firstAtOrAfter, HOUR_MS, MINUTE_MS, type Random, sliceBars } from '../../core/index.ts';
import { createComparison } from './comparison.ts';
import { type AuditContext, type AuditResult, computeStretch, verdictOf } from './context.ts';
import { type BarChange, copyOf, floor, QUARTER_MS, type Stretch, spread } from './market.ts';

const CUTS = 5;
/** Rows compared in front of a cut, beside those in which fast features warm up. */
const PAST_MS = 160 * QUARTER_MS;
/** Bars behind a cut: a leak of up to a day ahead reaches them from the last rows of the past. */
const FUTURE_MS = 96 * QUARTER_MS;
/** Phases of the cuts where there are minutes: clock-aligned bars, and such as a cut divides. */
const PHASES_CUT = [0, 7, 1, 14, 4];

/**
 * No value may change by a bit when what comes after it is replaced: by nothing, by NaN, by noise. The cuts lie in the midst of hours (and,
 * with minutes, of bars), since what is known of an unfinished bar is the commonest leak.
 */
export async function auditLookAhead(context: AuditContext): Promise<AuditResult> {
  const { set, symbols } = context;
  const comparison = createComparison(set);
  const random = createRandom('feature-audit/noise');
  const cuts = cutPoints(context);
  for (const [index, { cut, stretch }] of cuts.entries()) {
    await context.step(`look-ahead: cut ${index + 1} of ${cuts.length}`);
    const expected = computeStretch(context, stretch);
    for (const poison of [truncation(cut), missing(cut), noise(cut, random)]) {
      comparison.columns(expected, computeStretch(context, stretch, poison), undefined, cut);
      await context.step(`look-ahead: cut ${index + 1} of ${cuts.length}`);
    }
  }
  const scope = `${cuts.length} cut points x ${symbols.length} symbols, each with the future cut off, as NaN and as noise`;
  return verdictOf('look-ahead', context, comparison, scope, 'see later bars');
}

function cutPoints({ span, market }: AuditContext): { cut: number; stretch: Stretch }[] {
  const { start, end, fastMs, slowMs } = span;
  const high = end - FUTURE_MS;
  const low = start + Math.max(slowMs, fastMs) + PAST_MS;
  return spread(CUTS, low < high ? low : Math.min(start + fastMs + QUARTER_MS, high), high, HOUR_MS).map((hour, i) => {
    const within = market.timeframe === '15m' ? ((i + 1) % 4) * QUARTER_MS : ((7 + 13 * i) % 60) * MINUTE_MS;
    const cut = hour + within;
    const from = floor(Math.max(start, cut - fastMs - PAST_MS), QUARTER_MS);
    const phase = market.timeframe === '15m' ? 0 : (PHASES_CUT[i] ?? 0);
    return { cut, stretch: { from, to: cut + FUTURE_MS, phase, hoursFrom: from - slowMs } };
  });
}

const truncation =
  (cut: number): BarChange =>
  (bars) =>
    sliceBars(bars, 0, firstAtOrAfter(bars.openTime, cut));

const missing =
  (cut: number): BarChange =>
  (bars) => {
    const copy = copyOf(bars);
    for (const column of [copy.open, copy.high, copy.low, copy.close, copy.volume, copy.takerBuyVolume]) {
      column.fill(Number.NaN, firstAtOrAfter(bars.openTime, cut));
    }
    return copy;
  };

/** Usable bars that have nothing to do with the market. */
const noise =
  (cut: number, random: Random): BarChange =>
  (bars) => {
    const copy = copyOf(bars);
    for (let i = firstAtOrAfter(bars.openTime, cut); i < copy.length; i++) {
      const level = Math.exp(3 * random.normal());
      const [open, close] = [level * (0.9 + 0.2 * random.uniform()), level * (0.9 + 0.2 * random.uniform())];
      copy.open[i] = open;
      copy.close[i] = close;
      copy.high[i] = Math.max(open, close) * (1 + 0.05 * random.uniform());
      copy.low[i] = Math.min(open, close) * (1 - 0.05 * random.uniform());
      copy.volume[i] = Math.exp(8 + 3 * random.normal());
      copy.takerBuyVolume[i] = at64(copy.volume, i) * random.uniform();
    }
    return copy;
  };
