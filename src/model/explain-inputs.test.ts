import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { at32, createRandom, epochMs, outputOf } from '../core/index.ts';
import { ModelRefusedError } from './artefact.ts';
import { explainInputs } from './explain-inputs.ts';
import { loadPredictor } from './predictor.ts';
import { findArtefact } from './registry.ts';

const PACKAGED = join(import.meta.dirname, '..', '..', 'models');
const packaged = (kind: string): string => readdirSync(PACKAGED).find((name) => name.startsWith(`${kind}-`)) ?? kind;
const LINEAR = packaged('linear-baseline');
const NETWORK = packaged('unified-patchtst');

async function someFeatures(modelId: string): Promise<Float32Array> {
  const { scaler } = (await findArtefact(PACKAGED, modelId)).manifest;
  const random = createRandom(3);
  return Float32Array.from(scaler.center, (center, i) =>
    i % 50 === 7 ? Number.NaN : center + 1.5 * random.normal() * (scaler.scale[i] ?? 1),
  );
}

describe('the inputs of a forecast', () => {
  it('of a linear model add up to its forecast return', async () => {
    const features = await someFeatures(LINEAR);
    const { inputs, base = Number.NaN, masked } = await explainInputs(PACKAGED, LINEAR, '1h', features);
    const { manifest, directory } = await findArtefact(PACKAGED, LINEAR);
    const { featureSetHash, universe, featureNames } = manifest;
    const symbols = universe === 'any' ? ['BTCUSDT'] : universe.symbols;
    const predictor = await loadPredictor(directory, { featureSetHash, universe: symbols, batchSize: 8 });
    const panel = {
      minute: epochMs(0),
      symbols: ['BTCUSDT'],
      width: features.length,
      featureSetHash,
      values: features,
      masked: Uint8Array.from(features, (value) => (Number.isNaN(value) ? 1 : 0)),
    };
    const [forecast] = await predictor.predict(panel);
    await predictor.close();
    if (!forecast) throw new Error('no forecast');
    const sum = inputs.reduce((total, { contribution = Number.NaN }) => total + contribution, base);
    expect(sum).toBeCloseTo(outputOf(forecast, 'future_return_1h'), 6);
    expect(Math.abs(sum)).toBeGreaterThan(1e-5);
    expect(masked).toBeGreaterThan(0);
    const sizes = inputs.map(({ contribution = 0 }) => Math.abs(contribution));
    expect(sizes).toEqual(sizes.toSorted((a, b) => b - a));
    const [first] = inputs;
    expect(first?.value).toBe(at32(features, featureNames.indexOf(first?.name ?? '')));
  });

  it('of a network are the largest scaled values of its newest bar', async () => {
    const { inputs, base } = await explainInputs(PACKAGED, NETWORK, '12h', await someFeatures(NETWORK));
    expect(base).toBeUndefined();
    expect(inputs[0]).not.toHaveProperty('contribution');
    const sizes = inputs.map(({ scaled }) => Math.abs(scaled));
    expect(sizes).toEqual(sizes.toSorted((a, b) => b - a));
  });

  it('are refused where the model is not there or reads other features', async () => {
    await expect(explainInputs(PACKAGED, 'nobody', '1h', new Float32Array(1))).rejects.toThrow(ModelRefusedError);
    await expect(explainInputs(PACKAGED, LINEAR, '1h', new Float32Array(3))).rejects.toThrow(/has 3 values/);
  });
});
