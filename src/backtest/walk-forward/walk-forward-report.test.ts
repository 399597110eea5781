import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../config/index.ts';
import { createRandom, DAY_MS, epochMs } from '../../core/index.ts';
import type { WalkForwardFold } from './plan-folds.ts';
import type { VariantRun } from './run-fold.ts';
import { day, trendingMarket } from './trending-market.fixture.ts';
import { walkForwardReport } from './walk-forward-report.ts';

const ROOT = new URL('../../..', import.meta.url).pathname;
const config = loadConfig({ workingDirectory: ROOT, invokedFrom: ROOT, env: {} }).values;
const market = trendingMarket({ seed: 'report', symbols: 3, days: 1, trend: 0 });
const DAYS = 40;

const foldOf = (fold: number): WalkForwardFold => {
  const from = 100 + (fold - 1) * DAYS;
  return {
    fold,
    bounds: {
      train: day(0),
      earlyStopping: day(from - 80),
      calibration: day(from - 70),
      test: day(from - 60),
      end: day(from - 1),
    },
    selection: { from: day(from - 41), to: day(from - 2) },
    test: { from: day(from), to: day(from + DAYS - 1) },
  };
};

/** A run of so many days that grows by `drift` a day, with noise. */
function runOf(from: number, drift: number, seed: string): VariantRun {
  const random = createRandom(seed);
  const equity = new Float64Array(DAYS + 1).fill(10_000);
  for (let i = 1; i <= DAYS; i++) equity[i] = (equity[i - 1] ?? 0) * (1 + drift + 0.01 * random.normal());
  return {
    record: {
      equity: {
        times: equity.map((_, index) => epochMs(from + index * DAY_MS)),
        equity,
        long: new Float64Array(DAYS + 1),
        short: new Float64Array(DAYS + 1),
        positions: new Int32Array(DAYS + 1),
      },
      fills: [],
      funding: [],
    },
    bars: DAYS * 96,
    minuteBars: 0,
    orders: 2,
    signals: { accepted: 1, candidates: 3 },
    reasons: { MODEL_DISABLED: 2 },
    hashes: { data: 'd', config: 'c', featureSet: 'f', model: null, fills: seed, decisions: seed },
  };
}

/** @param drifts a day, by variant: in training and out of it */
function reportOf(drifts: readonly (readonly [number, number])[], seed = 'a') {
  const folds = [foldOf(1), foldOf(2), foldOf(3)];
  return walkForwardReport({
    id: 'wf-1',
    dataHash: 'data',
    configHash: 'config',
    market,
    window: 'rolling',
    folds,
    variants: drifts.map((_, index) => ({ name: `v${index}`, config })),
    costFactor: 1,
    runs: folds.map(({ fold, selection, test }) => ({
      modelId: null,
      selection: drifts.map(([drift], index) => runOf(selection.from, drift, `${seed}/in/${fold}/${index}`)),
      test: drifts.map(([, drift], index) => runOf(test.from, drift, `${seed}/out/${fold}/${index}`)),
    })),
  });
}

describe('walkForwardReport', () => {
  it('trades what was best in training, whatever comes of it', () => {
    const { folds, performance, orders, signals, reasons } = reportOf([
      [0.001, 0.02],
      [0.02, -0.002],
      [-0.02, 0.02],
    ]);
    expect(folds.map(({ chosen }) => chosen)).toEqual(['v1', 'v1', 'v1']);
    expect(performance.totalReturn.value).toBeLessThan(0);
    for (const { sharpeInTraining, sharpeOutOfSample, variants } of folds) {
      expect(variants[1]).toEqual({ name: 'v1', sharpeInTraining, sharpeOutOfSample });
    }
    expect({ orders, signals, reasons }).toEqual({
      orders: 6,
      signals: { accepted: 3, candidates: 9 },
      reasons: { MODEL_DISABLED: 6 },
    });
  });

  it('takes the first where nothing tells the variants apart', () => {
    const still = { ...runOf(foldOf(1).selection.from, 0, 'x') };
    const fold = foldOf(1);
    const flat = {
      ...still,
      record: { ...still.record, equity: { ...still.record.equity, equity: new Float64Array(DAYS + 1).fill(1) } },
    };
    const { folds, deflatedSharpe } = walkForwardReport({
      id: 'wf-1',
      dataHash: 'data',
      configHash: 'config',
      market,
      window: 'rolling',
      folds: [fold],
      variants: ['one', 'two'].map((name) => ({ name, config })),
      costFactor: 1,
      runs: [{ modelId: null, selection: [flat, flat], test: [flat, flat] }],
    });
    expect(folds[0]).toMatchObject({ chosen: 'one', sharpeInTraining: null, sharpeOutOfSample: null });
    expect(deflatedSharpe).toBeNull();
  });

  it('doubts a choice among many that differ by luck alone, and believes one that holds everywhere', () => {
    const luck = reportOf(Array.from({ length: 12 }, () => [0, 0] as const));
    expect(luck.trials).toMatchObject({ count: 36, variants: 12, folds: 3 });
    expect(luck.deflatedSharpe?.probability).toBeLessThan(0.9);
    expect(luck.deflatedSharpe?.expectedMaximum).toBeGreaterThan(0);
    expect(luck.pbo?.probability).toBeGreaterThan(0.3);
    expect(luck.critiques.join()).toContain('36 trials');

    const good = reportOf(
      Array.from({ length: 12 }, (_, index) => (index === 4 ? [0.006, 0.006] : [0, 0]) as [number, number]),
    );
    expect(good.deflatedSharpe?.probability).toBeGreaterThan(0.95);
    expect(good.pbo?.probability).toBeLessThan(0.05);
    expect(good.critiques.join()).not.toContain('trials');
  });

  it('deflates nothing where there was one variant, and knows no overfitting of it', () => {
    const one = reportOf([[0.002, 0.002]]);
    expect(one.pbo).toBeNull();
    expect(one.deflatedSharpe?.expectedMaximum).toBe(0);
    expect(one.deflatedSharpe?.probability).toBeCloseTo(one.performance.probabilisticSharpe ?? 0);
  });
});
