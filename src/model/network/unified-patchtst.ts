import { createRandom } from '../../core/index.ts';
import {
  add,
  concat,
  DROPOUT_INPUT,
  dropout,
  Graph,
  linear,
  mean,
  relu,
  reshape,
  slice,
  transpose,
  type Value,
} from '../../tensor/index.ts';
import {
  type Activation,
  type Builder,
  dense,
  type EncoderShape,
  feedForward,
  layerNormBlock,
  preNormLayer,
  selfAttention,
  vector,
  weight,
} from './blocks.ts';

/** The shape of a UnifiedPatchTST. */
export interface NetworkShape {
  /** Bars of a window. */
  readonly context: number;
  readonly features: number;
  /** Bars of a patch: a multiple of the stride. */
  readonly patch: number;
  readonly stride: number;
  readonly width: number;
  readonly heads: number;
  readonly hidden: number;
  readonly layers: number;
  readonly headWidth: number;
  readonly dropout: number;
  readonly activation: Activation;
}

export const DEFAULT_NETWORK: Omit<NetworkShape, 'features'> = {
  context: 96,
  patch: 16,
  stride: 8,
  width: 256,
  heads: 8,
  hidden: 512,
  layers: 3,
  headWidth: 128,
  dropout: 0.1,
  activation: 'gelu',
};

/** Heads and how many numbers each has. Units are those of the targets that they are trained on. */
export const HEADS = {
  future_return: 4,
  direction: 12,
  level: 8,
  risk: 4,
  rank24h: 1,
  volatility: 3,
} as const;
export type HeadName = keyof typeof HEADS;
export const HEAD_NAMES = Object.keys(HEADS) as HeadName[];

export type HeadValues = Readonly<Record<HeadName, Value>>;

export const patchCount = ({ context, patch, stride }: Pick<NetworkShape, 'context' | 'patch' | 'stride'>): number =>
  (context - patch) / stride + 1;

export interface BuiltNetwork {
  readonly graph: Graph;
  /** [batch, context, features] */
  readonly input: Value;
  readonly heads: HeadValues;
}

/**
 * The whole network on windows [batch, context, features]: patches that mix all features in one product, learned positions, a pre-norm
 * encoder, its mean token and the window's last bar, named heads. There is no normalisation of the window: a patch's embedding depends
 * on its own bars alone, so it can be kept from one bar to the next.
 * @param batch a number for training (dropout needs fixed sizes), `batch` otherwise
 */
export function buildNetwork(
  shape: NetworkShape,
  options: { readonly batch: number | 'batch'; readonly training: boolean; readonly seed?: string | number },
): BuiltNetwork {
  const graph = new Graph();
  const builder = builderOf(graph, options);
  const input = graph.input('windows', [options.batch, shape.context, shape.features]);
  const tokens = embedWindow(builder, shape, input);
  const last = reshape(slice(input, 1, shape.context - 1, shape.context), [options.batch, shape.features]);
  return { graph, input, heads: headsOf(builder, shape, tokens, last) };
}

/** The network in two parts, so that an embedding can be kept and used again by every later window that its patch lies in. */
export interface NetworkParts {
  readonly embedding: {
    readonly graph: Graph;
    /** [batch, patch, features]: the bars of one patch, oldest first. */
    readonly bars: Value;
    /** [batch, width] */
    readonly embedding: Value;
  };
  readonly forecast: {
    readonly graph: Graph;
    /** [batch, patches, width]: embeddings of a window's patches, oldest first. */
    readonly embeddings: Value;
    /** [batch, features]: the newest bar. */
    readonly last: Value;
    readonly heads: HeadValues;
  };
}

/** The same network, with the same parameters, in two parts; both have a batch of any size. */
export function buildNetworkParts(shape: NetworkShape, seed?: string | number): NetworkParts {
  const first = new Graph();
  const embedder = builderOf(first, { training: false, seed });
  const bars = first.input('bars', ['batch', shape.patch, shape.features]);
  const embedding = linear(
    reshape(bars, ['batch', shape.patch * shape.features]),
    patchWeight(embedder, shape),
    vector(embedder, 'patch.bias', shape.width),
  );
  const second = new Graph();
  const embeddings = second.input('embeddings', ['batch', patchCount(shape), shape.width]);
  const last = second.input('last', ['batch', shape.features]);
  const heads = headsOf(builderOf(second, { training: false, seed }), shape, embeddings, last);
  return { embedding: { graph: first, bars, embedding }, forecast: { graph: second, embeddings, last, heads } };
}

function builderOf(
  graph: Graph,
  { training, seed }: { readonly training: boolean; readonly seed?: string | number | undefined },
): Builder {
  return {
    graph,
    // Without a seed the weights are 0: they will be given.
    random: seed === undefined ? undefined : createRandom(`${seed}/weights`),
    dropouts: training ? graph.input(DROPOUT_INPUT, ['dropouts']) : undefined,
  };
}

const patchWeight = (builder: Builder, shape: NetworkShape): Value =>
  weight(builder, 'patch.weight', [shape.patch * shape.features, shape.width]);

/**
 * Embeds all patches of windows without copying bars: patches overlap, so the window is cut into its strides, each stride is multiplied
 * by the weights of every place it can have in a patch, and the places are added up with a shift. [batch, patches, width]
 */
function embedWindow(builder: Builder, shape: NetworkShape, input: Value): Value {
  const { context, patch, stride, features, width } = shape;
  const [batch = 'batch'] = input.shape;
  const places = patch / stride;
  const strides = context / stride;
  const patches = patchCount(shape);
  const byPlace = reshape(
    transpose(reshape(patchWeight(builder, shape), [places, stride * features, width]), [1, 0, 2]),
    [stride * features, places * width],
  );
  const products = linear(reshape(input, [batch, strides, stride * features]), byPlace);
  let tokens: Value | undefined;
  for (let place = 0; place < places; place++) {
    const part = slice(slice(products, 1, place, place + patches), 2, place * width, (place + 1) * width);
    tokens = tokens ? add(tokens, part) : part;
  }
  return add(tokens ?? products, vector(builder, 'patch.bias', width));
}

/** Encoder and heads on embedded patches [batch, patches, width] and the newest bar [batch, features]. */
function headsOf(builder: Builder, shape: NetworkShape, embedded: Value, last: Value): HeadValues {
  const { width, layers, heads, headWidth } = shape;
  const patches = patchCount(shape);
  const encoder: EncoderShape = {
    width,
    heads,
    hidden: shape.hidden,
    layers,
    dropout: shape.dropout,
    activation: shape.activation,
  };
  const drop = (value: Value) => dropout(value, shape.dropout, builder.dropouts);
  const positions = reshape(weight(builder, 'position', [patches, width], 0.02), [1, patches, width]);
  let x = drop(add(embedded, positions));
  for (let layer = 0; layer < layers - 1; layer++) x = preNormLayer(builder, `layer${layer}`, x, encoder);
  // The last layer's tokens are only wanted as their mean, and the feed-forward network ends in a product: the mean goes before it.
  const name = `layer${layers - 1}`;
  const attended = selfAttention(builder, `${name}.attention`, layerNormBlock(builder, `${name}.norm1`, x), heads);
  x = add(x, drop(attended.output));
  const widened = mean(feedForward(builder, name, x, encoder), [1]);
  const pooled = add(mean(x, [1]), drop(dense(builder, `${name}.ff2`, widened, width)));
  const newest = relu(dense(builder, 'last', last, headWidth));
  const state = concat([layerNormBlock(builder, 'norm', pooled), newest], 1);
  const hidden = drop(relu(dense(builder, 'heads.hidden', state, headWidth * HEAD_NAMES.length)));
  const entries = HEAD_NAMES.map((head, index): [HeadName, Value] => {
    const own = slice(hidden, 1, index * headWidth, (index + 1) * headWidth);
    // The newest bar also goes straight to every head: what a linear model sees need not pass through the encoder.
    const direct = linear(last, weight(builder, `${head}.direct`, [shape.features, HEADS[head]], 0));
    return [head, add(dense(builder, `${head}.out`, own, HEADS[head]), direct)];
  });
  return Object.fromEntries(entries) as Record<HeadName, Value>;
}
