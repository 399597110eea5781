import { createRequire } from 'node:module';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { Tensor } from 'onnxruntime-node';
import { createRandom, epochMs, type FeaturePanel, MINUTE_MS } from '../src/core/index.ts';
import type { CheckedArtefact } from '../src/model/artefact.ts';
import { benchArtefact } from '../src/model/bench-model.ts';
import { openNetworkSessions } from '../src/model/network/network-sessions.ts';
import { forecastSeries } from '../src/model/network/series-forecast.ts';
import { partGraphs } from '../src/model/network/serving-graph.ts';
import { DEFAULT_NETWORK, type NetworkShape, patchCount } from '../src/model/network/unified-patchtst.ts';
import { openNetwork } from '../src/model/network-predictor.ts';
import { createPredictorSlot } from '../src/model/predictor-slot.ts';
import { randomNetwork, SMALL_NETWORK } from '../src/model/random-network.fixture.ts';
import { OUTPUT_GROUPS } from '../src/model/raw-outputs.ts';
import {
  compileInference,
  createSession,
  Graph,
  matMul,
  PRECISIONS,
  readOnnxWeights,
  slice,
  type Value,
} from '../src/tensor/index.ts';

/*
 * npm run --silent bench:inference -- [--features 256] [--symbols 50] [--runs 60] [--large 200,1000] [--batches 64] [--bulk 2000] [--threads 1,2] [--swaps 0]
 * The default network with random weights: a minute's forecasts with kept embeddings and without, against the bare matrix products that they
 * consist of; the whole file in other precisions; then whole series of bars, as a backtest reads them. The last line is one JSON object.
 */
const text = (name: string, fallback: string): string => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? fallback : String(process.argv[at + 1]);
};
const option = (name: string, fallback: number): number => Number(text(name, String(fallback)));
const list = (name: string, fallback: string): number[] => text(name, fallback).split(',').filter(Boolean).map(Number);

const NAMES = OUTPUT_GROUPS.map(({ name }) => name);
const START = Date.UTC(2025, 0, 1);
const rounded = (value: number): number => Number(value.toPrecision(4));
const quantile = (values: readonly number[], share: number): number =>
  [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(share * values.length))] ?? Number.NaN;
interface Timed {
  /** Elapsed and CPU milliseconds of each run. */
  readonly wall: number[];
  readonly cpu: number[];
}

const summary = ({ wall, cpu }: Timed) => ({
  p50Ms: rounded(quantile(wall, 0.5)),
  p99Ms: rounded(quantile(wall, 0.99)),
  cpuP50Ms: rounded(quantile(cpu, 0.5)),
  cpuMinMs: rounded(Math.min(...cpu)),
});

/** The least CPU time says most where other work takes the cores, their caches and their other threads away. */
const ratio = (a: Timed, b: Timed): number => rounded(Math.min(...a.cpu) / Math.min(...b.cpu));

/** Runs contenders by turns, so that what disturbs one disturbs the others too. */
async function byTurns(runs: number, contenders: readonly ((run: number) => Promise<unknown>)[]): Promise<Timed[]> {
  const results = contenders.map((): Timed => ({ wall: [], cpu: [] }));
  for (let run = 0; run < runs + WARM_UP; run++) {
    for (const [index, contender] of contenders.entries()) {
      const startCpu = process.cpuUsage();
      const start = performance.now();
      await contender(run);
      const wall = performance.now() - start;
      const { user, system } = process.cpuUsage(startCpu);
      if (run < WARM_UP) continue;
      results[index]?.wall.push(wall);
      results[index]?.cpu.push((user + system) / 1_000);
    }
  }
  return results;
}

const WARM_UP = 3;

/** Something to run again and again. */
interface Contender {
  readonly run: (run: number) => Promise<unknown>;
  readonly close: () => Promise<void>;
}

function noise(count: number, seed: string): Float32Array {
  const random = createRandom(seed);
  return Float32Array.from({ length: count }, () => random.normal());
}

const made = new Map<number, CheckedArtefact>();
function networkOf(shape: NetworkShape): CheckedArtefact {
  const artefact = made.get(shape.features) ?? randomNetwork(shape);
  made.set(shape.features, artefact);
  return artefact;
}

/** One bar of phase 0 a call, so that a context is whole after 96 calls; the minutes between belong to other phases and cost the same. */
async function cached(shape: NetworkShape, symbols: number, threads: number): Promise<Contender & { figures: object }> {
  const artefact = networkOf(shape);
  const startedOpen = process.cpuUsage();
  const predictor = await openNetwork(artefact, { batchSize: 64, threads });
  const openCpu = process.cpuUsage(startedOpen);
  const values = noise(symbols * shape.features, 'panel');
  const masked = new Uint8Array(values.length);
  const names = Array.from({ length: symbols }, (_, index) => `S${index}`);
  const panelOf = (bar: number): FeaturePanel => ({
    minute: epochMs(START + 15 * MINUTE_MS * bar),
    symbols: names,
    width: shape.features,
    featureSetHash: artefact.manifest.featureSetHash,
    values,
    masked,
  });
  const startedWarm = process.cpuUsage();
  for (let bar = 0; bar < shape.context - 1; bar++) await predictor.observe(panelOf(bar));
  const observeCpu = process.cpuUsage(startedWarm);
  return {
    figures: {
      openCpuMs: Math.round((openCpu.user + openCpu.system) / 1_000),
      observeCpuMs: rounded((observeCpu.user + observeCpu.system) / 1_000 / (shape.context - 1)),
    },
    run: async (run) => {
      const forecasts = await predictor.predict(panelOf(shape.context - 1 + run));
      if (forecasts.length !== symbols) throw new Error(`${forecasts.length} forecasts for ${symbols} symbols`);
    },
    close: () => predictor.close(),
  };
}

async function uncached(shape: NetworkShape, symbols: number, threads: number): Promise<Contender> {
  const session = await createSession(networkOf(shape).onnx, { threads });
  const dimensions = [symbols, shape.context, shape.features];
  const windows = new Tensor('float32', noise(symbols * shape.context * shape.features, 'windows'), dimensions);
  return { run: () => session.run({ windows }, NAMES), close: () => session.release() };
}

/** The matrix products of one call and nothing else: [rows, inputs] x [inputs, outputs] with constant weights, and how often. */
function productsOf(shape: NetworkShape, rows: number, isCached: boolean): [number, number, number][] {
  const { width, hidden, layers, headWidth, patch, stride, features, context } = shape;
  const tokens = rows * patchCount(shape);
  const embedding: [number, number, number] = isCached
    ? [rows, patch * features, width]
    : [rows * (context / stride), stride * features, (patch / stride) * width];
  return [
    embedding,
    ...Array.from({ length: layers }, (_, layer): [number, number, number][] => [
      [tokens, width, 3 * width],
      [tokens, width, width],
      [tokens, width, hidden],
      [layer === layers - 1 ? rows : tokens, hidden, width],
    ]).flat(),
    [rows, features, headWidth],
    [rows, width + headWidth, 6 * headWidth],
  ];
}

const operations = (products: readonly [number, number, number][]): number =>
  products.reduce((total, [m, k, n]) => total + 2 * m * k * n, 0);

async function bareProducts(products: readonly [number, number, number][], threads: number): Promise<Contender> {
  const graph = new Graph();
  const outputs: Record<string, Value> = {};
  const feeds: Record<string, Tensor> = {};
  products.forEach(([m, k, n], index) => {
    const name = `${m}x${k}`;
    feeds[name] ??= new Tensor('float32', noise(m * k, name), [m, k]);
    const input = graph.inputs.get(name) ?? graph.input(name, [m, k]);
    const matrix = graph.parameter(`w${index}`, [k, n], { values: noise(k * n, `w${index}`) });
    // One row each: handing whole products over to JavaScript takes longer than some of them.
    outputs[`c${index}`] = slice(matMul(input, matrix), 0, 0, 1);
  });
  const session = await createSession(compileInference({ name: 'products', outputs }), { threads });
  return { run: () => session.run(feeds), close: () => session.release() };
}

interface BulkTask {
  readonly onnx: Uint8Array;
  readonly shape: NetworkShape;
  readonly bars: number;
  readonly batch: number;
  readonly threads: number;
}

/** Windows a second: of whole series of bars, and of the bare products of as many windows, by turns in one run. */
interface BulkRate {
  readonly windowsPerSecond: number;
  readonly productsPerSecond: number;
  /** Time of the series to that of the bare products, the least of each: CPU time, or elapsed time in a worker, whose own CPU time Node does not tell. */
  readonly ratioToProducts: number;
  /** By the least CPU time; not in workers. */
  readonly windowsPerCpuSecond?: number;
}

const BULK_ROUNDS = 5;

/** `go` lets several begin together. */
async function bulk({ onnx, shape, bars, batch, threads }: BulkTask, go: () => Promise<void>): Promise<BulkRate> {
  const graphs = partGraphs(shape, readOnnxWeights(onnx));
  const sessions = await openNetworkSessions(shape, graphs, { threads });
  const products = await bareProducts(productsOf(shape, batch, true), threads);
  const calls = Math.ceil(bars / batch / BULK_ROUNDS);
  const windows = calls * batch;
  const rows = noise((windows + shape.context - 1) * shape.features, 'series');
  const ends = Int32Array.from({ length: windows }, (_, index) => shape.context - 1 + index);
  const settings = { batch, outputs: NAMES, onOutputs: () => undefined };
  const series = () => forecastSeries(shape, sessions, rows, ends, settings);
  const bare = async () => {
    for (let call = 0; call < calls; call++) await products.run(call);
  };
  await go();
  const [own, theirs] = await byTurns(BULK_ROUNDS, [series, bare]);
  await sessions.close();
  await products.close();
  if (!own || !theirs) throw new Error('nothing was measured');
  const perSecond = (wall: readonly number[]) => Math.round((windows * 1_000) / quantile(wall, 0.5));
  return {
    windowsPerSecond: perSecond(own.wall),
    productsPerSecond: perSecond(theirs.wall),
    ...(isMainThread
      ? {
          ratioToProducts: ratio(own, theirs),
          windowsPerCpuSecond: Math.round((windows * 1_000) / Math.min(...own.cpu)),
        }
      : { ratioToProducts: rounded(Math.min(...own.wall) / Math.min(...theirs.wall)) }),
  };
}

/** One single-thread session in each of several worker threads, begun together: the sum of what they do. */
async function bulkInWorkers(task: BulkTask, count: number): Promise<BulkRate> {
  const loader = createRequire(import.meta.url).resolve('tsx/esm/api');
  const start = `require(${JSON.stringify(loader)}).register(); import(${JSON.stringify(import.meta.url)});`;
  const workers = Array.from({ length: count }, () => new Worker(start, { eval: true, workerData: task }));
  const next = (worker: Worker) =>
    new Promise<unknown>((resolve, reject) => worker.once('message', resolve).once('error', reject));
  await Promise.all(workers.map(next));
  const pending = workers.map(next);
  for (const worker of workers) worker.postMessage('go');
  const rates = (await Promise.all(pending)) as BulkRate[];
  await Promise.all(workers.map((worker) => worker.terminate()));
  const total = (of: (rate: BulkRate) => number) => rates.reduce((sum, rate) => sum + of(rate), 0);
  return {
    windowsPerSecond: total((rate) => rate.windowsPerSecond),
    productsPerSecond: total((rate) => rate.productsPerSecond),
    ratioToProducts: rounded(total((rate) => rate.ratioToProducts) / count),
  };
}

/** Resident megabytes while small networks take each other's place: after a tenth of the changes, half of them and all. */
async function swaps(count: number) {
  const artefacts = [1, 2].map((seed) => randomNetwork(SMALL_NETWORK, { seed }));
  const slot = createPredictorSlot();
  const symbols = Array.from({ length: 50 }, (_, index) => `S${index}`);
  const { context, features } = SMALL_NETWORK;
  const values = noise(symbols.length * features, 'panel');
  const { featureSetHash } = randomNetwork(SMALL_NETWORK).manifest;
  const shared = { symbols, width: features, featureSetHash, values, masked: new Uint8Array(values.length) };
  const marks = [0.1, 0.5, 1].map((share) => Math.max(1, Math.round(share * count)));
  const rssMb: number[] = [];
  for (let change = 1; change <= count; change++) {
    const artefact = artefacts[change % 2];
    if (!artefact) break;
    const next = await openNetwork(artefact, { batchSize: 64 });
    for (let bar = 0; bar < context; bar++)
      await next.observe({ ...shared, minute: epochMs(START + 15 * MINUTE_MS * bar) });
    await slot.swap(next);
    await slot.use((served) =>
      served ? served.predict({ ...shared, minute: epochMs(START + 15 * MINUTE_MS * context) }) : Promise.resolve([]),
    );
    if (marks.includes(change)) rssMb.push(Math.round(process.memoryUsage().rss / 2 ** 20));
  }
  await slot.close();
  return { changes: count, rssMb };
}

async function main(): Promise<void> {
  const shape: NetworkShape = { ...DEFAULT_NETWORK, features: option('features', 256) };
  const symbols = option('symbols', 50);
  const runs = option('runs', 60);
  const minute = [];
  for (const threads of list('threads', '1,2')) {
    const kept = await cached(shape, symbols, threads);
    const contenders = [
      kept,
      await uncached(shape, symbols, threads),
      await bareProducts(productsOf(shape, symbols, true), threads),
      await bareProducts(productsOf(shape, symbols, false), threads),
    ];
    const [withCache, without, products, allProducts] = await byTurns(
      runs,
      contenders.map(({ run }) => run),
    );
    for (const { close } of contenders) await close();
    if (!withCache || !without || !products || !allProducts) throw new Error('nothing was measured');
    minute.push({
      threads,
      ...kept.figures,
      cached: { ...summary(withCache), ratioToProducts: ratio(withCache, products) },
      uncached: { ...summary(without), ratioToProducts: ratio(without, allProducts) },
      products: { cached: summary(products), uncached: summary(allProducts) },
      uncachedToCached: ratio(without, withCache),
    });
  }
  const large = [];
  for (const count of list('large', '200,1000')) {
    const kept = await cached(shape, count, 1);
    const [times] = await byTurns(Math.max(5, Math.ceil((runs * 50) / count)), [kept.run]);
    await kept.close();
    if (times) large.push({ symbols: count, threads: 1, ...kept.figures, ...summary(times) });
  }
  const { rows: precisions } = await benchArtefact(networkOf(shape), {
    batches: [symbols],
    threads: [1],
    precisions: PRECISIONS,
    runs: Math.ceil(runs / 2),
  });
  const bars = option('bulk', 2_000);
  const bulks = [];
  const { onnx } = networkOf(shape);
  for (const batch of list('batches', '64')) {
    const task = { onnx, shape, bars, batch };
    bulks.push({
      batch,
      oneThread: await bulk({ ...task, threads: 1 }, async () => undefined),
      twoThreads: await bulk({ ...task, threads: 2 }, async () => undefined),
      twoWorkersOneThreadEach: await bulkInWorkers({ ...task, threads: 1 }, 2),
    });
  }
  const changes = option('swaps', 0);
  const perWindow = operations(productsOf(shape, 1, true));
  console.log(
    JSON.stringify({
      features: shape.features,
      megaflopPerWindow: rounded(perWindow / 1e6),
      minute,
      large,
      precisions,
      bulk: bulks,
      ...(changes > 0 ? { swaps: await swaps(changes) } : {}),
      rssMb: Math.round(process.memoryUsage().rss / 2 ** 20),
    }),
  );
}

if (isMainThread) await main();
else {
  const rate = await bulk(workerData as BulkTask, async () => {
    const go = new Promise((resolve) => parentPort?.once('message', resolve));
    parentPort?.postMessage('ready');
    await go;
  });
  parentPort?.postMessage(rate);
}
