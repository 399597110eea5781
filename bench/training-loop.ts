import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { Tensor } from 'onnxruntime-node';
import { createRandom } from '../src/core/index.ts';
import { buildNetwork, DEFAULT_NETWORK, HEAD_NAMES, type NetworkShape } from '../src/model/network/unified-patchtst.ts';
import { optimiserInput } from '../src/tensor/adamw.ts';
import {
  add,
  averageLoss,
  compileTraining,
  createSession,
  openTraining,
  squaredError,
  type TrainingProgram,
} from '../src/tensor/index.ts';
import {
  AttributeProto_AttributeType,
  AttributeProtoSchema,
  GraphProtoSchema,
  ModelProtoSchema,
  NodeProtoSchema,
  TensorProto_DataType,
  TensorProtoSchema,
  TypeProto_TensorSchema,
  TypeProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from '../src/tensor/onnx/onnx_pb.ts';

/*
 * npm run --silent bench:training-loop -- [--rounds 3] [--threads 1] [--network tiny|default]
 * Eight training steps in one call of ONNX's Loop operator, which hands the state from step to step and reads batch i of a stack, against
 * eight calls whose outputs are the next call's inputs, by turns. Prints one JSON object per network: milliseconds and CPU
 * milliseconds per step (medians of the rounds), and the largest difference of a loss.
 */
const option = (name: string, fallback: number): number => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? fallback : Number(process.argv[at + 1]);
};
const rounds = option('rounds', 3);
const threads = option('threads', 1);
const STEPS = 8;
const LEARNING_RATE = 1e-4;

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
const rounded = (value: number): number => Number(value.toPrecision(4));

interface Case {
  readonly name: string;
  readonly shape: NetworkShape;
  readonly batch: number;
}

const TINY: NetworkShape = {
  context: 16,
  features: 8,
  patch: 8,
  stride: 4,
  width: 16,
  heads: 2,
  hidden: 32,
  layers: 2,
  headWidth: 8,
  dropout: 0,
  activation: 'gelu',
};
const CASES: readonly Case[] = [
  { name: 'tiny', shape: TINY, batch: 32 },
  { name: 'default', shape: { ...DEFAULT_NETWORK, features: 256, dropout: 0 }, batch: 256 },
];

/** A step towards zero of all heads, without dropout: one input per batch beside the state. */
function compileStep({ shape, batch }: Case): TrainingProgram {
  const { graph, heads } = buildNetwork(shape, { batch, training: false, seed: 1 });
  const losses = HEAD_NAMES.map((head) => averageLoss(squaredError(heads[head], graph.constant([], [0]))));
  return compileTraining({
    loss: losses.slice(1).reduce(add, losses[0] ?? graph.constant([], [0])),
    optimiser: { clipNorm: 1, groups: { matrix: { weightDecay: 0.01 } } },
  });
}

const STACKED = ['windows', 'optimiser'];

/** The step's graph as the body of a Loop: state goes round, stacked inputs are gathered by the iteration's number. */
function loopOf(program: TrainingProgram): Uint8Array {
  const model = fromBinary(ModelProtoSchema, program.onnx);
  const step = model.graph;
  if (!step) throw new Error('the step has no graph');
  const byName = new Map([...step.input, ...step.output].map((info) => [info.name, info]));
  const infoOf = (name: string): ValueInfoProto => byName.get(name) ?? create(ValueInfoProtoSchema, { name });
  const typed = (name: string, elemType: number): ValueInfoProto =>
    create(ValueInfoProtoSchema, {
      name,
      type: create(TypeProtoSchema, {
        value: { case: 'tensorType', value: create(TypeProto_TensorSchema, { elemType, shape: {} }) },
      }),
    });
  const body = create(GraphProtoSchema, {
    name: 'body',
    input: [
      typed('iteration', TensorProto_DataType.INT64),
      typed('condition', TensorProto_DataType.BOOL),
      ...program.state.map(({ input }) => infoOf(input)),
    ],
    output: [
      typed('condition_out', TensorProto_DataType.BOOL),
      ...program.state.map(({ output }) => infoOf(output)),
      infoOf('loss'),
    ],
    initializer: step.initializer,
    node: [
      create(NodeProtoSchema, { opType: 'Identity', name: 'keep_on', input: ['condition'], output: ['condition_out'] }),
      ...STACKED.map((name) =>
        create(NodeProtoSchema, {
          opType: 'Gather',
          name: `pick_${name}`,
          input: [`${name}_stack`, 'iteration'],
          output: [name],
        }),
      ),
      ...step.node,
    ],
  });
  const loop = create(NodeProtoSchema, {
    opType: 'Loop',
    name: 'steps',
    input: ['trip_count', 'start', ...program.state.map(({ input }) => `from:${input}`)],
    output: [...program.state.map(({ output }) => `final:${output}`), 'losses'],
    attribute: [create(AttributeProtoSchema, { name: 'body', type: AttributeProto_AttributeType.GRAPH, g: body })],
  });
  const renamed = (info: ValueInfoProto, name: string) =>
    create(ValueInfoProtoSchema, { name, ...(info.type ? { type: info.type } : {}) });
  const untyped = (name: string) =>
    create(ValueInfoProtoSchema, {
      name,
      type: create(TypeProtoSchema, {
        value: {
          case: 'tensorType',
          value: create(TypeProto_TensorSchema, { elemType: TensorProto_DataType.FLOAT }),
        },
      }),
    });
  model.graph = create(GraphProtoSchema, {
    name: 'loop',
    initializer: [
      create(TensorProtoSchema, {
        name: 'trip_count',
        dataType: TensorProto_DataType.INT64,
        int64Data: [BigInt(STEPS)],
      }),
      create(TensorProtoSchema, { name: 'start', dataType: TensorProto_DataType.BOOL, int32Data: [1] }),
    ],
    input: [
      ...STACKED.map((name) => untyped(`${name}_stack`)),
      ...program.state.map(({ input }) => renamed(infoOf(input), `from:${input}`)),
    ],
    output: [...program.state.map(({ output }) => renamed(infoOf(output), `final:${output}`)), untyped('losses')],
    node: [loop],
  });
  return toBinary(ModelProtoSchema, model);
}

interface Timed {
  readonly losses: number[];
  /** Per step, of elapsed and of CPU time. */
  readonly milliseconds: number;
  readonly cpu: number;
}

function startWatch(): () => Omit<Timed, 'losses'> {
  const start = performance.now();
  const before = process.cpuUsage();
  return () => {
    const { user, system } = process.cpuUsage(before);
    return { milliseconds: (performance.now() - start) / STEPS, cpu: (user + system) / 1_000 / STEPS };
  };
}

async function fedBack(program: TrainingProgram, stack: readonly Float32Array[], one: readonly number[]) {
  const session = await openTraining(program, { threads, seed: 1, spin: threads > 1 });
  const run = async (): Promise<Timed> => {
    const losses: number[] = [];
    const watch = startWatch();
    for (const data of stack) {
      losses.push((await session.train({ windows: { shape: one, data } }, LEARNING_RATE)).loss ?? Number.NaN);
    }
    return { losses, ...watch() };
  };
  return { run, close: () => session.close() };
}

async function looped(program: TrainingProgram, stack: readonly Float32Array[], one: readonly number[]) {
  const session = await createSession(loopOf(program), { threads, spin: threads > 1 });
  const windows = new Float32Array(STEPS * (stack[0]?.length ?? 0));
  stack.forEach((data, index) => {
    windows.set(data, index * data.length);
  });
  const make = () =>
    program.state.map(({ shape, initial }) => new Tensor('float32', new Float32Array(initial.length), shape));
  let current = program.state.map(({ shape, initial }) => new Tensor('float32', initial.slice(), shape));
  let next = make();
  let done = 0;
  const run = async (): Promise<Timed> => {
    const watch = startWatch();
    const settings = stack.map((_, i) =>
      optimiserInput(program.optimiser, program.groups, LEARNING_RATE, done + i + 1),
    );
    const feeds: Record<string, Tensor> = {
      windows_stack: new Tensor('float32', windows, [STEPS, ...one]),
      optimiser_stack: new Tensor('float32', Float32Array.from(settings.flatMap((own) => [...own])), [
        STEPS,
        settings[0]?.length ?? 0,
      ]),
    };
    const fetches: Record<string, Tensor | null> = { losses: null };
    program.state.forEach(({ input, output }, index) => {
      feeds[`from:${input}`] = current[index] ?? new Tensor('float32', new Float32Array(0), [0]);
      fetches[`final:${output}`] = next[index] ?? null;
    });
    const results = await session.run(feeds, fetches);
    [current, next] = [next, current];
    done += STEPS;
    return { losses: Array.from(results.losses?.data as Float32Array), ...watch() };
  };
  return { run, close: () => session.release() };
}

const chosen = process.argv[process.argv.indexOf('--network') + 1];
for (const own of CASES.filter(({ name }) => !process.argv.includes('--network') || name === chosen)) {
  const program = compileStep(own);
  const one = [own.batch, own.shape.context, own.shape.features];
  const random = createRandom(own.name);
  const size = one.reduce((product, each) => product * each, 1);
  const stack = Array.from({ length: STEPS }, () => Float32Array.from({ length: size }, () => random.normal()));
  const feeding = await fedBack(program, stack, one);
  const looping = await looped(program, stack, one);
  const rows: { readonly fed: Timed; readonly loop: Timed }[] = [];
  let largestLossDifference = 0;
  // The first round makes buffers and is not counted.
  for (let round = 0; round <= rounds; round++) {
    const fed = await feeding.run();
    const loop = await looping.run();
    fed.losses.forEach((loss, step) => {
      largestLossDifference = Math.max(largestLossDifference, Math.abs(loss - (loop.losses[step] ?? Number.NaN)));
    });
    if (round > 0) rows.push({ fed, loop });
  }
  await feeding.close();
  await looping.close();
  const middle = (of: (row: (typeof rows)[number]) => number) => rounded(median(rows.map(of)));
  console.log(
    JSON.stringify({
      network: own.name,
      batch: own.batch,
      threads,
      rounds,
      stepsPerCall: STEPS,
      fedBackMs: middle(({ fed }) => fed.milliseconds),
      loopMs: middle(({ loop }) => loop.milliseconds),
      fedBackCpuMs: middle(({ fed }) => fed.cpu),
      loopCpuMs: middle(({ loop }) => loop.cpu),
      largestLossDifference,
    }),
  );
}
