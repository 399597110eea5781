import { at64, type SymbolId } from '../../core/index.ts';
import { type Agreement, type Comparison, createComparison } from './comparison.ts';
import { type AuditContext, type AuditResult, computeStretch, verdictOf } from './context.ts';
import { type BarChange, copyOf, QUARTER_MS, type Stretch } from './market.ts';

/** Rows compared with every feature warm. */
const COMPARED_MS = 96 * QUARTER_MS;
/** Binary exponents that prices and volumes of one symbol after the other are multiplied by. */
const PRICE_EXPONENTS = [17, -9, 3, -21, 8];
const VOLUME_EXPONENTS = [23, -13, 5, 11, -4, 9, -17];
/** Factors that do not leave the digits of a price as they were. */
const PRICE_FACTORS = [3, 0.7, 11, 1 / 13, 1.37];
const VOLUME_FACTORS = [0.3, 7, 1.9];
/** How far such a factor may move a value, as a share of the feature's range, and how many values it may move further. */
const MOVED = 1e-3;
const MOVED_SHARE = 0.5;

/**
 * A feature is free of any price or volume level. Multiplied by powers of two, which only move the binary point, prices or volumes of each
 * symbol by its own, leave every bit as it was. Multiplied by other numbers they leave most values nearly as they were: rounding
 * decides some ties between prices anew (7 % of a money flow index), while a level that hides in the digits moves with them everywhere.
 * Hours are formed from the bars, so that slow features are scaled too.
 */
export async function auditScale(context: AuditContext): Promise<AuditResult> {
  const { set, symbols } = context;
  const widths = set.features.map(({ range: [low, high] }) => high - low);
  const near: Agreement = (expected, actual, column) =>
    Math.abs(expected - actual) <= MOVED * (widths[column] ?? Number.NaN);
  const exact = createComparison(set);
  const rough = createComparison(set, near, MOVED_SHARE);
  const stretch = lastStretch(context);
  const changes: readonly (readonly [string, Comparison, BarChange])[] = [
    ['prices', exact, scaled(symbols, PRICE_EXPONENTS.map(powerOfTwo), [1])],
    ['volumes', exact, scaled(symbols, [1], VOLUME_EXPONENTS.map(powerOfTwo))],
    ['both, by other factors', rough, scaled(symbols, PRICE_FACTORS, VOLUME_FACTORS)],
  ];
  await context.step('scale: as it is');
  const expected = computeStretch(context, stretch);
  for (const [name, comparison, change] of changes) {
    await context.step(`scale: ${name}`);
    comparison.columns(expected, computeStretch(context, stretch, change));
  }
  const panel = `${symbols.length} symbols, ${expected.times.length} rows`;
  const scope = `prices and volumes times powers of two, ${panel}`;
  const verdict = verdictOf('scale', context, exact, scope, 'depend on the level of prices or volumes');
  if (!verdict.ok) return verdict;
  const digits = verdictOf(
    'scale',
    context,
    rough,
    `times other factors, ${panel}`,
    'depend on the digits of prices or volumes',
  );
  return digits.ok ? verdict : digits;
}

const powerOfTwo = (exponent: number): number => 2 ** exponent;

/** The last stretch of the market in which every feature becomes warm, as far as there is one. */
export function lastStretch({ span }: AuditContext): Stretch {
  const { start, end, slowMs } = span;
  return { from: Math.max(start, end - slowMs - COMPARED_MS), to: end, phase: 0 };
}

/** Multiplies prices and volumes of the symbol at each position by the factors in turn. */
function scaled(symbols: readonly SymbolId[], prices: readonly number[], volumes: readonly number[]): BarChange {
  return (bars, symbol) => {
    const index = symbols.indexOf(symbol);
    const [price, volume] = [prices[index % prices.length] ?? 1, volumes[index % volumes.length] ?? 1];
    const copy = copyOf(bars);
    for (let i = 0; i < copy.length; i++) {
      for (const column of [copy.open, copy.high, copy.low, copy.close]) column[i] = at64(column, i) * price;
      for (const column of [copy.volume, copy.takerBuyVolume]) column[i] = at64(column, i) * volume;
    }
    return copy;
  };
}
