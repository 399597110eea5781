import { describe, expect, it } from 'vitest';
import { createRandom, FORECAST_WIDTH } from '../../core/index.ts';
import { fitScaler } from '../../features/index.ts';
import { chooseRows, gatherRows, scaleRows } from '../design-matrix.ts';
import { RANKING_HEADS } from '../raw-outputs.ts';
import { syntheticDataset } from '../synthetic-dataset.fixture.ts';
import { computeTargets } from '../targets.ts';
import { evaluateForecasts } from './evaluate.ts';
import { forecastMatrix } from './feature-baseline.ts';
import { baselineForecaster, forecastRows } from './row-forecaster.ts';
import { majorityForecasts } from './simple-baselines.ts';
import { fitTrainingBaselines, rowsWithin } from './training-baselines.ts';

const dataset = syntheticDataset({ seed: 12, symbols: 6, rows: 2400, width: 4, edge: 0.25 });
const at = (row: number) => dataset.times[row] ?? 0;
const windows = {
  train: { from: at(0), to: at(1300), rows: 1 },
  calibration: { from: at(1320), to: at(1800), rows: 1 },
  test: { from: at(1820), to: at(2399), rows: 1 },
};
const scaler = fitScaler([...dataset.features.values()], {
  kind: 'robust',
  featureSetHash: dataset.featureSetHash,
  width: dataset.width,
  rows: [0, 1200],
});
const settings = { maxTrainingRows: 4_000, maxLogisticRows: 2_000, maxEvaluationRows: 2_000 };
const fitted = fitTrainingBaselines(dataset, { windows, scaler }, { linear: true, settings });

describe('rowsWithin', () => {
  it('takes rows that close and whose day ahead ends within the window', () => {
    expect(rowsWithin(dataset.times, windows.calibration)).toEqual({ firstRow: 1320, endRow: 1800 - 96 + 1 });
    const { firstRow, endRow } = rowsWithin(dataset.times, { from: at(2399) + 1, to: at(2399) + 2 });
    expect(endRow).toBeLessThanOrEqual(firstRow);
  });
});

describe('fitTrainingBaselines', () => {
  it('fits all features, and those of volatility alone, on the training window', async () => {
    expect(fitted.volatilityOnly?.columns).toEqual([1]);
    expect(fitted.linear?.columns).toEqual([0, 1, 2, 3]);
    const rows = chooseRows(dataset, computeTargets(dataset), rowsWithin(dataset.times, windows.test), 3_000);
    const forecastsOf = async (baseline: typeof fitted.linear) =>
      baseline
        ? forecastRows(baselineForecaster(baseline, scaler, dataset), dataset, rows)
        : { values: new Float32Array(0) };
    const { mean, baselines } = evaluateForecasts(
      {
        rows: { ...rows, symbols: dataset.symbols },
        model: await forecastsOf(fitted.linear),
        baselines: {
          majority: majorityForecasts(fitted.rates, rows.times.length),
          volatilityOnly: await forecastsOf(fitted.volatilityOnly),
        },
      },
      { random: createRandom(1) },
    );
    expect(mean.informationCoefficient.low).toBeGreaterThan(0.05);
    expect(baselines.volatilityOnly?.difference.logLoss.high).toBeLessThan(0);
    expect(baselines.volatilityOnly?.mean.logLoss.value).toBeLessThan(baselines.majority?.mean.logLoss.value ?? 0);
    expect(baselines.majority?.mean.informationCoefficient.value).toBeNull();
  });

  it('fits no linear baseline where the model is one', () => {
    expect(fitTrainingBaselines(dataset, { windows, scaler }, { linear: false, settings }).linear).toBeNull();
  });

  it('learns nothing from what comes after the calibration window', () => {
    const later = syntheticDataset({ seed: 12, symbols: 6, rows: 2400, width: 4, edge: 0.25 });
    for (const symbol of later.symbols) {
      later.features.get(symbol)?.fill(50, 1801 * 4);
      later.bars.get(symbol)?.close.fill(1, 1801);
    }
    const again = fitTrainingBaselines(later, { windows, scaler }, { linear: true, settings });
    expect(again).toEqual(fitted);
  });

  it('refuses candles that do not hold the windows', () => {
    const early = { ...windows, train: { from: at(0) - 1e9, to: at(0), rows: 1 } };
    expect(() => fitTrainingBaselines(dataset, { windows: early, scaler }, { linear: false })).toThrow(
      expect.objectContaining({ code: 'DATASET_TOO_SHORT', exitCode: 2, message: expect.stringContaining('0 rows') }),
    );
  });
});

describe('forecastRows', () => {
  it('puts forecasts in the order of the rows, whoever makes them symbol by symbol', async () => {
    const rows = chooseRows(dataset, computeTargets(dataset), { firstRow: 100, endRow: 120 }, 1e9);
    const marking = {
      async forecast(symbolIndex: number, times: Int32Array) {
        const values = new Float32Array(times.length * FORECAST_WIDTH);
        times.forEach((time, row) => {
          values[row * FORECAST_WIDTH] = symbolIndex * 10_000 + time;
        });
        return { values, raw: new Float32Array(times.length * RANKING_HEADS) };
      },
    };
    const { values } = await forecastRows(marking, dataset, rows);
    rows.times.forEach((time, row) => {
      const expected = (rows.symbolIndex[row] ?? -1) * 10_000 + dataset.times.indexOf(time);
      expect(values[row * FORECAST_WIDTH]).toBe(expected);
    });
  });
});

describe('baselineForecaster', () => {
  it('says of rows of a dataset what the baseline says of their scaled matrix', async () => {
    const { width } = dataset;
    const shifted = { ...dataset, features: new Map<string, Float32Array>() };
    for (const [symbol, values] of dataset.features) {
      shifted.features.set(
        symbol,
        values.map((value, index) => (10 + value) * (1 + (index % width))),
      );
    }
    const { featureSetHash } = dataset;
    const own = fitScaler([...shifted.features.values()], { kind: 'robust', featureSetHash, width });
    const model = fitted.volatilityOnly?.model;
    if (!model) throw new Error('no volatility-only model was fitted');
    const baseline = { columns: [2], model, raw: model };
    const matrix = gatherRows(shifted, computeTargets(shifted), { firstRow: 100, endRow: 140 }, 1e9);
    const forecasts = await forecastRows(baselineForecaster(baseline, own, shifted), shifted, matrix);
    scaleRows(matrix, own);
    expect(forecasts).toEqual(forecastMatrix(baseline, matrix));
    const { values } = forecasts;
    expect(new Set(values.filter((_, at) => at % FORECAST_WIDTH === 20)).size).toBeGreaterThan(100);
  });
});
