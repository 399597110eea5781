import {
  add,
  argMax,
  compileInference,
  concat,
  type Graph,
  maximum,
  minimum,
  multiply,
  relu,
  reshape,
  sigmoid,
  slice,
  softmax,
  type Value,
} from '../../tensor/index.ts';
import type { OutputAdjustment } from '../output-calibration.ts';
import { RAW_COLUMNS } from '../raw-outputs.ts';
import { buildNetwork, buildNetworkParts, HEAD_NAMES, type HeadValues, type NetworkShape } from './unified-patchtst.ts';

/** Names of the parameters that hold decoding and calibration together: raw output = slope x head + intercept. */
export const ADJUSTMENT = { slope: 'calibration.slope', intercept: 'calibration.intercept' } as const;

/** Weights of a trained network with the adjustment of its outputs among them. */
export function withAdjustment(
  weights: ReadonlyMap<string, Float32Array>,
  adjustment: OutputAdjustment,
): Map<string, Float32Array> {
  return new Map([
    ...weights,
    [ADJUSTMENT.slope, Float32Array.from(adjustment.slope)],
    [ADJUSTMENT.intercept, Float32Array.from(adjustment.intercept)],
  ]);
}

/** The ONNX file that an artefact holds: input `windows` [batch, context, inputs], outputs OUTPUT_GROUPS. */
export function windowGraph(
  shape: NetworkShape,
  weights: ReadonlyMap<string, Float32Array>,
  metadata: Readonly<Record<string, string>>,
): Uint8Array {
  const { graph, heads } = buildNetwork(shape, { batch: 'batch', training: false });
  return compileInference({ name: 'unified-patchtst', outputs: forecastOutputs(graph, heads), weights, metadata });
}

/** The further output of the second part: heads before decoding and calibration, [batch, RAW_COLUMNS.count]. */
export const HEADS_OUTPUT = 'heads';

/** The ONNX files of the network in two parts. */
export interface PartGraphs {
  /** `bars` [batch, patch, inputs] -> `embedding` [batch, width] */
  readonly embedding: Uint8Array;
  /** `embeddings` [batch, patches, width], oldest first, and `last` [batch, inputs], the newest bar -> OUTPUT_GROUPS and HEADS_OUTPUT */
  readonly forecast: Uint8Array;
}

/**
 * The network of an artefact in two parts, so that embeddings can be kept.
 * @param weights with the adjustment of the outputs, as the artefact's own file has them
 * @throws Error naming the weights that are missing or of another size
 */
export function partGraphs(shape: NetworkShape, weights: ReadonlyMap<string, Float32Array>): PartGraphs {
  const { embedding, forecast } = buildNetworkParts(shape);
  const outputs = {
    ...forecastOutputs(forecast.graph, forecast.heads),
    [HEADS_OUTPUT]: rawHeads(forecast.heads),
  };
  const parameters = [...embedding.graph.parameters.values(), ...forecast.graph.parameters.values()];
  const wrong = parameters.filter(({ name, initial }) => weights.get(name)?.length !== initial.length);
  if (wrong.length > 0) throw new Error(`missing or of another size: ${wrong.map(({ name }) => name).join(', ')}`);
  return {
    embedding: compileInference({
      name: 'unified-patchtst-embedding',
      outputs: { embedding: embedding.embedding },
      weights,
    }),
    forecast: compileInference({ name: 'unified-patchtst-forecast', outputs, weights }),
  };
}

const rawHeads = (heads: HeadValues): Value =>
  slice(
    concat(
      HEAD_NAMES.map((name) => heads[name]),
      1,
    ),
    1,
    0,
    RAW_COLUMNS.count,
  );

function forecastOutputs(graph: Graph, heads: HeadValues): Record<string, Value> {
  const parameter = (name: string, value: number) =>
    graph.parameter(name, [RAW_COLUMNS.count], {
      values: new Float32Array(RAW_COLUMNS.count).fill(value),
      trainable: false,
    });
  const raw = add(multiply(rawHeads(heads), parameter(ADJUSTMENT.slope, 1)), parameter(ADJUSTMENT.intercept, 0));
  const part = (from: number, count: number) => slice(raw, 1, from, from + count);
  const probability = softmax(reshape(part(RAW_COLUMNS.directions, 12), ['batch', 4, 3]));
  return {
    future_return: part(RAW_COLUMNS.returns, 4),
    direction: argMax(probability),
    direction_probability: probability,
    level_probability: sigmoid(part(RAW_COLUMNS.levels, 8)),
    risk: relu(part(RAW_COLUMNS.risks, 4)),
    rank24h: minimum(maximum(part(RAW_COLUMNS.rank, 1), 0), 1),
  };
}
