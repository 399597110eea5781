import type { Operation, ReferenceTensor, Value } from '../graph.ts';
import { dimensionAt, equalShapes, ShapeError } from '../shape.ts';
import { add, divide, mean, multiply, subtract, sum } from './arithmetic.ts';
import { exp, sqrt, square, stopGradient } from './elementwise.ts';
import { reshape } from './layout.ts';
import { matMul } from './matmul.ts';

/** exp(x) over its sum along the last axis. */
export function softmax(x: Value): Value {
  dimensionAt(x.shape, -1, 'softmax');
  const operation: Operation = {
    name: 'softmax',
    gradient: (y, upstream) => {
      const weighted = multiply(upstream, y);
      return [subtract(weighted, multiply(y, sum(weighted, [-1], true)))];
    },
    emit: ({ onnx, inputs, output }) => onnx.node('Softmax', inputs, output, { axis: -1 }),
    evaluate: ([a]) => logSoftmaxOf(a).map(Math.exp),
  };
  return x.graph.define(operation, [x], x.shape);
}

/** The logarithm of {@link softmax}, without overflow. */
export function logSoftmax(x: Value): Value {
  dimensionAt(x.shape, -1, 'logSoftmax');
  const operation: Operation = {
    name: 'logSoftmax',
    gradient: (y, upstream) => [subtract(upstream, multiply(exp(y), sum(upstream, [-1], true)))],
    emit: ({ onnx, inputs, output }) => onnx.node('LogSoftmax', inputs, output, { axis: -1 }),
    evaluate: ([a]) => logSoftmaxOf(a),
  };
  return x.graph.define(operation, [x], x.shape);
}

/** Normalises the last axis, then scales and shifts it by `weight` and `bias` [width] (Ba et al. 2016). Population variance. */
export function layerNorm(x: Value, weight: Value, bias: Value, epsilon = 1e-5): Value {
  const width = dimensionAt(x.shape, -1, 'layerNorm');
  if (!equalShapes(weight.shape, [width]) || !equalShapes(bias.shape, [width])) {
    throw new ShapeError('layerNorm', [x.shape, weight.shape, bias.shape], `weight and bias must be [${width}]`);
  }
  const operation: Operation = {
    name: 'layerNorm',
    gradient: (y, upstream) => {
      const flat = (value: Value) => reshape(value, [-1, width]);
      const normal = flat(multiply(subtract(x, statistic(y, 'mean', epsilon)), statistic(y, 'inverse', epsilon)));
      const up = flat(upstream);
      const own = multiply(up, weight);
      const product = multiply(up, normal);
      const columns = typeof width === 'number' ? width : 1;
      // Means over the last axis as products with a vector: the runtime's fastest way to sum rows.
      const ones = x.graph.constant([columns, 1], new Float32Array(columns).fill(1 / columns));
      const average = (value: Value) => matMul(value, ones);
      const ofNormal = matMul(product, multiply(reshape(weight, [columns, 1]), 1 / columns));
      const centred = subtract(subtract(own, average(own)), multiply(normal, ofNormal));
      const inverse = statistic(y, 'inverse', epsilon);
      return [multiply(reshape(centred, x.shape), inverse), sum(product, [0]), sum(up, [0])];
    },
    emit: ({ onnx, inputs, output }) =>
      onnx.nodeOf('LayerNormalization', inputs, [output, `${output}_mean`, `${output}_inverse`], {
        axis: -1,
        epsilon: { float: epsilon },
      }),
    evaluate: ([a, w, b]) => {
      const size = w?.data.length ?? 1;
      const rows = rowStatistics(a, size, epsilon);
      return Float64Array.from(a?.data ?? [], (value, i) => {
        const row = Math.floor(i / size);
        const normal = (value - (rows.mean[row] ?? 0)) * (rows.inverse[row] ?? 0);
        return normal * (w?.data[i % size] ?? 0) + (b?.data[i % size] ?? 0);
      });
    },
  };
  return x.graph.define(operation, [x, weight, bias], x.shape);
}

/** Mean, or one over the standard deviation, of each row that a layerNorm saw: [..., 1]. Its own second result, so nothing is computed. */
function statistic(normalised: Value, kind: 'mean' | 'inverse', epsilon: number): Value {
  const [x] = normalised.inputs;
  const operation: Operation = {
    name: `layerNorm.${kind}`,
    emit: ({ inputs: [name = ''] }) => `${name}_${kind}`,
    evaluate: ([, a]) => rowStatistics(a, a?.shape[a.shape.length - 1] ?? 1, epsilon)[kind],
  };
  const shape = normalised.shape.map((dimension, axis) => (axis === normalised.shape.length - 1 ? 1 : dimension));
  return normalised.graph.define(operation, x ? [normalised, x] : [normalised], shape);
}

export interface BatchNormOptions {
  readonly weight: Value;
  readonly bias: Value;
  /** Names of the kept parameters [channels] that hold running mean and variance. */
  readonly running: { readonly mean: string; readonly variance: string };
  /** true: normalise by this batch and move the running statistics; false: by the running statistics. */
  readonly training: boolean;
  readonly momentum?: number;
  readonly epsilon?: number;
}

/**
 * Normalises each channel (last axis) over all other axes (Ioffe and Szegedy 2015): by population variance of the batch in training,
 * while the running variance takes the unbiased one.
 */
export function batchNorm(x: Value, options: BatchNormOptions): Value {
  const { weight, bias, running, training, momentum = 0.1, epsilon = 1e-5 } = options;
  const channels = dimensionAt(x.shape, -1, 'batchNorm');
  const kept = (name: string): Value => {
    const parameter = x.graph.parameters.get(name);
    if (!parameter || !equalShapes(parameter.value.shape, [channels])) {
      throw new ShapeError(
        'batchNorm',
        [x.shape, parameter?.value.shape ?? []],
        `the running statistic ${name} must be [${channels}]`,
      );
    }
    return parameter.value;
  };
  const runningMean = kept(running.mean);
  const runningVariance = kept(running.variance);
  if (!training) {
    const scale = divide(weight, sqrt(add(runningVariance, epsilon)));
    return add(multiply(x, scale), subtract(bias, multiply(runningMean, scale)));
  }
  const flat = reshape(x, [-1, channels]);
  const count = dimensionAt(flat.shape, 0);
  if (typeof count !== 'number' || count < 2)
    throw new ShapeError('batchNorm', [x.shape], 'needs two values per channel or more');
  const centre = mean(flat, [0], true);
  const centred = subtract(flat, centre);
  const variance = mean(square(centred), [0], true);
  const move = (old: Value, now: Value) =>
    add(multiply(old, 1 - momentum), multiply(stopGradient(reshape(now, [channels])), momentum));
  x.graph.update(running.mean, move(runningMean, centre));
  x.graph.update(running.variance, move(runningVariance, multiply(variance, count / (count - 1))));
  const scale = divide(reshape(weight, [1, channels]), sqrt(add(variance, epsilon)));
  return reshape(add(multiply(centred, scale), bias), x.shape);
}

function logSoftmaxOf(a: ReferenceTensor | undefined): Float64Array {
  const width = a?.shape[a.shape.length - 1] ?? 1;
  const data = a?.data ?? new Float64Array(0);
  const result = new Float64Array(data.length);
  for (let row = 0; row < data.length; row += width) {
    const values = data.subarray(row, row + width);
    const largest = Math.max(...values);
    const total = Math.log(values.reduce((acc, value) => acc + Math.exp(value - largest), 0)) + largest;
    values.forEach((value, i) => {
      result[row + i] = value - total;
    });
  }
  return result;
}

function rowStatistics(a: ReferenceTensor | undefined, width: number, epsilon: number) {
  const data = a?.data ?? new Float64Array(0);
  const rows = data.length / width;
  const result = { mean: new Float64Array(rows), inverse: new Float64Array(rows) };
  for (let row = 0; row < rows; row++) {
    const values = data.subarray(row * width, (row + 1) * width);
    const centre = values.reduce((acc, value) => acc + value, 0) / width;
    const variance = values.reduce((acc, value) => acc + (value - centre) ** 2, 0) / width;
    result.mean[row] = centre;
    result.inverse[row] = 1 / Math.sqrt(variance + epsilon);
  }
  return result;
}
