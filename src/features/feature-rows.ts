import { type FeaturePanel, type FeatureRows, MinutehandError } from '../core/index.ts';
import type { FeatureEngineer } from './feature-engineer.ts';
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

/** What is stored of the minute that the engineer has just reached, and whose panel it made. */
export const rowsOfMinute = (engineer: FeatureEngineer, panel: FeaturePanel): FeatureRows =>
  featureRowsOf(panel, engineer.indicators(panel.minute, panel.symbols), engineer.featureNames);

/** The rows of some of the symbols, by their position in the panel. */
export function selectRows(rows: FeatureRows, positions: readonly number[]): FeatureRows {
  const { panel } = rows;
  const { width } = panel;
  const selected = {
    ...panel,
    symbols: positions.flatMap((position) => panel.symbols[position] ?? []),
    values: new Float32Array(positions.length * width),
    masked: new Uint8Array(positions.length * width),
  };
  positions.forEach((position, row) => {
    selected.values.set(panel.values.subarray(position * width, (position + 1) * width), row * width);
    selected.masked.set(panel.masked.subarray(position * width, (position + 1) * width), row * width);
  });
  return { ...rows, panel: selected, indicators: positions.map((position) => rows.indicators[position] ?? {}) };
}
