import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HORIZON_NAMES } from '../core/index.ts';
import type { Dataset } from './dataset.ts';
import { type FitBaselineOptions, type FittedBaseline, fitBaseline } from './fit-baseline.ts';
import { syntheticDataset } from './synthetic-dataset.fixture.ts';

const SHAPE = { seed: 7, symbols: 8, rows: 2600, width: 6 };
let folder: string;
let dataset: Dataset;
let fitted: FittedBaseline;

const fitWith = (changes: Partial<FitBaselineOptions> = {}) =>
  fitBaseline({
    dataset,
    outputDirectory: join(folder, 'models'),
    seed: 1,
    market: { source: 'generated', plantedEdge: true },
    codeVersion: 'test',
    settings: { maxLogisticRows: 3000, maxEvaluationRows: 4000, resamples: 100 },
    ...changes,
  });

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'minutehand-fit-'));
  dataset = syntheticDataset({ ...SHAPE, edge: 0.2 });
  fitted = await fitWith();
});

afterAll(() => rm(folder, { recursive: true, force: true }));

describe('fitBaseline', () => {
  it('finds a planted linear relation out of sample, at every horizon', () => {
    for (const horizon of HORIZON_NAMES) {
      const {
        informationCoefficient,
        rawInformationCoefficient,
        signAccuracy,
        meanSquaredError,
        meanSquaredErrorOfZero,
      } = fitted.metrics.horizons[horizon];
      expect(informationCoefficient.low, horizon).toBeGreaterThan(0.05);
      expect(rawInformationCoefficient?.value, horizon).toBeCloseTo(informationCoefficient.value ?? 0, 3);
      expect(signAccuracy.value, horizon).toBeGreaterThan(0.55);
      expect(meanSquaredError, horizon).toBeLessThan(meanSquaredErrorOfZero);
    }
    // One bar's return is 0.2 x feature + noise: its correlation with the feature is 0.2 / sqrt(1.04).
    expect(fitted.metrics.horizons['15m'].informationCoefficient.value).toBeCloseTo(0.19, 1);
    expect(fitted.metrics.rank24h.informationCoefficient.value).toBeGreaterThan(0.2);
  });

  it('gives probabilities that beat the base rate and are calibrated', () => {
    const { horizons, levels, risks, baselines } = fitted.metrics;
    for (const horizon of HORIZON_NAMES) {
      const base = baselines.majority?.horizons[horizon];
      expect(base?.difference.logLoss.value, horizon).toBeLessThan(0);
      expect(horizons[horizon].brier.value, horizon).toBeLessThan(base?.brier.value ?? 0);
    }
    for (const score of Object.values(levels)) {
      expect(score.logLoss.value).toBeLessThan(score.logLossOfBaseRate ?? 0);
      expect(score.brier.value).toBeLessThan(score.brierOfBaseRate ?? 0);
    }
    for (const horizon of ['15m', '1h'] as const) {
      expect(horizons[horizon].calibrationError.value, horizon).toBeLessThan(0.05);
    }
    for (const score of Object.values(risks)) {
      expect(score.meanSquaredError).toBeLessThan(score.meanSquaredErrorOfBaseline);
    }
  });

  it('stands beside what knows the volatility alone: that finds classes, and no direction', () => {
    const { mean, baselines } = fitted.metrics;
    const volatility = baselines.volatilityOnly;
    expect(volatility?.mean.macroF1.value).toBeGreaterThan((baselines.majority?.mean.macroF1.value ?? 1) + 0.05);
    expect(volatility?.difference.logLoss.high).toBeLessThan(0);
    expect(Math.abs((volatility?.horizons['15m'].signAccuracy.value ?? 0) - 0.5)).toBeLessThan(0.05);
    expect(mean.signAccuracy.value).toBeGreaterThan((volatility?.mean.signAccuracy.value ?? 1) + 0.05);
    // It is the linear baseline itself.
    expect(baselines.linear).toBeNull();
  });

  it('finds nothing where nothing was planted', async () => {
    const blank = await fitWith({
      dataset: syntheticDataset({ ...SHAPE, seed: 11, edge: 0 }),
      outputDirectory: join(folder, 'blank'),
    });
    // One bar's returns are thousands of independent draws; those of 12 h some dozens, so that only their size is judged.
    expect(Math.abs(blank.metrics.horizons['15m'].informationCoefficient.value ?? 0)).toBeLessThan(0.06);
    for (const horizon of HORIZON_NAMES) {
      const { meanSquaredError, meanSquaredErrorOfZero } = blank.metrics.horizons[horizon];
      expect(meanSquaredError / meanSquaredErrorOfZero, horizon).toBeLessThan(1.03);
      // A head that calibration shrank to nothing ranks no symbols any more; what it was before is still measured.
      const { informationCoefficient, rawInformationCoefficient } = blank.metrics.horizons[horizon];
      const shrunk = blank.manifest.calibration.returnShrinkage[horizon] === 0;
      expect(informationCoefficient.value === null, horizon).toBe(shrunk);
      expect(rawInformationCoefficient?.value, horizon).toEqual(expect.any(Number));
    }
  });

  it('writes equal bytes when fitted again, over the same folder, and reports its stages', async () => {
    const read = async (directory: string) =>
      Promise.all(
        (await readdir(directory)).sort().map(async (name) => [name, await readFile(join(directory, name), 'base64')]),
      );
    const before = await read(fitted.directory);
    const stages: string[] = [];
    const again = await fitWith({ onProgress: ({ stage, step, steps }) => stages.push(`${step}/${steps} ${stage}`) });
    expect(stages).toEqual(['1/6 targets', '2/6 rows', '3/6 fit', '4/6 calibration', '5/6 evaluation', '6/6 artefact']);
    expect(again.directory).toBe(fitted.directory);
    expect(await read(again.directory)).toEqual(before);
    expect(await readdir(join(folder, 'models'))).toEqual([fitted.modelId]);
  });

  it('learns nothing from what comes after its windows', async () => {
    const { windows } = fitted.manifest;
    const poisoned = poisonAfter(syntheticDataset({ ...SHAPE, edge: 0.2 }), windows.train.to);
    const after = await fitWith({ dataset: poisoned, outputDirectory: join(folder, 'poisoned') });
    expect(after.manifest.scaler).toEqual(fitted.manifest.scaler);
    expect(after.manifest.penalties).toEqual(fitted.manifest.penalties);

    const later = poisonAfter(syntheticDataset({ ...SHAPE, edge: 0.2 }), windows.calibration.to);
    const same = await fitWith({ dataset: later, outputDirectory: join(folder, 'later') });
    // Weights and calibration together make the file: the test window changed its figures only.
    expect(same.manifest.weightsSha256).toBe(fitted.manifest.weightsSha256);
    expect(same.manifest.edgeReference).toEqual(fitted.manifest.edgeReference);
    expect(same.metrics).not.toEqual(fitted.metrics);
    expect(after.manifest.weightsSha256).not.toBe(fitted.manifest.weightsSha256);
  });

  it('writes a card that says what market it was', async () => {
    const card = await readFile(join(fitted.directory, 'card.md'), 'utf8');
    expect(card).toContain('Generated market with a planted edge');
    expect(card).toContain('| 12h |');
  });

  it('gives ascending edge quantiles of honest size', () => {
    const edges = fitted.manifest.edgeReference['4h'];
    expect(edges).toHaveLength(101);
    expect([...edges].sort((a, b) => a - b)).toEqual(edges);
    expect(edges[100]).toBeGreaterThan(0);
    expect(edges[100]).toBeLessThan(0.1);
  });

  it('refuses too short and inconsistent datasets', async () => {
    const short = syntheticDataset({ ...SHAPE, rows: 300, edge: 0 });
    await expect(fitWith({ dataset: short })).rejects.toMatchObject({ code: 'DATASET_TOO_SHORT' });
    const few = syntheticDataset({ ...SHAPE, symbols: 1, rows: 1300, edge: 0 });
    await expect(fitWith({ dataset: few })).rejects.toMatchObject({ code: 'DATASET_TOO_SHORT' });
    await expect(fitWith({ dataset: { ...dataset, width: 5 } })).rejects.toMatchObject({ code: 'DATASET_INVALID' });
    await expect(fitWith({ dataset: { ...dataset, features: new Map() } })).rejects.toMatchObject({
      code: 'DATASET_INVALID',
    });
    const gap = dataset.times.map((time, row) => (row > 5 ? time + 900_000 : time));
    await expect(fitWith({ dataset: { ...dataset, times: gap } })).rejects.toMatchObject({ code: 'DATASET_INVALID' });
  });
});

/** Makes features and bars absurd from the first bar that closes after `time`. */
function poisonAfter(dataset: Dataset, time: number): Dataset {
  const row = dataset.times.findIndex((value) => value > time);
  for (const symbol of dataset.symbols) {
    const bars = dataset.bars.get(symbol);
    bars?.close.fill(1e-3, row);
    bars?.high.fill(5e3, row);
    bars?.low.fill(1e-4, row);
    dataset.features.get(symbol)?.fill(1e6, row * dataset.width);
  }
  return dataset;
}
