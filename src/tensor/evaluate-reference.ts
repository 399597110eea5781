import { MinutehandError } from '../core/index.ts';
import type { ReferenceTensor, Value } from './graph.ts';
import { sizeOf } from './shape.ts';

/**
 * Computes values of a graph in float64 by the plain definitions of its operations: slow, and what the runtime and the derivatives are
 * held to. Inputs by name; parameters have their initial values unless given. Sizes known only at run time come from the inputs.
 * @throws MinutehandError TENSOR_INPUT when an input is missing
 */
export function evaluateReference(
  outputs: readonly Value[],
  given: Readonly<Record<string, ReferenceTensor>>,
): Float64Array[] {
  const [first] = outputs;
  if (!first) return [];
  const { graph } = first;
  const results = new Map<number, ReferenceTensor>();
  const sizes = new Map<string, number>();
  for (const [name, { id, shape }] of graph.inputs) {
    const tensor = given[name];
    if (!tensor) continue;
    shape.forEach((dimension, axis) => {
      if (typeof dimension === 'string') sizes.set(dimension, tensor.shape[axis] ?? 1);
    });
    results.set(id, tensor);
  }
  for (const [name, { value, initial }] of graph.parameters) {
    const shape = value.shape.map(Number);
    results.set(value.id, given[name] ?? { shape, data: Float64Array.from(initial) });
  }
  const sizeAt = (dimension: number | string): number => {
    if (typeof dimension === 'number') return dimension;
    const [name = '', factor = '1'] = dimension.split('*');
    return (sizes.get(name) ?? Number.NaN) * Number(factor);
  };
  for (const value of needed(outputs)) {
    if (results.has(value.id)) continue;
    const inputs = value.inputs.map((input) => results.get(input.id) ?? { shape: [], data: new Float64Array(0) });
    if (!value.operation.evaluate) {
      throw new MinutehandError(
        'TENSOR_INPUT',
        `no value was given for an ${value.operation.name} that is needed`,
        'Give every input of the graph.',
      );
    }
    const shape = value.shape.map(sizeAt);
    const data = value.operation.evaluate(inputs, shape);
    results.set(value.id, { shape, data });
    if (data.length !== sizeOf(shape))
      throw new RangeError(`${value.operation.name} computed ${data.length} values for [${shape.join(', ')}]`);
  }
  return outputs.map((output) => results.get(output.id)?.data ?? new Float64Array(0));
}

/** What the outputs depend on, in the graph's order. */
export function needed(outputs: readonly Value[]): Value[] {
  const [first] = outputs;
  if (!first) return [];
  const marked = new Set(outputs.map(({ id }) => id));
  const { values } = first.graph;
  for (let id = values.length - 1; id >= 0; id--) {
    if (marked.has(id)) for (const input of values[id]?.inputs ?? []) marked.add(input.id);
  }
  return values.filter((value) => marked.has(value.id));
}
