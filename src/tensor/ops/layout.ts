import { at64 } from '../../core/index.ts';
import type { Operation, Value } from '../graph.ts';
import { forEachElement, stridesOver } from '../reference.ts';
import {
  type Dimension,
  dimensionAt,
  elementCount,
  equalShapes,
  fixedShape,
  multipleOf,
  type Shape,
  ShapeError,
} from '../shape.ts';

/** The same elements in another shape; one dimension may be -1: what is left. */
export function reshape(x: Value, shape: readonly Dimension[]): Value {
  const target = resolve(x.shape, shape);
  if (equalShapes(target, x.shape)) return x;
  // ONNX takes at most one size that is known only at run time, as -1.
  const sizes = target.map((dimension) => (typeof dimension === 'number' ? dimension : -1));
  const operation: Operation = {
    name: 'reshape',
    gradient: (_, upstream) => [reshape(upstream, x.shape)],
    emit: ({ onnx, inputs, output }) =>
      onnx.node('Reshape', [...inputs, onnx.int64(`${output}_shape`, [sizes.length], sizes)], output),
    evaluate: ([a]) => Float64Array.from(a?.data ?? []),
  };
  return x.graph.define(operation, [x], target);
}

function resolve(from: Shape, shape: readonly Dimension[]): Shape {
  const { factor, symbol } = elementCount(from);
  const open = shape.indexOf(-1);
  if (open < 0) {
    const asked = elementCount(shape);
    if (asked.factor !== factor || asked.symbol !== symbol)
      throw new ShapeError('reshape', [from, shape], 'the numbers of elements differ');
    return shape;
  }
  const known = elementCount(shape.filter((_, axis) => axis !== open));
  const rest = factor / known.factor;
  if (!Number.isInteger(rest) || (known.symbol !== undefined && known.symbol !== symbol)) {
    throw new ShapeError('reshape', [from, shape], 'the numbers of elements do not fit');
  }
  return shape.map((dimension, axis) =>
    axis === open ? multipleOf(rest, known.symbol === undefined ? symbol : undefined) : dimension,
  );
}

/** Axis i of the result is axis `order[i]` of x. */
export function transpose(x: Value, order: readonly number[]): Value {
  if ([...order].sort((a, b) => a - b).some((axis, i) => axis !== i) || order.length !== x.shape.length) {
    throw new ShapeError('transpose', [x.shape], `${order.join(', ')} is no order of its axes`);
  }
  const inverse = order.map((_, axis) => order.indexOf(axis));
  const operation: Operation = {
    name: 'transpose',
    gradient: (_, upstream) => [transpose(upstream, inverse)],
    emit: ({ onnx, inputs, output }) => onnx.node('Transpose', inputs, output, { perm: order }),
    evaluate: ([a], shape) => {
      const own = stridesOver(a?.shape ?? [], a?.shape ?? []);
      return pick(
        a?.data,
        shape,
        order.map((axis) => own[axis] ?? 0),
        0,
      );
    },
  };
  return x.graph.define(
    operation,
    [x],
    order.map((axis) => dimensionAt(x.shape, axis)),
  );
}

/** Elements [start, end) of one axis. */
export function slice(x: Value, axis: number, start: number, end: number): Value {
  const at = axis < 0 ? x.shape.length + axis : axis;
  const size = dimensionAt(x.shape, at, 'slice');
  if (typeof size !== 'number' || !(start >= 0 && start < end && end <= size)) {
    throw new ShapeError('slice', [x.shape], `[${start}, ${end}) is not within axis ${axis}`);
  }
  if (start === 0 && end === size) return x;
  const operation: Operation = {
    name: 'slice',
    gradient: (_, upstream) => [pad(upstream, at, start, size - end)],
    emit: ({ onnx, inputs, output }) =>
      onnx.node(
        'Slice',
        [
          ...inputs,
          onnx.int64(`${output}_start`, [1], [start]),
          onnx.int64(`${output}_end`, [1], [end]),
          onnx.int64(`${output}_axis`, [1], [at]),
        ],
        output,
      ),
    evaluate: ([a], shape) => {
      const strides = stridesOver(a?.shape ?? [], a?.shape ?? []).map((stride, i) => (a?.shape[i] === 1 ? 0 : stride));
      return pick(a?.data, shape, strides, start * (strides[at] ?? 0));
    },
  };
  return x.graph.define(
    operation,
    [x],
    x.shape.map((dimension, i) => (i === at ? end - start : dimension)),
  );
}

/** Zeros before and after along one axis. */
export function pad(x: Value, axis: number, before: number, after: number): Value {
  const at = axis < 0 ? x.shape.length + axis : axis;
  const size = dimensionAt(x.shape, at, 'pad');
  if (typeof size !== 'number' || before < 0 || after < 0)
    throw new ShapeError('pad', [x.shape], `by ${before} and ${after} along axis ${axis}`);
  const pads = new Array<number>(x.shape.length * 2).fill(0);
  pads[at] = before;
  pads[x.shape.length + at] = after;
  const operation: Operation = {
    name: 'pad',
    gradient: (_, upstream) => [slice(upstream, at, before, before + size)],
    emit: ({ onnx, inputs, output }) =>
      onnx.node('Pad', [...inputs, onnx.int64(`${output}_pads`, [pads.length], pads)], output),
    evaluate: ([a], shape) => place(a?.data, a?.shape ?? [], shape, at, before),
  };
  return x.graph.define(
    operation,
    [x],
    x.shape.map((dimension, i) => (i === at ? size + before + after : dimension)),
  );
}

/** Values one after the other along an axis. */
export function concat(values: readonly Value[], axis: number): Value {
  const [first] = values;
  if (!first) throw new ShapeError('concat', [], 'needs at least one value');
  const at = axis < 0 ? first.shape.length + axis : axis;
  const sizes = values.map(({ shape }) => {
    const size = dimensionAt(shape, at, 'concat');
    const fits = shape.length === first.shape.length && shape.every((d, i) => i === at || d === first.shape[i]);
    if (typeof size !== 'number' || !fits)
      throw new ShapeError(
        'concat',
        values.map((value) => value.shape),
        `differ beside axis ${axis}`,
      );
    return size;
  });
  const starts = sizes.map((_, i) => sizes.slice(0, i).reduce((sum, size) => sum + size, 0));
  const operation: Operation = {
    name: 'concat',
    gradient: (_, upstream) => sizes.map((size, i) => slice(upstream, at, starts[i] ?? 0, (starts[i] ?? 0) + size)),
    emit: ({ onnx, inputs, output }) => onnx.node('Concat', inputs, output, { axis: at }),
    evaluate: (inputs, shape) => {
      const result = new Float64Array(shape.reduce((product, size) => product * size, 1));
      inputs.forEach((input, i) => {
        place(input.data, input.shape, shape, at, starts[i] ?? 0).forEach((value, element) => {
          result[element] = at64(result, element) + value;
        });
      });
      return result;
    },
  };
  const total = sizes.reduce((sum, size) => sum + size, 0);
  return first.graph.define(
    operation,
    values,
    first.shape.map((dimension, i) => (i === at ? total : dimension)),
  );
}

/** Rows `ids` ([count], whole numbers as float32) of a table [rows, ...]: the derivative adds up rows that are named twice. */
export function gatherRows(table: Value, ids: Value): Value {
  const [rows, ...rest] = fixedShape(table.shape, 'gatherRows');
  const [count] = ids.shape;
  if (rows === undefined || count === undefined || ids.shape.length !== 1) {
    throw new ShapeError('gatherRows', [table.shape, ids.shape], 'needs a table of rows and a list of ids');
  }
  const width = rest.reduce((product, size) => product * size, 1);
  const operation: Operation = {
    name: 'gatherRows',
    gradient: (_, upstream) => [scatterRows(upstream, ids, rows), undefined],
    emit: ({ onnx, inputs: [data = '', id = ''], output }) =>
      onnx.node('Gather', [data, onnx.node('Cast', [id], `${output}_ids`, { to: INT64 })], output, { axis: 0 }),
    evaluate: ([data, id], shape) => {
      const result = new Float64Array(shape.reduce((product, size) => product * size, 1));
      id?.data.forEach((row, i) => {
        result.set(data?.data.subarray(row * width, (row + 1) * width) ?? [], i * width);
      });
      return result;
    },
  };
  return table.graph.define(operation, [table, ids], [count, ...rest]);
}

/** A table of `rows` rows in which row `ids[i]` is the sum of the given rows i; others are 0. */
export function scatterRows(updates: Value, ids: Value, rows: number): Value {
  const [count, ...rest] = fixedShape(updates.shape, 'scatterRows');
  if (count === undefined || !equalShapes(ids.shape, [count]))
    throw new ShapeError('scatterRows', [updates.shape, ids.shape], 'needs one id for each row');
  const width = rest.reduce((product, size) => product * size, 1);
  const operation: Operation = {
    name: 'scatterRows',
    gradient: (_, upstream) => [gatherRows(upstream, ids), undefined],
    emit: ({ onnx, inputs: [data = '', id = ''], output }) => {
      const zeros = onnx.float32(`${output}_zeros`, [rows, ...rest], new Float32Array(rows * width));
      const cast = onnx.node('Cast', [id], `${output}_ids`, { to: INT64 });
      const column = onnx.node('Unsqueeze', [cast, onnx.int64(`${output}_axis`, [1], [1])], `${output}_column`);
      return onnx.node('ScatterND', [zeros, column, data], output, { reduction: 'add' });
    },
    evaluate: ([data, id]) => {
      const result = new Float64Array(rows * width);
      id?.data.forEach((row, i) => {
        for (let k = 0; k < width; k++)
          result[row * width + k] = at64(result, row * width + k) + (data?.data[i * width + k] ?? 0);
      });
      return result;
    },
  };
  return updates.graph.define(operation, [updates, ids], [rows, ...rest]);
}

const INT64 = 7;

function pick(
  data: Float64Array | undefined,
  shape: readonly number[],
  strides: readonly number[],
  start: number,
): Float64Array {
  const result = new Float64Array(shape.reduce((product, size) => product * size, 1));
  forEachElement(shape, [strides], (element, [position = 0]) => {
    result[element] = data?.[start + position] ?? Number.NaN;
  });
  return result;
}

function place(
  data: Float64Array | undefined,
  own: readonly number[],
  shape: readonly number[],
  axis: number,
  start: number,
): Float64Array {
  const result = new Float64Array(shape.reduce((product, size) => product * size, 1));
  const strides = stridesOver(shape, shape);
  forEachElement(own, [own.map((_, i) => strides[i] ?? 0)], (element, [position = 0]) => {
    result[start * (strides[axis] ?? 0) + position] = data?.[element] ?? Number.NaN;
  });
  return result;
}
