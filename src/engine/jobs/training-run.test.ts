import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DAY_MS, epochMs } from '../../core/index.ts';
import { aggregateBars, createGeneratedMarket, writeCandleFile } from '../../marketfiles/index.ts';
import { FIT_WINDOWS, trainingSettingsSchema } from '../../model/index.ts';
import { type TrainJob, type TrainResult, trainJobSchema } from './train-job.ts';
import { planFolds, runIdOf, summariseRun, type TrainingRunState } from './training-run.ts';

const START = epochMs(Date.UTC(2025, 0, 6));
const settings = trainingSettingsSchema.parse({});
const window = { from: START, to: START + DAY_MS, rows: 96 };
const job: TrainJob = {
  fold: 1,
  seed: 1,
  kind: 'unified-patchtst',
  data: '/candles',
  dataFingerprint: 'f',
  symbols: ['BTCUSDT'],
  references: ['BTCUSDT'],
  settings,
  market: { source: 'real', plantedEdge: false },
  codeVersion: '1',
  featureSetHash: 'h',
  outputDirectory: '/models',
  workDirectory: '/work',
  command: 'minutehand model train',
  device: 'cpu',
  threads: 1,
};
const result: TrainResult = {
  modelId: 'm',
  directory: '/models/m',
  windows: { train: window, calibration: window, test: window },
  macroF1: 0.4,
  logLoss: 1,
  informationCoefficient: null,
  rawInformationCoefficient: 0.03,
};
const done = (fold: number, macroF1: number): TrainingRunState => ({
  job: { ...job, fold },
  state: { state: 'done', result: { ...result, macroF1 } },
});

let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-folds-'));
  const market = createGeneratedMarket({ seed: 3, symbols: 3, start: START });
  const minutes = market.bars('BTCUSDT', START, epochMs(START + 20 * DAY_MS));
  await writeCandleFile(join(folder, 'BTCUSDT.csv'), aggregateBars(minutes, '1m', '15m'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('planFolds', () => {
  const request = {
    kind: 'unified-patchtst',
    symbols: ['BTCUSDT'],
    references: ['BTCUSDT'],
    settings,
    folds: 2,
    trainDays: 'expanding',
    earlyStoppingDays: 3,
    calibrationDays: 3,
    testDays: 3,
  } as const;

  it('gives bounds that follow each other and end with the data, and the windows between their margins', async () => {
    const folds = await planFolds({ ...request, data: folder });
    expect(folds.map(({ fold }) => fold)).toEqual([1, 2]);
    const [first, second] = folds;
    expect(second?.bounds.end).toBe(START + 20 * DAY_MS);
    expect(second?.bounds.test).toBe(first?.bounds.end);
    for (const { bounds, windows } of folds) {
      const starts = [bounds.train, bounds.earlyStopping, bounds.calibration, bounds.test];
      FIT_WINDOWS.forEach((name, index) => {
        expect(windows[name].from).toBeGreaterThanOrEqual(starts[index] ?? 0);
        expect(windows[name].to).toBeLessThanOrEqual(starts[index + 1] ?? bounds.end);
      });
    }
  });

  it('keeps to the time it is given', async () => {
    const from = epochMs(START + DAY_MS);
    const until = epochMs(START + 18 * DAY_MS);
    const [first, second] = await planFolds({ ...request, data: folder, from, until });
    expect([first?.bounds.train, second?.bounds.end]).toEqual([from, until]);
  });
});

describe('a training job', () => {
  it('is read again as it was queued', () => {
    expect(trainJobSchema.parse(JSON.parse(JSON.stringify(job)))).toEqual(job);
  });

  it('is refused with a key that nobody knows, or without bounds to its size', () => {
    expect(trainJobSchema.safeParse({ ...job, plugin: '/x' }).success).toBe(false);
    expect(trainJobSchema.safeParse({ ...job, data: 'x'.repeat(5_000) }).success).toBe(false);
    expect(trainJobSchema.safeParse({ ...job, threads: 1e9 }).success).toBe(false);
  });

  it('belongs to a run that is named by what its jobs share', () => {
    expect(runIdOf({ a: 1, b: [2] })).toBe(runIdOf({ b: [2], a: 1 }));
    expect(runIdOf({ a: 1 })).not.toBe(runIdOf({ a: 2 }));
  });
});

describe('summariseRun', () => {
  it('gives mean and spread of what is done, and neither where there is too little', () => {
    const summary = summariseRun([done(1, 0.4), done(2, 0.5), done(3, 0.6)]);
    expect(summary.mean.macroF1).toBeCloseTo(0.5, 12);
    expect(summary.spread.macroF1).toBeCloseTo(0.1, 12);
    expect(summary.mean.informationCoefficient).toBeNull();
    expect(summariseRun([done(1, 0.4)])).toMatchObject({ mean: { macroF1: 0.4 }, spread: { macroF1: null } });
  });

  it('names what failed and counts what is left', () => {
    const failure = { code: 'TENSOR_DEVICE', message: 'no such device', remedy: 'Use cpu.' };
    const summary = summariseRun([
      done(1, 0.4),
      { job: { ...job, fold: 2, seed: 5 }, state: { state: 'failed', failure } },
      { job: { ...job, fold: 3 }, state: { state: 'unknown' } },
      { job: { ...job, fold: 4 }, state: { state: 'running' } },
    ]);
    expect(summary.failed).toMatchObject([
      { fold: 2, seed: 5, failure },
      { fold: 3, failure: { code: 'JOB_CANCELLED' } },
    ]);
    expect(summary.unfinished).toBe(1);
  });
});
