import type { InferenceSession, Tensor } from 'onnxruntime-node';
import { at32, createRandom, FORECAST_WIDTH, HORIZON_NAMES, type Horizon, outputIndex } from '../core/index.ts';
import { createSession, inPrecision, PRECISIONS, type Precision } from '../tensor/index.ts';
import { type CheckedArtefact, checkArtefact, readManifest } from './artefact.ts';
import { columnOf } from './design-matrix.ts';
import { sectionCorrelations, sectionRanks } from './evaluation/cross-section.ts';
import type { Manifest } from './manifest.ts';
import { quantile } from './quantile.ts';
import { type OutputReader, outputReader } from './served-predictor.ts';

export interface BenchRequest {
  /** The folder of an artefact. */
  readonly directory: string;
  readonly batches: readonly number[];
  readonly threads: readonly number[];
  /** Single precision is measured in any case, as what the others are compared with. */
  readonly precisions: readonly Precision[];
  /** Measured calls of each combination, after a few that are not. */
  readonly runs: number;
}

/** How near the forecasts of a precision are to those of single precision, on the same noise. */
export interface Agreement {
  /** Of any forecast but the classes, each in its own unit: fractions and probabilities. */
  readonly maxAbsDifference: number;
  /** Share of rows in which the same direction is the most probable one. */
  readonly equalDirectionShare: Readonly<Record<Horizon, number>>;
  /** Spearman's, over rows; null where a side says the same of every row. */
  readonly returnRankCorrelation: Readonly<Record<Horizon, number | null>>;
}

export interface BenchRow extends Agreement {
  readonly batch: number;
  readonly threads: number;
  readonly precision: Precision;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** By the median. */
  readonly rowsPerSecond: number;
  /** How many times as fast as single precision: the median over calls that took turns. */
  readonly ratioToFp32: number;
  /** Whether the precision is worth having: clearly faster than single precision and in agreement with it. */
  readonly kept: boolean;
}

export interface ModelBench {
  readonly manifest: Manifest;
  readonly rows: readonly BenchRow[];
}

const UNMEASURED = 3;
/** What another precision must reach to be kept. */
export const KEPT_FROM = { ratioToFp32: 1.1, equalDirectionShare: 0.99, returnRankCorrelation: 0.99 } as const;
const COMPARED_ROWS = 512;
const ROWS_PER_CALL = 64;

/**
 * How long a model's own file takes for batches of noise, by batch, threads and precision, and how near the forecasts stay: whole windows for a
 * network, which serving with kept embeddings undercuts.
 * @throws ModelRefusedError when the artefact is damaged
 */
export async function benchModel(request: BenchRequest): Promise<ModelBench> {
  const { directory } = request;
  const { featureSetHash } = await readManifest(directory);
  return benchArtefact(await checkArtefact(directory, { featureSetHash, universe: undefined }), request);
}

/** The same of an artefact that is already checked. */
export async function benchArtefact(
  artefact: CheckedArtefact,
  request: Omit<BenchRequest, 'directory'>,
): Promise<ModelBench> {
  const { manifest, onnx } = artefact;
  const { batches, threads, runs } = request;
  const precisions = PRECISIONS.filter((own) => own === 'fp32' || request.precisions.includes(own));
  const files = precisions.map((precision) => inPrecision(onnx, precision));
  const input = await noiseInput(artefact, Math.max(COMPARED_ROWS, ...batches));
  const agreements = await agreementsOf(files, input, outputReader(manifest));
  const rows: BenchRow[] = [];
  for (const count of threads) {
    const sessions = await openAll(files, count);
    try {
      for (const batch of batches) {
        const times = await timesByTurns(sessions, input(0, batch), runs);
        const [reference = []] = times;
        for (const [index, agreement] of agreements.entries()) {
          const precision = precisions[index] ?? 'fp32';
          const timing = timingOf(times[index] ?? [], reference);
          const isFaster = timing.ratioToFp32 > KEPT_FROM.ratioToFp32;
          rows.push({
            batch,
            threads: count,
            precision,
            ...timing,
            rowsPerSecond: (batch * 1_000) / timing.p50Ms,
            ...agreement,
            kept: precision === 'fp32' || (isFaster && agrees(agreement)),
          });
        }
      }
    } finally {
      for (const session of sessions) await session.release();
    }
  }
  return { manifest, rows };
}

/** Milliseconds of each session's calls; the sessions take turns, so that what disturbs one disturbs the others too. */
async function timesByTurns(sessions: readonly InferenceSession[], feeds: Feeds, runs: number): Promise<number[][]> {
  const times = sessions.map((): number[] => []);
  for (let run = -UNMEASURED; run < runs; run++) {
    for (const [index, session] of sessions.entries()) {
      const started = performance.now();
      await session.run(feeds);
      if (run >= 0) times[index]?.push(performance.now() - started);
    }
  }
  return times;
}

function timingOf(times: readonly number[], reference: readonly number[]) {
  const quantileOf = (values: readonly number[], share: number) => quantile(Float64Array.from(values).sort(), share);
  return {
    p50Ms: quantileOf(times, 0.5),
    p99Ms: quantileOf(times, 0.99),
    ratioToFp32: quantileOf(
      times.map((own, run) => (reference[run] ?? Number.NaN) / own),
      0.5,
    ),
  };
}

type Feeds = Record<string, Tensor>;

/** Rows [from, from + count) of normal noise, as the model's file takes them. */
async function noiseInput(
  { manifest }: CheckedArtefact,
  rows: number,
): Promise<(from: number, count: number) => Feeds> {
  const { Tensor } = await import('onnxruntime-node');
  const shape = manifest.network?.shape;
  const dimensions = shape ? [shape.context, shape.features] : [manifest.featureNames.length];
  const size = dimensions.reduce((product, dimension) => product * dimension, 1);
  const random = createRandom('bench');
  const noise = Float32Array.from({ length: rows * size }, () => random.normal());
  return (from, count) => ({
    [shape ? 'windows' : 'features']: new Tensor('float32', noise.subarray(from * size, (from + count) * size), [
      count,
      ...dimensions,
    ]),
  });
}

async function openAll(files: readonly Uint8Array[], threads: number): Promise<InferenceSession[]> {
  const sessions: InferenceSession[] = [];
  for (const file of files) sessions.push(await createSession(file, { threads }));
  return sessions;
}

/** Each file's agreement with the first. */
async function agreementsOf(
  files: readonly Uint8Array[],
  input: (from: number, count: number) => Feeds,
  outputs: OutputReader,
): Promise<Agreement[]> {
  const forecasts: Float32Array[] = [];
  for (const session of await openAll(files, 1)) {
    const values = new Float32Array(COMPARED_ROWS * FORECAST_WIDTH);
    for (let from = 0; from < COMPARED_ROWS; from += ROWS_PER_CALL) {
      const results = await session.run(input(from, ROWS_PER_CALL), outputs.names);
      values.set(outputs.read(results, ROWS_PER_CALL), from * FORECAST_WIDTH);
    }
    forecasts.push(values);
    await session.release();
  }
  const [reference = new Float32Array(0)] = forecasts;
  return forecasts.map((own) => agreementOf(own, reference));
}

/** How near forecasts [rows, FORECAST_WIDTH] are to a reference of the same rows. */
export function agreementOf(forecasts: Float32Array, reference: Float32Array): Agreement {
  const columns = HORIZON_NAMES.map((name) => outputIndex(`direction_${name}`));
  const rows = reference.length / FORECAST_WIDTH;
  let maxAbsDifference = 0;
  forecasts.forEach((value, at) => {
    if (columns.includes(at % FORECAST_WIDTH)) return;
    maxAbsDifference = Math.max(maxAbsDifference, Math.abs(value - at32(reference, at)));
  });
  const shareOf = (column: number): number => {
    let equal = 0;
    for (let at = column; at < reference.length; at += FORECAST_WIDTH)
      if (at32(forecasts, at) === at32(reference, at)) equal++;
    return equal / rows;
  };
  const correlationOf = (column: number): number | null => {
    const all = [[0, rows]] as const;
    const ranks = (values: Float32Array) => sectionRanks(columnOf(values, FORECAST_WIDTH, column), all);
    const [correlation = Number.NaN] = sectionCorrelations(ranks(forecasts), ranks(reference), all);
    return Number.isNaN(correlation) ? null : correlation;
  };
  return {
    maxAbsDifference,
    equalDirectionShare: byHorizon((name) => shareOf(outputIndex(`direction_${name}`))),
    returnRankCorrelation: byHorizon((name) => correlationOf(outputIndex(`future_return_${name}`))),
  };
}

function byHorizon<Result>(measure: (name: Horizon) => Result): Record<Horizon, Result> {
  return Object.fromEntries(HORIZON_NAMES.map((name) => [name, measure(name)])) as Record<Horizon, Result>;
}

function agrees({ equalDirectionShare, returnRankCorrelation }: Agreement): boolean {
  return HORIZON_NAMES.every(
    (name) =>
      equalDirectionShare[name] >= KEPT_FROM.equalDirectionShare &&
      (returnRankCorrelation[name] ?? 1) >= KEPT_FROM.returnRankCorrelation,
  );
}
