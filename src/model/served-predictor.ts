import type { InferenceSession } from 'onnxruntime-node';
import {
  at32,
  atByte,
  type FeaturePanel,
  FORECAST_WIDTH,
  type Forecast,
  type ForecastOutput,
  MinutehandError,
  outputIndex,
  type Predictor,
} from '../core/index.ts';
import { isModelInput } from '../features/index.ts';
import { ModelRefusedError, type ServingExpectation } from './artefact.ts';
import type { Manifest } from './manifest.ts';

/** Rows per call are padded to at least this: the runtime's path for a single row rounds differently. */
export const SMALLEST_BATCH = 8;

export interface PredictorOptions extends ServingExpectation {
  /** Most rows per call of the runtime. */
  readonly batchSize: number;
  /** Threads inside one call, 1 by default: for 50 rows a second one costs more than it brings. */
  readonly threads?: number;
}

/** What a predictor of an already checked artefact is opened with. */
export type RuntimeOptions = Pick<PredictorOptions, 'batchSize' | 'threads'>;

/** A predictor with what its screens and reports must show of it. */
export interface ServedPredictor extends Predictor {
  readonly manifest: Manifest;
  readonly directory: string;
}

/** Columns of the manifest's features that are inputs of the model, ascending. */
export const inputColumns = ({ featureNames, scaler }: Pick<Manifest, 'featureNames' | 'scaler'>): number[] =>
  featureNames.flatMap((_, column) => (isModelInput(scaler, column) ? [column] : []));

/** @throws ModelRefusedError naming `featureSetHash` or `features` where a panel is not of the features that a model knows. */
export function checkPanel(panel: FeaturePanel, directory: string, { featureSetHash, featureNames }: Manifest): void {
  if (panel.featureSetHash !== featureSetHash) {
    const what = `trained on ${featureSetHash}, the panel has ${panel.featureSetHash}`;
    throw new ModelRefusedError(directory, 'featureSetHash', what);
  }
  const width = featureNames.length;
  if (panel.width === width && panel.values.length === panel.symbols.length * width) return;
  const what = `a panel of ${panel.symbols.length} symbols x ${panel.width} with ${panel.values.length} values instead of width ${width}`;
  throw new ModelRefusedError(directory, 'features', what);
}

/** What the runtime returned, as forecast rows. */
export interface OutputReader {
  /** Outputs to ask the runtime for. */
  readonly names: readonly string[];
  /**
   * Rows [rows, FORECAST_WIDTH] of a call's outputs; rows of padding are left out.
   * @throws MinutehandError MODEL_OUTPUT_INVALID when an output is not there or too short
   */
  read(results: InferenceSession.OnnxValueMapType, rows: number): Float32Array;
}

export function outputReader({ modelId, outputs }: Manifest): OutputReader {
  const groups = outputs.map(({ name, columns }) => ({
    name,
    targets: columns.map((column) => outputIndex(column as ForecastOutput)),
  }));
  return {
    names: groups.map(({ name }) => name),
    read(results, rows) {
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
    },
  };
}

/**
 * The forecast of one row of a panel.
 * @param values [FORECAST_WIDTH]
 * @throws MinutehandError MODEL_OUTPUT_INVALID when a value is not finite
 */
export function forecastOf(
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
  return {
    symbol,
    minute: panel.minute,
    modelId,
    values,
    maskedShare: maskedInputs(panel, row, inputs) / inputs.length,
  };
}

/** How many of a row's inputs are masked. */
export function maskedInputs(panel: FeaturePanel, row: number, inputs: readonly number[]): number {
  let masked = 0;
  for (const column of inputs) masked += atByte(panel.masked, row * panel.width + column);
  return masked;
}

/** @throws MinutehandError MODEL_CLOSED */
export const closedError = (modelId: string): MinutehandError =>
  new MinutehandError('MODEL_CLOSED', `model ${modelId} was closed`, 'Load it again.');
