import { Tensor } from 'onnxruntime-node';
import { createRandom } from '../core/index.ts';
import { createSession } from '../tensor/index.ts';
import { checkArtefact, readManifest } from './artefact.ts';
import type { Manifest } from './manifest.ts';
import { quantile } from './quantile.ts';

export interface BenchRequest {
  /** The folder of an artefact. */
  readonly directory: string;
  readonly batches: readonly number[];
  readonly threads: readonly number[];
  /** Measured calls of each combination, after a few that are not. */
  readonly runs: number;
}

export interface BenchRow {
  readonly batch: number;
  readonly threads: number;
  readonly precision: 'fp32';
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** By the median. */
  readonly rowsPerSecond: number;
}

export interface ModelBench {
  readonly manifest: Manifest;
  readonly rows: readonly BenchRow[];
}

const UNMEASURED = 3;

/**
 * How long a model's own file takes for batches of noise, by batch and threads: whole windows for a network, which serving with kept
 * embeddings undercuts.
 * @throws ModelRefusedError when the artefact is damaged
 */
export async function benchModel({ directory, batches, threads, runs }: BenchRequest): Promise<ModelBench> {
  const { featureSetHash } = await readManifest(directory);
  const { manifest, onnx } = await checkArtefact(directory, { featureSetHash, universe: undefined });
  const shape = manifest.network?.shape;
  const name = shape ? 'windows' : 'features';
  const row = shape ? [shape.context, shape.features] : [manifest.featureNames.length];
  const size = row.reduce((product, dimension) => product * dimension, 1);
  const random = createRandom('bench');
  const noise = Float32Array.from({ length: Math.max(...batches) * size }, () => random.normal());
  const rows: BenchRow[] = [];
  for (const count of threads) {
    const session = await createSession(onnx, { threads: count });
    try {
      for (const batch of batches) {
        const input = new Tensor('float32', noise.subarray(0, batch * size), [batch, ...row]);
        const times: number[] = [];
        for (let run = -UNMEASURED; run < runs; run++) {
          const started = performance.now();
          await session.run({ [name]: input });
          if (run >= 0) times.push(performance.now() - started);
        }
        times.sort((a, b) => a - b);
        const p50Ms = quantile(times, 0.5);
        rows.push({
          batch,
          threads: count,
          precision: 'fp32',
          p50Ms,
          p99Ms: quantile(times, 0.99),
          rowsPerSecond: (batch * 1_000) / p50Ms,
        });
      }
    } finally {
      await session.release();
    }
  }
  return { manifest, rows };
}
