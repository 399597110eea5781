import { Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { at32, createRandom, FORECAST_WIDTH, outputIndex } from '../../core/index.ts';
import { applyScaler } from '../../features/index.ts';
import { createSession, readOnnxWeights } from '../../tensor/index.ts';
import type { CheckedArtefact } from '../artefact.ts';
import { BAR_MS, type Dataset } from '../dataset.ts';
import { windowGraph, withAdjustment } from '../network/serving-graph.ts';
import { randomNetwork, SMALL_NETWORK } from '../random-network.fixture.ts';
import { RANKING_HEADS, RAW_COLUMNS } from '../raw-outputs.ts';
import { inputColumns, outputReader } from '../served-predictor.ts';
import { openWindowForecaster } from './window-forecaster.ts';

const ROWS = 80;
const SYMBOLS = ['BTCUSDT', 'ETHUSDT'];
const CLASSES = ['15m', '1h', '4h', '12h'].map((name) => outputIndex(`direction_${name as '15m'}`));
const { context } = SMALL_NETWORK;
const artefact = randomNetwork(SMALL_NETWORK, { absent: 2 });
const { manifest } = artefact;
const width = manifest.featureNames.length;

/** Two symbols of noise; one value in ten is masked. */
function noisyDataset(): Dataset {
  const random = createRandom('dataset');
  const series = () =>
    Float32Array.from({ length: ROWS * width }, () => (random.uniform() < 0.1 ? Number.NaN : random.normal()));
  return {
    times: Float64Array.from({ length: ROWS }, (_, row) => row * BAR_MS),
    symbols: SYMBOLS,
    featureNames: manifest.featureNames,
    featureSetHash: manifest.featureSetHash,
    width,
    features: new Map(SYMBOLS.map((symbol) => [symbol, series()])),
    bars: new Map(),
  };
}

/** What the artefact's own file says of the whole window that ends with a row; rows before the dataset's first are zeros. */
async function byWholeWindows(dataset: Dataset, symbol: string, rows: Int32Array): Promise<Float32Array> {
  const inputs = inputColumns(manifest);
  const raw = dataset.features.get(symbol) ?? new Float32Array(0);
  const scaled = new Float32Array(raw.length);
  applyScaler(
    raw,
    Uint8Array.from(raw, (value) => (Number.isNaN(value) ? 1 : 0)),
    manifest.scaler,
    scaled,
  );
  const windows = new Float32Array(rows.length * context * inputs.length);
  let to = 0;
  for (const end of rows) {
    for (let row = end - context + 1; row <= end; row++) {
      for (const column of inputs) windows[to++] = row < 0 ? 0 : at32(scaled, row * width + column);
    }
  }
  const session = await createSession(artefact.onnx);
  const { names, read } = outputReader(manifest);
  const input = new Tensor('float32', windows, [rows.length, context, inputs.length]);
  const values = read(await session.run({ windows: input }, names), rows.length);
  await session.release();
  return values;
}

/** The same network with the heads of 1h and the rank shrunk to nothing. */
function shrunk(): CheckedArtefact {
  const slope = new Float64Array(RAW_COLUMNS.count).fill(1);
  const intercept = new Float64Array(RAW_COLUMNS.count);
  slope[RAW_COLUMNS.returns + 1] = 0;
  slope[RAW_COLUMNS.rank] = 0;
  intercept[RAW_COLUMNS.rank] = 0.5;
  const weights = withAdjustment(readOnnxWeights(artefact.onnx), { slope, intercept });
  return { ...artefact, onnx: windowGraph(artefact.manifest.network?.shape ?? SMALL_NETWORK, weights, {}) };
}

describe('a network on windows of a dataset', () => {
  it('says what its own file says of each whole window, also at the beginning and across left-out rows', async () => {
    const dataset = noisyDataset();
    const rows = Int32Array.from({ length: ROWS }, (_, row) => row).filter((row) => row < 50 || row % 7 === 0);
    const forecaster = await openWindowForecaster(artefact, dataset);
    for (const [index, symbol] of SYMBOLS.entries()) {
      const { values: forecasts } = await forecaster.forecast(index, rows);
      const expected = await byWholeWindows(dataset, symbol, rows);
      const differences = forecasts
        .map((value, at) => Math.abs(value - at32(expected, at)))
        .filter((_, at) => !CLASSES.includes(at % FORECAST_WIDTH));
      expect(Math.max(...differences)).toBeLessThan(1e-5);
    }
    await forecaster.close();
  });

  it('gives the heads before calibration, also of those that calibration shrank to nothing', async () => {
    const dataset = noisyDataset();
    const rows = Int32Array.of(20, 21, 40, 79);
    const forecastsOf = async (one: CheckedArtefact) => {
      const forecaster = await openWindowForecaster(one, dataset);
      return forecaster.forecast(1, rows).finally(() => forecaster.close());
    };
    const [whole, none] = [await forecastsOf(artefact), await forecastsOf(shrunk())];
    expect(none.raw).toEqual(whole.raw);
    rows.forEach((_, row) => {
      const value = (column: number) => none.values[row * FORECAST_WIDTH + column];
      expect(value(1)).toBe(0);
      expect(value(outputIndex('rank24h'))).toBe(0.5);
      expect(none.raw[row * RANKING_HEADS + 1]).toBeCloseTo(whole.values[row * FORECAST_WIDTH + 1] ?? Number.NaN, 6);
    });
    expect(new Set(none.raw).size).toBeGreaterThan(rows.length * 4);
  });
});
