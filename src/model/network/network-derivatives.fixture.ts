import { at64, createRandom } from '../../core/index.ts';
import { evaluateReference, type Graph, gradients, type ReferenceTensor, type Value } from '../../tensor/index.ts';

const STEP = 1e-5;

/** Standard normals. */
export function normals(seed: string, shape: readonly number[]): ReferenceTensor {
  const random = createRandom(seed);
  const size = shape.reduce((product, each) => product * each, 1);
  return { shape, data: Float64Array.from({ length: size }, () => Math.fround(random.normal())) };
}

/**
 * For each trainable parameter, the slope of the loss along a random direction: by the graph's derivatives, and by central differences, both
 * in float64.
 */
export function directionalSlopes(
  graph: Graph,
  loss: Value,
  given: Readonly<Record<string, ReferenceTensor>>,
): { readonly name: string; readonly derived: number; readonly measured: number }[] {
  const parameters = [...graph.parameters.values()].filter(({ trainable }) => trainable);
  const derivatives = gradients(
    loss,
    parameters.map(({ value }) => value),
  );
  const known = derivatives.flatMap((value) => value ?? []);
  const computed = evaluateReference(known, given);
  return parameters.map(({ name, value, initial }, index) => {
    const derivative = derivatives[index];
    const slope = derivative ? computed[known.indexOf(derivative)] : undefined;
    const shape = value.shape.map(Number);
    const { data: direction } = normals(`direction of ${name}`, shape);
    const lossAt = (distance: number) => {
      const data = Float64Array.from(initial, (own, i) => own + distance * at64(direction, i));
      return evaluateReference([loss], { ...given, [name]: { shape, data } })[0]?.[0] ?? Number.NaN;
    };
    return {
      name,
      derived: slope?.reduce((total, own, i) => total + own * at64(direction, i), 0) ?? 0,
      measured: (lossAt(STEP) - lossAt(-STEP)) / (2 * STEP),
    };
  });
}
