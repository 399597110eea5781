import type { SymbolId } from '../../core/index.ts';
import { readFolderBars } from '../../marketfiles/index.ts';
import { auditFeatures, type FeatureAuditOptions, type FeatureAuditReport } from './audit-features.ts';

export interface FolderCheck extends Omit<FeatureAuditOptions, 'market'> {
  /** Candle files of one or of 15 minutes. */
  readonly directory: string;
  /** That many of the largest by dollar volume of the folder's first 30 days, or these. */
  readonly symbols: number | readonly SymbolId[];
  /** BTC, ETH: used as far as they are among the symbols. */
  readonly references: readonly SymbolId[];
}

export interface FolderCheckReport extends FeatureAuditReport {
  readonly symbols: readonly SymbolId[];
}

/**
 * Audits the features on the bars of a folder.
 * @throws MinutehandError as readFolderBars; FEATURE_AUDIT_TOO_SHORT
 */
export async function checkFolder({
  directory,
  symbols,
  references,
  ...options
}: FolderCheck): Promise<FolderCheckReport> {
  const { timeframe, bars } = await readFolderBars({ directory, symbols, timeframes: ['1m', '15m'] });
  const market = { timeframe, bars, references: references.filter((reference) => bars.has(reference)) };
  return { ...(await auditFeatures({ ...options, market })), symbols: [...bars.keys()] };
}
