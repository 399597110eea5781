import {
  at64,
  DIRECTION_DOWN,
  DIRECTION_FLAT,
  DIRECTION_UP,
  HORIZON_NAMES,
  HORIZONS,
  type Horizon,
  type SymbolId,
  TARGET_NAMES,
} from '../core/index.ts';
import { type AlignedBars, alignBars, barsUntilHole, type Dataset } from './dataset.ts';

/** A return above the threshold is UP, at or below its negative DOWN, between them FLAT. Fractions. */
export const DIRECTION_THRESHOLDS: Readonly<Record<Horizon, number>> = {
  '15m': 0.0015,
  '1h': 0.003,
  '4h': 0.007,
  '12h': 0.01,
};

/** The four levels, for longs and then for shorts: how far, within how many bars. */
export const LEVELS = [
  { move: 0.01, bars: HORIZONS['4h'] },
  { move: 0.02, bars: HORIZONS['4h'] },
  { move: 0.03, bars: HORIZONS['12h'] },
  { move: 0.05, bars: HORIZONS['12h'] },
] as const;

/** Bars of the return that `rank24h` ranks: also the longest label, so the purge of every split. */
export const RANK_BARS = 96;

/** Columns of a target row: the roadmap's twenty, then `rank24h`. */
export const TARGET_COLUMNS = [...TARGET_NAMES, 'rank24h'] as const;
export const TARGET_WIDTH = TARGET_COLUMNS.length;

const RETURN_COLUMN = 0;
const DIRECTION_COLUMN = 4;
const LONG_COLUMN = 8;
const SHORT_COLUMN = 12;
const DRAWDOWN_COLUMN = 16;
const RALLY_COLUMN = 18;
const RANK_COLUMN = 20;
const RISK_BARS = [HORIZONS['1h'], HORIZONS['4h']] as const;

/**
 * The targets of every symbol at every time of the dataset: row-major [times, TARGET_WIDTH], NaN where a bar of the target's own
 * horizon (or the bar itself) is missing: at the end of the data and before a hole. Nothing is filled. The definitions are the
 * roadmap's, with C, H, L the close, high and low of 15-minute bars and t the bar just closed:
 *
 * - `future_return_h` = C[t+n]/C[t] - 1, n = 1, 4, 16, 48;
 * - `direction_h`: class id of that return by {@link DIRECTION_THRESHOLDS};
 * - `long_will_reach_x` = 1 if max over i = 1..n of H[t+i]/C[t] - 1 >= x; `short_will_reach_x` = 1 if max C[t]/L[t+i] - 1 >= x;
 * - `max_drawdown_h` = C[t]/min L[t+i] - 1; `max_rally_h` = max H[t+i]/C[t] - 1, n = 4, 16;
 * - `rank24h`: the rank in [0, 1] of C[t+96]/C[t] - 1 among the symbols that have it at t; equal returns share their mean rank; one symbol alone has 0.5.
 */
export function computeTargets(dataset: Pick<Dataset, 'times' | 'symbols' | 'bars'>): Map<SymbolId, Float32Array> {
  const targets = new Map<SymbolId, Float32Array>();
  const dayReturns: Float64Array[] = [];
  const columns: Float32Array[] = [];
  for (const symbol of dataset.symbols) {
    const bars = dataset.bars.get(symbol);
    if (!bars) throw new RangeError(`no bars of ${symbol}`);
    const values = new Float32Array(dataset.times.length * TARGET_WIDTH).fill(Number.NaN);
    dayReturns.push(fillSymbol(alignBars(dataset.times, bars), values));
    columns.push(values);
    targets.set(symbol, values);
  }
  fillRanks(dayReturns, columns, dataset.times.length);
  return targets;
}

/** Class id of a return: right-closed bins. */
export function directionOf(value: number, threshold: number): number {
  if (value > threshold) return DIRECTION_UP;
  return value <= -threshold ? DIRECTION_DOWN : DIRECTION_FLAT;
}

/** Fills all but the rank; returns the return over {@link RANK_BARS}. */
function fillSymbol(bars: AlignedBars, values: Float32Array): Float64Array {
  const { close, high, low } = bars;
  const rows = close.length;
  const unbroken = barsUntilHole(bars);
  const dayReturns = new Float64Array(rows).fill(Number.NaN);
  for (let t = 0; t < rows; t++) {
    const reach = at64(unbroken, t);
    if (reach < 1) continue;
    const now = at64(close, t);
    const row = t * TARGET_WIDTH;
    HORIZON_NAMES.forEach((horizon, index) => {
      const bars = HORIZONS[horizon];
      if (reach < bars) return;
      const change = at64(close, t + bars) / now - 1;
      values[row + RETURN_COLUMN + index] = change;
      values[row + DIRECTION_COLUMN + index] = directionOf(change, DIRECTION_THRESHOLDS[horizon]);
    });
    if (reach >= RANK_BARS) dayReturns[t] = at64(close, t + RANK_BARS) / now - 1;
    let highest = Number.NEGATIVE_INFINITY;
    let lowest = Number.POSITIVE_INFINITY;
    const last = Math.min(reach, HORIZONS['12h']);
    for (let i = 1; i <= last; i++) {
      highest = Math.max(highest, at64(high, t + i));
      lowest = Math.min(lowest, at64(low, t + i));
      for (let risk = 0; risk < RISK_BARS.length; risk++) {
        if (RISK_BARS[risk] !== i) continue;
        values[row + DRAWDOWN_COLUMN + risk] = now / lowest - 1;
        values[row + RALLY_COLUMN + risk] = highest / now - 1;
      }
      for (let level = 0; level < LEVELS.length; level++) {
        const definition = LEVELS[level];
        if (definition?.bars !== i) continue;
        values[row + LONG_COLUMN + level] = highest / now - 1 >= definition.move ? 1 : 0;
        values[row + SHORT_COLUMN + level] = now / lowest - 1 >= definition.move ? 1 : 0;
      }
    }
  }
  return dayReturns;
}

function fillRanks(dayReturns: readonly Float64Array[], columns: readonly Float32Array[], rows: number): void {
  for (let t = 0; t < rows; t++) {
    const present: number[] = [];
    for (let s = 0; s < dayReturns.length; s++) {
      if (!Number.isNaN(dayReturns[s]?.[t])) present.push(s);
    }
    const ranks = unitRanks(present.map((s) => dayReturns[s]?.[t] ?? Number.NaN));
    present.forEach((s, index) => {
      const values = columns[s];
      if (values) values[t * TARGET_WIDTH + RANK_COLUMN] = ranks[index] ?? 0.5;
    });
  }
}

/** Ranks in [0, 1], 0 the smallest; equal values share their mean rank; one value alone is in the middle. */
export function unitRanks(values: readonly number[]): number[] {
  const count = values.length;
  if (count === 1) return [0.5];
  const order = values.map((_, index) => index).sort((a, b) => (values[a] ?? 0) - (values[b] ?? 0));
  const ranks = new Array<number>(count).fill(0);
  for (let from = 0; from < count; ) {
    let to = from + 1;
    while (to < count && values[order[to] ?? 0] === values[order[from] ?? 0]) to++;
    for (let i = from; i < to; i++) ranks[order[i] ?? 0] = (from + to - 1) / 2 / (count - 1);
    from = to;
  }
  return ranks;
}
