import { defaultDevice, init, nn, numpy as np, valueAndGrad } from '@jax-js/jax';
import { Tensor } from 'onnxruntime-node';
import { beforeAll, describe, expect, it } from 'vitest';
import { at32, createRandom } from '../core/index.ts';
import { compileInference } from './compile.ts';
import { gradients } from './gradients.ts';
import { Graph, type Value } from './graph.ts';
import * as op from './ops/index.ts';
import { createSession } from './session.ts';

const [BATCH, TOKENS, FEATURES, WIDTH, HEADS, CLASSES] = [3, 5, 6, 8, 2, 3];
const SCALE = 1 / Math.sqrt(WIDTH / HEADS);
const DELTA = 0.7;

/** What the loss is differentiated by: the input and the weights. */
const SHAPES = {
  x: [BATCH, TOKENS, FEATURES],
  embedding: [FEATURES, WIDTH],
  embeddingBias: [WIDTH],
  scale: [WIDTH],
  shift: [WIDTH],
  query: [WIDTH, WIDTH],
  key: [WIDTH, WIDTH],
  value: [WIDTH, WIDTH],
  widen: [WIDTH, 12],
  narrow: [12, WIDTH],
  classes: [WIDTH, CLASSES],
  moves: [WIDTH, 2],
} as const;
type Name = keyof typeof SHAPES;
const NAMES = Object.keys(SHAPES) as Name[];

const random = createRandom('jax');
const normals = (shape: readonly number[], scale = 1) =>
  Float32Array.from({ length: shape.reduce((product, size) => product * size, 1) }, () => random.normal() * scale);
const values = Object.fromEntries(NAMES.map((name) => [name, normals(SHAPES[name], name === 'x' ? 1 : 0.5)])) as Record<
  Name,
  Float32Array
>;
const wanted = normals([BATCH, 2]);
const labels = Float32Array.from({ length: BATCH * CLASSES }, (_, i) => ((i * 5) % 7) / 7);

/** Dense layer, layer norm, attention with a residual, GELU network; cross-entropy and Huber loss of the mean token. */
function ourLoss(graph: Graph, of: Record<Name, Value>): Value {
  const embedded = op.linear(of.x, of.embedding, of.embeddingBias);
  const normal = op.layerNorm(embedded, of.scale, of.shift);
  const byHead = (matrix: Value) =>
    op.transpose(op.reshape(op.linear(normal, matrix), [BATCH, TOKENS, HEADS, WIDTH / HEADS]), [0, 2, 1, 3]);
  const scores = op.matMul(byHead(of.query), byHead(of.key), { transposeB: true, scale: SCALE });
  const mixed = op.transpose(op.matMul(op.softmax(scores), byHead(of.value)), [0, 2, 1, 3]);
  const attended = op.add(embedded, op.reshape(mixed, [BATCH, TOKENS, WIDTH]));
  const token = op.mean(op.add(attended, op.linear(op.gelu(op.linear(attended, of.widen)), of.narrow)), [1]);
  const classLoss = op.crossEntropy(op.linear(token, of.classes), graph.constant([BATCH, CLASSES], labels));
  const moveLoss = op.huber(op.linear(token, of.moves), graph.constant([BATCH, 2], wanted), DELTA);
  return op.add(op.averageLoss(classLoss), op.averageLoss(moveLoss));
}

/** The same formula in jax. Every array is used through `ref`, so that none is given away. */
function jaxLoss(of: Record<Name, np.Array>): np.Array {
  const product = (a: np.Array, b: np.Array) => np.matmul(a.ref, b.ref);
  const embedded = product(of.x, of.embedding).add(of.embeddingBias.ref);
  const centred = embedded.ref.sub(np.mean(embedded.ref, -1, { keepdims: true }));
  const variance = np.mean(np.square(centred.ref), -1, { keepdims: true });
  const normal = centred
    .div(np.sqrt(variance.add(1e-5)))
    .mul(of.scale.ref)
    .add(of.shift.ref);
  const byHead = (matrix: np.Array) =>
    product(normal, matrix)
      .reshape([BATCH, TOKENS, HEADS, WIDTH / HEADS])
      .transpose([0, 2, 1, 3]);
  const scores = product(byHead(of.query), byHead(of.key).transpose([0, 1, 3, 2])).mul(SCALE);
  const mixed = product(nn.softmax(scores, -1), byHead(of.value)).transpose([0, 2, 1, 3]);
  const attended = embedded.add(mixed.reshape([BATCH, TOKENS, WIDTH]));
  const widened = nn.gelu(product(attended, of.widen), { approximate: false });
  const token = np.mean(attended.add(product(widened, of.narrow)), 1);
  const target = np.array(Array.from(labels)).reshape([BATCH, CLASSES]);
  const classLoss = np.mean(np.sum(nn.logSoftmax(product(token, of.classes), -1).mul(target), -1)).mul(-1);
  const error = product(token, of.moves).sub(np.array(Array.from(wanted)).reshape([BATCH, 2]));
  const size = np.abs(error.ref);
  const linear = size.ref.sub(DELTA / 2).mul(DELTA);
  return classLoss.add(np.mean(np.where(size.lessEqual(DELTA), np.square(error).mul(0.5), linear)));
}

describe('derivatives of a graph', () => {
  let loss: number;
  let derivatives: Record<Name, Float32Array>;
  beforeAll(async () => {
    await init('wasm');
    defaultDevice('wasm');
    const given = Object.fromEntries(
      NAMES.map((name) => [name, np.array(values[name].slice()).reshape([...SHAPES[name]])]),
    ) as Record<Name, np.Array>;
    const [value, found] = valueAndGrad(jaxLoss)(given);
    loss = Number(value.js());
    derivatives = Object.fromEntries(NAMES.map((name) => [name, found[name].dataSync()])) as typeof derivatives;
  });

  it('are those of jax.grad for dense layer, layer norm, attention, GELU, cross-entropy and Huber loss', async () => {
    const graph = new Graph();
    const inputs = Object.fromEntries(NAMES.map((name) => [name, graph.input(name, SHAPES[name])])) as Record<
      Name,
      Value
    >;
    const own = ourLoss(graph, inputs);
    const outputs: Record<string, Value> = { loss: own };
    gradients(own, Object.values(inputs)).forEach((value, index) => {
      if (value) outputs[`by:${NAMES[index]}`] = value;
    });
    const session = await createSession(compileInference({ name: 'composition', outputs }));
    const results = await session.run(
      Object.fromEntries(NAMES.map((name) => [name, new Tensor('float32', values[name], SHAPES[name])])),
    );
    await session.release();
    expect(results.loss?.data[0]).toBeCloseTo(loss, 5);
    for (const name of NAMES) {
      const expected = derivatives[name];
      const actual = results[`by:${name}`]?.data as Float32Array;
      const scale = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      expect(scale).toBeGreaterThan(1e-3);
      expect(actual.length).toBe(expected.length);
      expected.forEach((value, i) => {
        expect(Math.abs(at32(actual, i) - value), `${name}[${i}]`).toBeLessThan(1e-5 * Math.max(1, scale));
      });
    }
  });
});
