import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { epochMs, outputOf } from '../core/index.ts';
import { type FittedBaseline, fitBaseline } from './fit-baseline.ts';
import { loadPredictor } from './predictor.ts';
import { syntheticDataset } from './synthetic-dataset.fixture.ts';

const WIDTH = 6;
/** The feature that returns follow: a model that may use it does. */
const INFORMATIVE = 0;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'minutehand-inputs-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** A model whose informative feature was masked in the first rows of every hundred. */
function fitMasked(masked: number): Promise<FittedBaseline> {
  const dataset = syntheticDataset({ seed: 5, symbols: 8, rows: 2_200, width: WIDTH, edge: 0.4 });
  for (const values of dataset.features.values()) {
    for (let row = 0; row < dataset.times.length; row++) {
      if (row % 100 < masked) values[row * WIDTH + INFORMATIVE] = Number.NaN;
    }
  }
  return fitBaseline({
    dataset,
    outputDirectory: join(folder, String(masked)),
    seed: 1,
    market: { source: 'generated', plantedEdge: true },
    universe: 'any',
    codeVersion: 'test',
    settings: { maxLogisticRows: 3_000, maxEvaluationRows: 2_000, resamples: 100 },
  });
}

/** The 15-minute return forecast where the informative feature has this value, and the share of inputs said to be masked. */
async function forecast({ directory, manifest }: FittedBaseline, value: number) {
  const { featureSetHash } = manifest;
  const predictor = await loadPredictor(directory, { featureSetHash, universe: ['ANY'], batchSize: 8 });
  const values = new Float32Array(WIDTH).fill(0.1);
  values[INFORMATIVE] = value;
  values[5] = Number.NaN;
  const masked = Uint8Array.from(values, (one) => (Number.isNaN(one) ? 1 : 0));
  const minute = epochMs(1_750_000_020_000);
  const [one] = await predictor.predict({ minute, symbols: ['ANY'], width: WIDTH, featureSetHash, values, masked });
  await predictor.close();
  return { expected: one && outputOf(one, 'future_return_15m'), maskedShare: one?.maskedShare };
}

describe('a feature known in less than 80 % of the training rows', () => {
  it('is no input: whatever its value, the forecast is the same', async () => {
    const fitted = await fitMasked(22);
    expect(fitted.manifest.scaler.knownShare[INFORMATIVE]).toBeLessThan(0.8);
    const [low, high] = [await forecast(fitted, -3), await forecast(fitted, 3)];
    expect(high.expected).toBe(low.expected);
    // Nor does it count among the inputs that a forecast lacked: one of five is masked.
    expect([low.maskedShare, (await forecast(fitted, Number.NaN)).maskedShare]).toEqual([1 / 5, 1 / 5]);
    expect(await readFile(join(fitted.directory, 'card.md'), 'utf8')).toContain('80 % of the training rows: f0.');
  });

  it('is one from 80 % on', async () => {
    const fitted = await fitMasked(18);
    expect(fitted.manifest.scaler.knownShare[INFORMATIVE]).toBeGreaterThan(0.8);
    const [low, high] = [await forecast(fitted, -3), await forecast(fitted, 3)];
    expect((high.expected ?? 0) - (low.expected ?? 0)).toBeGreaterThan(0.001);
    expect([low.maskedShare, (await forecast(fitted, Number.NaN)).maskedShare]).toEqual([1 / 6, 2 / 6]);
    expect(await readFile(join(fitted.directory, 'card.md'), 'utf8')).not.toContain('No inputs');
  });

  it('is refused as a dataset where that holds of every feature', async () => {
    const dataset = syntheticDataset({ seed: 5, symbols: 8, rows: 2_200, width: 4, edge: 0 });
    for (const values of dataset.features.values()) {
      for (let at = 0; at < values.length; at++) if ((at + Math.floor(at / 4)) % 4 === 0) values[at] = Number.NaN;
    }
    await expect(
      fitBaseline({
        dataset,
        outputDirectory: join(folder, 'none'),
        seed: 1,
        market: { source: 'generated', plantedEdge: false },
        codeVersion: 'test',
      }),
    ).rejects.toMatchObject({ code: 'DATASET_WITHOUT_INPUTS' });
  });
});
