import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { createRandom } from '../src/core/index.ts';
import {
  buildNetwork,
  DEFAULT_NETWORK,
  HEAD_NAMES,
  HEADS,
  type NetworkShape,
} from '../src/model/network/unified-patchtst.ts';
import {
  add,
  averageLoss,
  bceWithLogits,
  compileInference,
  compileTraining,
  createSession,
  crossEntropy,
  Graph,
  huber,
  matMul,
  openTraining,
  reshape,
  type TrainingProgram,
} from '../src/tensor/index.ts';

/*
 * npm run --silent bench:training -- [--batch 256] [--features 256] [--threads 2] [--steps 10] [--rounds 3]
 * Training steps of the default network (forward, backward, clipping, AdamW) on one batch, against the same network with the same initial
 * weights in PyTorch on the same threads, by turns. Both must report the same losses. The last line is one JSON object; without PyTorch
 * `ratioToTorch` is null and the exit status 1.
 */
const option = (name: string, fallback: number): number => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? fallback : Number(process.argv[at + 1]);
};
const batch = option('batch', 256);
const features = option('features', 256);
const threads = option('threads', 2);
const steps = option('steps', 10);
const rounds = option('rounds', 3);
const LEARNING_RATE = 1e-4;
const WEIGHT_DECAY = 0.01;
const CLIP_NORM = 1;
/** Steps before the measured ones, in each round: buffers are made and the clocks rise. */
const WARM_UP = 2;

const shape: NetworkShape = { ...DEFAULT_NETWORK, features, dropout: 0 };
const rounded = (value: number): number => Number(value.toPrecision(4));
const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

interface Named {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

function buildStep(): { program: TrainingProgram; weights: Named[] } {
  const { graph, heads } = buildNetwork(shape, { batch, training: false, seed: 1 });
  const target = Object.fromEntries(
    HEAD_NAMES.map((head) => [head, graph.input(`target:${head}`, [batch, HEADS[head]])]),
  );
  const of = (head: string) => target[head] ?? graph.constant([], [0]);
  const classes = [batch, 4, 3];
  let loss = averageLoss(huber(heads.future_return, of('future_return'), 1));
  loss = add(loss, averageLoss(crossEntropy(reshape(heads.direction, classes), reshape(of('direction'), classes))));
  loss = add(loss, averageLoss(bceWithLogits(heads.level, of('level'))));
  for (const head of ['risk', 'rank24h', 'volatility'] as const)
    loss = add(loss, averageLoss(huber(heads[head], of(head), 1)));
  const program = compileTraining({
    loss,
    optimiser: { clipNorm: CLIP_NORM, groups: { matrix: { weightDecay: WEIGHT_DECAY } } },
  });
  const weights = [...graph.parameters.values()].map(({ name, value, initial }) => ({
    name,
    shape: value.shape.map(Number),
    data: initial,
  }));
  return { program, weights };
}

function makeBatch(): Named[] {
  const random = createRandom('batch');
  const fill = (count: number, draw: () => number) => Float32Array.from({ length: count }, draw);
  const windows = {
    name: 'windows',
    shape: [batch, shape.context, features],
    data: fill(batch * shape.context * features, () => random.normal()),
  };
  const targets = HEAD_NAMES.map((head): Named => {
    const count = batch * HEADS[head];
    const data = fill(count, () => random.normal());
    if (head === 'level')
      data.forEach((value, i) => {
        data[i] = value > 1 ? 1 : 0;
      });
    if (head === 'direction') {
      data.fill(0);
      for (let row = 0; row < count; row += 3) data[row + random.integer(3)] = 1;
    }
    return { name: `target:${head}`, shape: [batch, HEADS[head]], data };
  });
  return [windows, ...targets];
}

const PRODUCTS = new Set(['Gemm', 'MatMul', 'FusedMatMul', 'FusedGemm']);

interface ProfileEvent {
  readonly cat: string;
  readonly name: string;
  readonly dur: number;
  readonly args?: {
    readonly op_name?: string;
    readonly input_type_shape?: readonly Readonly<Record<string, readonly number[]>>[];
    readonly output_type_shape?: readonly Readonly<Record<string, readonly number[]>>[];
  };
}

/** Where a step's time goes, by the runtime's own profile: share of matrix products, and how fast they are. */
async function profile(program: TrainingProgram, data: readonly Named[], folder: string) {
  const session = await InferenceSession.create(program.onnx, {
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    enableProfiling: true,
    profileFilePrefix: join(folder, 'profile'),
  });
  const feeds: Record<string, Tensor> = {};
  for (const { name, shape: own, data: values } of data) feeds[name] = new Tensor('float32', values, own);
  for (const { input, shape: own, initial } of program.state) feeds[input] = new Tensor('float32', initial, own);
  const settings = new Float32Array(2 * program.groups.length + 1).fill(1e-8);
  feeds.optimiser = new Tensor('float32', settings, [settings.length]);
  for (let run = 0; run < 3; run++) await session.run(feeds);
  session.endProfiling();
  await session.release();
  const file = readdirSync(folder).find((name) => name.startsWith('profile'));
  const events: ProfileEvent[] = JSON.parse(readFileSync(join(folder, file ?? ''), 'utf8'));
  const kernels = events.filter(({ cat, name }) => cat === 'Node' && name.endsWith('_kernel_time'));
  let all = 0;
  let products = 0;
  let flops = 0;
  for (const { dur, args } of kernels) {
    all += dur;
    if (!PRODUCTS.has(args?.op_name ?? '')) continue;
    products += dur;
    const [a, out] = [args?.input_type_shape?.[0], args?.output_type_shape?.[0]].map(
      (shape) => Object.values(shape ?? {})[0] ?? [],
    );
    const count = (own: readonly number[] | undefined) => (own ?? []).reduce((total, size) => total * size, 1);
    // [..., m, k] x [..., k, n]: the sum runs over as many as a has elements for each row of the result.
    flops += 2 * count(a) * (out?.at(-1) ?? 0);
  }
  return { share: products / all, gflops: flops / products / 1_000 };
}

/** GFLOP/s of one product of the patch embedding's size. */
async function bareMatMul(): Promise<number> {
  const [m, k, n] = [batch * 12, 8 * features, 512];
  const graph = new Graph();
  const product = matMul(graph.input('a', [m, k]), graph.input('b', [k, n]));
  const session = await createSession(compileInference({ name: 'product', outputs: { c: product } }), {
    threads,
    spin: true,
  });
  const random = createRandom('product');
  const tensor = (rows: number, columns: number) =>
    new Tensor(
      'float32',
      Float32Array.from({ length: rows * columns }, () => random.uniform()),
      [rows, columns],
    );
  const feeds = { a: tensor(m, k), b: tensor(k, n) };
  const fetches = { c: new Tensor('float32', new Float32Array(m * n), [m, n]) };
  const times: number[] = [];
  for (let run = 0; run < 8; run++) {
    const start = performance.now();
    await session.run(feeds, fetches);
    times.push(performance.now() - start);
  }
  await session.release();
  return (2 * m * k * n) / median(times.slice(2)) / 1e6;
}

async function runOurs(program: TrainingProgram, data: readonly Named[]) {
  const session = await openTraining(program, { threads, seed: 1, spin: true });
  const feeds = Object.fromEntries(
    data.map(({ name, shape: own, data: values }) => [name, { shape: own, data: values }]),
  );
  const losses: number[] = [];
  const milliseconds: number[] = [];
  for (let step = 0; step < WARM_UP + steps; step++) {
    const start = performance.now();
    const { loss = Number.NaN } = await session.train(feeds, LEARNING_RATE);
    milliseconds.push(performance.now() - start);
    losses.push(loss);
  }
  await session.close();
  return { losses, milliseconds: milliseconds.slice(WARM_UP) };
}

function runTorch(folder: string): { torch: string; losses: number[]; milliseconds: number[] } | undefined {
  const environment = { ...process.env, OMP_NUM_THREADS: String(threads), OPENBLAS_NUM_THREADS: String(threads) };
  try {
    const script = join(import.meta.dirname, 'peers', 'unified_patchtst.py');
    const result = JSON.parse(
      execFileSync('/usr/bin/python3', [script, folder], {
        encoding: 'utf8',
        env: environment,
        stdio: ['ignore', 'pipe', 'pipe'],
      }),
    );
    return { ...result, milliseconds: result.milliseconds.slice(WARM_UP) };
  } catch (error) {
    process.stderr.write(
      `PyTorch did not run: ${String((error as { stderr?: string }).stderr ?? error)
        .trim()
        .split('\n')
        .at(-1)}\n`,
    );
    return undefined;
  }
}

const { program, weights } = buildStep();
const data = makeBatch();
const folder = mkdtempSync(join(tmpdir(), 'minutehand-bench-'));
try {
  const tensors = [...weights, ...data].map(({ name, shape: own, data: values }, index) => {
    writeFileSync(join(folder, `${index}.f32`), new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
    return { name, shape: own, file: `${index}.f32` };
  });
  writeFileSync(
    join(folder, 'case.json'),
    JSON.stringify({
      shape,
      heads: HEADS,
      batch,
      threads,
      steps: WARM_UP + steps,
      learningRate: LEARNING_RATE,
      weightDecay: WEIGHT_DECAY,
      clipNorm: CLIP_NORM,
      tensors,
    }),
  );
  const ours: number[] = [];
  const theirs: number[] = [];
  let version: string | undefined;
  let largestLossDifference = 0;
  for (let round = 0; round < rounds; round++) {
    const own = await runOurs(program, data);
    const torch = runTorch(folder);
    ours.push(...own.milliseconds);
    if (!torch) break;
    version = torch.torch;
    theirs.push(...torch.milliseconds);
    own.losses.forEach((loss, step) => {
      largestLossDifference = Math.max(largestLossDifference, Math.abs(loss - (torch.losses[step] ?? Number.NaN)));
    });
  }
  const product = await bareMatMul();
  const { share, gflops } = await profile(program, data, folder);
  const parameters = weights.reduce((total, { data: values }) => total + values.length, 0);
  const stepMs = median(ours);
  const torchMs = theirs.length > 0 ? median(theirs) : null;
  console.log(
    JSON.stringify({
      batch,
      features,
      threads,
      parameters,
      stepMs: rounded(stepMs),
      samplesPerSecond: rounded((batch * 1000) / stepMs),
      torch: version ?? null,
      torchStepMs: torchMs === null ? null : rounded(torchMs),
      ratioToTorch: torchMs === null ? null : rounded(torchMs / stepMs),
      largestLossDifference: version === undefined ? null : rounded(largestLossDifference),
      shareInMatMul: rounded(share),
      matMulGflops: rounded(gflops),
      bareMatMulGflops: rounded(product),
    }),
  );
  if (torchMs === null || !(largestLossDifference < 1e-3)) process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
