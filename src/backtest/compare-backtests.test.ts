import { describe, expect, it } from 'vitest';
import { createRandom, DAY_MS, epochMs } from '../core/index.ts';
import { madeUpReport } from './backtest-report.fixture.ts';
import { compareBacktests } from './compare-backtests.ts';

const { report } = madeUpReport({ days: 40, trades: 60, id: 'first' });
const { equity } = report.record;
const compare = (...others: (typeof report)[]) =>
  compareBacktests([report, ...others], createRandom(1))
    .slice(1)
    .map(({ comparison }) => comparison);

describe('compareBacktests', () => {
  it('finds nothing between a backtest and its repetition', () => {
    const [comparison] = compare({ ...report, id: 'second' });
    expect(comparison?.difference.annualReturn).toEqual({ value: 0, low: 0, high: 0 });
    expect(comparison?.difference.days).toBe(40);
    expect(comparison?.firstDifferingTrade).toBeNull();
    expect(comparison?.warnings).toEqual([]);
    expect(Object.values(comparison?.isEqual ?? {})).toEqual([true, true, true, true, true, true]);
  });

  it('measures by how much daily returns differ', () => {
    // Each day a thousandth better.
    const better = equity.equity.map((value, row) => value * 1.001 ** (row / 96));
    const [comparison] = compare({
      ...report,
      id: 'second',
      record: { ...report.record, equity: { ...equity, equity: better } },
    });
    expect(comparison?.difference.annualReturn.value).toBeCloseTo(0.365, 2);
    expect(comparison?.difference.annualReturn.low).toBeGreaterThan(0.3);
  });

  it('finds the first trade that differs, in the time both have', () => {
    const fills = report.record.fills.map((fill, at) => (at === 5 ? { ...fill, price: fill.price * 2 } : fill));
    const [changed, cut] = compare(
      { ...report, id: 'changed', record: { ...report.record, fills } },
      { ...report, id: 'cut', record: { ...report.record, fills: report.record.fills.slice(0, 7) } },
    );
    expect(changed?.firstDifferingTrade).toEqual({ first: report.record.fills[5], other: fills[5] });
    expect(cut?.firstDifferingTrade).toEqual({ first: report.record.fills[7], other: null });
    const third = report.record.fills[3]?.time ?? epochMs(0);
    const [late] = compare({
      ...report,
      id: 'late',
      performance: { ...report.performance, from: third },
      record: { ...report.record, fills: report.record.fills.filter(({ time }) => time >= third) },
    });
    expect(late?.firstDifferingTrade).toBeNull();
  });

  it('warns of windows, universes, candles, costs and in-sample days that differ', () => {
    const { run, hashes, record } = report;
    const [window, universe, candles, factor, fees, inSample] = compare(
      { ...report, id: 'a', run: { ...run, to: epochMs(run.to - DAY_MS) } },
      { ...report, id: 'b', run: { ...run, symbols: [...run.symbols.slice(1), 'NEWUSDT'] } },
      { ...report, id: 'c', hashes: { ...hashes, data: '0' } },
      { ...report, id: 'd', run: { ...run, costFactor: 2 } },
      {
        ...report,
        id: 'e',
        record: { ...record, fills: record.fills.map((fill) => ({ ...fill, fee: 2 * fill.fee })) },
      },
      { ...report, id: 'f', run: { ...run, inSample: ['train'] } },
    );
    expect(window?.warnings).toEqual([
      'the windows differ: 2025-06-01 to 2025-07-10, and 2025-06-01 to 2025-07-09; differences are of the days both have',
    ]);
    expect(universe?.warnings).toEqual([
      'the universes differ: 1 symbols only in the first, 1 only in the other (BTCUSDT, NEWUSDT)',
    ]);
    expect(candles?.warnings).toEqual(['the candles differ']);
    expect(factor?.warnings).toEqual(['the costs differ: 1 times as configured, and 2 times']);
    expect(fees?.warnings).toEqual([expect.stringMatching(/^the fees differ: \d\.\d\d bp .* \d+\.\d\d bp$/)]);
    expect(inSample?.warnings).toEqual(['f is IN-SAMPLE: it says nothing of new days']);
  });
});
