import { InferenceSession, Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { OnnxGraph } from './onnx-graph.ts';
import { readOnnxModel } from './onnx-model.ts';

function affine(): OnnxGraph {
  const graph = new OnnxGraph('affine');
  const x = graph.input('x', ['batch', 2]);
  const w = graph.float32('w', [2, 3], new Float32Array([1, 2, 3, 4, 5, 6]));
  const b = graph.float32('b', [3], new Float32Array([0.5, 0, -0.5]));
  const y = graph.node('Gemm', [x, w, b], 'y', { alpha: { float: 2 } });
  graph.output(y, ['batch', 3]);
  const shaped = graph.node('Reshape', [y, graph.int64('shape', [2], [-1, 1])], 'column');
  graph.output(shaped, ['rows', 1]);
  graph.metadata('feature_set_hash', 'abc');
  return graph;
}

describe('OnnxGraph', () => {
  it('writes a file that the runtime computes as described', async () => {
    const session = await InferenceSession.create(affine().toBytes());
    const result = await session.run({ x: new Tensor('float32', new Float32Array([1, 1, 0, 2]), [2, 2]) });
    expect(Array.from(result.y?.data as Float32Array)).toEqual([10.5, 14, 17.5, 16.5, 20, 23.5]);
    expect(result.column?.dims).toEqual([6, 1]);
    await session.release();
  });

  it('gives equal bytes for equal calls', () => {
    expect(Buffer.compare(affine().toBytes(), affine().toBytes())).toBe(0);
  });

  it('is read back: inputs, outputs, metadata, weights', () => {
    const summary = readOnnxModel(affine().toBytes());
    expect(summary.inputs).toEqual([{ name: 'x', shape: ['batch', 2] }]);
    expect(summary.outputs.map(({ name }) => name)).toEqual(['y', 'column']);
    expect(summary.metadata.get('feature_set_hash')).toBe('abc');
    expect(summary.weightCount).toBe(9);
    expect(summary.nonFinite).toEqual([]);
  });

  it('names the weights that are not finite', () => {
    const graph = new OnnxGraph('bad');
    const x = graph.input('x', [1]);
    graph.output(graph.node('Add', [x, graph.float32('w', [1], new Float32Array([Number.NaN]))], 'y'), [1]);
    expect(readOnnxModel(graph.toBytes()).nonFinite).toEqual(['w']);
  });

  it('refuses unknown inputs, repeated names, wrong sizes and unknown outputs when the graph is built', () => {
    const graph = new OnnxGraph('wrong');
    graph.input('x', [1]);
    expect(() => graph.node('Relu', ['z'], 'y')).toThrow('Relu "y" reads "z"');
    expect(() => graph.input('x', [1])).toThrow('exists already');
    expect(() => graph.float32('w', [2, 2], new Float32Array(3))).toThrow('[2, 2] = 4 values but 3');
    expect(() => graph.output('nothing', [1])).toThrow('does not exist');
  });

  it('does not take a truncated file for a model', () => {
    const bytes = affine().toBytes();
    expect(() => readOnnxModel(bytes.subarray(0, bytes.length - 40))).toThrow();
    expect(() => readOnnxModel(new Uint8Array(0))).toThrow('no graph');
  });
});
