import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createRandom, FORECAST_WIDTH, outputIndex } from '../core/index.ts';
import { agreementOf, benchModel } from './bench-model.ts';

const MODELS = join(import.meta.dirname, '..', '..', 'models');
const PACKAGED = join(MODELS, readdirSync(MODELS).find((name) => name.startsWith('linear-baseline-')) ?? 'linear');

function noise(rows: number): Float32Array {
  const random = createRandom('forecasts');
  return Float32Array.from({ length: rows * FORECAST_WIDTH }, () => random.normal());
}

describe('the bench of a model', () => {
  it('gives a row for each batch, threads and precision, single precision first', async () => {
    const { rows } = await benchModel({
      directory: PACKAGED,
      batches: [8, 16],
      threads: [1],
      precisions: ['int8'],
      runs: 2,
    });
    expect(rows.map(({ batch, precision }) => `${batch} ${precision}`)).toEqual([
      '8 fp32',
      '8 int8',
      '16 fp32',
      '16 int8',
    ]);
    const [reference, other] = rows;
    expect(reference).toMatchObject({ ratioToFp32: 1, maxAbsDifference: 0, kept: true });
    expect(other?.maxAbsDifference).toBeGreaterThan(0);
    expect(other?.maxAbsDifference).toBeLessThan(0.05);
  });
});

describe('the agreement of forecasts', () => {
  it('is whole where they are the same', () => {
    const same = noise(20);
    const whole = { '15m': 1, '1h': 1, '4h': 1, '12h': 1 };
    expect(agreementOf(same, same)).toEqual({
      maxAbsDifference: 0,
      equalDirectionShare: whole,
      returnRankCorrelation: whole,
    });
  });

  it('counts other classes, other orders and the largest difference, each by horizon', () => {
    const reference = noise(20);
    const other = reference.slice();
    other[outputIndex('direction_1h')] = 9;
    const returns = outputIndex('future_return_4h');
    for (let row = 0; row < 20; row++) {
      other[row * FORECAST_WIDTH + returns] = -(reference[row * FORECAST_WIDTH + returns] ?? 0);
      other[row * FORECAST_WIDTH + outputIndex('future_return_12h')] = 0;
    }
    const { maxAbsDifference, equalDirectionShare, returnRankCorrelation } = agreementOf(other, reference);
    const largest = Math.max(
      ...reference.map((value, at) => (at % FORECAST_WIDTH === returns ? Math.abs(2 * value) : 0)),
    );
    expect(maxAbsDifference).toBe(largest);
    expect(equalDirectionShare).toEqual({ '15m': 1, '1h': 0.95, '4h': 1, '12h': 1 });
    expect(returnRankCorrelation).toEqual({ '15m': 1, '1h': 1, '4h': -1, '12h': null });
  });
});
