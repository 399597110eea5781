import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { at32, HORIZON_NAMES, type Horizon } from '../core/index.ts';
import { applyScaler, isModelInput } from '../features/index.ts';
import { readOnnxWeights } from '../tensor/index.ts';
import { MODEL_FILE, ModelRefusedError } from './artefact.ts';
import type { Manifest } from './manifest.ts';
import { findArtefact } from './registry.ts';

/** One input of a model at one minute. */
export interface ExplainedInput {
  readonly name: string;
  /** As computed, and as the model reads it: in units of the usual spread from the usual value. */
  readonly value: number;
  readonly scaled: number;
  /** What it adds to the forecast return of the horizon; linear models only. */
  readonly contribution?: number;
}

export interface ExplainedInputs {
  /** The inputs that are known, the largest first: by contribution where there is one, else by scaled value. */
  readonly inputs: readonly ExplainedInput[];
  /** How many inputs are masked. */
  readonly masked: number;
  /** The forecast return with every input at its usual value; linear models only. */
  readonly base?: number;
}

/**
 * What a model read of one symbol at one minute. Of a network, which reads many bars, the newest.
 * @param folder where the artefacts lie
 * @param features in the order of the model's feature names, NaN where masked
 * @throws ModelRefusedError where the artefact is missing, or the features are not of its width
 */
export async function explainInputs(
  folder: string,
  modelId: string,
  horizon: Horizon,
  features: Float32Array,
): Promise<ExplainedInputs> {
  const { directory, manifest } = await findArtefact(folder, modelId);
  const { featureNames, scaler } = manifest;
  const width = featureNames.length;
  if (features.length !== width) {
    const what = `the stored row has ${features.length} values, the model reads ${width}`;
    throw new ModelRefusedError(directory, 'features', what);
  }
  const scaled = new Float32Array(width);
  applyScaler(
    features,
    Uint8Array.from(features, (value) => (Number.isNaN(value) ? 1 : 0)),
    scaler,
    scaled,
  );
  const linear = await linearTerms(directory, manifest, horizon);
  const columns = featureNames.map((_, column) => column).filter((column) => isModelInput(scaler, column));
  const known = columns.filter((column) => !Number.isNaN(at32(features, column)));
  const inputs = known.map((column): ExplainedInput => {
    const input = { name: featureNames[column] ?? '', value: at32(features, column), scaled: at32(scaled, column) };
    return linear ? { ...input, contribution: at32(linear.weights, column) * input.scaled } : input;
  });
  const sizeOf = (input: ExplainedInput) => Math.abs(input.contribution ?? input.scaled);
  return {
    inputs: inputs.sort((a, b) => sizeOf(b) - sizeOf(a)),
    masked: columns.length - known.length,
    ...(linear ? { base: linear.bias } : {}),
  };
}

/** Weights [width] and bias of a linear model's forecast return. */
async function linearTerms(directory: string, { kind, featureNames }: Manifest, horizon: Horizon) {
  if (kind !== 'linear-baseline') return undefined;
  const weights = readOnnxWeights(await readFile(join(directory, MODEL_FILE)));
  const [all, bias] = [weights.get('future_return.weight'), weights.get('future_return.bias')];
  if (!all || !bias) throw new ModelRefusedError(directory, MODEL_FILE, 'it has no weights of a forecast return');
  const row = HORIZON_NAMES.indexOf(horizon);
  const width = featureNames.length;
  return { weights: all.subarray(row * width, (row + 1) * width), bias: at32(bias, row) };
}
