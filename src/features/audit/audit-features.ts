import { MinutehandError, yieldToEventLoop } from '../../core/index.ts';
import { computeFeatures, type FeatureColumns, type FeatureRequest } from '../batch.ts';
import { type FeatureSet, featureSet } from '../feature-set.ts';
import { auditColumns } from './columns.ts';
import type { AuditContext, AuditResult } from './context.ts';
import { auditLookAhead } from './look-ahead.ts';
import { type AuditMarket, spanOf } from './market.ts';
import { auditScale } from './scale.ts';
import { auditStreams } from './stream-audits.ts';
import { auditWarmUp } from './warm-up.ts';

export interface FeatureAuditOptions {
  readonly market: AuditMarket;
  /** By default the whole catalogue. */
  readonly featureSet?: FeatureSet;
  /** How features are computed in batch: a port, so that a wrapped computation can be audited too. */
  readonly compute?: (request: FeatureRequest) => FeatureColumns;
  /** By default all; `streams` gives the verdicts stream, restore and permutation. */
  readonly only?: readonly (keyof typeof AUDITS)[];
  readonly onProgress?: (text: string) => void;
  readonly signal?: AbortSignal;
}

export interface FeatureAuditReport {
  readonly ok: boolean;
  /** Number of features. */
  readonly features: number;
  readonly audits: readonly AuditResult[];
}

const AUDITS = {
  lookAhead: auditLookAhead,
  streams: auditStreams,
  warmUp: auditWarmUp,
  scale: auditScale,
  columns: auditColumns,
} as const;

/**
 * Audits a feature set on bars of a market: look-ahead, stream against batch, restored against uninterrupted, order of symbols, warm-up,
 * scale, and columns that say nothing of their own.
 * @throws MinutehandError FEATURE_AUDIT_TOO_SHORT; INTERRUPTED when the signal is aborted
 */
export async function auditFeatures(options: FeatureAuditOptions): Promise<FeatureAuditReport> {
  const { market, compute = computeFeatures, onProgress, only, signal } = options;
  const set = options.featureSet ?? featureSet();
  const context: AuditContext = {
    set,
    market,
    compute,
    span: spanOf(market, set),
    symbols: [...market.bars.keys()],
    async step(text) {
      onProgress?.(text);
      await yieldToEventLoop();
      if (signal?.aborted) throw new MinutehandError('INTERRUPTED', 'the audit was given up', 'Run it again.');
    },
  };
  const audits: AuditResult[] = [];
  for (const [name, audit] of Object.entries(AUDITS)) {
    if (only === undefined || only.some((asked) => asked === name)) audits.push(...[await audit(context)].flat());
  }
  return { ok: audits.every(({ ok }) => ok), features: set.width, audits };
}
