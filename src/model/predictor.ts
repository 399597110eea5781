import {
  at32,
  atByte,
  type FeaturePanel,
  FORECAST_WIDTH,
  type Forecast,
  type ForecastOutput,
  MinutehandError,
  messageOf,
  outputIndex,
  type Predictor,
} from '../core/index.ts';
import { applyScaler, isModelInput } from '../features/index.ts';
import {
  type CheckedArtefact,
  checkArtefact,
  MODEL_FILE,
  ModelRefusedError,
  type ServingExpectation,
} from './artefact.ts';
import type { Manifest } from './manifest.ts';

/** Rows per call are padded to at least this: the runtime's path for a single row rounds differently. */
export const SMALLEST_BATCH = 8;

export interface PredictorOptions extends ServingExpectation {
  /** Most rows per call of the runtime. */
  readonly batchSize: number;
  /** Threads inside one call, 1 by default: for 50 rows a second one costs more than it brings. */
  readonly threads?: number;
}

/** A predictor with what its screens and reports must show of it. */
export interface ServedPredictor extends Predictor {
  readonly manifest: Manifest;
  readonly directory: string;
}

/**
 * Opens a model artefact for serving.
 * @throws ModelRefusedError (MODEL_REFUSED) naming the field that does not match; see {@link checkArtefact}.
 */
export async function loadPredictor(directory: string, options: PredictorOptions): Promise<ServedPredictor> {
  return openPredictor(await checkArtefact(directory, options), options);
}

async function openPredictor(artefact: CheckedArtefact, options: PredictorOptions): Promise<ServedPredictor> {
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
  const groups = manifest.outputs.map(({ name, columns }) => ({
    name,
    targets: columns.map((column) => outputIndex(column as ForecastOutput)),
  }));
  const names = groups.map(({ name }) => name);
  const inputs = manifest.featureNames.flatMap((_, column) => (isModelInput(scaler, column) ? [column] : []));
  let closed = false;

  /** Forecast rows [rows, FORECAST_WIDTH] of scaled features. */
  async function run(features: Float32Array, rows: number): Promise<Float32Array> {
    const padded = new Float32Array(Math.max(SMALLEST_BATCH, rows) * width);
    padded.set(features);
    const results = await session.run(
      { features: new Tensor('float32', padded, [padded.length / width, width]) },
      names,
    );
    const values = new Float32Array(rows * FORECAST_WIDTH);
    for (const { name, targets } of groups) {
      const data = results[name]?.data;
      if (!(data instanceof Float32Array) || data.length < rows * targets.length) {
        throw new MinutehandError(
          'MODEL_OUTPUT_INVALID',
          `model ${modelId}: the output ${name} has not the shape its manifest declares`,
          'Fit the model again; the artefact is inconsistent.',
        );
      }
      for (let row = 0; row < rows; row++) {
        for (let k = 0; k < targets.length; k++) {
          values[row * FORECAST_WIDTH + (targets[k] ?? 0)] = at32(data, row * targets.length + k);
        }
      }
    }
    return values;
  }

  return {
    modelId,
    featureSetHash,
    edgeReference,
    manifest,
    directory,
    async predict(panel) {
      if (closed) throw new MinutehandError('MODEL_CLOSED', `model ${modelId} was closed`, 'Load it again.');
      if (panel.featureSetHash !== featureSetHash) {
        const what = `trained on ${featureSetHash}, the panel has ${panel.featureSetHash}`;
        throw new ModelRefusedError(directory, 'featureSetHash', what);
      }
      if (panel.width !== width) {
        throw new ModelRefusedError(directory, 'features', `a panel of width ${panel.width} instead of ${width}`);
      }
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
    async close() {
      if (closed) return;
      closed = true;
      await session.release();
    },
  };
}

/** @throws MinutehandError MODEL_OUTPUT_INVALID when a value is not finite. */
function forecastOf(
  panel: FeaturePanel,
  row: number,
  values: Float32Array,
  modelId: string,
  inputs: readonly number[],
): Forecast {
  const symbol = panel.symbols[row] ?? '';
  if (!values.every(Number.isFinite)) {
    throw new MinutehandError(
      'MODEL_OUTPUT_INVALID',
      `model ${modelId} returned a value that is not finite for ${symbol} at ${panel.minute}`,
      'Look at the features of that symbol and minute; the model itself was checked when it was loaded.',
    );
  }
  let masked = 0;
  for (const column of inputs) masked += atByte(panel.masked, row * panel.width + column);
  return { symbol, minute: panel.minute, modelId, values, maskedShare: masked / inputs.length };
}
