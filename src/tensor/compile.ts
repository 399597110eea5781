import { MinutehandError } from '../core/index.ts';
import { needed } from './evaluate-reference.ts';
import type { Graph, Value } from './graph.ts';
import { type OnnxGraph, OnnxGraph as Writer } from './onnx/onnx-graph.ts';

export interface CompileOptions {
  readonly name: string;
  /** Results by name; they keep their order. */
  readonly outputs: Readonly<Record<string, Value>>;
  /** Weights by parameter name; the initial values where one is missing. */
  readonly weights?: ReadonlyMap<string, Float32Array>;
  readonly metadata?: Readonly<Record<string, string>>;
}

/** An ONNX file for inference: the parameters are constants in it. Equal options give equal bytes. */
export function compileInference({ name, outputs, weights, metadata = {} }: CompileOptions): Uint8Array {
  const [first] = Object.values(outputs);
  if (!first) throw new MinutehandError('TENSOR_OUTPUTS', `the graph ${name} has no outputs`, 'Name one at least.');
  const onnx = new Writer(name);
  emitGraph(onnx, first.graph, outputs, (parameter, shape, initial) =>
    onnx.float32(parameter, shape, weights?.get(parameter) ?? initial),
  );
  for (const [key, value] of Object.entries(metadata)) onnx.metadata(key, value);
  return onnx.toBytes();
}

/** Writes what the outputs need into `onnx`; `bind` makes parameters into inputs or constants and returns their name. */
export function emitGraph(
  onnx: OnnxGraph,
  graph: Graph,
  outputs: Readonly<Record<string, Value>>,
  bind: (name: string, shape: readonly number[], initial: Float32Array) => string,
): void {
  const wanted = needed(Object.values(outputs));
  const names = new Map<number, string>();
  const used = new Set(wanted.map(({ id }) => id));
  for (const [name, value] of graph.inputs) {
    if (used.has(value.id)) names.set(value.id, onnx.input(name, value.shape));
  }
  for (const { name, value, initial } of graph.parameters.values()) {
    if (used.has(value.id)) names.set(value.id, bind(name, value.shape.map(Number), initial));
  }
  // An operation writes straight into the output that it is; only what is an input, or an output twice, is copied.
  const direct = new Map<number, string>();
  for (const [name, { id }] of Object.entries(outputs)) if (!names.has(id) && !direct.has(id)) direct.set(id, name);
  for (const value of wanted) {
    if (names.has(value.id)) continue;
    if (!value.operation.emit)
      throw new MinutehandError(
        'TENSOR_GRAPH',
        `${value.operation.name} cannot be written`,
        'Use an operation of the library.',
      );
    const inputs = value.inputs.map((input) => names.get(input.id) ?? '');
    names.set(value.id, value.operation.emit({ onnx, inputs, output: direct.get(value.id) ?? `v${value.id}`, value }));
  }
  for (const [name, value] of Object.entries(outputs)) {
    const own = names.get(value.id) ?? '';
    if (own !== name) onnx.node('Identity', [own], name);
    onnx.output(name, value.shape);
  }
}
