import { describe, expect, it } from 'vitest';
import { gradients } from './gradients.ts';
import { Graph, type Value } from './graph.ts';
import * as op from './ops/index.ts';
import { type Shape, ShapeError } from './shape.ts';
import { compileTraining } from './training-program.ts';

type Build = (of: (...shape: Shape) => Value, graph: Graph) => unknown;

/** The operation that refuses, what it says of the shapes, and how to provoke it. */
const CASES: readonly (readonly [string, string, Build])[] = [
  ['add', '[2, 3], [2]', (of) => op.add(of(2, 3), of(2))],
  ['subtract', '[4], [3]', (of) => op.subtract(of(4), of(3))],
  ['multiply', '[2, 1, 4], [3, 3]', (of) => op.multiply(of(2, 1, 4), of(3, 3))],
  ['divide', '[batch, 2], [batch]', (of) => op.divide(of('batch', 2), of('batch'))],
  ['maximum', '[2], [3]', (of) => op.maximum(of(2), of(3))],
  ['minimum', '[2], [3]', (of) => op.minimum(of(2), of(3))],
  ['less', '[2], [3]', (of) => op.less(of(2), of(3))],
  ['sum', '[2, 3]', (of) => op.sum(of(2, 3), [2])],
  ['mean', '[2, 3]', (of) => op.mean(of(2, 3), [0, 0])],
  ['mean', '[batch]', (of) => op.mean(of('batch', 3), [0])],
  ['expand', '[2, 3], [3]', (of) => op.expand(of(2, 3), [3])],
  ['reshape', '[2, 3], [4]', (of) => op.reshape(of(2, 3), [4])],
  ['reshape', '[2, 3], [4, -1]', (of) => op.reshape(of(2, 3), [4, -1])],
  ['transpose', '[2, 3]', (of) => op.transpose(of(2, 3), [0])],
  ['slice', '[2, 3]', (of) => op.slice(of(2, 3), 1, 2, 4)],
  ['slice', '[2, 3]', (of) => op.slice(of(2, 3), 2, 0, 1)],
  ['pad', '[batch, 3]', (of) => op.pad(of('batch', 3), 0, 1, 1)],
  ['concat', '[2, 3], [3, 2]', (of) => op.concat([of(2, 3), of(3, 2)], 0)],
  ['concat', '[2, 3]', (of) => op.concat([of(2, 3)], 2)],
  ['gatherRows', '[4, 2], [3, 1]', (of) => op.gatherRows(of(4, 2), of(3, 1))],
  ['scatterRows', '[4, 2], [3]', (of) => op.scatterRows(of(4, 2), of(3), 5)],
  ['matMul', '[2], [2, 3]', (of) => op.matMul(of(2), of(2, 3))],
  ['matMul', '[2, 3], [2, 3]', (of) => op.matMul(of(2, 3), of(2, 3))],
  ['matMul', '[2, 4, 3], [5, 3, 2]', (of) => op.matMul(of(2, 4, 3), of(5, 3, 2))],
  ['linear', '[2, 3], [3, 4], [3]', (of) => op.linear(of(2, 3), of(3, 4), of(3))],
  ['softmax', '[]', (of) => op.softmax(of())],
  ['logSoftmax', '[]', (of) => op.logSoftmax(of())],
  ['argMax', '[]', (of) => op.argMax(of())],
  ['layerNorm', '[2, 3], [2], [3]', (of) => op.layerNorm(of(2, 3), of(2), of(3))],
  [
    'batchNorm',
    '[4, 3], [2]',
    (of, graph) => {
      graph.parameter('mean', [2], { values: new Float32Array(2), trainable: false });
      const running = { mean: 'mean', variance: 'variance' };
      op.batchNorm(of(4, 3), { weight: of(3), bias: of(3), running, training: true });
    },
  ],
  ['dropout', '[batch, 3]', (of) => op.dropout(of('batch', 3), 0.1, of('sites'))],
  ['crossEntropy', '[2, 3], [2]', (of) => op.crossEntropy(of(2, 3), of(2))],
  ['averageLoss', '[2, 3], [2]', (of) => op.averageLoss(of(2, 3), of(2))],
  ['correlationLoss', '[6], [6]', (of) => op.correlationLoss(of(6), of(6))],
  ['pairwiseRankLoss', '[2, 3], [3, 2]', (of) => op.pairwiseRankLoss(of(2, 3), of(3, 2))],
  ['smoothTargets', '[2, classes]', (of) => op.smoothTargets(of(2, 'classes'), 0.1)],
  ['parameter w', '[2, 2]', (_, graph) => graph.parameter('w', [2, 2], { values: new Float32Array(3) })],
  ['constant', '[2, 2]', (_, graph) => graph.constant([2, 2], [1])],
  [
    'update mean',
    '[2], [3]',
    (of, graph) => {
      graph.parameter('mean', [2], { values: new Float32Array(2), trainable: false });
      graph.update('mean', of(3));
    },
  ],
  ['gradients', '[2]', (of) => gradients(of(2), [])],
  ['metric m', '[2]', (of) => compileTraining({ loss: op.sum(of(2)), metrics: { m: of(2) } })],
];

describe('a graph that cannot be', () => {
  it.each(CASES)('is refused by %s(%s) where it is built', (operation, shapes, build) => {
    const graph = new Graph();
    let inputs = 0;
    const of = (...shape: Shape) => graph.input(`input${inputs++}`, shape);
    const refused = expect(() => {
      try {
        build(of, graph);
      } catch (error) {
        expect(error).toBeInstanceOf(ShapeError);
        expect(error).toMatchObject({ code: 'TENSOR_SHAPE' });
        throw error;
      }
    });
    refused.toThrow(`${operation}(${shapes}): `);
  });

  it('mixes no values of two graphs', () => {
    const [left, right] = [new Graph(), new Graph()];
    expect(() => op.add(left.input('a', [2]), right.input('a', [2]))).toThrow('add mixes values of two graphs');
  });

  it('names each input and parameter once', () => {
    const graph = new Graph();
    graph.input('a', [1]);
    expect(() => graph.parameter('a', [1], { values: new Float32Array(1) })).toThrow('the graph has "a" already');
  });

  it('takes dropout rates from 0 to less than 1', () => {
    const graph = new Graph();
    const x = graph.input('x', [4]);
    const sites = graph.input('sites', ['dropouts']);
    for (const rate of [-0.1, 1, Number.NaN])
      expect(() => op.dropout(x, rate, sites)).toThrow(`a dropout rate of ${rate}`);
    expect(op.dropout(x, 0, sites)).toBe(x);
  });
});
