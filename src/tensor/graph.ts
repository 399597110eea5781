import { MinutehandError } from '../core/index.ts';
import type { OnnxGraph } from './onnx/onnx-graph.ts';
import { formatShape, type Shape, ShapeError, sizeOf } from './shape.ts';

/** One value of a graph, and the operation that defines it. Values are immutable; build them with the functions of `ops/`. */
export interface Value {
  readonly graph: Graph;
  /** Place in the graph: inputs of an operation have smaller ones. */
  readonly id: number;
  readonly shape: Shape;
  readonly operation: Operation;
  readonly inputs: readonly Value[];
}

/** Names of what an operation reads and defines, and the writer to add nodes to. */
export interface EmitContext {
  readonly onnx: OnnxGraph;
  readonly inputs: readonly string[];
  /** Name to give to the result. */
  readonly output: string;
  readonly value: Value;
}

/** A tensor of the float64 reference evaluation. */
export interface ReferenceTensor {
  readonly shape: readonly number[];
  readonly data: Float64Array;
}

/**
 * One operation: its derivative, how it is written to ONNX, and what it computes in float64 (the definition that tests hold the
 * runtime and the derivatives to). Shapes are checked by the function that builds it.
 */
export interface Operation {
  readonly name: string;
  /** Derivatives of the loss with respect to the inputs, given that of the result; undefined where there is none. */
  readonly gradient?: (value: Value, upstream: Value) => readonly (Value | undefined)[];
  /** Adds the node(s) and returns the name of the result; undefined for inputs and parameters. */
  readonly emit?: (context: EmitContext) => string;
  readonly evaluate?: (inputs: readonly ReferenceTensor[], shape: readonly number[]) => Float64Array;
}

export interface ParameterOptions {
  /** Initial values, row-major. */
  readonly values: Float32Array;
  /** Parameter group of the optimiser; `default` if left out. */
  readonly group?: string;
  /** false for what the optimiser must leave alone (running statistics, fixed positions). */
  readonly trainable?: boolean;
}

/** A named tensor that is learned or kept between steps. */
export interface Parameter {
  readonly name: string;
  readonly value: Value;
  readonly initial: Float32Array;
  readonly group: string;
  readonly trainable: boolean;
}

const INPUT: Operation = { name: 'input' };
const PARAMETER: Operation = { name: 'parameter' };

/** A static graph of float32 tensors. Every shape is checked when a value is built. */
export class Graph {
  readonly #values: Value[] = [];
  readonly #inputs = new Map<string, Value>();
  readonly #parameters = new Map<string, Parameter>();
  readonly #updates = new Map<string, Value>();
  readonly #constants = new Map<string, Value>();
  #dropouts = { sites: 0, largest: 0 };

  /** A value given at each run. @throws MinutehandError TENSOR_NAME when the name is taken */
  input(name: string, shape: Shape): Value {
    this.#claim(name);
    const value = this.define(INPUT, [], shape);
    this.#inputs.set(name, value);
    return value;
  }

  /** A named tensor kept between runs. @throws ShapeError when values and shape differ; TENSOR_NAME when the name is taken */
  parameter(name: string, shape: readonly number[], options: ParameterOptions): Value {
    this.#claim(name);
    if (options.values.length !== sizeOf(shape)) {
      throw new ShapeError(`parameter ${name}`, [shape], `${options.values.length} values were given`);
    }
    const value = this.define(PARAMETER, [], shape);
    this.#parameters.set(name, {
      name,
      value,
      initial: options.values,
      group: options.group ?? 'default',
      trainable: options.trainable ?? true,
    });
    return value;
  }

  /** Sets what a parameter that is not trained becomes after a training step, such as a running mean. */
  update(name: string, next: Value): void {
    const parameter = this.#parameters.get(name);
    if (!parameter || parameter.trainable)
      throw new MinutehandError(
        'TENSOR_NAME',
        `"${name}" is not a parameter kept outside the optimiser`,
        'Update parameters made with trainable: false.',
      );
    if (formatShape(parameter.value.shape) !== formatShape(next.shape)) {
      throw new ShapeError(`update ${name}`, [parameter.value.shape, next.shape], 'the shapes differ');
    }
    this.#updates.set(name, next);
  }

  /** Equal constants are one value. */
  constant(shape: readonly number[], data: Float32Array | readonly number[]): Value {
    const values = data instanceof Float32Array ? data : Float32Array.from(data);
    if (values.length !== sizeOf(shape))
      throw new ShapeError('constant', [shape], `${values.length} values were given`);
    const key = values.length <= 16 ? `${shape.join('x')}:${values.join(',')}` : undefined;
    const known = key === undefined ? undefined : this.#constants.get(key);
    if (known) return known;
    const value = this.define(
      {
        name: 'constant',
        emit: ({ onnx, output }) => onnx.float32(output, shape, values),
        evaluate: () => Float64Array.from(values),
      },
      [],
      shape,
    );
    if (key !== undefined) this.#constants.set(key, value);
    return value;
  }

  /** Adds a value. For the functions of `ops/`, which check shapes first. */
  define(operation: Operation, inputs: readonly Value[], shape: Shape): Value {
    for (const input of inputs) {
      if (input.graph !== this)
        throw new MinutehandError(
          'TENSOR_GRAPH',
          `${operation.name} mixes values of two graphs`,
          'Build one graph from values of its own.',
        );
    }
    const value: Value = { graph: this, id: this.#values.length, shape, operation, inputs };
    this.#values.push(value);
    return value;
  }

  /** Number of dropout places, and elements of the largest. */
  get dropouts(): { readonly sites: number; readonly largest: number } {
    return this.#dropouts;
  }

  /** The place of another dropout over `size` elements. For `ops/dropout`. */
  claimDropout(size: number): number {
    this.#dropouts = { sites: this.#dropouts.sites + 1, largest: Math.max(this.#dropouts.largest, size) };
    return this.#dropouts.sites - 1;
  }

  get values(): readonly Value[] {
    return this.#values;
  }
  get inputs(): ReadonlyMap<string, Value> {
    return this.#inputs;
  }
  get parameters(): ReadonlyMap<string, Parameter> {
    return this.#parameters;
  }
  /** New values of parameters outside the optimiser, after a step. */
  get updates(): ReadonlyMap<string, Value> {
    return this.#updates;
  }

  #claim(name: string): void {
    if (this.#inputs.has(name) || this.#parameters.has(name)) {
      throw new MinutehandError(
        'TENSOR_NAME',
        `the graph has "${name}" already`,
        'Give each input and parameter a name of its own.',
      );
    }
  }
}
