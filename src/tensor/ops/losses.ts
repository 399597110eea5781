import type { Value } from '../graph.ts';
import { dimensionAt, equalShapes, ShapeError } from '../shape.ts';
import { add, divide, maximum, mean, minimum, multiply, negate, type Operand, subtract, sum } from './arithmetic.ts';
import { abs, relu, sign, softplus, sqrt, square } from './elementwise.ts';
import { reshape } from './layout.ts';
import { logSoftmax } from './normalization.ts';

/**
 * Mean over the elements of `losses`, or with `weights` of the same shape (0 = leave out) the weighted mean; 0 where all weights are 0.
 */
export function averageLoss(losses: Value, weights?: Value): Value {
  if (!weights) return mean(losses);
  if (!equalShapes(losses.shape, weights.shape))
    throw new ShapeError('averageLoss', [losses.shape, weights.shape], 'the weights have another shape');
  return divide(sum(multiply(losses, weights)), add(sum(weights), 1e-12));
}

/** -sum(target log softmax(logits)) over the last axis: [..., classes] -> [...]. `target` holds probabilities. */
export function crossEntropy(logits: Value, target: Value): Value {
  if (!equalShapes(logits.shape, target.shape))
    throw new ShapeError('crossEntropy', [logits.shape, target.shape], 'differ');
  return negate(sum(multiply(logSoftmax(logits), target), [-1]));
}

/** Binary cross-entropy of logits against probabilities, element by element, without overflow. */
export const bceWithLogits = (logits: Value, target: Value): Value =>
  subtract(softplus(logits), multiply(logits, target));

/** (forecast - target)^2, element by element. */
export const squaredError = (forecast: Value, target: Value): Value => square(subtract(forecast, target));

/** |forecast - target|, element by element. */
export const absoluteError = (forecast: Value, target: Value): Value => abs(subtract(forecast, target));

/** e^2/2 up to |e| = delta, linear beyond (Huber 1964). */
export function huber(forecast: Value, target: Value, delta: number): Value {
  const error = absoluteError(forecast, target);
  const inner = minimum(error, delta);
  return add(multiply(square(inner), 0.5), multiply(subtract(error, inner), delta));
}

/** Pinball loss: its minimum is the `quantile` of the target (Koenker and Bassett 1978). */
export function quantileLoss(forecast: Value, target: Value, quantile: Operand): Value {
  const error = subtract(target, forecast);
  return maximum(
    multiply(error, quantile),
    multiply(error, typeof quantile === 'number' ? quantile - 1 : subtract(quantile, 1)),
  );
}

/**
 * 1 - Pearson correlation within each group: [groups, members] -> [groups]. With `weights` (0 or 1) the members that count.
 */
export function correlationLoss(forecast: Value, target: Value, weights?: Value): Value {
  const shape = forecast.shape;
  if (shape.length !== 2 || !equalShapes(shape, target.shape))
    throw new ShapeError('correlationLoss', [shape, target.shape], 'needs two values [groups, members]');
  const centre = (value: Value): Value => {
    if (!weights) return subtract(value, mean(value, [1], true));
    const average = divide(sum(multiply(value, weights), [1], true), add(sum(weights, [1], true), 1e-6));
    return multiply(subtract(value, average), weights);
  };
  const a = centre(forecast);
  const b = centre(target);
  const norms = sqrt(add(multiply(sum(square(a), [1]), sum(square(b), [1])), 1e-12));
  return add(negate(divide(sum(multiply(a, b), [1]), norms)), 1);
}

/**
 * Pairwise logistic rank loss within each group (Burges et al. 2005): mean over pairs with different targets of
 * log(1 + e^-(f_i - f_j)) for the pair's larger target i. [groups, members] -> a scalar. Quadratic in the members.
 */
export function pairwiseRankLoss(forecast: Value, target: Value): Value {
  const [groups, members] = forecast.shape;
  if (groups === undefined || members === undefined || !equalShapes(forecast.shape, target.shape)) {
    throw new ShapeError('pairwiseRankLoss', [forecast.shape, target.shape], 'needs two values [groups, members]');
  }
  const differences = (value: Value) =>
    subtract(reshape(value, [groups, members, 1]), reshape(value, [groups, 1, members]));
  const isLarger = relu(sign(differences(target)));
  return averageLoss(softplus(negate(differences(forecast))), isLarger);
}

/** Targets for {@link crossEntropy} with a share of them, `smoothing`, spread evenly over the classes. */
export function smoothTargets(target: Value, smoothing: number): Value {
  const classes = dimensionAt(target.shape, -1, 'smoothTargets');
  if (typeof classes !== 'number')
    throw new ShapeError('smoothTargets', [target.shape], 'needs a fixed number of classes');
  return add(multiply(target, 1 - smoothing), smoothing / classes);
}
