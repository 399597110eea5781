import { MinutehandError } from '../core/index.ts';

/** A size, or one known only at run time: a name (`batch`) or a multiple of one (`batch*11`). */
export type Dimension = number | string;
export type Shape = readonly Dimension[];

/** A graph that cannot be: the message names the operation and the shapes it was given. Code TENSOR_SHAPE. */
export class ShapeError extends MinutehandError {
  constructor(operation: string, shapes: readonly Shape[], what: string) {
    super(
      'TENSOR_SHAPE',
      `${operation}(${shapes.map(formatShape).join(', ')}): ${what}`,
      'Correct the shapes where the graph is built.',
    );
    this.name = 'ShapeError';
  }
}

export const formatShape = (shape: Shape): string => `[${shape.join(', ')}]`;

export const equalShapes = (a: Shape, b: Shape): boolean =>
  a.length === b.length && a.every((dimension, axis) => dimension === b[axis]);

/** The dimension of an axis; negative axes count from the end. @throws ShapeError beyond the rank. */
export function dimensionAt(shape: Shape, axis: number, operation = 'axis'): Dimension {
  const dimension = shape[axis < 0 ? shape.length + axis : axis];
  if (dimension === undefined) throw new ShapeError(operation, [shape], `there is no axis ${axis}`);
  return dimension;
}

/** Axes as positive, ascending numbers. @throws ShapeError when one is beyond the rank or given twice. */
export function normaliseAxes(operation: string, shape: Shape, axes: readonly number[]): number[] {
  const positive = axes.map((axis) => (axis < 0 ? shape.length + axis : axis)).sort((a, b) => a - b);
  if (positive.some((axis, i) => !(axis >= 0 && axis < shape.length) || axis === positive[i - 1])) {
    throw new ShapeError(operation, [shape], `the axes ${axes.join(', ')} are not axes of it, each once`);
  }
  return positive;
}

/** The shape of an element-wise result (right-aligned, a 1 stretches). @throws ShapeError */
export function broadcastShapes(operation: string, a: Shape, b: Shape): Shape {
  const rank = Math.max(a.length, b.length);
  const result: Dimension[] = [];
  for (let i = 0; i < rank; i++) {
    const left = a[a.length - rank + i] ?? 1;
    const right = b[b.length - rank + i] ?? 1;
    if (left !== right && left !== 1 && right !== 1) {
      throw new ShapeError(operation, [a, b], `the dimensions ${left} and ${right} do not go together`);
    }
    result.push(left === 1 ? right : left);
  }
  return result;
}

/** Number of elements: a factor, and the one named size it multiplies, if any. @throws ShapeError on two named sizes. */
export function elementCount(shape: Shape): { readonly factor: number; readonly symbol: string | undefined } {
  let factor = 1;
  let symbol: string | undefined;
  for (const dimension of shape) {
    if (typeof dimension === 'number') {
      factor *= dimension;
      continue;
    }
    const [name = '', times = '1'] = dimension.split('*');
    if (symbol !== undefined) throw new ShapeError('size', [shape], 'has two sizes known only at run time');
    symbol = name;
    factor *= Number(times);
  }
  return { factor, symbol };
}

/** `factor` times the named size; a plain number without one. */
export const multipleOf = (factor: number, symbol: string | undefined): Dimension =>
  symbol === undefined ? factor : factor === 1 ? symbol : `${symbol}*${factor}`;

/** The product of dimensions as one dimension. */
export function productOf(shape: Shape): Dimension {
  const { factor, symbol } = elementCount(shape);
  return multipleOf(factor, symbol);
}

/** The number of elements of a shape that has only fixed sizes. @throws ShapeError */
export function sizeOf(shape: Shape, operation = 'size'): number {
  const { factor, symbol } = elementCount(shape);
  if (symbol !== undefined)
    throw new ShapeError(operation, [shape], `needs fixed sizes, ${symbol} is known only at run time`);
  return factor;
}

/** The shape as numbers. @throws ShapeError when a size is known only at run time */
export function fixedShape(shape: Shape, operation = 'shape'): number[] {
  return shape.map((dimension) => {
    if (typeof dimension === 'number') return dimension;
    throw new ShapeError(operation, [shape], `needs fixed sizes, ${dimension} is known only at run time`);
  });
}
