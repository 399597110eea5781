import { MinutehandError } from '../core/index.ts';
import type { Value } from './graph.ts';
import { add } from './ops/arithmetic.ts';
import { equalShapes, ShapeError } from './shape.ts';

/**
 * Derivatives of a scalar with respect to `of`, as values of the same graph, by reverse accumulation. A value that the loss does not
 * depend on has undefined.
 * @throws ShapeError when the loss is no scalar; MinutehandError TENSOR_GRADIENT where an operation on the way has no derivative
 */
export function gradients(loss: Value, of: readonly Value[]): (Value | undefined)[] {
  if (loss.shape.length !== 0) throw new ShapeError('gradients', [loss.shape], 'the loss must be a scalar');
  const { graph } = loss;
  const wanted = new Set(of.map(({ id }) => id));
  const relevant = dependents(loss, wanted);
  const upstream = new Map<number, Value>([[loss.id, graph.constant([], [1])]]);
  // Values are in topological order, so that all uses of a value come after it; those that derivatives add lie beyond the loss.
  for (let id = loss.id; id >= 0; id--) {
    const value = graph.values[id];
    const own = upstream.get(id);
    if (!value || !own || !relevant.has(id) || value.inputs.length === 0) continue;
    if (!value.operation.gradient) {
      throw new MinutehandError(
        'TENSOR_GRADIENT',
        `${value.operation.name} has no derivative, and the loss depends on a parameter through it`,
        'Cut the path with stopGradient, or use another operation.',
      );
    }
    const parts = value.operation.gradient(value, own);
    value.inputs.forEach((input, index) => {
      const part = parts[index];
      if (!part || !relevant.has(input.id)) return;
      if (!equalShapes(part.shape, input.shape)) {
        throw new ShapeError(`gradient of ${value.operation.name}`, [input.shape, part.shape], 'the shapes differ');
      }
      const sum = upstream.get(input.id);
      upstream.set(input.id, sum ? add(sum, part) : part);
    });
    if (!wanted.has(id)) upstream.delete(id);
  }
  return of.map(({ id }) => upstream.get(id));
}

/** Ids of values between the wanted ones and the loss. */
function dependents(loss: Value, wanted: ReadonlySet<number>): Set<number> {
  const result = new Set<number>();
  for (let id = 0; id <= loss.id; id++) {
    const value = loss.graph.values[id];
    if (value && (wanted.has(id) || value.inputs.some((input) => result.has(input.id)))) result.add(id);
  }
  return result;
}
