import { describe, expect, it } from 'vitest';
import { syntheticDataset } from '../synthetic-dataset.fixture.ts';
import { marketState } from './regimes.ts';

const dataset = syntheticDataset({ seed: 9, symbols: 3, rows: 300, width: 2, edge: 0 });
const state = marketState(dataset);
const closes = dataset.symbols.map((symbol) => dataset.bars.get(symbol)?.close ?? new Float64Array(0));

/** Mean log return of the symbols in the bar that closes at `row`. */
const market = (row: number) =>
  closes.reduce((sum, close) => sum + Math.log((close[row] ?? 0) / (close[row - 1] ?? 0)), 0) / closes.length;

describe('marketState', () => {
  it('is the size and the sum of the last 96 returns of the market', () => {
    const last = Array.from({ length: 96 }, (_, i) => market(250 - i));
    expect(state.dayReturn[250]).toBeCloseTo(
      last.reduce((sum, one) => sum + one, 0),
      12,
    );
    expect(state.volatility[250]).toBeCloseTo(Math.sqrt(last.reduce((sum, one) => sum + one * one, 0) / 96), 12);
  });

  it('is unknown until there is a day of them, and does not change with what comes later', () => {
    expect(state.volatility[95]).toBeNaN();
    expect(state.volatility[96]).toBeGreaterThan(0);
    const later = syntheticDataset({ seed: 9, symbols: 3, rows: 300, width: 2, edge: 0 });
    for (const bars of later.bars.values()) bars.close.fill(1e6, 201);
    const changed = marketState(later);
    expect(changed.volatility.subarray(96, 201)).toEqual(state.volatility.subarray(96, 201));
    expect(changed.volatility[201]).not.toBe(state.volatility[201]);
  });

  it('uses bars from before the first time', () => {
    const times = dataset.times.subarray(200);
    const { volatility } = marketState({ ...dataset, times });
    expect(volatility).toEqual(state.volatility.subarray(200));
  });
});
