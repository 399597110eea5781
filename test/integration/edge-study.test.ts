import { describe, expect, it } from 'vitest';
import { binomialInterval, coverageOf, foundEdge, type StudyFigure, type StudyResult } from '../../bench/edge-study.ts';

const result = (figures: Record<string, StudyFigure>, theory: StudyResult['theory'] = null): StudyResult => ({
  task: { model: 'linear', edge: theory !== null, features: 'few', seed: '1' },
  figures,
  theory,
  testDays: 30,
  runLengthDays: 4,
});
const figure = (low: number | null, high: number | null): StudyFigure => ({
  value: low === null || high === null ? null : (low + high) / 2,
  low,
  high,
});

describe('binomialInterval', () => {
  it('is that of Clopper and Pearson', () => {
    // 1 - 0.025^(1/10), and the table of Clopper and Pearson (1934) for 8 of 10.
    expect(binomialInterval(0, 10)[1]).toBeCloseTo(1 - 0.025 ** 0.1, 10);
    expect(binomialInterval(8, 10)[0]).toBeCloseTo(0.4439, 4);
    expect(binomialInterval(8, 10)[1]).toBeCloseTo(0.9748, 4);
    expect(binomialInterval(10, 10)[1]).toBe(1);
  });
});

describe('coverageOf', () => {
  it('counts the intervals that hold zero, and leaves out figures without one', () => {
    const figures = [
      ...Array.from({ length: 18 }, () => figure(-1, 1)),
      figure(0.1, 1),
      figure(-1, -0.1),
      figure(null, null),
    ];
    expect(coverageOf(figures.map((x) => result({ x })))).toEqual({
      x: {
        markets: 20,
        covered: 18,
        below: 1,
        above: 1,
        coverage: 0.9,
        expected: 0.95,
        interval: binomialInterval(18, 20),
        withinBinomial: true,
      },
    });
    const half = [
      ...Array.from({ length: 10 }, () => figure(-1, 1)),
      ...Array.from({ length: 10 }, () => figure(1, 2)),
    ];
    expect(coverageOf(half.map((x) => result({ x }))).x?.withinBinomial).toBe(false);
  });
});

describe('foundEdge', () => {
  const theory = { '15m': 0.02, '1h': 0.04, '4h': 0.08, '12h': 0.12, '24h': 0.15 };
  const found = (share: Partial<Record<keyof typeof theory, number>>) =>
    foundEdge(
      result(
        Object.fromEntries(
          Object.entries(theory).map(([horizon, value]) => {
            const own = (share[horizon as keyof typeof theory] ?? 1) * value;
            return [`raw IC, ${horizon}`, { value: own, low: own - 0.01, high: own + 0.01 }];
          }),
        ),
        theory,
      ),
    );

  it('passes within 30 % of theory, where there is enough to be told from luck', () => {
    expect(found({}).passes).toBe(true);
    expect(found({ '15m': 0, '1h': 2 }).passes).toBe(true);
    expect(found({ '4h': 0.75, '12h': 1.25 }).passes).toBe(true);
    expect(found({ '4h': 0.65 }).passes).toBe(false);
    expect(found({ '24h': 1.35 }).passes).toBe(false);
    expect(found({ '4h': 0.65 }).horizons['4h'].ratio).toBeCloseTo(0.65);
  });
});
