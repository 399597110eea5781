import { describe, expect, it } from 'vitest';
import { createRandom } from '../core/index.ts';
import { choleskyFactor, choleskySolve } from './cholesky.ts';
import { fitLogistic } from './logistic.ts';
import { accumulateMoments, addMoments, rowCount, squaredError, standardise } from './moments.ts';
import { selectPenalties, solveRidge } from './ridge.ts';

const WIDTH = 5;

function normals(rows: number, width: number, seed: string): Float32Array {
  const random = createRandom(seed);
  return Float32Array.from({ length: rows * width }, () => random.normal());
}

const dot = (x: Float32Array, row: number, weights: ArrayLike<number>) => {
  let sum = 0;
  for (let j = 0; j < weights.length; j++) sum += (x[row * weights.length + j] ?? 0) * (weights[j] ?? 0);
  return sum;
};

describe('choleskySolve', () => {
  it('solves a symmetric positive definite system', () => {
    const matrix = Float64Array.from([4, 2, 0.6, 2, 5, 1, 0.6, 1, 3]);
    const x = choleskySolve(choleskyFactor(matrix, 3), 3, Float64Array.from([1, -2, 0.5]));
    const back = [0, 1, 2].map((i) => [0, 1, 2].reduce((sum, j) => sum + (matrix[i * 3 + j] ?? 0) * (x[j] ?? 0), 0));
    [1, -2, 0.5].forEach((value, index) => {
      expect(back[index]).toBeCloseTo(value, 12);
    });
  });

  it('refuses a matrix that is not positive definite', () => {
    expect(() => choleskyFactor(Float64Array.from([1, 2, 2, 1]), 2)).toThrow(RangeError);
  });
});

describe('ridge', () => {
  const rows = 2003;
  const truth = [0.5, -1, 0, 2, 0.25];
  const x = normals(rows, WIDTH, 'x');
  const noise = createRandom('noise');
  const y = Float32Array.from({ length: rows }, (_, row) => 3 + dot(x, row, truth) + 0.1 * noise.normal());

  it('recovers a planted linear relation', () => {
    const { weights, bias } = solveRidge(accumulateMoments(x, WIDTH, y, 1, 0, rows), 0, 0, true);
    expect(bias).toBeCloseTo(3, 1);
    truth.forEach((value, j) => {
      expect(Math.abs((weights[j] ?? 0) - value)).toBeLessThan(0.01);
    });
  });

  it('knows the squared error of any weights from the moments alone', () => {
    const moments = accumulateMoments(x, WIDTH, y, 1, 0, rows);
    const weights = Float64Array.from([1, 0.5, -0.5, 0, 2]);
    let expected = 0;
    for (let row = 0; row < rows; row++) expected += ((y[row] ?? 0) - dot(x, row, weights) - 0.7) ** 2 / rows;
    expect(squaredError(moments, 0, weights, 0.7)).toBeCloseTo(expected, 8);
  });

  it('adds up over disjoint rows', () => {
    const parts = [0, 701, 1400].map((from, index) =>
      accumulateMoments(x, WIDTH, y, 1, from, [701, 1400, rows][index] ?? 0),
    );
    const [first, ...others] = parts;
    if (!first) throw new Error('no parts');
    const sum = addMoments(first, ...others);
    const all = accumulateMoments(x, WIDTH, y, 1, 0, rows);
    expect(rowCount(sum)).toBe(rows);
    all.sums.forEach((value, index) => {
      expect(sum.sums[index]).toBeCloseTo(value, 6);
    });
  });

  it('gives constant and duplicate features finite weights', () => {
    const wide = new Float32Array(rows * 3);
    for (let row = 0; row < rows; row++) wide.set([x[row * WIDTH] ?? 0, 7, x[row * WIDTH] ?? 0], row * 3);
    const { weights } = solveRidge(accumulateMoments(wide, 3, y, 1, 0, rows), 0, 0, true);
    expect(weights[1]).toBe(0);
    expect((weights[0] ?? 0) + (weights[2] ?? 0)).toBeCloseTo(0.5, 0);
  });

  it('chooses a weak penalty for a strong relation and the strongest for none', () => {
    const blank = normals(rows, 1, 'unrelated');
    const both = new Float32Array(rows * 2);
    for (let row = 0; row < rows; row++) both.set([y[row] ?? 0, 0.01 * (blank[row] ?? 0)], row * 2);
    const groups = [
      { name: 'signal', targets: [0], intercept: true },
      { name: 'noise', targets: [1], intercept: true },
    ];
    const [signal, none] = selectPenalties(
      accumulateMoments(x, WIDTH, both, 2, 0, 40),
      accumulateMoments(x, WIDTH, both, 2, 40, rows),
      groups,
    );
    expect(signal).toBeLessThanOrEqual(0.01);
    expect(none).toBeGreaterThanOrEqual(1);
  });
});

describe('fitLogistic', () => {
  const rows = 4001;
  const x = normals(rows, WIDTH, 'logistic');
  const standard = standardise(accumulateMoments(x, WIDTH, new Float32Array(rows), 1, 0, rows));
  const plain = { ...standard, mean: new Float64Array(WIDTH), deviation: new Float64Array(WIDTH).fill(1) };

  it('finds the maximum likelihood of common and of rare events', () => {
    for (const bias of [0.3, -4.5]) {
      const random = createRandom(`labels ${bias}`);
      const truth = [1, -0.5, 0, 0.8, 0];
      const labels = Uint8Array.from({ length: rows }, (_, row) =>
        random.uniform() < 1 / (1 + Math.exp(-dot(x, row, truth) - bias)) ? 1 : 0,
      );
      const [solution] = fitLogistic(x, WIDTH, plain, [{ name: 'event', classes: 2, labels, penalty: 0 }]);
      if (!solution) throw new Error('no solution');
      // At the maximum the gradient vanishes: mean (p - y) x = 0 for every feature and for the constant.
      const gradient = new Float64Array(WIDTH + 1);
      for (let row = 0; row < rows; row++) {
        const error = 1 / (1 + Math.exp(-dot(x, row, solution.weights) - (solution.bias[0] ?? 0))) - (labels[row] ?? 0);
        for (let j = 0; j < WIDTH; j++) gradient[j] = (gradient[j] ?? 0) + (error * (x[row * WIDTH + j] ?? 0)) / rows;
        gradient[WIDTH] = (gradient[WIDTH] ?? 0) + error / rows;
      }
      for (const value of gradient) expect(Math.abs(value)).toBeLessThan(1e-3);
      expect(solution.iterations).toBeLessThan(60);
    }
  });

  it('fits three classes, and none of them where there is nothing to find', () => {
    const random = createRandom('classes');
    const related = Uint8Array.from({ length: rows }, (_, row) => {
      const z = [x[row * WIDTH] ?? 0, -(x[row * WIDTH] ?? 0), 0.5].map(
        (value) => value - Math.log(-Math.log(random.uniform() || 0.5)),
      );
      return z.indexOf(Math.max(...z));
    });
    const unrelated = Uint8Array.from({ length: rows }, () => random.integer(3));
    const [first, second] = fitLogistic(x, WIDTH, plain, [
      { name: 'related', classes: 3, labels: related, penalty: 0.001 },
      { name: 'unrelated', classes: 3, labels: unrelated, penalty: 10 },
    ]);
    const weight = (k: number, j: number) => first?.weights[k * WIDTH + j] ?? 0;
    expect(weight(0, 0) - weight(1, 0)).toBeCloseTo(2, 0);
    expect(Math.abs(weight(0, 1) - weight(1, 1))).toBeLessThan(0.15);
    expect(first?.loss).toBeLessThan(0.95);
    for (const value of second?.weights ?? []) expect(Math.abs(value)).toBeLessThan(0.01);
  });

  it('survives a class that never occurs', () => {
    const labels = new Uint8Array(rows);
    const [solution] = fitLogistic(x, WIDTH, plain, [{ name: 'never', classes: 2, labels, penalty: 0.1 }]);
    expect(solution?.bias[0]).toBeLessThan(-7);
    expect(Number.isFinite(solution?.loss)).toBe(true);
  });
});
