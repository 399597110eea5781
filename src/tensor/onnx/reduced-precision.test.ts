import { fromBinary } from '@bufbuild/protobuf';
import { type InferenceSession, Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { createRandom } from '../../core/index.ts';
import { createSession } from '../session.ts';
import { ModelProtoSchema, TensorProto_DataType } from './onnx_pb.ts';
import { OnnxGraph } from './onnx-graph.ts';
import { halveWeights, quantizeProducts } from './reduced-precision.ts';

const ROWS = 12;
const INPUTS = 64;
const HIDDEN = 40;
const OUTPUTS = 24;

function normals(count: number, seed: string, scale = 1): Float32Array {
  const random = createRandom(seed);
  return Float32Array.from({ length: count }, () => scale * random.normal());
}

/** Three dense layers; the second's matrix is stored transposed, the third's in another layout, and that product has no bias. */
function perceptron(seed: number): Uint8Array {
  const graph = new OnnxGraph('perceptron');
  const x = graph.input('x', ['batch', INPUTS]);
  const w1 = graph.float32('w1', [INPUTS, HIDDEN], normals(INPUTS * HIDDEN, `${seed}/w1`, 1 / Math.sqrt(INPUTS)));
  const b1 = graph.float32('b1', [HIDDEN], normals(HIDDEN, `${seed}/b1`));
  const first = graph.node('Tanh', [graph.node('Gemm', [x, w1, b1], 'z')], 'h');
  const square = graph.float32(
    'square',
    [HIDDEN, HIDDEN],
    normals(HIDDEN * HIDDEN, `${seed}/square`, 1 / Math.sqrt(HIDDEN)),
  );
  const hidden = graph.node('Tanh', [graph.node('Gemm', [first, square, b1], 'z2', { transB: 1 })], 'h2');
  const w2 = graph.float32(
    'w2',
    [2, OUTPUTS, HIDDEN / 2],
    normals(HIDDEN * OUTPUTS, `${seed}/w2`, 1 / Math.sqrt(HIDDEN)),
  );
  const turned = graph.node('Transpose', [w2], 'turned', { perm: [0, 2, 1] });
  const matrix = graph.node('Reshape', [turned, graph.int64('shape', [2], [HIDDEN, OUTPUTS])], 'matrix');
  graph.output(graph.node('MatMul', [hidden, matrix], 'y'), ['batch', OUTPUTS]);
  graph.metadata('feature_set_hash', 'abc');
  return graph.toBytes();
}

async function outputsOf(onnx: Uint8Array, x: Float32Array, width: number): Promise<Float32Array> {
  const session: InferenceSession = await createSession(onnx);
  const { y } = await session.run({ x: new Tensor('float32', x, [x.length / width, width]) });
  await session.release();
  if (y?.data instanceof Float32Array) return y.data;
  throw new Error('no outputs');
}

const graphOf = (onnx: Uint8Array) => {
  const { graph, opsetImport, metadataProps } = fromBinary(ModelProtoSchema, onnx);
  return {
    operators: graph?.node.map(({ opType }) => opType),
    types: new Map(graph?.initializer.map(({ name, dataType }) => [name, dataType])),
    domains: opsetImport.map(({ domain }) => domain),
    metadata: metadataProps.map(({ key }) => key),
  };
};

const largestDifference = (a: Float32Array, b: Float32Array): number =>
  a.reduce((largest, value, i) => Math.max(largest, Math.abs(value - (b[i] ?? Number.NaN))), 0);

describe('products in 8-bit integers', () => {
  it.each([1, 2, 3])('stay within 3 % of the largest output of random network %i', async (seed) => {
    const onnx = perceptron(seed);
    const x = normals(ROWS * INPUTS, `${seed}/x`);
    const exact = await outputsOf(onnx, x, INPUTS);
    const difference = largestDifference(await outputsOf(quantizeProducts(onnx), x, INPUTS), exact);
    expect(difference).toBeGreaterThan(0);
    expect(difference / Math.max(...exact.map(Math.abs))).toBeLessThan(0.03);
  });

  it('replace all three products, fold the layout of a constant, and keep no weight twice', () => {
    const { operators, types, domains, metadata } = graphOf(quantizeProducts(perceptron(1)));
    expect(operators).toEqual([
      'DynamicQuantizeMatMul',
      'Tanh',
      'DynamicQuantizeMatMul',
      'Tanh',
      'DynamicQuantizeMatMul',
    ]);
    expect([...types.keys()]).toEqual([
      'b1',
      'w1.integers',
      'w1.scales',
      'w1.zeros',
      'square.transposed.integers',
      'square.transposed.scales',
      'square.transposed.zeros',
      'matrix.integers',
      'matrix.scales',
      'matrix.zeros',
    ]);
    expect(domains).toEqual(['', 'com.microsoft']);
    expect(metadata).toEqual(['feature_set_hash']);
  });

  it('add up the largest integers without saturating', async () => {
    // Every product is the largest there is: 255 steps of x times 127 steps of w, 64 of them in a sum.
    const graph = new OnnxGraph('extreme');
    const x = graph.input('x', ['batch', INPUTS]);
    const w = graph.float32(
      'w',
      [INPUTS, 2],
      Float32Array.from({ length: 2 * INPUTS }, (_, i) => (i % 2 ? -1 : 1)),
    );
    graph.output(graph.node('MatMul', [x, w], 'y'), ['batch', 2]);
    const y = await outputsOf(quantizeProducts(graph.toBytes()), new Float32Array(8 * INPUTS).fill(1), INPUTS);
    for (const [i, value] of y.entries()) expect(value).toBeCloseTo(i % 2 ? -INPUTS : INPUTS, 3);
  });

  it('leave a column of zeros at zero', async () => {
    const graph = new OnnxGraph('zeros');
    const x = graph.input('x', ['batch', INPUTS]);
    const w = graph.float32(
      'w',
      [INPUTS, 2],
      Float32Array.from({ length: 2 * INPUTS }, (_, i) => i % 2),
    );
    graph.output(graph.node('MatMul', [x, w], 'y'), ['batch', 2]);
    const y = await outputsOf(quantizeProducts(graph.toBytes()), normals(8 * INPUTS, 'x'), INPUTS);
    expect(y.filter((_, i) => i % 2 === 0)).toEqual(new Float32Array(8));
  });

  it('leave products alone that are no plain one by a constant', async () => {
    const graph = new OnnxGraph('untouched');
    const x = graph.input('x', ['batch', INPUTS]);
    const square = graph.float32('w', [INPUTS, INPUTS], normals(INPUTS * INPUTS, 'w'));
    const scaled = graph.node('Gemm', [x, square], 'scaled', { alpha: { float: 2 } });
    const own = graph.node('Gemm', [scaled, scaled], 'own', { transA: 1 });
    graph.output(graph.node('MatMul', [x, own], 'y'), ['batch', INPUTS]);
    const onnx = graph.toBytes();
    expect(quantizeProducts(onnx)).toEqual(onnx);
  });
});

describe('weights in half precision', () => {
  it('stay within 0.1 % of the largest output', async () => {
    const onnx = perceptron(1);
    const halved = halveWeights(onnx);
    const x = normals(ROWS * INPUTS, 'x');
    const exact = await outputsOf(onnx, x, INPUTS);
    const difference = largestDifference(await outputsOf(halved, x, INPUTS), exact);
    expect(difference / Math.max(...exact.map(Math.abs))).toBeLessThan(0.001);
    const { types } = graphOf(halved);
    expect(types.get('w1.half')).toBe(TensorProto_DataType.FLOAT16);
    expect(types.get('b1')).toBe(TensorProto_DataType.FLOAT);
  });

  it('round to the nearest number that there is, of two the even one, also below the normal ones', async () => {
    const cases = [
      [1 + 2 ** -11, 1],
      [1 + 3 * 2 ** -11, 1 + 2 ** -9],
      [-(1 + 2 ** -10 + 2 ** -12), -(1 + 2 ** -10)],
      [2047.5 * 2 ** -25, 2 ** -14],
      [1.5 * 2 ** -24, 2 ** -23],
      [2 ** -26, 0],
      [65_504, 65_504],
      [0.1, 0.0999755859375],
    ] as const;
    const graph = new OnnxGraph('rounding');
    const w = graph.float32(
      'w',
      [1, cases.length],
      Float32Array.from(cases, ([value]) => value),
    );
    graph.output(graph.node('Mul', [graph.input('x', ['batch', 1]), w], 'y'), ['batch', cases.length]);
    const y = await outputsOf(halveWeights(graph.toBytes()), Float32Array.of(1), 1);
    expect([...y]).toEqual(cases.map(([, rounded]) => Math.fround(rounded)));
  });

  it('leave a matrix alone that goes beyond half precision', () => {
    const graph = new OnnxGraph('large');
    const w = graph.float32('w', [1, 2], Float32Array.of(1, 70_000));
    graph.output(graph.node('Mul', [graph.input('x', ['batch', 1]), w], 'y'), ['batch', 2]);
    const onnx = graph.toBytes();
    expect(halveWeights(onnx)).toEqual(onnx);
  });
});
