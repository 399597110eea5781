import { at64, atByte } from '../core/index.ts';
import { choleskyFactor, choleskySolve } from './cholesky.ts';

/** The calibrated logit of class k is slopes[k] x logit + intercepts[k]. */
export interface VectorScaling {
  readonly slopes: readonly number[];
  readonly intercepts: readonly number[];
  readonly logLossBefore: number;
  readonly logLossAfter: number;
}

/** As if that many rows had agreed with the identity: a short window cannot throw the logits away, and the optimum is unique. */
const PRIOR_ROWS = 10;
const SMALLEST_SLOPE = 0.05;
const LARGEST_SLOPE = 3;

/**
 * Vector scaling (Guo et al. 2017): a slope and an intercept per class that minimise the log-loss of `logits` [rows, classes], by damped
 * Newton steps on a convex loss; a common temperature and the effect of class weights are special cases. Never worse than the identity.
 */
export function fitVectorScaling(logits: Float64Array, classes: number, labels: Uint8Array): VectorScaling {
  const rows = labels.length;
  const size = 2 * classes;
  let parameters = Float64Array.from({ length: size }, (_, i) => (i < classes ? 1 : 0));
  const before = lossOf(logits, classes, labels, parameters);
  const penalised = (at: Float64Array) => rows * lossOf(logits, classes, labels, at) + priorOf(at, classes);
  let current = penalised(parameters);
  for (let iteration = 0; iteration < 40; iteration++) {
    const { gradient, hessian } = slopeOf(logits, classes, labels, parameters);
    const step = choleskySolve(choleskyFactor(hessian, size), size, gradient);
    let share = 1;
    let next = parameters;
    let loss = current;
    for (; share > 1e-4; share /= 2) {
      next = parameters.map((value, i) => value - share * at64(step, i));
      loss = penalised(next);
      if (loss < current) break;
    }
    if (!(loss < current)) break;
    const gain = current - loss;
    parameters = next;
    current = loss;
    if (gain < 1e-9 * rows) break;
  }
  parameters = parameters.map((value, i) =>
    i < classes ? Math.min(LARGEST_SLOPE, Math.max(SMALLEST_SLOPE, value)) : value,
  );
  const after = lossOf(logits, classes, labels, parameters);
  const best = after < before ? parameters : Float64Array.from({ length: size }, (_, i) => (i < classes ? 1 : 0));
  return {
    slopes: Array.from(best.subarray(0, classes)),
    intercepts: Array.from(best.subarray(classes)),
    logLossBefore: before,
    logLossAfter: Math.min(before, after),
  };
}

function priorOf(parameters: Float64Array, classes: number): number {
  let sum = 0;
  for (let k = 0; k < classes; k++) sum += (at64(parameters, k) - 1) ** 2 + at64(parameters, classes + k) ** 2;
  return 0.5 * PRIOR_ROWS * sum;
}

/** Fills the row's probabilities; returns its log-loss. */
function probabilities(
  logits: Float64Array,
  row: number,
  classes: number,
  label: number,
  parameters: Float64Array,
  into: Float64Array,
): number {
  let largest = Number.NEGATIVE_INFINITY;
  for (let k = 0; k < classes; k++) {
    const z = at64(parameters, k) * at64(logits, row * classes + k) + at64(parameters, classes + k);
    into[k] = z;
    largest = Math.max(largest, z);
  }
  const own = at64(into, label);
  let sum = 0;
  for (let k = 0; k < classes; k++) {
    into[k] = Math.exp(at64(into, k) - largest);
    sum += at64(into, k);
  }
  for (let k = 0; k < classes; k++) into[k] = at64(into, k) / sum;
  return largest + Math.log(sum) - own;
}

function lossOf(logits: Float64Array, classes: number, labels: Uint8Array, parameters: Float64Array): number {
  const shares = new Float64Array(classes);
  let loss = 0;
  for (let row = 0; row < labels.length; row++)
    loss += probabilities(logits, row, classes, atByte(labels, row), parameters, shares);
  return loss / labels.length;
}

function slopeOf(logits: Float64Array, classes: number, labels: Uint8Array, parameters: Float64Array) {
  const size = 2 * classes;
  const gradient = new Float64Array(size);
  const hessian = new Float64Array(size * size);
  for (let i = 0; i < size; i++) {
    gradient[i] = PRIOR_ROWS * (at64(parameters, i) - (i < classes ? 1 : 0));
    hessian[i * size + i] = PRIOR_ROWS;
  }
  const shares = new Float64Array(classes);
  for (let row = 0; row < labels.length; row++) {
    const label = atByte(labels, row);
    probabilities(logits, row, classes, label, parameters, shares);
    for (let k = 0; k < classes; k++) {
      const z = at64(logits, row * classes + k);
      const error = at64(shares, k) - (k === label ? 1 : 0);
      gradient[k] = at64(gradient, k) + error * z;
      gradient[classes + k] = at64(gradient, classes + k) + error;
      for (let l = 0; l < classes; l++) {
        const weight = at64(shares, k) * ((k === l ? 1 : 0) - at64(shares, l));
        const other = at64(logits, row * classes + l);
        add(hessian, k * size + l, weight * z * other);
        add(hessian, k * size + classes + l, weight * z);
        add(hessian, (classes + k) * size + l, weight * other);
        add(hessian, (classes + k) * size + classes + l, weight);
      }
    }
  }
  return { gradient, hessian };
}

const add = (values: Float64Array, at: number, by: number): void => {
  values[at] = at64(values, at) + by;
};
