import { type FeaturePanel, type FeatureRows, MinutehandError } from '../core/index.ts';
import { featureSet } from './feature-set.ts';

/**
 * What is stored of a minute's features and indicators (T3).
 * @param indicators in the panel's order
 * @param featureNames of the panel's feature set, by default the catalogue's
 * @throws MinutehandError FEATURE_ROWS_INVALID when names or indicators do not belong to the panel
 */
export function featureRowsOf(
  panel: FeaturePanel,
  indicators: FeatureRows['indicators'],
  featureNames: readonly string[] = featureSet().names,
): FeatureRows {
  if (featureNames.length !== panel.width || indicators.length !== panel.symbols.length) {
    throw new MinutehandError(
      'FEATURE_ROWS_INVALID',
      `a panel of ${panel.symbols.length} symbols x ${panel.width} features came with ${indicators.length} rows of indicators and ${featureNames.length} names`,
      'Give the names of the feature set and the indicators of the symbols that the panel was made of.',
    );
  }
  return { panel, featureNames, indicators };
}
