import {
  at32,
  DIRECTION_PROBABILITY_NAMES,
  FORECAST_WIDTH,
  HORIZON_NAMES,
  outputIndex,
  TARGET_NAMES,
} from '../core/index.ts';
import { OnnxGraph } from '../tensor/index.ts';

/**
 * Columns of the linear part, in order: 4 returns, 12 direction logits (3 per horizon), 8 level logits, 4 drawdowns and rallies,
 * and the rank.
 */
export const LINEAR_COLUMNS = { returns: 0, directions: 4, levels: 16, risks: 24, rank: 28, count: 29 } as const;

/** One affine map of scaled features; calibration is folded into it. */
export interface LinearModel {
  readonly width: number;
  /** [LINEAR_COLUMNS.count, width] */
  readonly weights: Float32Array;
  readonly bias: Float32Array;
}

/** A named output of a model graph and where its columns go in a forecast. */
export interface OutputGroup {
  readonly name: string;
  /** `FORECAST_OUTPUTS` in the order of the group's flattened columns. */
  readonly columns: readonly string[];
  /** Per row; the batch comes before. */
  readonly shape: readonly number[];
}

/** Named outputs of every model graph: one per group of heads. */
export const OUTPUT_GROUPS: readonly OutputGroup[] = [
  { name: 'future_return', columns: TARGET_NAMES.slice(0, 4), shape: [4] },
  { name: 'direction', columns: TARGET_NAMES.slice(4, 8), shape: [4] },
  { name: 'direction_probability', columns: DIRECTION_PROBABILITY_NAMES, shape: [4, 3] },
  { name: 'level_probability', columns: TARGET_NAMES.slice(8, 16), shape: [8] },
  { name: 'risk', columns: TARGET_NAMES.slice(16, 20), shape: [4] },
  { name: 'rank24h', columns: ['rank24h'], shape: [1] },
];

/** weights . x + bias: [rows, LINEAR_COLUMNS.count] of scaled features [rows, width]. */
export function linearPart(model: LinearModel, features: Float32Array): Float32Array {
  const { width, weights, bias } = model;
  const rows = features.length / width;
  const result = new Float32Array(rows * LINEAR_COLUMNS.count);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < LINEAR_COLUMNS.count; column++) {
      let sum = at32(bias, column);
      for (let j = 0; j < width; j++) sum += at32(weights, column * width + j) * at32(features, row * width + j);
      result[row * LINEAR_COLUMNS.count + column] = sum;
    }
  }
  return result;
}

/** Forecast rows [rows, FORECAST_WIDTH] of a linear part: what the graph computes, for fitting and tests. */
export function applyLinks(linear: Float32Array): Float32Array {
  const rows = linear.length / LINEAR_COLUMNS.count;
  const values = new Float32Array(rows * FORECAST_WIDTH);
  const risk = outputIndex('max_drawdown_1h');
  const level = outputIndex('long_will_reach_1pct_4h');
  const direction = outputIndex('direction_15m');
  const probability = outputIndex('direction_15m_up');
  const rank = outputIndex('rank24h');
  for (let row = 0; row < rows; row++) {
    const from = row * LINEAR_COLUMNS.count;
    const to = row * FORECAST_WIDTH;
    const z = (column: number) => at32(linear, from + column);
    for (let h = 0; h < HORIZON_NAMES.length; h++) {
      values[to + h] = z(LINEAR_COLUMNS.returns + h);
      const shares = softmax([0, 1, 2].map((k) => z(LINEAR_COLUMNS.directions + h * 3 + k)));
      shares.forEach((share, k) => {
        values[to + probability + h * 3 + k] = share;
      });
      values[to + direction + h] = shares.indexOf(Math.max(...shares));
    }
    for (let k = 0; k < 8; k++) values[to + level + k] = sigmoid(z(LINEAR_COLUMNS.levels + k));
    for (let k = 0; k < 4; k++) values[to + risk + k] = Math.max(0, z(LINEAR_COLUMNS.risks + k));
    values[to + rank] = Math.min(1, Math.max(0, z(LINEAR_COLUMNS.rank)));
  }
  return values;
}

export const sigmoid = (z: number): number => 1 / (1 + Math.exp(-z));

export function softmax(logits: readonly number[]): number[] {
  const largest = Math.max(...logits);
  const exponentials = logits.map((z) => Math.exp(z - largest));
  const sum = exponentials.reduce((total, value) => total + value, 0);
  return exponentials.map((value) => value / sum);
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
  affine('future_return', LINEAR_COLUMNS.returns, 4);
  const logits = affine('direction.flat', LINEAR_COLUMNS.directions, 12);
  const shaped = graph.node('Reshape', [logits, graph.int64('direction.shape', [3], [-1, 4, 3])], 'direction.logits');
  const probability = graph.node('Softmax', [shaped], 'direction_probability', { axis: 2 });
  const classId = graph.node('ArgMax', [probability], 'direction.class', { axis: 2, keepdims: 0 });
  graph.node('Cast', [classId], 'direction', { to: 1 });
  graph.node('Sigmoid', [affine('level.logits', LINEAR_COLUMNS.levels, 8)], 'level_probability');
  graph.node('Relu', [affine('risk.linear', LINEAR_COLUMNS.risks, 4)], 'risk');
  const zero = graph.float32('rank.zero', [], new Float32Array([0]));
  const one = graph.float32('rank.one', [], new Float32Array([1]));
  graph.node('Clip', [affine('rank.linear', LINEAR_COLUMNS.rank, 1), zero, one], 'rank24h');
  for (const { name, shape } of OUTPUT_GROUPS) graph.output(name, ['batch', ...shape]);
  for (const [key, value] of Object.entries(metadata)) graph.metadata(key, value);
  return graph.toBytes();
}
