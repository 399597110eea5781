import { createHash } from 'node:crypto';
import { z } from 'zod';
import { SCALER_VERSION } from '../features/index.ts';

export const MANIFEST_VERSION = 1;

const text = z.string().min(1);
const texts = z.array(text).readonly();
const numbers = z.array(z.number()).readonly();
const horizons = <Value extends z.ZodType>(value: Value) =>
  z.object({ '15m': value, '1h': value, '4h': value, '12h': value });
const estimate = z.object({
  mean: z.number().nullable(),
  low: z.number().nullable(),
  high: z.number().nullable(),
  blocks: z.number(),
});
const squared = z.object({ meanSquaredError: z.number(), meanSquaredErrorOfBaseline: z.number() });
const probability = z.object({
  logLoss: z.number(),
  logLossOfBaseRate: z.number(),
  brier: z.number(),
  brierOfBaseRate: z.number(),
  calibrationError: z.number(),
  shares: numbers,
});

const evaluation = z.object({
  rows: z.number(),
  times: z.number(),
  returns: z.record(
    text,
    z.object({
      informationCoefficient: estimate,
      signAccuracy: z.number().nullable(),
      signAccuracyMajority: z.number().nullable(),
      meanSquaredError: z.number(),
      meanSquaredErrorOfZero: z.number(),
      meanAbsoluteForecast: z.number(),
    }),
  ),
  directions: z.record(text, probability.extend({ accuracy: z.number() })),
  levels: z.record(text, probability),
  risks: z.record(text, squared),
  rank24h: squared.extend({ informationCoefficient: estimate }),
});

const window = z.object({ from: z.number(), to: z.number(), rows: z.number() });

/** What the market of the dataset is: it shows wherever figures of the model do. */
const market = z.object({
  source: z.enum(['generated', 'replay', 'real']),
  /** true: the generator plants a known edge, so that figures say nothing of a real market. */
  plantedEdge: z.boolean(),
  description: z.string().optional(),
});

export const manifestSchema = z.object({
  formatVersion: z.literal(MANIFEST_VERSION),
  modelId: text,
  kind: z.literal('linear-baseline'),
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
  windows: z.object({ train: window, calibration: window, test: window }),
  penalties: z.record(text, z.number()),
  calibration: z.object({
    rows: z.number(),
    returnShrinkage: horizons(z.number()),
    directions: horizons(z.object({ temperature: z.number(), logLossBefore: z.number(), logLossAfter: z.number() })),
    levels: z.record(
      text,
      z.object({ slope: z.number(), intercept: z.number(), logLossBefore: z.number(), logLossAfter: z.number() }),
    ),
    risks: z.record(text, z.object({ slope: z.number(), intercept: z.number() })),
    rankShrinkage: z.number(),
  }),
  /** On the test window, after calibration. */
  metrics: evaluation,
  edgeReference: horizons(numbers),
  market,
  provenance: z.object({
    datasetHash: text,
    codeVersion: text,
    configHash: text,
    seed: z.union([z.string(), z.number()]),
  }),
});

/** Everything that is known of a model: `manifest.json` of its folder. */
export type Manifest = z.infer<typeof manifestSchema>;
export type MarketLabel = z.infer<typeof market>;

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

/** JSON with sorted keys: equal content, equal text. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
