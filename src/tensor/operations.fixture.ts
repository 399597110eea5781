import { createRandom } from '../core/index.ts';
import { Graph, type Value } from './graph.ts';
import * as op from './ops/index.ts';

/** One operation on small inputs, for tests: how to build it, and its inputs by shape. */
export interface OperationCase {
  readonly name: string;
  readonly shapes: Readonly<Record<string, readonly number[]>>;
  readonly build: (inputs: Readonly<Record<string, Value>>, graph: Graph) => Value;
  /** Inputs in (0.2, 2.2) instead of standard normals. */
  readonly positive?: boolean;
}

const ids = (graph: Graph) => graph.constant([4], [2, 0, 2, 1]);
const one = (a: readonly number[]) => ({ a });
const two = (a: readonly number[], b: readonly number[]) => ({ a, b });
type Inputs = Readonly<Record<string, Value>>;
const A = (inputs: Inputs): Value => inputs.a as Value;
const B = (inputs: Inputs): Value => inputs.b as Value;
const C = (inputs: Inputs): Value => inputs.c as Value;
const unary = (name: string, build: (a: Value) => Value, positive = false): OperationCase => ({
  name,
  shapes: one([3, 4]),
  positive,
  build: (inputs) => build(A(inputs)),
});

/** Every operation that has a derivative. */
export const OPERATION_CASES: readonly OperationCase[] = [
  { name: 'add, b stretched', shapes: two([2, 3, 4], [3, 1]), build: (i) => op.add(A(i), B(i)) },
  { name: 'subtract, a stretched', shapes: two([4], [2, 3, 4]), build: (i) => op.subtract(A(i), B(i)) },
  { name: 'multiply', shapes: two([2, 1, 4], [3, 1]), build: (i) => op.multiply(A(i), B(i)) },
  { name: 'divide', shapes: two([2, 3], [3]), positive: true, build: (i) => op.divide(A(i), B(i)) },
  { name: 'maximum', shapes: two([3, 4], [4]), build: (i) => op.maximum(A(i), B(i)) },
  { name: 'minimum', shapes: two([3, 4], [4]), build: (i) => op.minimum(A(i), B(i)) },
  { name: 'sum over axes', shapes: one([2, 3, 4]), build: (i) => op.sum(A(i), [0, 2]) },
  { name: 'sum of all', shapes: one([2, 3]), build: (i) => op.sum(A(i)) },
  { name: 'mean, kept', shapes: one([2, 3, 4]), build: (i) => op.mean(A(i), [-1], true) },
  { name: 'expand', shapes: one([3, 1]), build: (i) => op.expand(A(i), [2, 3, 4]) },
  unary('exp', op.exp),
  unary('log', op.log, true),
  unary('sqrt', op.sqrt, true),
  unary('abs', op.abs),
  unary('square', op.square),
  unary('tanh', op.tanh),
  unary('sigmoid', op.sigmoid),
  unary('relu', op.relu),
  unary('softplus', op.softplus),
  unary('silu', op.silu),
  unary('gelu', op.gelu),
  unary('geluFast', op.geluFast),
  unary('softmax', op.softmax),
  unary('logSoftmax', op.logSoftmax),
  { name: 'reshape', shapes: one([2, 6]), build: (i) => op.reshape(A(i), [3, -1]) },
  { name: 'transpose', shapes: one([2, 3, 4]), build: (i) => op.transpose(A(i), [2, 0, 1]) },
  { name: 'slice', shapes: one([2, 5, 3]), build: (i) => op.slice(A(i), 1, 1, 4) },
  { name: 'pad', shapes: one([2, 3]), build: (i) => op.pad(A(i), 0, 1, 2) },
  { name: 'concat', shapes: two([2, 3], [2, 2]), build: (i) => op.concat([A(i), B(i)], 1) },
  { name: 'gatherRows', shapes: one([3, 2]), build: (i, g) => op.gatherRows(A(i), ids(g)) },
  { name: 'scatterRows', shapes: one([4, 2]), build: (i, g) => op.scatterRows(A(i), ids(g), 3) },
  { name: 'matMul', shapes: two([3, 4], [4, 2]), build: (i) => op.matMul(A(i), B(i)) },
  {
    name: 'matMul, a transposed',
    shapes: two([4, 3], [4, 2]),
    build: (i) => op.matMul(A(i), B(i), { transposeA: true, scale: 0.5 }),
  },
  {
    name: 'matMul, both transposed',
    shapes: two([4, 3], [2, 4]),
    build: (i) => op.matMul(A(i), B(i), { transposeA: true, transposeB: true }),
  },
  { name: 'matMul, batched', shapes: two([2, 3, 4], [2, 4, 2]), build: (i) => op.matMul(A(i), B(i)) },
  {
    name: 'matMul, batched, b transposed',
    shapes: two([2, 2, 3, 4], [2, 2, 5, 4]),
    build: (i) => op.matMul(A(i), B(i), { transposeB: true, scale: 2 }),
  },
  {
    name: 'matMul, batched, a transposed',
    shapes: two([2, 4, 3], [2, 4, 2]),
    build: (i) => op.matMul(A(i), B(i), { transposeA: true }),
  },
  { name: 'matMul of a stack and a matrix', shapes: two([2, 3, 4], [4, 2]), build: (i) => op.matMul(A(i), B(i)) },
  { name: 'linear', shapes: { a: [2, 3, 4], b: [4, 5], c: [5] }, build: (i) => op.linear(A(i), B(i), C(i)) },
  { name: 'layerNorm', shapes: { a: [2, 3, 4], b: [4], c: [4] }, build: (i) => op.layerNorm(A(i), B(i), C(i)) },
  {
    name: 'batchNorm in training',
    shapes: { a: [4, 3, 2], b: [2], c: [2] },
    build: (i, g) => {
      g.parameter('mean', [2], { values: new Float32Array(2), trainable: false });
      g.parameter('variance', [2], { values: new Float32Array(2).fill(1), trainable: false });
      return op.batchNorm(A(i), {
        weight: B(i),
        bias: C(i),
        running: { mean: 'mean', variance: 'variance' },
        training: true,
      });
    },
  },
  {
    name: 'dropout',
    shapes: one([5, 8]),
    build: (i, g) => op.dropout(A(i), 0.3, g.constant([1], [12345])),
  },
  { name: 'crossEntropy', shapes: two([3, 4], [3, 4]), build: (i) => op.crossEntropy(A(i), op.softmax(B(i))) },
  { name: 'bceWithLogits', shapes: two([3, 4], [3, 4]), build: (i) => op.bceWithLogits(A(i), op.sigmoid(B(i))) },
  { name: 'squaredError', shapes: two([3, 4], [3, 4]), build: (i) => op.squaredError(A(i), B(i)) },
  { name: 'huber', shapes: two([3, 4], [3, 4]), build: (i) => op.huber(A(i), B(i), 0.7) },
  { name: 'quantileLoss', shapes: two([3, 4], [3, 4]), build: (i) => op.quantileLoss(A(i), B(i), 0.2) },
  { name: 'correlationLoss', shapes: two([2, 5], [2, 5]), build: (i) => op.correlationLoss(A(i), B(i)) },
  {
    name: 'correlationLoss, weighted',
    shapes: two([2, 5], [2, 5]),
    build: (i, g) => op.correlationLoss(A(i), B(i), g.constant([2, 5], [1, 1, 0, 1, 1, 1, 0, 1, 1, 1])),
  },
  { name: 'pairwiseRankLoss', shapes: two([2, 5], [2, 5]), build: (i) => op.pairwiseRankLoss(A(i), B(i)) },
  {
    name: 'averageLoss, weighted',
    shapes: two([3, 4], [3, 4]),
    build: (i) => op.averageLoss(op.square(A(i)), op.sigmoid(B(i))),
  },
];

/** A case as a graph with one input per shape, a scalar loss that weighs every element differently, and values for the inputs. */
export function buildCase(operation: OperationCase): {
  readonly inputs: Readonly<Record<string, Value>>;
  readonly output: Value;
  readonly loss: Value;
  readonly values: Readonly<Record<string, { shape: readonly number[]; data: Float64Array }>>;
} {
  const graph = new Graph();
  const random = createRandom(operation.name);
  const inputs = Object.fromEntries(
    Object.entries(operation.shapes).map(([name, shape]) => [name, graph.input(name, shape)]),
  );
  const output = operation.build(inputs, graph);
  const sizes = output.shape.map(Number);
  const count = sizes.reduce((product, size) => product * size, 1);
  const weights = Float32Array.from({ length: count }, (_, i) => Math.fround(0.5 + ((i * 7) % 11) / 8));
  const values = Object.fromEntries(
    Object.entries(operation.shapes).map(([name, shape]) => {
      const size = shape.reduce((product, dimension) => product * dimension, 1);
      const draw = () => Math.fround(operation.positive ? 0.2 + 2 * random.uniform() : random.normal());
      return [name, { shape, data: Float64Array.from({ length: size }, draw) }];
    }),
  );
  return { inputs, output, loss: op.sum(op.multiply(output, graph.constant(sizes, weights))), values };
}
