import { CATALOGUE } from '../../features/index.ts';

/** Groups whose every feature tells how much moves, or when it is, and never which way. */
const GROUPS = new Set(['volatility', 'calendar']);
/** Features of other groups that are volatility: named after it, or ranges of closed bars of 4h and 1d. */
const NAMES = /(^|_)vol(_|$)|^range_(18_4h|7_1d)$/;

/**
 * Columns of a feature row that the volatility-only model sees: volatility and calendar features of the catalogue, by group and name. Names
 * that the catalogue does not know are judged by the name alone.
 */
export function volatilityColumns(featureNames: readonly string[]): number[] {
  const groupOf = new Map(CATALOGUE.map(({ name, group }) => [name, group]));
  return featureNames.flatMap((name, column) =>
    GROUPS.has(groupOf.get(name) ?? '') || NAMES.test(name) ? [column] : [],
  );
}
