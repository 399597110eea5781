import { at64 } from '../core/index.ts';
import type { ReferenceTensor } from './graph.ts';

/** Row-major strides, 0 where a dimension of 1 is stretched over `shape`. */
export function stridesOver(own: readonly number[], shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length).fill(0);
  let stride = 1;
  for (let axis = own.length - 1; axis >= 0; axis--) {
    const size = own[axis] ?? 1;
    strides[shape.length - own.length + axis] = size === 1 ? 0 : stride;
    stride *= size;
  }
  return strides;
}

/** Calls back with the position in each operand for every element of `shape`, in row-major order. */
export function forEachElement(
  shape: readonly number[],
  strides: readonly (readonly number[])[],
  visit: (element: number, positions: readonly number[]) => void,
): void {
  const count = shape.reduce((product, size) => product * size, 1);
  const index = new Array<number>(shape.length).fill(0);
  const positions = new Array<number>(strides.length).fill(0);
  for (let element = 0; element < count; element++) {
    visit(element, positions);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const next = (index[axis] ?? 0) + 1;
      const wraps = next === shape[axis];
      index[axis] = wraps ? 0 : next;
      for (let operand = 0; operand < strides.length; operand++) {
        const stride = strides[operand]?.[axis] ?? 0;
        positions[operand] = (positions[operand] ?? 0) + (wraps ? -stride * (next - 1) : stride);
      }
      if (!wraps) break;
    }
  }
}

/** Element by element over broadcast operands, in float64. */
export function mapElements(
  inputs: readonly ReferenceTensor[],
  shape: readonly number[],
  compute: (...values: number[]) => number,
): Float64Array {
  const result = new Float64Array(shape.reduce((product, size) => product * size, 1));
  const strides = inputs.map((input) => stridesOver(input.shape, shape));
  const values = new Array<number>(inputs.length).fill(0);
  forEachElement(shape, strides, (element, positions) => {
    inputs.forEach((input, operand) => {
      values[operand] = at64(input.data, positions[operand] ?? 0);
    });
    result[element] = compute(...values);
  });
  return result;
}
