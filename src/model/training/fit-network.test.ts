import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkArtefact } from '../artefact.ts';
import { syntheticDataset } from '../synthetic-dataset.fixture.ts';
import { type FitNetworkOptions, type FittedNetwork, fitNetwork } from './fit-network.ts';
import { trainingSettingsSchema } from './settings.ts';
import type { TrainingProgress } from './train-network.ts';

const dataset = syntheticDataset({ seed: 'network', symbols: 10, rows: 1_500, width: 5, edge: 0.3 });
const settings = trainingSettingsSchema.parse({
  network: { context: 16, patch: 8, stride: 4, width: 16, heads: 2, hidden: 32, layers: 2, headWidth: 8, dropout: 0.1 },
  timesPerStep: 4,
  symbolsPerTime: 8,
  sampleEvery: 2,
  epochs: 3,
  learningRate: 3e-3,
  checkpointEvery: 7,
});

let folder: string;
let whole: FittedNetwork;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'minutehand-network-'));
  whole = await fitNetwork(optionsOf('whole'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const optionsOf = (name: string, more: Partial<FitNetworkOptions> = {}): FitNetworkOptions => ({
  dataset,
  windows: {
    train: { share: 0.5 },
    earlyStopping: { share: 0.15 },
    calibration: { share: 0.15 },
    test: { share: 0.2 },
  },
  settings,
  seed: 7,
  market: { source: 'generated', plantedEdge: true },
  codeVersion: 'test',
  outputDirectory: join(folder, name, 'models'),
  workDirectory: join(folder, name, 'work'),
  ...more,
});

describe('fitNetwork', () => {
  it('finds a planted edge, and writes an artefact that may be served', async () => {
    const { metrics, network } = whole.manifest;
    expect(network?.epochs).toBeGreaterThan(0);
    // The best linear forecast of one bar has a correlation of 0.3 / sqrt(1 + 0.3^2) = 0.29 with it.
    expect(metrics.horizons['15m'].informationCoefficient.value).toBeGreaterThan(0.15);
    const checked = await checkArtefact(whole.directory, {
      featureSetHash: dataset.featureSetHash,
      universe: dataset.symbols,
    });
    expect(checked.manifest.modelId).toBe(whole.modelId);
    expect(await readFile(join(whole.directory, 'card.md'), 'utf8')).toContain('UnifiedPatchTST');
  });

  it('gives the same bytes when it is interrupted in the middle of an epoch and goes on', async () => {
    const bytes = await readFile(join(whole.directory, 'model.onnx'));
    const controller = new AbortController();
    const stopped = fitNetwork(
      optionsOf('stopped', {
        signal: controller.signal,
        onProgress: ({ step }: TrainingProgress) => {
          if (step === 30) controller.abort(new Error('stopped'));
        },
      }),
    );
    await expect(stopped).rejects.toThrow('stopped');
    const resumed = await fitNetwork(optionsOf('stopped'));
    expect(Buffer.compare(await readFile(join(resumed.directory, 'model.onnx')), bytes)).toBe(0);
  });

  it('does not go on with a training that had other settings', async () => {
    const other = optionsOf('whole', {
      seed: 8,
      settings: { ...settings, network: { ...settings.network, width: 8 } },
    });
    await expect(fitNetwork(other)).rejects.toMatchObject({
      code: 'CHECKPOINT_MISMATCH',
      message: expect.stringContaining('settings.network.width is 8, was 16, seed is 8, was 7'),
    });
  });

  it('may have a folder of its own for everything that makes another result', async () => {
    const hashes: string[] = [];
    for (const more of [{}, {}, { seed: 8 }, { settings: { ...settings, epochs: 2 } }, { threads: 2 }]) {
      const workDirectory = (runHash: string) => {
        hashes.push(runHash);
        throw new Error('stopped');
      };
      await expect(fitNetwork(optionsOf('own', { ...more, workDirectory }))).rejects.toThrow('stopped');
    }
    expect(hashes[0]).toBe(hashes[1]);
    expect(new Set(hashes).size).toBe(4);
  });
});
