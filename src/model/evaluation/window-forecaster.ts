import { availableParallelism } from 'node:os';
import { Tensor } from 'onnxruntime-node';
import { at32, atInt32, FORECAST_WIDTH, type ForecastOutput, MinutehandError, outputIndex } from '../../core/index.ts';
import { applyScaler, isModelInput } from '../../features/index.ts';
import { createSession, withFactorOf } from '../../tensor/index.ts';
import { type CheckedArtefact, ModelRefusedError } from '../artefact.ts';
import type { Dataset } from '../dataset.ts';
import { ADJUSTMENT } from '../network/serving-graph.ts';
import { RANKING_HEADS, rankingHeads } from '../raw-outputs.ts';
import type { RowForecaster } from './row-forecaster.ts';

/** Windows per call of the runtime. */
const BATCH = 64;

/**
 * A network on windows of a dataset, without a cache: each forecast reads the whole context that ends with its row. Rows before the dataset's
 * first are as masked ones.
 * @throws ModelRefusedError `network` when the manifest does not say its shape
 */
export async function openWindowForecaster(
  { manifest, directory, onnx }: CheckedArtefact,
  dataset: Dataset,
): Promise<RowForecaster & { close(): Promise<void> }> {
  const shape = manifest.network?.shape;
  if (!shape) throw new ModelRefusedError(directory, 'network', 'the manifest does not say its shape');
  const { context, features } = shape;
  const { scaler, outputs, modelId } = manifest;
  const kept = dataset.featureNames.flatMap((_, column) => (isModelInput(scaler, column) ? [column] : []));
  // The heads are in the file, and their calibration is a product that follows.
  const heads = withFactorOf(onnx, ADJUSTMENT.slope);
  const session = await createSession(heads?.onnx ?? onnx, { threads: availableParallelism(), spin: true });
  const groups = outputs.map(({ name, columns }) => ({
    name,
    places: columns.map((column) => outputIndex(column as ForecastOutput)),
  }));
  const windows = new Float32Array(BATCH * context * features);

  /** Scaled inputs [end - from, features] of a symbol's rows; 0 where masked. */
  function inputsOf(symbolIndex: number, from: number, end: number): Float32Array {
    const { width } = dataset;
    const all = dataset.features.get(dataset.symbols[symbolIndex] ?? '') ?? new Float32Array(0);
    const rows = all.slice(Math.max(0, from) * width, end * width);
    const masked = Uint8Array.from(rows, (value) => (Number.isNaN(value) ? 1 : 0));
    applyScaler(rows, masked, scaler, rows);
    const result = new Float32Array((end - from) * features);
    const skipped = Math.max(0, -from);
    for (let row = 0; row < rows.length / width; row++) {
      kept.forEach((column, k) => {
        result[(skipped + row) * features + k] = at32(rows, row * width + column);
      });
    }
    return result;
  }

  return {
    async forecast(symbolIndex, rows) {
      const first = atInt32(rows, 0) - context + 1;
      const inputs = inputsOf(symbolIndex, first, atInt32(rows, rows.length - 1) + 1);
      const values = new Float32Array(rows.length * FORECAST_WIDTH);
      const raw = new Float32Array(rows.length * RANKING_HEADS).fill(Number.NaN);
      for (let from = 0; from < rows.length; from += BATCH) {
        const part = rows.subarray(from, from + BATCH);
        part.forEach((row, index) => {
          const start = (row - context + 1 - first) * features;
          windows.set(inputs.subarray(start, start + context * features), index * context * features);
        });
        const size = part.length * context * features;
        const results = await session.run({
          windows: new Tensor('float32', windows.subarray(0, size), [part.length, context, features]),
        });
        const before = heads && results[heads.output]?.data;
        if (before instanceof Float32Array) raw.set(rankingHeads(before), from * RANKING_HEADS);
        for (const { name, places } of groups) {
          const data = results[name]?.data;
          if (!(data instanceof Float32Array) || !data.every(Number.isFinite)) {
            throw new MinutehandError(
              'MODEL_OUTPUT_INVALID',
              `model ${modelId} returned a value of ${name} that is not finite`,
              'Look at the features of these rows; the model itself was checked when it was loaded.',
            );
          }
          for (let row = 0; row < part.length; row++) {
            places.forEach((place, k) => {
              values[(from + row) * FORECAST_WIDTH + place] = at32(data, row * places.length + k);
            });
          }
        }
      }
      return { values, raw };
    },
    close: () => session.release(),
  };
}
