import { at64, type BarColumns, durationOf, type SymbolId } from '../core/index.ts';
import { NAMED_INDICATORS } from './catalogue/indicator-table.ts';
import { compilePipeline } from './pipeline.ts';
import { advance, BAR_SLOTS, COUNT, TIME } from './program.ts';
import { barAt } from './series-input.ts';

const QUARTER_MS = durationOf('15m');

/** Named indicators of many symbols on one grid. */
export interface IndicatorColumns {
  /** Those of a symbol at a time of the grid, by name; empty without a bar, and without what is not warm. */
  at(symbol: SymbolId, row: number): Readonly<Record<string, number>>;
}

/**
 * Computes the named indicators over closed 15-minute bars with the kernels of the live engine: equal bit for bit to what it says of the
 * same bars.
 * @param bars15m ascending; bars before the first time warm up
 * @param times closes, each 15 minutes after the one before
 */
export function computeIndicators(bars15m: ReadonlyMap<SymbolId, BarColumns>, times: Float64Array): IndicatorColumns {
  const { fast, indicatorOutputs } = compilePipeline([], NAMED_INDICATORS);
  const { slots, warmUps } = indicatorOutputs;
  const width = slots.length;
  const first = at64(times, 0);
  const values = new Map<SymbolId, Float64Array>();
  for (const [symbol, bars] of bars15m) {
    const block = new Float64Array(times.length * width).fill(Number.NaN);
    const state = new Float64Array(fast.size);
    const bar = new Float64Array(BAR_SLOTS);
    for (let i = 0; i < bars.length; i++) {
      if (!barAt(bars, i, QUARTER_MS, bar)) continue;
      const row = (at64(bar, TIME) - first) / QUARTER_MS;
      if (row >= times.length) break;
      advance(fast, state, QUARTER_MS, bar);
      if (row < 0) continue;
      const count = at64(state, COUNT);
      slots.forEach((slot, index) => {
        if (count >= (warmUps[index] ?? 0)) block[row * width + index] = at64(state, slot);
      });
    }
    values.set(symbol, block);
  }
  return {
    at(symbol, row) {
      const named: Record<string, number> = {};
      const block = values.get(symbol);
      NAMED_INDICATORS.forEach(({ name }, index) => {
        const value = block?.[row * width + index] ?? Number.NaN;
        if (Number.isFinite(value)) named[name] = value;
      });
      return named;
    },
  };
}
