import type { FeatureSource, SeriesFeature } from '../feature.ts';
import type { Node } from '../program.ts';

type Range = readonly [low: number, high: number];

/**
 * Makes features of one stage and group. A feature is warm when its kernel is; one that remembers its beginning only when it has
 * forgotten it, after `settled` bars. `source`: what it needs beside open, high, low, close and volume.
 */
export const seriesFeature =
  (stage: SeriesFeature['stage'], settled: number, prefix: string) =>
  (group: string, source?: FeatureSource) =>
  (name: string, range: Range, formula: string, kernel: Node): SeriesFeature => ({
    name,
    group,
    stage,
    formula: `${prefix}${formula}`,
    warmUp: kernel.recursive ? Math.max(settled, kernel.warmUp) : kernel.warmUp,
    range,
    ...(source ? { source } : {}),
    kernel,
  });
