import { MinutehandError } from '../core/index.ts';
import { type AdamWOptions, applyAdamW, type Block } from './adamw.ts';
import { emitGraph } from './compile.ts';
import { gradients } from './gradients.ts';
import type { Parameter, Value } from './graph.ts';
import { OnnxGraph } from './onnx/onnx-graph.ts';
import { concat, reshape } from './ops/layout.ts';
import { ShapeError } from './shape.ts';

export interface TrainingOptions {
  readonly loss: Value;
  /** Scalars reported beside the loss. */
  readonly metrics?: Readonly<Record<string, Value>>;
  readonly optimiser?: AdamWOptions;
}

/** One tensor that a step reads and replaces. */
export interface StateTensor {
  /** `weight:BLOCK`, `first:BLOCK`, `second:BLOCK`, `average:BLOCK`, or `kept:NAME` for what the optimiser leaves alone. */
  readonly key: string;
  readonly input: string;
  readonly output: string;
  readonly shape: readonly number[];
  readonly initial: Float32Array;
}

/** Where a parameter lies in the state: `size` values of a block from `offset` on. */
export interface ParameterPlace {
  readonly name: string;
  readonly block: string;
  readonly offset: number;
  readonly size: number;
}

/** A compiled training step: forward, backward, clipping, AdamW and averages in one graph. */
export interface TrainingProgram {
  readonly onnx: Uint8Array;
  readonly state: readonly StateTensor[];
  readonly places: readonly ParameterPlace[];
  readonly groups: readonly string[];
  readonly optimiser: AdamWOptions;
  /** `loss`, `gradient_norm` and the given ones. */
  readonly scalars: readonly string[];
  readonly dropouts: number;
}

/**
 * Compiles one training step of all trainable parameters that the loss depends on.
 * @throws ShapeError when the loss or a metric is no scalar; MinutehandError TENSOR_GRADIENT when there is nothing to train
 */
export function compileTraining({ loss, metrics = {}, optimiser = {} }: TrainingOptions): TrainingProgram {
  const { graph } = loss;
  for (const [name, { shape }] of Object.entries(metrics)) {
    if (shape.length > 0) throw new ShapeError(`metric ${name}`, [shape], 'must be a scalar');
  }
  const trainable = [...graph.parameters.values()].filter((parameter) => parameter.trainable);
  const found = gradients(
    loss,
    trainable.map(({ value }) => value),
  );
  const trained = trainable.filter((_, index) => found[index]);
  if (trained.length === 0)
    throw new MinutehandError(
      'TENSOR_GRADIENT',
      'the loss depends on no trainable parameter',
      'Build the loss from parameters.',
    );
  const groups = [...new Set(trained.map(({ group }) => group))].sort();
  const gradientOf = new Map(trainable.map(({ name }, index) => [name, found[index]]));
  const packs = packsOf(trained);
  const blocks = packs.map(({ key, members, group }): Block => {
    const parts = members.flatMap(({ name }) => gradientOf.get(name) ?? []);
    const [only] = members;
    if (members.length === 1 && only && parts[0]) return { key, group, weight: only.value, gradient: parts[0] };
    const size = members.reduce((total, { initial }) => total + initial.length, 0);
    return {
      key,
      group,
      weight: graph.input(`weight:${key}`, [size]),
      gradient: concat(
        parts.map((part) => reshape(part, [-1])),
        0,
      ),
    };
  });
  const { updated, gradientNorm } = applyAdamW(graph, blocks, groups, optimiser);

  const outputs: Record<string, Value> = { loss, gradient_norm: gradientNorm, ...metrics };
  const scalars = Object.keys(outputs);
  const state: StateTensor[] = [];
  const places: ParameterPlace[] = [];
  const keep = (key: string, input: string, next: Value, initial: Float32Array) => {
    const output = `next:${key}`;
    outputs[output] = next;
    state.push({ key, input, output, shape: next.shape.map(Number), initial });
  };
  packs.forEach(({ key, members }, index) => {
    const next = updated[index];
    if (!next) return;
    const initial = new Float32Array(members.reduce((total, member) => total + member.initial.length, 0));
    let offset = 0;
    for (const member of members) {
      initial.set(member.initial, offset);
      places.push({ name: member.name, block: key, offset, size: member.initial.length });
      offset += member.initial.length;
    }
    keep(`weight:${key}`, members.length === 1 ? (members[0]?.name ?? key) : `weight:${key}`, next.weight, initial);
    keep(`first:${key}`, `first:${key}`, next.first, new Float32Array(offset));
    keep(`second:${key}`, `second:${key}`, next.second, new Float32Array(offset));
    if (next.average) keep(`average:${key}`, `average:${key}`, next.average, initial);
  });
  for (const [name, next] of graph.updates) {
    keep(`kept:${name}`, name, next, graph.parameters.get(name)?.initial ?? new Float32Array(0));
  }
  const onnx = new OnnxGraph('training-step');
  const moving = new Set(state.map(({ input }) => input));
  const packOf = new Map(
    packs.flatMap((pack) => (pack.members.length > 1 ? pack.members.map(({ name }) => [name, pack] as const) : [])),
  );
  emitGraph(onnx, graph, outputs, (name, shape, initial) => {
    const pack = packOf.get(name);
    if (pack) return unpack(onnx, pack, name, shape);
    return moving.has(name) ? onnx.input(name, shape) : onnx.float32(name, shape, initial);
  });
  return { onnx: onnx.toBytes(), state, places, groups, optimiser, scalars, dropouts: graph.dropouts.sites };
}

/** Parameters that share their moments: small ones of a group in one block, so that a step has few operations; large ones alone. */
interface Pack {
  readonly key: string;
  readonly group: string;
  readonly members: readonly Parameter[];
}

const SMALL = 32_768;

function packsOf(parameters: readonly Parameter[]): Pack[] {
  const small = new Map<string, Parameter[]>();
  const packs: Pack[] = [];
  for (const parameter of parameters) {
    const { name, group, initial } = parameter;
    if (initial.length > SMALL) packs.push({ key: name, group, members: [parameter] });
    else small.set(group, [...(small.get(group) ?? []), parameter]);
  }
  for (const [group, members] of small) {
    packs.push({ key: members.length === 1 ? (members[0]?.name ?? group) : `small ${group}`, group, members });
  }
  return packs;
}

/** The parameter as a piece of its block. */
function unpack(onnx: OnnxGraph, { key, members }: Pack, name: string, shape: readonly number[]): string {
  const pieces = members.map((member) => `${member.name}:flat`) as [string, ...string[]];
  if (!onnx.has(pieces[0])) {
    const sizes = onnx.int64(
      `${key}:sizes`,
      [members.length],
      members.map(({ initial }) => initial.length),
    );
    onnx.nodeOf('Split', [`weight:${key}`, sizes], pieces, { axis: 0 });
  }
  return onnx.node('Reshape', [`${name}:flat`, onnx.int64(`${name}:shape`, [shape.length], shape)], name);
}
