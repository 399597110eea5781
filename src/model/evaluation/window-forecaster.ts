import { availableParallelism } from 'node:os';
import { atInt32, FORECAST_WIDTH, MinutehandError } from '../../core/index.ts';
import { scaleColumns } from '../../features/index.ts';
import type { CheckedArtefact } from '../artefact.ts';
import type { Dataset } from '../dataset.ts';
import { forecastSeries } from '../network/series-forecast.ts';
import { HEADS_OUTPUT } from '../network/serving-graph.ts';
import { openNetworkParts } from '../network-parts.ts';
import { RANKING_HEADS, rankingHeads } from '../raw-outputs.ts';
import { inputColumns, outputReader } from '../served-predictor.ts';
import type { RowForecaster } from './row-forecaster.ts';

/** Windows per call of the runtime. */
const BATCH = 64;

/**
 * A network on windows of a dataset: each forecast reads the whole context that ends with its row. Rows before the dataset's first are as masked
 * ones.
 * @throws ModelRefusedError as in serving
 */
export async function openWindowForecaster(
  artefact: CheckedArtefact,
  dataset: Dataset,
): Promise<RowForecaster & { close(): Promise<void> }> {
  const { manifest } = artefact;
  const { shape, sessions } = await openNetworkParts(artefact, { threads: availableParallelism() });
  const { context, features } = shape;
  const kept = inputColumns(manifest);
  const outputs = outputReader(manifest);

  /** Scaled inputs [end - from, features] of a symbol's rows; 0 where masked. */
  function inputsOf(symbolIndex: number, from: number, end: number): Float32Array {
    const { width } = dataset;
    const all = dataset.features.get(dataset.symbols[symbolIndex] ?? '') ?? new Float32Array(0);
    const result = new Float32Array((end - from) * features);
    const skipped = Math.max(0, -from);
    const rows = all.subarray((from + skipped) * width, end * width);
    scaleColumns(rows, kept, manifest.scaler, result.subarray(skipped * features));
    return result;
  }

  return {
    async forecast(symbolIndex, rows) {
      const first = atInt32(rows, 0) - context + 1;
      const inputs = inputsOf(symbolIndex, first, atInt32(rows, rows.length - 1) + 1);
      const values = new Float32Array(rows.length * FORECAST_WIDTH);
      const raw = new Float32Array(rows.length * RANKING_HEADS);
      const ends = rows.map((row) => row - first);
      await forecastSeries(shape, sessions, inputs, ends, {
        batch: BATCH,
        outputs: [...outputs.names, HEADS_OUTPUT],
        onOutputs: (from, count, results) => {
          values.set(outputs.read(results, count), from * FORECAST_WIDTH);
          raw.set(rankingHeads(results[HEADS_OUTPUT]?.data as Float32Array), from * RANKING_HEADS);
        },
      });
      if (values.every(Number.isFinite)) return { values, raw };
      throw new MinutehandError(
        'MODEL_OUTPUT_INVALID',
        `model ${manifest.modelId} returned a value that is not finite for ${dataset.symbols[symbolIndex]}`,
        'Look at the features of these rows; the model itself was checked when it was loaded.',
      );
    },
    close: () => sessions.close(),
  };
}
