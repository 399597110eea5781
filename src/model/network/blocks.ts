import type { Random } from '../../core/index.ts';
import {
  add,
  batchNorm,
  dropout,
  type Graph,
  gelu,
  geluFast,
  layerNorm,
  linear,
  matMul,
  reshape,
  silu,
  slice,
  softmax,
  transpose,
  type Value,
} from '../../tensor/index.ts';

export const ACTIVATIONS = { gelu, geluFast, silu } as const;
export type Activation = keyof typeof ACTIVATIONS;

/** What the blocks of a network are built with: the graph, what draws initial weights, and where dropout masks come from. */
export interface Builder {
  readonly graph: Graph;
  readonly random: Random | undefined;
  /** The graph's dropout input; undefined outside training: no dropout, running statistics. */
  readonly dropouts: Value | undefined;
}

export interface EncoderShape {
  readonly width: number;
  readonly heads: number;
  readonly hidden: number;
  readonly layers: number;
  readonly dropout: number;
  readonly activation: Activation;
}

/** A weight matrix [inputs, outputs], uniform within ±1/sqrt(inputs) unless another bound is given. */
export function weight(
  { graph, random }: Builder,
  name: string,
  shape: readonly [number, number],
  bound = 1 / Math.sqrt(shape[0]),
): Value {
  const own = random?.fork(name);
  const values = new Float32Array(shape[0] * shape[1]);
  if (own) for (let i = 0; i < values.length; i++) values[i] = (2 * own.uniform() - 1) * bound;
  return graph.parameter(name, shape, { values, group: 'matrix' });
}

/** A vector [size] of one value, not decayed. */
export function vector({ graph }: Builder, name: string, size: number, value = 0): Value {
  return graph.parameter(name, [size], { values: new Float32Array(size).fill(value) });
}

/** A dense layer with bias: [..., inputs] -> [..., outputs]. */
export function dense(builder: Builder, name: string, x: Value, outputs: number, bound?: number): Value {
  const inputs = Number(x.shape[x.shape.length - 1]);
  return linear(
    x,
    weight(builder, `${name}.weight`, [inputs, outputs], bound),
    vector(builder, `${name}.bias`, outputs),
  );
}

export function layerNormBlock(builder: Builder, name: string, x: Value): Value {
  const width = Number(x.shape[x.shape.length - 1]);
  return layerNorm(x, vector(builder, `${name}.weight`, width, 1), vector(builder, `${name}.bias`, width));
}

export function batchNormBlock(builder: Builder, name: string, x: Value): Value {
  const width = Number(x.shape[x.shape.length - 1]);
  const running = { mean: `${name}.mean`, variance: `${name}.variance` };
  builder.graph.parameter(running.mean, [width], { values: new Float32Array(width), trainable: false });
  builder.graph.parameter(running.variance, [width], { values: new Float32Array(width).fill(1), trainable: false });
  return batchNorm(x, {
    weight: vector(builder, `${name}.weight`, width, 1),
    bias: vector(builder, `${name}.bias`, width),
    running,
    training: builder.dropouts !== undefined,
  });
}

/**
 * Multi-head self-attention over the tokens of x [batch, tokens, width] (Vaswani et al. 2017); `previous` are scores of the layer
 * before that are added to its own (He et al. 2020, RealFormer).
 */
export function selfAttention(
  builder: Builder,
  name: string,
  x: Value,
  heads: number,
  previous?: Value,
): { readonly output: Value; readonly scores: Value } {
  const [batch = 1, tokens = 1, wide = 1] = x.shape;
  const width = Number(wide);
  const packed = reshape(dense(builder, `${name}.in`, x, 3 * width, Math.sqrt(6 / (4 * width))), [
    batch,
    tokens,
    3 * heads,
    width / heads,
  ]);
  const byHead = transpose(packed, [0, 2, 1, 3]);
  const [query, key, value] = split(byHead, heads);
  const own = matMul(query, key, { transposeB: true, scale: 1 / Math.sqrt(width / heads) });
  const scores = previous ? add(own, previous) : own;
  const mixed = transpose(matMul(softmax(scores), value), [0, 2, 1, 3]);
  return { output: dense(builder, `${name}.out`, reshape(mixed, [batch, tokens, width]), width), scores };
}

function split(packed: Value, heads: number): [Value, Value, Value] {
  const part = (index: number) => slice(packed, 1, index * heads, (index + 1) * heads);
  return [part(0), part(1), part(2)];
}

/** Pre-norm layer: x + attention(norm(x)), then + feed-forward(norm(x)) (Xiong et al. 2020). */
export function preNormLayer(builder: Builder, name: string, x: Value, shape: EncoderShape): Value {
  const drop = (value: Value) => dropout(value, shape.dropout, builder.dropouts);
  const attended = selfAttention(
    builder,
    `${name}.attention`,
    layerNormBlock(builder, `${name}.norm1`, x),
    shape.heads,
  );
  const between = add(x, drop(attended.output));
  return add(between, drop(dense(builder, `${name}.ff2`, feedForward(builder, name, between, shape), shape.width)));
}

/** The widened half of a pre-norm layer's feed-forward network: activation(W1 norm(x)). */
export function feedForward(builder: Builder, name: string, x: Value, shape: EncoderShape): Value {
  const hidden = dense(builder, `${name}.ff1`, layerNormBlock(builder, `${name}.norm2`, x), shape.hidden);
  return dropout(ACTIVATIONS[shape.activation](hidden), shape.dropout, builder.dropouts);
}
