import type { Graph, Value } from './graph.ts';
import { add, divide, minimum, multiply, subtract, sum } from './ops/arithmetic.ts';
import { sqrt, square } from './ops/elementwise.ts';
import { reshape, slice } from './ops/layout.ts';

/** How a parameter group is trained. */
export interface ParameterGroup {
  /** Factor of the learning rate, 1 by default. */
  readonly learningRateScale?: number;
  /** Decoupled decay per step: w shrinks by learning rate times this. */
  readonly weightDecay?: number;
}

/** AdamW (Loshchilov and Hutter 2019): decay is decoupled from the moments. */
export interface AdamWOptions {
  readonly beta1?: number;
  readonly beta2?: number;
  readonly epsilon?: number;
  /** Gradients are scaled down to this global norm where they exceed it; none by default. */
  readonly clipNorm?: number;
  /** By group name; groups left out take `default`'s settings. */
  readonly groups?: Readonly<Record<string, ParameterGroup>>;
  /** Keeps an exponential moving average of the weights with this decay. */
  readonly emaDecay?: number;
}

const DEFAULTS = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };
export const OPTIMISER_INPUT = 'optimiser';

/** The optimiser's input of step t (1 for the first): for each group [1 - lr decay, step size], then epsilon. */
export function optimiserInput(
  options: AdamWOptions,
  groups: readonly string[],
  learningRate: number,
  step: number,
): Float32Array {
  const { beta1, beta2, epsilon } = { ...DEFAULTS, ...options };
  const secondScale = Math.sqrt(1 - beta2 ** step);
  const values = groups.flatMap((name) => {
    const { learningRateScale = 1, weightDecay = 0 } = options.groups?.[name] ?? options.groups?.default ?? {};
    const rate = learningRate * learningRateScale;
    return [1 - rate * weightDecay, (rate * secondScale) / (1 - beta1 ** step)];
  });
  return Float32Array.from([...values, epsilon * secondScale]);
}

/** What one set of moments belongs to: a parameter, or several small ones in a row. */
export interface Block {
  readonly key: string;
  readonly weight: Value;
  readonly gradient: Value;
  readonly group: string;
}

export interface Updated {
  readonly weight: Value;
  readonly first: Value;
  readonly second: Value;
  readonly average: Value | undefined;
}

/**
 * The values of weights, moments and averages after one step, and the global norm of the gradients before clipping. The moments are
 * inputs of the graph: `first:KEY`, `second:KEY` and `average:KEY`.
 */
export function applyAdamW(
  graph: Graph,
  blocks: readonly Block[],
  groups: readonly string[],
  options: AdamWOptions,
): { readonly updated: readonly Updated[]; readonly gradientNorm: Value } {
  const { beta1, beta2 } = { ...DEFAULTS, ...options };
  const settings = graph.input(OPTIMISER_INPUT, [groups.length * 2 + 1]);
  const setting = (index: number) => reshape(slice(settings, 0, index, index + 1), []);
  const epsilon = setting(groups.length * 2);
  const squares = blocks.map(({ gradient }) => sum(square(gradient)));
  const gradientNorm = sqrt(
    squares.slice(1).reduce((total, next) => add(total, next), squares[0] ?? graph.constant([], [0])),
  );
  const scale =
    options.clipNorm === undefined
      ? undefined
      : minimum(divide(graph.constant([], [options.clipNorm]), add(gradientNorm, 1e-6)), 1);
  const firstGain = scale ? multiply(scale, 1 - beta1) : graph.constant([], [1 - beta1]);
  const secondGain = scale ? multiply(multiply(scale, scale), 1 - beta2) : graph.constant([], [1 - beta2]);
  const perGroup = groups.map((_, index) => ({ keep: setting(index * 2), step: setting(index * 2 + 1) }));
  const updated = blocks.map(({ key, weight: old, gradient, group }): Updated => {
    const moment = (kind: string) => graph.input(`${kind}:${key}`, old.shape);
    const first = add(multiply(moment('first'), beta1), multiply(gradient, firstGain));
    const second = add(multiply(moment('second'), beta2), multiply(square(gradient), secondGain));
    const own = perGroup[groups.indexOf(group)] ?? { keep: graph.constant([], [1]), step: epsilon };
    const move = multiply(divide(first, add(sqrt(second), epsilon)), own.step);
    const weight = subtract(multiply(old, own.keep), move);
    const { emaDecay } = options;
    if (emaDecay === undefined) return { weight, first, second, average: undefined };
    const average = moment('average');
    return { weight, first, second, average: add(average, multiply(subtract(weight, average), 1 - emaDecay)) };
  });
  return { updated, gradientNorm };
}
