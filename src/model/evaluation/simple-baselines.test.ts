import { describe, expect, it } from 'vitest';
import { FORECAST_WIDTH, HORIZON_NAMES, HORIZONS, outputIndex, type SymbolId } from '../../core/index.ts';
import { chooseRows } from '../design-matrix.ts';
import { syntheticDataset } from '../synthetic-dataset.fixture.ts';
import { computeTargets, DIRECTION_THRESHOLDS, directionOf, TARGET_WIDTH } from '../targets.ts';
import { baseRates, majorityForecasts, persistenceForecasts } from './simple-baselines.ts';

const dataset = syntheticDataset({ seed: 4, symbols: 5, rows: 600, width: 3, edge: 0 });
const rows = chooseRows(dataset, computeTargets(dataset), { firstRow: 0, endRow: dataset.times.length }, 1e9);
const count = rows.times.length;
const rates = baseRates(dataset, rows);
const persistence = persistenceForecasts(rates, dataset, rows);
const majority = majorityForecasts(rates, count);
const PROBABILITY = outputIndex('direction_15m_up');

const closeAt = (symbol: SymbolId, bar: number) => dataset.bars.get(symbol)?.close[bar] ?? Number.NaN;
/** Return over the last bars, or NaN before there are so many. */
function pastOf(row: number, bars: number): number {
  const symbol = dataset.symbols[rows.symbolIndex[row] ?? -1] ?? '';
  const bar = dataset.times.indexOf(rows.times[row] ?? 0);
  return closeAt(symbol, bar) / closeAt(symbol, bar - bars) - 1;
}
const truthOf = (row: number, h: number) => rows.targets[row * TARGET_WIDTH + 4 + h];

describe('the majority', () => {
  it('says the training shares for every row, and names the commonest class', () => {
    HORIZON_NAMES.forEach((_, h) => {
      const up = Array.from({ length: count }, (_, row) => truthOf(row, h)).filter((label) => label === 0).length;
      const p = majority.values.subarray(PROBABILITY + h * 3, PROBABILITY + h * 3 + 3);
      expect(p[0]).toBeCloseTo((up + 0.5) / (count + 1.5), 6);
      expect(p.reduce((sum, one) => sum + one, 0)).toBeCloseTo(1, 6);
      expect(majority.values[4 + h]).toBe(p.indexOf(Math.max(...p)));
      // Its expected return has the sign that was commoner.
      expect(Math.sign(majority.values[h] ?? 0)).toBe(Math.sign((p[0] ?? 0) - (p[1] ?? 0)));
    });
    expect(majority.values.subarray(FORECAST_WIDTH, 2 * FORECAST_WIDTH)).toEqual(
      majority.values.subarray(0, FORECAST_WIDTH),
    );
    expect(majority.values[outputIndex('rank24h')]).toBe(0.5);
  });
});

describe('persistence', () => {
  it('names the class of the last return over the same horizon, and expects it again', () => {
    for (let row = 48 * 5; row < count; row += 37) {
      HORIZON_NAMES.forEach((horizon, h) => {
        const past = pastOf(row, HORIZONS[horizon]);
        expect(persistence.values[row * FORECAST_WIDTH + h]).toBeCloseTo(past, 6);
        expect(persistence.classes?.[row * 4 + h]).toBe(directionOf(past, DIRECTION_THRESHOLDS[horizon]));
      });
    }
  });

  it('gives the shares that followed each class', () => {
    const h = 1;
    const after = Array.from({ length: count }, (_, row) => row).filter(
      (row) => persistence.classes?.[row * 4 + h] === 0,
    );
    const down = after.filter((row) => truthOf(row, h) === 1).length;
    expect(rates.afterPersisted[h]?.[0]?.[1]).toBeCloseTo((down + 0.5) / (after.length + 1.5), 12);
    const row = after[after.length - 1] ?? 0;
    const p = persistence.values.subarray(
      row * FORECAST_WIDTH + PROBABILITY + 3,
      row * FORECAST_WIDTH + PROBABILITY + 6,
    );
    expect([...p].map((one) => one.toFixed(6))).toEqual(rates.afterPersisted[h]?.[0]?.map((one) => one.toFixed(6)));
  });

  it('is flat where a bar of the last return is missing', () => {
    expect(persistence.classes?.subarray(0, 4)).toEqual(Uint8Array.from([2, 2, 2, 2]));
    expect(persistence.values.subarray(0, 4)).toEqual(new Float32Array(4));
  });
});
