import { createRandom } from '../../core/index.ts';
import {
  add,
  concat,
  DROPOUT_INPUT,
  divide,
  dropout,
  expand,
  Graph,
  linear,
  mean,
  multiply,
  reshape,
  slice,
  sqrt,
  square,
  subtract,
  type Value,
} from '../../tensor/index.ts';
import {
  ACTIVATIONS,
  type Builder,
  batchNormBlock,
  dense,
  type EncoderShape,
  selfAttention,
  vector,
  weight,
} from './blocks.ts';

/** The shape of a channel-independent PatchTST. */
export interface PatchTstShape extends EncoderShape {
  readonly context: number;
  readonly horizon: number;
  readonly patch: number;
  readonly stride: number;
}

export interface BuiltPatchTst {
  readonly graph: Graph;
  /** [series, horizon], in the unit of the input. */
  readonly forecast: Value;
}

const EPSILON = 1e-5;

/**
 * PatchTST (Nie et al., ICLR 2023) as its authors run it: every channel is a series of its own with shared weights; each window is
 * normalised by its own mean and deviation, and its forecast brought back (RevIN, Kim et al. 2022); the end is padded by one stride with
 * the last value; learned positions; post-norm encoder with batch norm and attention scores handed from layer to layer; one dense
 * layer over all tokens. Input `windows` [series, context].
 */
export function buildPatchTst(
  shape: PatchTstShape,
  options: { readonly series: number | 'series'; readonly training: boolean; readonly seed: string | number },
): BuiltPatchTst {
  const { context, patch, stride, width, horizon } = shape;
  const graph = new Graph();
  const builder: Builder = {
    graph,
    random: createRandom(`${options.seed}/weights`),
    dropouts: options.training ? graph.input(DROPOUT_INPUT, ['dropouts']) : undefined,
  };
  const { series } = options;
  const input = graph.input('windows', [series, context]);
  const centre = mean(input, [1], true);
  const centred = subtract(input, centre);
  const deviation = sqrt(add(mean(square(centred), [1], true), EPSILON));
  const normal = divide(centred, deviation);
  const last = slice(normal, 1, context - 1, context);
  const padded = concat([normal, expand(last, [series, stride])], 1);

  const patches = (context - patch) / stride + 2;
  const places = patch / stride;
  // Patches overlap: each stride is multiplied by the weights of every place it can have in a patch.
  const strides = reshape(slice(padded, 1, 0, (patches + places - 1) * stride), [series, patches + places - 1, stride]);
  let tokens: Value | undefined;
  const matrix = weight(builder, 'patch.weight', [patch, width]);
  for (let place = 0; place < places; place++) {
    const part = linear(
      slice(strides, 1, place, place + patches),
      slice(matrix, 0, place * stride, (place + 1) * stride),
    );
    tokens = tokens ? add(tokens, part) : part;
  }
  const drop = (value: Value) => dropout(value, shape.dropout, builder.dropouts);
  const positions = reshape(weight(builder, 'position', [patches, width], 0.02), [1, patches, width]);
  let x = drop(add(add(tokens ?? strides, vector(builder, 'patch.bias', width)), positions));
  let scores: Value | undefined;
  for (let layer = 0; layer < shape.layers; layer++) {
    const name = `layer${layer}`;
    const attended = selfAttention(builder, `${name}.attention`, x, shape.heads, scores);
    scores = attended.scores;
    const between = batchNormBlock(builder, `${name}.norm1`, add(x, drop(attended.output)));
    const hidden = drop(ACTIVATIONS[shape.activation](dense(builder, `${name}.ff1`, between, shape.hidden)));
    x = batchNormBlock(builder, `${name}.norm2`, add(between, drop(dense(builder, `${name}.ff2`, hidden, width))));
  }
  const forecast = dense(builder, 'head', reshape(x, [series, patches * width]), horizon);
  return { graph, forecast: add(multiply(forecast, deviation), centre) };
}
