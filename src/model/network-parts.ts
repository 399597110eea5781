import { at32, createRandom, messageOf } from '../core/index.ts';
import { createSession, readOnnxWeights, type SessionOptions } from '../tensor/index.ts';
import { type CheckedArtefact, MODEL_FILE, ModelRefusedError } from './artefact.ts';
import { type NetworkSessions, openNetworkSessions } from './network/network-sessions.ts';
import { type PartGraphs, partGraphs } from './network/serving-graph.ts';
import { type NetworkShape, patchCount } from './network/unified-patchtst.ts';
import { outputReader, SMALLEST_BATCH } from './served-predictor.ts';

/** A network in two parts, ready to run. */
export interface OpenedParts {
  readonly shape: NetworkShape;
  readonly sessions: NetworkSessions;
}

/**
 * The network of an artefact in two parts, once they were seen to compute what its own file computes.
 * @throws ModelRefusedError naming `network`, `weights` or `model.onnx`
 */
export async function openNetworkParts(artefact: CheckedArtefact, options: SessionOptions): Promise<OpenedParts> {
  const { directory, manifest, onnx } = artefact;
  const shape = manifest.network?.shape;
  if (!shape) throw new ModelRefusedError(directory, 'network', 'the manifest does not say its shape');
  let graphs: PartGraphs;
  try {
    graphs = partGraphs(shape, readOnnxWeights(onnx));
  } catch (error) {
    throw new ModelRefusedError(directory, 'weights', messageOf(error), error);
  }
  let sessions: NetworkSessions | undefined;
  try {
    sessions = await openNetworkSessions(shape, graphs, options);
    const difference = await largestDifference(artefact, shape, sessions);
    if (difference <= LARGEST_DIFFERENCE) return { shape, sessions };
    throw new Error(`it computes something else than its shape and weights say (by ${difference})`);
  } catch (error) {
    await sessions?.close();
    throw new ModelRefusedError(directory, MODEL_FILE, messageOf(error), error);
  }
}

/** Forecasts are returns, probabilities and ranks: rounding alone stays a hundred times below this. */
const LARGEST_DIFFERENCE = 1e-4;

/** By how much the forecasts of the parts differ from those of the artefact's own file, on windows of random numbers. */
async function largestDifference(
  { onnx, manifest }: CheckedArtefact,
  shape: NetworkShape,
  sessions: NetworkSessions,
): Promise<number> {
  const { context, features, patch, stride, width } = shape;
  const { Tensor } = await import('onnxruntime-node');
  const random = createRandom('probe');
  const rows = SMALLEST_BATCH;
  const windows = Float32Array.from({ length: rows * context * features }, () => random.normal());
  // A class flips where two probabilities nearly tie; it says nothing that they do not.
  const outputs = outputReader({ ...manifest, outputs: manifest.outputs.filter(({ name }) => name !== 'direction') });
  const whole = await createSession(onnx);
  let expected: Float32Array;
  try {
    const input = new Tensor('float32', windows, [rows, context, features]);
    expected = outputs.read(await whole.run({ windows: input }, outputs.names), rows);
  } finally {
    await whole.release();
  }
  const patches = patchCount(shape);
  const bars = new Float32Array(rows * patch * features);
  const embeddings = new Float32Array(rows * patches * width);
  const last = new Float32Array(rows * features);
  for (let place = 0; place < patches; place++) {
    for (let row = 0; row < rows; row++) {
      const from = (row * context + place * stride) * features;
      bars.set(windows.subarray(from, from + patch * features), row * patch * features);
    }
    const embedded = await sessions.embed(bars, rows);
    for (let row = 0; row < rows; row++) {
      embeddings.set(embedded.subarray(row * width, (row + 1) * width), (row * patches + place) * width);
    }
  }
  for (let row = 0; row < rows; row++) {
    const from = ((row + 1) * context - 1) * features;
    last.set(windows.subarray(from, from + features), row * features);
  }
  const actual = outputs.read(await sessions.forecast(embeddings, last, rows, outputs.names), rows);
  return actual.reduce((largest, value, at) => {
    const other = at32(expected, at);
    return Math.max(largest, Math.abs(value - other) / Math.max(1, Math.abs(other)));
  }, 0);
}
