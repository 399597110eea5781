import { readFileSync } from 'node:fs';
import { Tensor } from 'onnxruntime-node';
import { at64, createRandom } from '../src/core/index.ts';
import { buildPatchTst, type PatchTstShape } from '../src/model/network/patchtst.ts';
import {
  averageLoss,
  compileInference,
  compileTraining,
  createSession,
  openTraining,
  squaredError,
} from '../src/tensor/index.ts';

/*
 * npm run --silent bench:patchtst-ett -- --data FILE.csv [--context 336] [--horizon 96] [--epochs N] [--seed 1] [--threads 2]
 * Trains the channel-independent PatchTST on a table of the ETT form (a date, then one column a channel; hourly, or every 15 minutes) on the
 * paper's split and prints one JSON line: mean squared and absolute error over all test windows, of standardised values.
 */
const text = (name: string): string | undefined => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? undefined : process.argv[at + 1];
};
const option = (name: string, fallback: number): number => Number(text(name) ?? fallback);
const fail = (message: string): never => {
  console.log(
    JSON.stringify({
      ok: false,
      error: {
        code: 'BENCH_DATA',
        message,
        remedy: 'Give --data a CSV of the ETT form: a date column, then one number a channel.',
      },
    }),
  );
  process.exit(2);
};

const file = text('data') ?? fail('no --data was given');
const context = option('context', 336);
const horizon = option('horizon', 96);
const epochs = option('epochs', 12);
const batch = option('batch', 32);
// A forecast further than its context overfits in its first epoch at the higher rate: the loss on the validation rows chose.
const learningRate = option('rate', horizon > context ? 1e-4 : 5e-4);
const patience = option('patience', 5);
const dropout = option('dropout', 0.3);
const seed = option('seed', 1);
const threads = option('threads', 2);

interface Table {
  readonly channels: number;
  /** [channels, rows], standardised by the training rows. */
  readonly values: Float64Array;
  readonly rows: number;
}

function readTable(path: string): { table: Table; perHour: number } {
  let lines: string[];
  try {
    lines = readFileSync(path, 'utf8').trimEnd().split(/\r?\n/);
  } catch {
    return fail(`${path} cannot be read`);
  }
  const [header = '', ...body] = lines;
  const channels = header.split(',').length - 1;
  const times = body.slice(0, 2).map((line) => Date.parse(`${(line.split(',')[0] ?? '').replace(' ', 'T')}Z`));
  const perHour = Math.round(3_600_000 / ((times[1] ?? Number.NaN) - (times[0] ?? Number.NaN)));
  const rows = 20 * 30 * 24 * perHour;
  if (!(channels >= 1) || !(perHour >= 1))
    return fail(`${path} has no header of a date and channels, or no ascending dates`);
  if (body.length < rows) return fail(`${path} has ${body.length} rows, the split needs ${rows}`);
  const values = new Float64Array(channels * rows);
  for (let row = 0; row < rows; row++) {
    const cells = (body[row] ?? '').split(',');
    for (let channel = 0; channel < channels; channel++) {
      const value = Number(cells[channel + 1]);
      if (cells[channel + 1] === undefined || cells[channel + 1] === '' || !Number.isFinite(value))
        return fail(`${path}: row ${row + 2} has no number in column ${channel + 2}`);
      values[channel * rows + row] = value;
    }
  }
  const trained = 12 * 30 * 24 * perHour;
  for (let channel = 0; channel < channels; channel++) {
    const own = values.subarray(channel * rows, (channel + 1) * rows);
    const train = own.subarray(0, trained);
    const mean = train.reduce((sum, value) => sum + value, 0) / trained;
    const deviation = Math.sqrt(train.reduce((sum, value) => sum + (value - mean) ** 2, 0) / trained) || 1;
    own.forEach((value, row) => {
      own[row] = (value - mean) / deviation;
    });
  }
  return { table: { channels, values, rows }, perHour };
}

const { table, perHour } = readTable(file);
const month = 30 * 24 * perHour;
/** First forecast row of each window, by part: windows reach back by the context, also across the part's edge. */
const starts = {
  train: rangeOf(context, 12 * month - horizon),
  validation: rangeOf(12 * month, 16 * month - horizon),
  test: rangeOf(16 * month, 20 * month - horizon),
};

function rangeOf(from: number, to: number): Int32Array {
  if (to < from) fail(`a context of ${context} and a horizon of ${horizon} leave no window`);
  return Int32Array.from({ length: to - from + 1 }, (_, index) => from + index);
}

function fillBatch(chosen: ArrayLike<number>, windows: Float32Array, targets: Float32Array): void {
  const { channels, rows, values } = table;
  for (let i = 0; i < chosen.length; i++) {
    const at = chosen[i] ?? 0;
    for (let channel = 0; channel < channels; channel++) {
      const series = i * channels + channel;
      windows.set(values.subarray(channel * rows + at - context, channel * rows + at), series * context);
      targets.set(values.subarray(channel * rows + at, channel * rows + at + horizon), series * horizon);
    }
  }
}

const shape: PatchTstShape = {
  context,
  horizon,
  patch: 16,
  stride: 8,
  width: option('width', 16),
  heads: 4,
  hidden: option('hidden', 128),
  layers: 3,
  dropout,
  activation: 'gelu',
};

async function evaluate(
  weights: ReadonlyMap<string, Float32Array>,
  chosen: Int32Array,
): Promise<{ mse: number; mae: number }> {
  const { forecast } = buildPatchTst(shape, { series: 'series', training: false, seed });
  const session = await createSession(compileInference({ name: 'patchtst', outputs: { forecast }, weights }), {
    threads,
    spin: true,
  });
  let squares = 0;
  let absolutes = 0;
  const size = 64;
  for (let from = 0; from < chosen.length; from += size) {
    const own = chosen.subarray(from, Math.min(from + size, chosen.length));
    const series = own.length * table.channels;
    const windows = new Float32Array(series * context);
    const targets = new Float32Array(series * horizon);
    fillBatch(own, windows, targets);
    const { forecast: result } = await session.run({ windows: new Tensor('float32', windows, [series, context]) });
    const values = result?.data as Float32Array;
    for (let i = 0; i < targets.length; i++) {
      const error = (values[i] ?? Number.NaN) - (targets[i] ?? Number.NaN);
      squares += error * error;
      absolutes += Math.abs(error);
    }
  }
  await session.release();
  const count = chosen.length * table.channels * horizon;
  return { mse: squares / count, mae: absolutes / count };
}

const series = batch * table.channels;
const { graph, forecast } = buildPatchTst(shape, { series, training: true, seed });
const target = graph.input('target', [series, horizon]);
const program = compileTraining({ loss: averageLoss(squaredError(forecast, target)), optimiser: { groups: {} } });
const session = await openTraining(program, { threads, seed, spin: true });
const windows = { shape: [series, context], data: new Float32Array(series * context) };
const targets = { shape: [series, horizon], data: new Float32Array(series * horizon) };
const stepsPerEpoch = Math.floor(starts.train.length / batch);
const totalSteps = stepsPerEpoch * epochs;
const epochSeconds: number[] = [];
let best = { mse: Number.POSITIVE_INFINITY, epoch: 0, weights: session.weights() };
for (let epoch = 0; epoch < epochs && epoch - best.epoch <= patience; epoch++) {
  const started = performance.now();
  const random = createRandom(`${seed}/order/${epoch}`);
  const order = Float64Array.from(starts.train);
  for (let i = order.length - 1; i > 0; i--) {
    const j = random.integer(i + 1);
    [order[i], order[j]] = [at64(order, j), at64(order, i)];
  }
  let total = 0;
  for (let step = 0; step < stepsPerEpoch; step++) {
    fillBatch(order.subarray(step * batch, (step + 1) * batch), windows.data, targets.data);
    const progress = (epoch * stepsPerEpoch + step) / totalSteps;
    // A short warm-up, then a cosine to nothing.
    const rate = learningRate * Math.min(1, (progress * epochs) / 1) * 0.5 * (1 + Math.cos(Math.PI * progress));
    total += (await session.train({ windows, target: targets }, rate)).loss ?? Number.NaN;
  }
  epochSeconds.push((performance.now() - started) / 1000);
  const weights = session.weights();
  const validation = await evaluate(weights, starts.validation);
  if (validation.mse < best.mse) best = { mse: validation.mse, epoch, weights };
  process.stderr.write(
    `epoch ${epoch + 1}: ${epochSeconds.at(-1)?.toFixed(1)} s, training ${(total / stepsPerEpoch).toFixed(4)}, validation ${validation.mse.toFixed(4)}\n`,
  );
}
await session.close();
const result = await evaluate(best.weights, starts.test);
const rounded = (value: number): number => Number(value.toPrecision(4));
const sorted = [...epochSeconds].sort((a, b) => a - b);
console.log(
  JSON.stringify({
    file: file.split('/').at(-1),
    context,
    horizon,
    mse: rounded(result.mse),
    mae: rounded(result.mae),
    epochs: epochSeconds.length,
    bestEpoch: best.epoch + 1,
    validationMse: rounded(best.mse),
    secondsPerEpoch: rounded(sorted[sorted.length >> 1] ?? Number.NaN),
    threads,
  }),
);
