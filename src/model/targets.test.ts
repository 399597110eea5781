import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { BarColumns } from '../core/index.ts';
import { BAR_MS } from './dataset.ts';
import { grid, START, walk } from './random-walk.fixture.ts';
import { computeTargets, directionOf, TARGET_COLUMNS, TARGET_WIDTH, unitRanks } from './targets.ts';

function compute(series: Record<string, BarColumns>, rows: number): Map<string, Float32Array> {
  return computeTargets({ times: grid(rows), symbols: Object.keys(series), bars: new Map(Object.entries(series)) });
}

const at = (values: Float32Array | undefined, row: number, name: (typeof TARGET_COLUMNS)[number]) =>
  values?.[row * TARGET_WIDTH + TARGET_COLUMNS.indexOf(name)] ?? Number.NaN;

/** Section 2.1 of the roadmap's legacy, word by word, one bar at a time. */
function naive(bars: BarColumns, row: number): Record<string, number> {
  const find = (k: number) => Array.from(bars.openTime).indexOf(START + (row + k - 1) * BAR_MS);
  const future = (n: number) => Array.from({ length: n }, (_, i) => find(i + 1));
  const value = (column: Float64Array, index: number) => column[index] ?? Number.NaN;
  const now = value(bars.close, find(0));
  const result: Record<string, number> = {};
  const whole = (n: number, work: (indices: number[]) => number) => {
    const indices = future(n);
    return find(0) < 0 || indices.includes(-1) ? Number.NaN : work(indices);
  };
  const horizons = [
    ['15m', 1, 0.0015],
    ['1h', 4, 0.003],
    ['4h', 16, 0.007],
    ['12h', 48, 0.01],
  ] as const;
  for (const [name, n, threshold] of horizons) {
    const change = whole(n, (indices) => value(bars.close, indices[n - 1] ?? -1) / now - 1);
    result[`future_return_${name}`] = change;
    result[`direction_${name}`] = Number.isNaN(change)
      ? Number.NaN
      : change > threshold
        ? 0
        : change <= -threshold
          ? 1
          : 2;
  }
  const levels = [
    ['1pct_4h', 0.01, 16],
    ['2pct_4h', 0.02, 16],
    ['3pct_12h', 0.03, 48],
    ['5pct_12h', 0.05, 48],
  ] as const;
  for (const [name, move, n] of levels) {
    result[`long_will_reach_${name}`] = whole(n, (indices) =>
      indices.some((i) => value(bars.high, i) / now - 1 >= move) ? 1 : 0,
    );
    result[`short_will_reach_${name}`] = whole(n, (indices) =>
      indices.some((i) => now / value(bars.low, i) - 1 >= move) ? 1 : 0,
    );
  }
  for (const [name, n] of [
    ['1h', 4],
    ['4h', 16],
  ] as const) {
    result[`max_drawdown_${name}`] = whole(n, (i) => now / Math.min(...i.map((k) => value(bars.low, k))) - 1);
    result[`max_rally_${name}`] = whole(n, (i) => Math.max(...i.map((k) => value(bars.high, k))) / now - 1);
  }
  return result;
}

describe('computeTargets', () => {
  it('agrees with the definitions computed bar by bar, holes included', () => {
    fc.assert(
      fc.property(fc.integer(), fc.array(fc.integer({ min: 0, max: 149 }), { maxLength: 4 }), (seed, holes) => {
        const bars = walk(seed, 150, new Set(holes));
        const values = compute({ A: bars }, 150).get('A');
        for (let row = 0; row < 150; row += 7) {
          for (const [name, expected] of Object.entries(naive(bars, row))) {
            const actual = at(values, row, name as (typeof TARGET_COLUMNS)[number]);
            if (Number.isNaN(expected)) expect(actual, `${name} ${row}`).toBeNaN();
            else expect(actual, `${name} ${row}`).toBe(Math.fround(expected));
          }
        }
      }),
      { numRuns: 8 },
    );
  });

  it('counts a return of exactly the threshold as FLAT above and as DOWN below', () => {
    expect(directionOf(0.003, 0.003)).toBe(2);
    expect(directionOf(0.0030001, 0.003)).toBe(0);
    expect(directionOf(-0.003, 0.003)).toBe(1);
    expect(directionOf(-0.0029999, 0.003)).toBe(2);
  });

  it('measures shorts by C/L - 1, not by 1 - L/C', () => {
    const bars = walk(1, 60);
    bars.low.fill(99.005, 1);
    bars.close.fill(100);
    bars.high.fill(100);
    // 100 / 99.005 - 1 = 1.005 %, but 1 - 99.005 / 100 = 0.995 %.
    expect(at(compute({ A: bars }, 60).get('A'), 0, 'short_will_reach_1pct_4h')).toBe(1);
  });

  it('ranks the 24 h return over the symbols present at that time', () => {
    const series = { A: walk(1, 130), B: walk(2, 130), C: walk(3, 130, new Set([50])), D: walk(4, 130) };
    const targets = compute(series, 130);
    const change = (bars: BarColumns, row: number) => (bars.close[row + 96] ?? 0) / (bars.close[row] ?? 0) - 1;
    const changes = [change(series.A, 10), change(series.B, 10), change(series.D, 10)];
    const rank = (value: number) => changes.filter((other) => other < value).length / 2;
    expect(at(targets.get('C'), 10, 'rank24h')).toBeNaN();
    (['A', 'B', 'D'] as const).forEach((symbol, index) => {
      expect(at(targets.get(symbol), 10, 'rank24h')).toBeCloseTo(rank(changes[index] ?? 0), 6);
    });
    expect(at(targets.get('A'), 34, 'rank24h')).toBeNaN();
    expect(at(compute({ A: series.A }, 130).get('A'), 3, 'rank24h')).toBe(0.5);
  });

  it('never looks past the longest horizon, nor back', () => {
    const before = compute({ A: walk(1, 200), B: walk(2, 200) }, 200);
    const poisoned = walk(1, 200);
    for (const column of [poisoned.close, poisoned.high, poisoned.low]) column.fill(1e9, 150);
    const after = compute({ A: poisoned, B: walk(2, 200) }, 200);
    const known = (150 - 96) * TARGET_WIDTH;
    for (const symbol of ['A', 'B']) {
      expect(after.get(symbol)?.subarray(0, known)).toEqual(before.get(symbol)?.subarray(0, known));
    }
  });
});

describe('unitRanks', () => {
  it('shares the mean rank between equal values', () => {
    expect(unitRanks([3, 1, 2, 2, 9])).toEqual([0.75, 0, 0.375, 0.375, 1]);
    expect(unitRanks([7])).toEqual([0.5]);
    expect(unitRanks([])).toEqual([]);
  });
});
