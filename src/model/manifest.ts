import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { EpochMs } from '../core/index.ts';
import { SCALER_VERSION } from '../features/index.ts';
import { estimateSchema, evaluationSchemaOf, horizons } from './evaluation-schema.ts';

export const MANIFEST_VERSION = 1;
/** What a model can be; its id begins with it. */
export const MODEL_KINDS = ['linear-baseline', 'unified-patchtst'] as const;

const text = z.string().min(1);
const texts = z.array(text).readonly();
const numbers = z.array(z.number()).readonly();

const size = z.number().int().positive();
const networkSchema = z.object({
  shape: z.object({
    context: size,
    features: size,
    patch: size,
    stride: size,
    width: size,
    heads: size,
    hidden: size,
    layers: size,
    headWidth: size,
    dropout: z.number(),
    activation: z.enum(['gelu', 'geluFast', 'silu']),
  }),
  /** Number of weights. */
  weights: size,
  /** Settings as given, whole. */
  settings: z.record(text, z.unknown()),
  epochs: size,
  bestEpoch: z.number(),
});

const window = z.object({ from: z.number(), to: z.number(), rows: z.number() });

/** What the market of the dataset is: it shows wherever figures of the model do. */
export const marketLabelSchema = z.object({
  source: z.enum(['generated', 'replay', 'real']),
  /** true: the generator plants a known edge, so that figures say nothing of a real market. */
  plantedEdge: z.boolean(),
  description: z.string().optional(),
});

export const manifestSchema = z.object({
  formatVersion: z.literal(MANIFEST_VERSION),
  modelId: text,
  kind: z.enum(MODEL_KINDS),
  featureSetHash: text,
  featureNames: texts,
  /** Whole, as fitted; its hash is recomputed when served. */
  scaler: z.object({
    version: z.literal(SCALER_VERSION),
    kind: z.enum(['robust', 'standard']),
    featureSetHash: text,
    center: numbers,
    scale: numbers,
    knownShare: numbers,
    clip: z.number(),
    hash: text,
  }),
  /** Symbols trained on, or `any` where no input depends on which symbols there are. */
  universe: z.union([z.object({ symbols: texts, hash: text }), z.literal('any')]),
  weightsSha256: text,
  /** Named outputs of the graph and the forecast columns that each carries, flattened. */
  outputs: z.array(z.object({ name: text, columns: texts, shape: numbers })).readonly(),
  /** Epoch milliseconds; rows used. */
  windows: z.object({ train: window, earlyStopping: window.optional(), calibration: window, test: window }),
  /** Of the linear baseline's regressions. */
  penalties: z.record(text, z.number()).optional(),
  /** Shape and training of a network. */
  network: networkSchema.optional(),
  calibration: z.object({
    rows: z.number(),
    returnShrinkage: horizons(z.number()),
    directions: horizons(
      z.object({ slopes: numbers, intercepts: numbers, logLossBefore: z.number(), logLossAfter: z.number() }),
    ),
    levels: z.record(
      text,
      z.object({ slope: z.number(), intercept: z.number(), logLossBefore: z.number(), logLossAfter: z.number() }),
    ),
    risks: z.record(text, z.object({ slope: z.number(), intercept: z.number() })),
    rankShrinkage: z.number(),
  }),
  /** On the test window, after calibration. */
  metrics: evaluationSchemaOf(estimateSchema.optional()),
  edgeReference: horizons(numbers),
  market: marketLabelSchema,
  provenance: z.object({
    datasetHash: text,
    codeVersion: text,
    configHash: text,
    seed: z.union([z.string(), z.number()]),
    /** What made it, where it was made from the command line. */
    command: z.string().optional(),
  }),
});

/** Everything that is known of a model: `manifest.json` of its folder. */
export type Manifest = z.infer<typeof manifestSchema>;
export type MarketLabel = z.infer<typeof marketLabelSchema>;

export const sha256 = (data: string | Uint8Array): string => createHash('sha256').update(data).digest('hex');

/** Hash of a universe's definition: its symbols in canonical order. */
export const hashUniverse = (symbols: readonly string[]): string => sha256(JSON.stringify(symbols));

/**
 * The id of a model: its kind and a short hash of the rest of its manifest (which holds the hash of the weights), so that no two
 * different models share one, and a manifest changed by hand is noticed.
 */
export function modelIdOf(manifest: Omit<Manifest, 'modelId'>): string {
  const content = canonicalJson({ ...manifest, modelId: undefined });
  return `${manifest.kind}-${sha256(content).slice(0, 12)}`;
}

/** A model as the database keeps it. */
export const modelRecord = (manifest: Manifest, createdAt: EpochMs) => ({
  modelId: manifest.modelId,
  kind: manifest.kind,
  featureSetHash: manifest.featureSetHash,
  manifest,
  createdAt,
});

/** JSON with sorted keys: equal content, equal text. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
