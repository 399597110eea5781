import { describe, expect, it } from 'vitest';
import { FORECAST_WIDTH, outputIndex } from '../../core/index.ts';
import { readOnnxWeights } from '../../tensor/index.ts';
import type { CheckedArtefact } from '../artefact.ts';
import { windowGraph, withAdjustment } from '../network/serving-graph.ts';
import { randomNetwork, SMALL_NETWORK } from '../random-network.fixture.ts';
import { RANKING_HEADS, RAW_COLUMNS } from '../raw-outputs.ts';
import { syntheticDataset } from '../synthetic-dataset.fixture.ts';
import { openWindowForecaster } from './window-forecaster.ts';

const { features } = SMALL_NETWORK;
const dataset = syntheticDataset({ seed: 'windows', symbols: 2, rows: 60, width: features, edge: 0 });
const rows = Int32Array.of(20, 21, 40, 59);
const network = randomNetwork(SMALL_NETWORK);

/** The same network with the heads of 1h and the rank shrunk to nothing. */
function shrunk(): CheckedArtefact {
  const slope = new Float64Array(RAW_COLUMNS.count).fill(1);
  const intercept = new Float64Array(RAW_COLUMNS.count);
  slope[RAW_COLUMNS.returns + 1] = 0;
  slope[RAW_COLUMNS.rank] = 0;
  intercept[RAW_COLUMNS.rank] = 0.5;
  const weights = withAdjustment(readOnnxWeights(network.onnx), { slope, intercept });
  return { ...network, onnx: windowGraph(SMALL_NETWORK, weights, {}) };
}

async function forecastsOf(artefact: CheckedArtefact) {
  const forecaster = await openWindowForecaster(artefact, dataset);
  return forecaster.forecast(1, rows).finally(() => forecaster.close());
}

describe('openWindowForecaster', () => {
  it('gives the heads before calibration, also of those that calibration shrank to nothing', async () => {
    const [whole, none] = [await forecastsOf(network), await forecastsOf(shrunk())];
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
