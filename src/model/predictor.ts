import { FORECAST_WIDTH, type Forecast, messageOf } from '../core/index.ts';
import { applyScaler } from '../features/index.ts';
import { type CheckedArtefact, checkArtefact, MODEL_FILE, ModelRefusedError } from './artefact.ts';
import { openNetwork } from './network-predictor.ts';
import {
  checkPanel,
  closedError,
  forecastOf,
  inputColumns,
  outputReader,
  type PredictorOptions,
  type RuntimeOptions,
  type ServedPredictor,
  SMALLEST_BATCH,
} from './served-predictor.ts';

/**
 * Opens a model artefact for serving.
 * @throws ModelRefusedError (MODEL_REFUSED) naming the field that does not match; see {@link checkArtefact}.
 */
export async function loadPredictor(directory: string, options: PredictorOptions): Promise<ServedPredictor> {
  return openPredictor(await checkArtefact(directory, options), options);
}

/** Opens a checked artefact once: what the runtime cannot run is refused before anyone is to serve it. @throws ModelRefusedError */
export async function probeArtefact(artefact: CheckedArtefact): Promise<void> {
  await (await openPredictor(artefact, { batchSize: SMALLEST_BATCH })).close();
}

/** Opens a checked artefact for serving. */
export function openPredictor(artefact: CheckedArtefact, options: RuntimeOptions): Promise<ServedPredictor> {
  return artefact.manifest.kind === 'unified-patchtst' ? openNetwork(artefact, options) : openLinear(artefact, options);
}

async function openLinear(artefact: CheckedArtefact, options: RuntimeOptions): Promise<ServedPredictor> {
  const { manifest, directory } = artefact;
  const { modelId, featureSetHash, edgeReference, scaler } = manifest;
  const width = manifest.featureNames.length;
  // Loaded only where a model is served: the runtime's library is large.
  const { InferenceSession, Tensor } = await import('onnxruntime-node');
  const session = await InferenceSession.create(artefact.onnx, {
    executionProviders: ['cpu'],
    intraOpNumThreads: options.threads ?? 1,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    extra: { session: { intra_op: { allow_spinning: '0' } } },
  }).catch((error: unknown) => {
    throw new ModelRefusedError(directory, MODEL_FILE, messageOf(error), error);
  });
  const outputs = outputReader(manifest);
  const inputs = inputColumns(manifest);
  let closed = false;

  /** Forecast rows [rows, FORECAST_WIDTH] of scaled features. */
  async function run(features: Float32Array, rows: number): Promise<Float32Array> {
    const padded = new Float32Array(Math.max(SMALLEST_BATCH, rows) * width);
    padded.set(features);
    const features32 = new Tensor('float32', padded, [padded.length / width, width]);
    return outputs.read(await session.run({ features: features32 }, outputs.names), rows);
  }

  return {
    modelId,
    featureSetHash,
    edgeReference,
    manifest,
    directory,
    contextBars: 1,
    async observe(panel) {
      checkPanel(panel, directory, manifest);
    },
    async predict(panel) {
      if (closed) throw closedError(modelId);
      checkPanel(panel, directory, manifest);
      const scaled = new Float32Array(panel.symbols.length * width);
      applyScaler(panel.values, panel.masked, scaler, scaled);
      const forecasts: Forecast[] = [];
      for (let from = 0; from < panel.symbols.length; from += options.batchSize) {
        const to = Math.min(from + options.batchSize, panel.symbols.length);
        const values = await run(scaled.subarray(from * width, to * width), to - from);
        for (let row = from; row < to; row++) {
          const own = values.slice((row - from) * FORECAST_WIDTH, (row - from + 1) * FORECAST_WIDTH);
          forecasts.push(forecastOf(panel, row, own, modelId, inputs));
        }
      }
      return forecasts;
    },
    withheld: () => new Map(),
    async close() {
      if (closed) return;
      closed = true;
      await session.release();
    },
  };
}
