import { DAY_MS } from '../../core/index.ts';
import type { FeatureColumns } from '../batch.ts';
import { type FeatureFault, type FeatureFaultKind, featureQuality } from '../feature-quality.ts';
import { type AuditContext, type AuditResult, namesOf } from './context.ts';
import { sampleColumns } from './sample.ts';

/** Correlation above which two features say the same. */
const CORRELATION_LIMIT = 0.995;
/** Rows that the verdict rests on, all symbols together. */
const SAMPLED_ROWS = 24_000;
/** Symbols below which a panel says nothing of its features: of two, a rank is a score. */
const SMALLEST_PANEL = 8;
/** Faults that are one of the feature, not of the days it is looked at. */
const FAILING: readonly FeatureFaultKind[] = ['constant', 'duplicate', 'correlated'];

/**
 * No feature may be constant or say what another one says. The whole span is computed, and sampled evenly over times and symbols. A
 * feature without any value is reported, not found wanting: its source is absent, or the history is too short for its warm-up. So is one
 * that leaves its range; that its distribution moves is not said, since over a long history most do.
 */
export async function auditColumns(context: AuditContext): Promise<AuditResult> {
  const sample = await sampleColumns(context, SAMPLED_ROWS);
  await context.step('columns: correlations');
  const faults = featureQuality(sample, context.set, {
    correlationLimit: CORRELATION_LIMIT,
    sampleRows: SAMPLED_ROWS,
  });
  const tooFew = sample.symbols.length < SMALLEST_PANEL;
  const judged = faults.filter(({ feature }) => !tooFew || stageOf(context, feature) !== 'cross');
  const wrong = judged.filter(({ kind }) => FAILING.includes(kind));
  const absent = featuresWith(faults, 'unavailable');
  const short = withoutValues(sample).filter((name) => !absent.includes(name));
  const outside = featuresWith(judged, 'outOfRange');
  const { span } = context;
  const days = Math.round((span.end - span.start) / DAY_MS);
  const rows = sample.times.length * sample.symbols.length;
  const notes = [
    `${rows} rows sampled from ${days} days x ${sample.symbols.length} symbols`,
    ...(tooFew ? [`cross-sectional ones not judged below ${SMALLEST_PANEL} symbols`] : []),
    ...(short.length === 0 ? [] : [namesOf(short, 'masked throughout, since the history is too short')]),
    ...(absent.length === 0 ? [] : [namesOf(absent, 'unavailable, since the source is absent')]),
    ...(outside.length === 0 ? [] : [namesOf(outside, 'out of range more often than expected')]),
  ].join(', ');
  if (wrong.length === 0) {
    return {
      name: 'columns',
      ok: true,
      detail: `${notes}, none constant, duplicate or correlated above ${CORRELATION_LIMIT}`,
    };
  }
  const named = wrong.map(({ feature, kind, detail }) => `${feature} (${kind}: ${detail})`);
  return { name: 'columns', ok: false, detail: `${namesOf(named, 'constant or redundant')} (${notes})` };
}

const stageOf = ({ set }: AuditContext, name: string) => set.features.find((feature) => feature.name === name)?.stage;

const featuresWith = (faults: readonly FeatureFault[], wanted: FeatureFaultKind): string[] =>
  faults.flatMap(({ feature, kind }) => (kind === wanted ? [feature] : []));

/** Features without a value in any row. */
function withoutValues({ names, values, width }: FeatureColumns): string[] {
  const isKnown = (block: Float32Array, column: number) => {
    for (let at = column; at < block.length; at += width) if (!Number.isNaN(block[at])) return true;
    return false;
  };
  return names.filter((_, column) => ![...values.values()].some((block) => isKnown(block, column)));
}
