import type { Operation, ReferenceTensor, Value } from '../graph.ts';
import { dimensionAt, equalShapes, productOf, type Shape, ShapeError } from '../shape.ts';
import { sum } from './arithmetic.ts';
import { reshape } from './layout.ts';

export interface MatMulOptions {
  /** Use a with its last two axes swapped. */
  readonly transposeA?: boolean;
  readonly transposeB?: boolean;
  /** Factor of the product, 1 by default. */
  readonly scale?: number;
}

/**
 * Matrix product over the last two axes: [..., m, k] x [..., k, n] -> [..., m, n]; the leading axes are equal, or b has none. Transposed
 * operands are read in place, not copied.
 */
export function matMul(a: Value, b: Value, options: MatMulOptions = {}): Value {
  const { transposeA = false, transposeB = false, scale = 1 } = options;
  if (a.shape.length < 2 || b.shape.length < 2)
    throw new ShapeError('matMul', [a.shape, b.shape], 'needs two axes at least');
  if (a.shape.length > 2 && b.shape.length === 2 && !transposeA) {
    // One large product instead of many small ones.
    const [k] = a.shape.slice(-1);
    const flat = matMul(reshape(a, [productOf(a.shape.slice(0, -1)), k ?? 1]), b, options);
    return reshape(flat, [...a.shape.slice(0, -1), dimensionAt(flat.shape, -1)]);
  }
  const batch = a.shape.slice(0, -2);
  if (!equalShapes(batch, b.shape.slice(0, -2)))
    throw new ShapeError('matMul', [a.shape, b.shape], 'the leading axes differ');
  const m = dimensionAt(a.shape, transposeA ? -1 : -2);
  const n = dimensionAt(b.shape, transposeB ? -2 : -1);
  const k = dimensionAt(a.shape, transposeA ? -2 : -1);
  if (k !== dimensionAt(b.shape, transposeB ? -1 : -2)) {
    throw new ShapeError(
      'matMul',
      [a.shape, b.shape],
      `sums over ${k} and ${dimensionAt(b.shape, transposeB ? -1 : -2)}`,
    );
  }
  const operation: Operation = {
    name: 'matMul',
    gradient: (_, upstream) => [
      transposeA
        ? matMul(b, upstream, { transposeA: transposeB, transposeB: true, scale })
        : matMul(upstream, b, { transposeB: !transposeB, scale }),
      transposeB
        ? matMul(upstream, a, { transposeA: true, transposeB: transposeA, scale })
        : matMul(a, upstream, { transposeA: !transposeA, scale }),
    ],
    emit: ({ onnx, inputs, output }) => {
      const flags = { transA: transposeA ? 1 : 0, transB: transposeB ? 1 : 0 };
      if (batch.length === 0) return onnx.node('Gemm', inputs, output, { ...flags, alpha: { float: scale } });
      if (!transposeA && !transposeB && scale === 1) return onnx.node('MatMul', inputs, output);
      return onnx.node('FusedMatMul', inputs, output, { ...flags, alpha: { float: scale } }, 'com.microsoft');
    },
    evaluate: ([x, y], shape) => product(x, y, shape, transposeA, transposeB, scale),
  };
  return a.graph.define(operation, [a, b], [...batch, m, n]);
}

/** x W + b over the last axis: [..., in] -> [..., out], W [in, out], b [out]. */
export function linear(x: Value, weight: Value, bias?: Value): Value {
  if (!bias) return x.shape.length === 1 ? reshape(matMul(reshape(x, [1, -1]), weight), [-1]) : matMul(x, weight);
  const [width] = x.shape.slice(-1);
  const [inputs, outputs] = weight.shape;
  if (width !== inputs || outputs === undefined || !equalShapes(bias.shape, [outputs])) {
    throw new ShapeError('linear', [x.shape, weight.shape, bias.shape], 'do not go together');
  }
  const rows = productOf(x.shape.slice(0, -1));
  return reshape(gemm(reshape(x, [rows, width ?? 1]), weight, bias), [...x.shape.slice(0, -1), outputs]);
}

/** [m, k] x [k, n] + [n]. */
function gemm(x: Value, weight: Value, bias: Value): Value {
  const shape: Shape = [dimensionAt(x.shape, 0), dimensionAt(weight.shape, 1)];
  const operation: Operation = {
    name: 'linear',
    gradient: (_, upstream) => [
      matMul(upstream, weight, { transposeB: true }),
      matMul(x, upstream, { transposeA: true }),
      sum(upstream, [0]),
    ],
    emit: ({ onnx, inputs, output }) => onnx.node('Gemm', inputs, output),
    evaluate: ([a, w, b], to) => {
      const result = product(a, w, to, false, false, 1);
      const columns = to[1] ?? 1;
      return result.map((value, i) => value + (b?.data[i % columns] ?? Number.NaN));
    },
  };
  return x.graph.define(operation, [x, weight, bias], shape);
}

function product(
  x: ReferenceTensor | undefined,
  y: ReferenceTensor | undefined,
  shape: readonly number[],
  transposeA: boolean,
  transposeB: boolean,
  scale: number,
): Float64Array {
  const m = shape[shape.length - 2] ?? 1;
  const n = shape[shape.length - 1] ?? 1;
  const k = x?.shape[x.shape.length - (transposeA ? 2 : 1)] ?? 1;
  const batches = shape.slice(0, -2).reduce((total, size) => total * size, 1);
  const result = new Float64Array(batches * m * n);
  for (let batch = 0; batch < batches; batch++) {
    for (let i = 0; i < m; i++) {
      for (let j = 0; j < n; j++) {
        let total = 0;
        for (let l = 0; l < k; l++) {
          const left = batch * m * k + (transposeA ? l * m + i : i * k + l);
          const right = batch * k * n + (transposeB ? j * k + l : l * n + j);
          total += (x?.data[left] ?? Number.NaN) * (y?.data[right] ?? Number.NaN);
        }
        result[batch * m * n + i * n + j] = scale * total;
      }
    }
  }
  return result;
}
