import { at32 } from '../core/index.ts';
import { OnnxGraph } from '../tensor/index.ts';
import { OUTPUT_GROUPS, RAW_COLUMNS } from './raw-outputs.ts';

/** One affine map of scaled features; calibration is folded into it. */
export interface LinearModel {
  readonly width: number;
  /** [RAW_COLUMNS.count, width] */
  readonly weights: Float32Array;
  readonly bias: Float32Array;
}

/** weights . x + bias: [rows, RAW_COLUMNS.count] of scaled features [rows, width]. */
export function linearPart(model: LinearModel, features: Float32Array): Float32Array {
  const { width, weights, bias } = model;
  const rows = features.length / width;
  const result = new Float32Array(rows * RAW_COLUMNS.count);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < RAW_COLUMNS.count; column++) {
      let sum = at32(bias, column);
      for (let j = 0; j < width; j++) sum += at32(weights, column * width + j) * at32(features, row * width + j);
      result[row * RAW_COLUMNS.count + column] = sum;
    }
  }
  return result;
}

/** The ONNX file of a linear model: input `features` [batch, width], outputs {@link OUTPUT_GROUPS}. */
export function linearModelGraph(model: LinearModel, metadata: Readonly<Record<string, string>>): Uint8Array {
  const { width } = model;
  const graph = new OnnxGraph('linear-baseline');
  const x = graph.input('features', ['batch', width]);
  const affine = (name: string, column: number, count: number) =>
    graph.node(
      'Gemm',
      [
        x,
        graph.float32(
          `${name}.weight`,
          [count, width],
          model.weights.subarray(column * width, (column + count) * width),
        ),
        graph.float32(`${name}.bias`, [count], model.bias.subarray(column, column + count)),
      ],
      name,
      { transB: 1 },
    );
  affine('future_return', RAW_COLUMNS.returns, 4);
  const logits = affine('direction.flat', RAW_COLUMNS.directions, 12);
  const shaped = graph.node('Reshape', [logits, graph.int64('direction.shape', [3], [-1, 4, 3])], 'direction.logits');
  const probability = graph.node('Softmax', [shaped], 'direction_probability', { axis: 2 });
  const classId = graph.node('ArgMax', [probability], 'direction.class', { axis: 2, keepdims: 0 });
  graph.node('Cast', [classId], 'direction', { to: 1 });
  graph.node('Sigmoid', [affine('level.logits', RAW_COLUMNS.levels, 8)], 'level_probability');
  graph.node('Relu', [affine('risk.linear', RAW_COLUMNS.risks, 4)], 'risk');
  const zero = graph.float32('rank.zero', [], new Float32Array([0]));
  const one = graph.float32('rank.one', [], new Float32Array([1]));
  graph.node('Clip', [affine('rank.linear', RAW_COLUMNS.rank, 1), zero, one], 'rank24h');
  for (const { name, shape } of OUTPUT_GROUPS) graph.output(name, ['batch', ...shape]);
  for (const [key, value] of Object.entries(metadata)) graph.metadata(key, value);
  return graph.toBytes();
}
