import type { SymbolId } from '../../core/index.ts';
import type { FeatureColumns, FeatureRequest } from '../batch.ts';
import type { FeatureSet } from '../feature-set.ts';
import type { Comparison, Difference } from './comparison.ts';
import { type AuditMarket, type BarChange, requestOf, type Span, type Stretch } from './market.ts';

/** The verdict of one audit. */
export interface AuditResult {
  readonly name: string;
  readonly ok: boolean;
  /** What was covered, or which features failed and where, on one line. */
  readonly detail: string;
}

/** What every audit works with. */
export interface AuditContext {
  readonly set: FeatureSet;
  readonly market: AuditMarket;
  readonly span: Span;
  readonly symbols: readonly SymbolId[];
  readonly compute: (request: FeatureRequest) => FeatureColumns;
  /** Says what comes next and lets the event loop run. @throws MinutehandError INTERRUPTED */
  step(text: string): Promise<void>;
}

/** Features of a stretch; `rows` bounds the close times of the rows that are kept. */
export function computeStretch(
  { market, set, compute }: AuditContext,
  stretch: Stretch,
  change?: BarChange,
  rows: { readonly from?: number } = {},
): FeatureColumns {
  return compute({ ...requestOf(market, stretch, change), featureSet: set, ...rows });
}

/** The same with some of the symbols, or in another order. */
export function withSymbols(context: AuditContext, symbols: readonly SymbolId[]): AuditContext {
  const bars = new Map(
    symbols.flatMap((symbol) => {
      const held = context.market.bars.get(symbol);
      return held ? [[symbol, held] as const] : [];
    }),
  );
  const references = context.market.references.filter((reference) => bars.has(reference));
  return { ...context, symbols, market: { ...context.market, bars, references } };
}

/** Features named in a verdict. */
const NAMED = 10;

/**
 * The verdict on a comparison in which nothing may differ. It fails too when no value could be compared.
 * @param scope what was compared: "5 cut points x 50 symbols"
 * @param fault what is wrong with a feature that differs: "sees later bars"
 */
export function verdictOf(
  name: string,
  { set }: AuditContext,
  comparison: Comparison,
  scope: string,
  fault: string,
): AuditResult {
  const known = comparison.known();
  const coverage = `${scope}, ${comparison.values} values, ${known} of ${set.width} features known`;
  const wrong = comparison.differences();
  if (wrong.length > 0)
    return { name, ok: false, detail: `${namesOf(wrong.map(differenceText), fault)} (${coverage})` };
  if (known === 0) return { name, ok: false, detail: `nothing could be compared (${coverage})` };
  return { name, ok: true, detail: `${coverage}, none differs` };
}

const differenceText = ({ feature, count, first }: Difference): string =>
  `${feature} (${count} values, first ${first})`;

/** "2 features are constant: a, b". */
export function namesOf(names: readonly string[], fault: string): string {
  const more = names.length > NAMED ? ` and ${names.length - NAMED} more` : '';
  const subject = names.length === 1 ? '1 feature' : `${names.length} features`;
  return `${subject} ${fault}: ${names.slice(0, NAMED).join('; ')}${more}`;
}
