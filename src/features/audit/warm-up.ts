import { barsBetween, HOUR_MS, MINUTE_MS, type SymbolId } from '../../core/index.ts';
import { type Agreement, createComparison } from './comparison.ts';
import { type AuditContext, type AuditResult, computeStretch, verdictOf, withSymbols } from './context.ts';
import { QUARTER_MS, spread } from './market.ts';

const STARTS = 3;
/** Rows compared after the slowest feature has become warm. */
const COMPARED_MS = 96 * QUARTER_MS;
/** How much earlier the earlier series begins, where the market reaches back so far. */
const LEAD_MS = 480 * QUARTER_MS;
/** Two hours hold a whole one: symbols that have them begin all their series together. */
const WHOLE_MS = 2 * HOUR_MS;
/** Phases of the starts where there are minutes. */
const PHASES_STARTED = [0, 11, 4];
/** How closely two starts agree, relative to the value, and to a tenth of the feature's range where the value is smaller. */
const TOLERANCE = 1e-6;
const SMALLEST_SHARE = 0.1;

/**
 * A series that began later says the same, within 1e-6, from the declared warm-up of each feature on: before it the later series is
 * masked, after it all that tells the two apart is what a feature has not yet forgotten of how it began. Symbols with
 * a hole where the later series begins take no part: carried over it, they would be in the earlier panel before they are in the later.
 */
export async function auditWarmUp(context: AuditContext): Promise<AuditResult> {
  const comparison = createComparison(context.set, agreement(context));
  const starts = startPoints(context);
  let fewest = context.symbols.length;
  for (const [index, { before, start, end, phase }] of starts.entries()) {
    const whole = withSymbols(context, symbolsFrom(context, start));
    fewest = Math.min(fewest, whole.symbols.length);
    await context.step(`warm-up: start ${index + 1} of ${starts.length}`);
    const expected = computeStretch(whole, { from: before, to: end, phase });
    await context.step(`warm-up: start ${index + 1} of ${starts.length}`);
    comparison.columns(expected, computeStretch(whole, { from: start, to: end, phase }));
  }
  const scope = `${starts.length} later starts x ${fewest} symbols or more, to ${TOLERANCE} relative`;
  return verdictOf('warm-up', context, comparison, scope, 'have not forgotten their start when their warm-up ends');
}

function agreement({ set }: AuditContext): Agreement {
  const least = set.features.map(({ range: [low, high] }) => SMALLEST_SHARE * (high - low));
  return (expected, actual, column) =>
    Number.isNaN(actual) ||
    Math.abs(expected - actual) <=
      TOLERANCE * Math.max(Math.abs(expected), Math.abs(actual), least[column] ?? Number.NaN);
}

/** Later starts in the midst of hours, each with where the earlier series begins and where both end. */
function startPoints({ span, market }: AuditContext) {
  const { start, end, fastMs, slowMs } = span;
  // A short market gives the later series three fifths of it, and fast features two warm-ups at least.
  const length = Math.min(slowMs + COMPARED_MS, Math.max(2 * fastMs, 0.6 * (end - start)));
  const lead = Math.min(LEAD_MS, end - start - length - HOUR_MS);
  return spread(STARTS, start + lead, end - length - HOUR_MS, HOUR_MS).map((hour, i) => {
    const within = market.timeframe === '15m' ? ((i + 1) % 4) * QUARTER_MS : 23 * MINUTE_MS;
    const from = hour + within;
    const phase = market.timeframe === '15m' ? 0 : (PHASES_STARTED[i] ?? 0);
    return { before: from - lead, start: from, end: from + length, phase };
  });
}

/** Symbols that have every bar of the two hours from `start` on. */
function symbolsFrom({ market, span: { barMs } }: AuditContext, start: number): SymbolId[] {
  const bars = WHOLE_MS / barMs;
  return [...market.bars].flatMap(([symbol, all]) =>
    barsBetween(all, start, start + WHOLE_MS).length === bars ? [symbol] : [],
  );
}
