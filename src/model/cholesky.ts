import { at64 } from '../core/index.ts';

/**
 * The lower Cholesky factor of a symmetric positive definite matrix, both row-major [size, size]; only the lower triangle of
 * `matrix` is read. @throws RangeError when it is not positive definite.
 */
export function choleskyFactor(matrix: Float64Array, size: number): Float64Array {
  const factor = new Float64Array(size * size);
  for (let i = 0; i < size; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = at64(matrix, i * size + j);
      for (let k = 0; k < j; k++) sum -= at64(factor, i * size + k) * at64(factor, j * size + k);
      if (i !== j) factor[i * size + j] = sum / at64(factor, j * size + j);
      else if (sum > 0) factor[i * size + i] = Math.sqrt(sum);
      else throw new RangeError('the matrix is not positive definite');
    }
  }
  return factor;
}

/** Solves L L' x = b for one right-hand side; returns a new vector. */
export function choleskySolve(factor: Float64Array, size: number, right: Float64Array): Float64Array {
  const x = Float64Array.from(right);
  for (let i = 0; i < size; i++) {
    let sum = at64(x, i);
    for (let k = 0; k < i; k++) sum -= at64(factor, i * size + k) * at64(x, k);
    x[i] = sum / at64(factor, i * size + i);
  }
  for (let i = size - 1; i >= 0; i--) {
    let sum = at64(x, i);
    for (let k = i + 1; k < size; k++) sum -= at64(factor, k * size + i) * at64(x, k);
    x[i] = sum / at64(factor, i * size + i);
  }
  return x;
}
