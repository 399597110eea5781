import { createRandom, HORIZON_NAMES, type Horizon } from '../core/index.ts';
import { SCALER_VERSION, type Scaler } from '../features/index.ts';
import type { CheckedArtefact } from './artefact.ts';
import { canonicalJson, MANIFEST_VERSION, type Manifest, modelIdOf, sha256 } from './manifest.ts';
import { windowGraph } from './network/serving-graph.ts';
import { buildNetwork, type NetworkShape } from './network/unified-patchtst.ts';
import { OUTPUT_GROUPS } from './raw-outputs.ts';

/** A network that fits in a test: 16 bars of context, patches of 4 at a stride of 2. */
export const SMALL_NETWORK: NetworkShape = {
  context: 16,
  features: 5,
  patch: 4,
  stride: 2,
  width: 8,
  heads: 2,
  hidden: 16,
  layers: 2,
  headWidth: 4,
  dropout: 0,
  activation: 'gelu',
};

const none = { value: null, low: null, high: null };
const meanScore = {
  macroF1: none,
  balancedAccuracy: none,
  logLoss: none,
  brier: none,
  signAccuracy: none,
  informationCoefficient: none,
};
const horizonScore = {
  ...meanScore,
  accuracy: none,
  calibrationError: none,
  classF1: [null, null, null],
  confusion: [],
  meanSquaredError: 0,
  meanSquaredErrorOfZero: 0,
  meanAbsoluteForecast: 0,
};
const perHorizon = <Value>(value: Value) =>
  Object.fromEntries(HORIZON_NAMES.map((name) => [name, value])) as Record<Horizon, Value>;

/**
 * An artefact of a network that was never trained: every weight is random, no figures. `absent` are features that are no input, beside the
 * shape's own, which come first.
 */
export function randomNetwork(
  shape: NetworkShape,
  options: {
    readonly seed?: string | number;
    readonly absent?: number;
    /** The shape's inputs and the absent ones; by default f0, f1, … */
    readonly featureNames?: readonly string[];
    readonly featureSetHash?: string;
  } = {},
): CheckedArtefact {
  const { seed = 1, absent = 0 } = options;
  const random = createRandom(seed);
  const featureNames =
    options.featureNames ?? Array.from({ length: shape.features + absent }, (_, index) => `f${index}`);
  const { featureSetHash = `random-${featureNames.length}` } = options;
  const scalerBody: Omit<Scaler, 'hash'> = {
    version: SCALER_VERSION,
    kind: 'robust',
    featureSetHash,
    center: featureNames.map(() => 0.1 * random.normal()),
    scale: featureNames.map(() => 0.5 + random.uniform()),
    knownShare: featureNames.map((_, index) => (index < shape.features ? 1 : 0.5)),
    clip: 8,
  };
  const scaler: Scaler = { ...scalerBody, hash: sha256(JSON.stringify(scalerBody)) };
  const { graph } = buildNetwork(shape, { batch: 'batch', training: false, seed });
  const weights = new Map(
    [...graph.parameters.values()].map(({ name, initial }) => [
      name,
      initial.map((value) => value + 0.03 * random.normal()),
    ]),
  );
  const onnx = windowGraph(shape, weights, { feature_set_hash: featureSetHash });
  const window = { from: 0, to: 1, rows: 1 };
  const body: Omit<Manifest, 'modelId'> = {
    formatVersion: MANIFEST_VERSION,
    kind: 'unified-patchtst',
    featureSetHash,
    featureNames,
    scaler,
    universe: 'any',
    weightsSha256: sha256(onnx),
    outputs: OUTPUT_GROUPS,
    windows: { train: window, calibration: window, test: window },
    network: { shape, weights: 1, settings: {}, epochs: 1, bestEpoch: 0 },
    calibration: {
      rows: 0,
      returnShrinkage: perHorizon(1),
      directions: perHorizon({ slopes: [], intercepts: [], logLossBefore: 0, logLossAfter: 0 }),
      levels: {},
      risks: {},
      rankShrinkage: 1,
    },
    metrics: {
      rows: 0,
      times: 0,
      days: 0,
      symbols: 0,
      from: 0,
      to: 1,
      runLengthDays: 1,
      inSample: false,
      mean: meanScore,
      horizons: perHorizon(horizonScore),
      levels: {},
      risks: {},
      rank24h: { meanSquaredError: 0, meanSquaredErrorOfBaseline: 0, informationCoefficient: none },
      baselines: { majority: null, persistence: null, volatilityOnly: null, linear: null },
    },
    edgeReference: perHorizon([]),
    market: { source: 'generated', plantedEdge: false },
    provenance: { datasetHash: 'none', codeVersion: 'test', configHash: sha256(canonicalJson(shape)), seed },
  };
  const manifest: Manifest = { ...body, modelId: modelIdOf(body) };
  return { directory: `random/${manifest.modelId}`, manifest, onnx };
}
