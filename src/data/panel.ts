import type { EpochMs, Exclusion, ReasonCode, SymbolId } from '../core/index.ts';

/** Which symbols a minute is judged on, as it is recorded with its cycle. */
export interface Panel {
  readonly minute: EpochMs;
  /** Symbols with a final bar at the minute, in canonical order. */
  readonly members: readonly SymbolId[];
  readonly excluded: readonly Exclusion[];
  /** Members as a share of the universe, 0 to 1. */
  readonly coverage: number;
  readonly referencesPresent: boolean;
  /** Why no new entries are allowed; empty if they are. */
  readonly refusals: readonly ReasonCode[];
}

export interface PanelOptions {
  readonly minute: EpochMs;
  /** In canonical order. */
  readonly universe: readonly SymbolId[];
  readonly references: readonly SymbolId[];
  /** Symbols with a final bar at the minute. */
  readonly present: ReadonlySet<SymbolId>;
  /** Why a symbol is absent where that is known; else CANDLE_MISSING. */
  readonly exclusions?: readonly Exclusion[];
  /** Share of the universe below which no new entries are allowed. Default 0.8. */
  readonly minimumCoverage?: number;
}

/** The panel of a minute. A missing reference or a thin panel refuses new entries; forecasts and protection go on. */
export function panelAt(options: PanelOptions): Panel {
  const { minute, universe, references, present, exclusions = [], minimumCoverage = 0.8 } = options;
  const reasonOf = new Map(exclusions.map(({ symbol, reason }) => [symbol, reason]));
  const members = universe.filter((symbol) => present.has(symbol));
  const excluded = universe
    .filter((symbol) => !present.has(symbol))
    .map((symbol): Exclusion => ({ symbol, reason: reasonOf.get(symbol) ?? 'CANDLE_MISSING' }));
  const coverage = universe.length === 0 ? 0 : members.length / universe.length;
  const referencesPresent = references.every((symbol) => present.has(symbol));
  const refusals: ReasonCode[] = [];
  if (coverage < minimumCoverage) refusals.push('PANEL_BELOW_COVERAGE');
  if (!referencesPresent) refusals.push('PANEL_REFERENCE_MISSING');
  return { minute, members, excluded, coverage, referencesPresent, refusals };
}
