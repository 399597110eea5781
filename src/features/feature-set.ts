import { createHash } from 'node:crypto';
import { MinutehandError } from '../core/index.ts';
import { CATALOGUE } from './catalogue/index.ts';
import { type Feature, type FeatureSource, MAX_FAST_WARM_UP, MAX_SLOW_WARM_UP } from './feature.ts';
import { inRowOrder } from './pipeline.ts';
import { digestOnGeneratedMarket } from './self-test.ts';

export { CATALOGUE };

/** An ordered set of features with its identity. */
export interface FeatureSet {
  /** sha256 (hex) over the definitions and `selfTestDigest`: two sets of one hash give the same numbers. */
  readonly hash: string;
  /** In the order of a row: fast, slow, cross. */
  readonly features: readonly Feature[];
  readonly names: readonly string[];
  readonly width: number;
  /** Fast bars after which every fast and cross feature holds. */
  readonly fastWarmUp: number;
  /** 1h bars after which every slow and cross feature holds. */
  readonly slowWarmUp: number;
  /** sha256 (hex) of the features on a fixed generated market, at six significant digits: the same on every CPU. */
  readonly selfTestDigest: string;
}

let catalogueSet: FeatureSet | undefined;

/**
 * The set of the given features, by default of the whole catalogue.
 * @throws MinutehandError FEATURE_INVALID when names repeat or a warm-up exceeds what start-up provides
 */
export function featureSet(features: readonly Feature[] = CATALOGUE): FeatureSet {
  if (features !== CATALOGUE) return identify(features);
  catalogueSet ??= identify(CATALOGUE);
  return catalogueSet;
}

/** History that makes every feature warm, with room for holes: 1m candles, and 1h bars before and among them. */
export function requiredHistory(): { minutes: number; hours: number } {
  return { minutes: 72 * 60, hours: MAX_SLOW_WARM_UP + 23 };
}

/** What of a feature is part of its identity and of what `features list` prints. */
export interface FeatureDescription {
  readonly name: string;
  readonly group: string;
  readonly stage: Feature['stage'];
  readonly formula: string;
  readonly warmUp: number;
  readonly slowWarmUp: number;
  readonly range: readonly [number, number];
  readonly source?: FeatureSource;
}

export const describeFeature = (feature: Feature): FeatureDescription => ({
  name: feature.name,
  group: feature.group,
  stage: feature.stage,
  formula: feature.formula,
  warmUp: feature.stage === 'slow' ? 0 : feature.warmUp,
  slowWarmUp: feature.stage === 'slow' ? feature.warmUp : (feature.slowWarmUp ?? 0),
  range: feature.range,
  ...(feature.source ? { source: feature.source } : {}),
});

function identify(given: readonly Feature[]): FeatureSet {
  const features = inRowOrder(given);
  const names = features.map(({ name }) => name);
  const descriptions = features.map(describeFeature);
  const duplicate = names.find((name, index) => names.indexOf(name) !== index);
  if (duplicate !== undefined) throw invalid(`two features are named ${duplicate}`);
  for (const { name, warmUp, slowWarmUp } of descriptions) {
    if (!(warmUp <= MAX_FAST_WARM_UP && slowWarmUp <= MAX_SLOW_WARM_UP)) {
      throw invalid(
        `${name} needs ${warmUp} fast and ${slowWarmUp} slow bars; ${MAX_FAST_WARM_UP} and ${MAX_SLOW_WARM_UP} are provided`,
      );
    }
  }
  const selfTestDigest = digestOnGeneratedMarket(features);
  const definitions = descriptions.map((description, column) => ({
    ...description,
    kernel: features[column]?.kernel.key,
  }));
  return {
    hash: createHash('sha256').update(JSON.stringify({ definitions, selfTestDigest })).digest('hex'),
    features,
    names,
    width: features.length,
    fastWarmUp: Math.max(0, ...descriptions.map(({ warmUp }) => warmUp)),
    slowWarmUp: Math.max(0, ...descriptions.map(({ slowWarmUp }) => slowWarmUp)),
    selfTestDigest,
  };
}

const invalid = (what: string) =>
  new MinutehandError('FEATURE_INVALID', `the feature set is invalid: ${what}`, 'Correct the feature’s definition.', {
    exitCode: 2,
  });
