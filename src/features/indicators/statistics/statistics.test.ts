import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { at64, createRandom } from '../../../core/index.ts';
import { earlier, expectValues, from, mean, over, sampleBars, sum, windows, zip } from '../naive.fixture.ts';
import { EfficiencyRatio } from './efficiency-ratio.ts';
import { HurstExponent } from './hurst-exponent.ts';
import { normalProbability } from './normal-distribution.ts';
import { RollingAutocorrelation } from './rolling-autocorrelation.ts';
import { RollingBeta } from './rolling-beta.ts';
import { RollingCorrelation } from './rolling-correlation.ts';
import { RollingDeviation } from './rolling-deviation.ts';
import { RollingEntropy } from './rolling-entropy.ts';
import { RollingQuantile } from './rolling-quantile.ts';
import { RollingKurtosis, RollingSkewness } from './rolling-shape.ts';
import { RollingVariance } from './rolling-variance.ts';
import { ZScore } from './z-score.ts';

/* Each indicator against its formula, written once more over whole windows. */

const { high, low, close } = sampleBars('statistics', 600);

/** The k-th central moment; 0 where all are equal, whatever their mean's rounding. */
const moment = (window: number[], k: number): number =>
  isFlat(window) ? 0 : mean(window.map((value) => (value - mean(window)) ** k));
const isFlat = (window: number[]): boolean => window.every((value) => value === window[0]);
const deviation = (window: number[]): number => Math.sqrt(moment(window, 2));

const pearson = (x: number[], y: number[]): number =>
  over(codeviation(x, y), Math.sqrt(codeviation(x, x) * codeviation(y, y)));
const codeviation = (x: number[], y: number[]): number =>
  isFlat(x) || isFlat(y) ? 0 : sum(x.map((value, i) => (value - mean(x)) * ((y[i] ?? Number.NaN) - mean(y))));

const pairWindows = (
  x: ArrayLike<number>,
  y: ArrayLike<number>,
  period: number,
  f: (x: number[], y: number[]) => number,
): number[] =>
  from(x.length, period - 1, (i) => {
    const [a, b] = [x, y].map((column) => Array.from(column).slice(i - period + 1, i + 1));
    return a && b && !a.some(Number.isNaN) ? f(a, b) : Number.NaN;
  });

describe('statistics of a moving window are what their formulas say', () => {
  it('RollingVariance and RollingDeviation', () => {
    for (const period of [1, 2, 20]) {
      expectValues(
        new RollingVariance(period).batch(close),
        windows(close, period, (window) => moment(window, 2)),
        1e-6,
      );
      expectValues(new RollingDeviation(period).batch(close), windows(close, period, deviation), 1e-3);
    }
  });

  it('ZScore', () => {
    const score = (window: number[]) => over((window.at(-1) ?? 0) - mean(window), deviation(window));
    expectValues(new ZScore(20).batch(close), windows(close, 20, score), 1);
  });

  it('RollingSkewness and RollingKurtosis', () => {
    const skewness = (window: number[]) => over(moment(window, 3), deviation(window) ** 3);
    const kurtosis = (window: number[]) => (isFlat(window) ? 0 : moment(window, 4) / moment(window, 2) ** 2 - 3);
    for (const period of [2, 7, 30]) {
      expectValues(new RollingSkewness(period).batch(close), windows(close, period, skewness), 1);
      expectValues(new RollingKurtosis(period).batch(close), windows(close, period, kurtosis), 1);
    }
  });

  it('RollingCorrelation', () => {
    for (const period of [2, 30]) {
      expectValues(new RollingCorrelation(period).batch(high, low), pairWindows(high, low, period, pearson), 1);
    }
  });

  it('RollingBeta', () => {
    const [x, y] = [high, low].map((column) => zip((now, before) => now / before - 1, column, earlier(column)));
    const slope = (a: number[], b: number[]) => over(codeviation(a, b), codeviation(a, a));
    expectValues(new RollingBeta(5).batch(high, low), pairWindows(x ?? [], y ?? [], 5, slope), 1, 1e-8);
  });

  it('RollingAutocorrelation', () => {
    for (const lag of [1, 3]) {
      const lagged = (window: number[]) => pearson(window.slice(0, -lag), window.slice(lag));
      expectValues(new RollingAutocorrelation(20, lag).batch(close), windows(close, 20, lagged), 1);
    }
  });

  it('RollingQuantile, ties and all', () => {
    const values = fc.array(fc.integer({ min: -3, max: 3 }), { minLength: 1, maxLength: 60 });
    const share = fc.constantFrom(0, 0.1, 0.25, 0.5, 0.9, 1);
    fc.assert(
      fc.property(values, fc.integer({ min: 1, max: 9 }), share, (series, period, quantile) => {
        const expected = windows(series, period, (window) => sortedQuantile(window, quantile));
        expectValues(new RollingQuantile(period, quantile).batch(Float64Array.from(series)), expected, 1, 1e-12);
      }),
    );
    expectValues(
      new RollingQuantile(25, 0.05).batch(close),
      windows(close, 25, (window) => sortedQuantile(window, 0.05)),
      1,
    );
  });

  it('EfficiencyRatio', () => {
    const ratio = (window: number[]) => {
      const path = sum(window.slice(1).map((value, i) => Math.abs(value - (window[i] ?? 0))));
      return over(Math.abs((window.at(-1) ?? 0) - (window[0] ?? 0)), path);
    };
    expectValues(new EfficiencyRatio(10).batch(close), windows(close, 11, ratio), 1);
  });

  it('RollingEntropy', () => {
    const returns = Float64Array.from(close, (price, i) => (i === 0 ? 0 : Math.log(price / at64(close, i - 1))));
    for (const [period, bins] of [
      [50, 10],
      [5, 2],
    ] as const) {
      const entropy = (window: number[]) => {
        const [least, greatest] = [Math.min(...window), Math.max(...window)];
        if (least === greatest) return 0;
        const bin = (value: number) => Math.min(bins - 1, Math.floor(((value - least) / (greatest - least)) * bins));
        const shares = Array.from({ length: bins }, (_, k) => window.filter((v) => bin(v) === k).length / period);
        return sum(shares.map((share) => (share === 0 ? 0 : -share * Math.log(share)))) / Math.log(bins);
      };
      expectValues(new RollingEntropy(period, bins).batch(returns), windows(returns, period, entropy), 1);
    }
  });

  it('HurstExponent', () => {
    const logarithms = close.map(Math.log);
    expectValues(
      new HurstExponent(60, 10).batch(logarithms),
      windows(logarithms, 60, (window) => hurst(window, 10)),
      1,
    );
  });
});

describe('a moving variance', () => {
  it('is exactly zero in a flat window right after a move a million times the later prices', () => {
    const values = Float64Array.from({ length: 60 }, (_, i) => (i < 20 ? 1e6 + i : 0.1));
    for (const indicator of [new RollingVariance(20), new RollingDeviation(20), new ZScore(20)]) {
      expect([...indicator.batch(values).subarray(39)]).toEqual(new Array(21).fill(0));
    }
  });

  it('keeps its digits at a price level ten million times the moves', () => {
    const moves = Float64Array.from(close, (_, i) => ((i * 7) % 11) / 1024);
    const lifted = moves.map((value) => value + 2 ** 14);
    const expected = new RollingVariance(20).batch(moves);
    expectValues(new RollingVariance(20).batch(lifted), expected, 0, 1e-13);
  });

  it('does not drift after a million values', () => {
    const values = Float64Array.from({ length: 1_000_020 }, (_, i) => 1e4 + Math.sin(i * i));
    const last = new RollingVariance(20).batch(values).at(-1) ?? 0;
    expect(last / moment([...values.subarray(-20)], 2)).toBeCloseTo(1, 11);
  });
});

describe('the Hurst exponent', () => {
  it('is about one half for random walks, above for persistent and below for reverting ones', () => {
    const average = (persistence: number) => {
      const random = createRandom(`hurst ${persistence}`);
      let value = 0;
      let step = 0;
      const walk = Float64Array.from({ length: 10_000 }, () => {
        step = persistence * step + random.normal();
        value += step;
        return value;
      });
      return mean([...new HurstExponent(200, 19).batch(walk).subarray(199)]);
    };
    expect(average(0)).toBeGreaterThan(0.45);
    expect(average(0)).toBeLessThan(0.55);
    expect(average(0.7)).toBeGreaterThan(0.6);
    expect(average(-0.7)).toBeLessThan(0.4);
  });

  it('is 1 along a straight line, 0 for what always comes back, ½ where nothing moves', () => {
    const last = (value: (i: number) => number) =>
      new HurstExponent(50, 8).batch(Float64Array.from({ length: 60 }, (_, i) => value(i))).at(-1);
    expect(last((i) => 3 * i)).toBeCloseTo(1, 12);
    expect(last((i) => i % 2)).toBe(0);
    expect(last(() => 7)).toBe(0.5);
  });
});

describe('parameters out of range are refused', () => {
  const cases: [string, () => unknown][] = [
    ['period is 0', () => new RollingVariance(0)],
    ['period is 2.5', () => new RollingDeviation(2.5)],
    ['period is 1', () => new RollingBeta(1)],
    ['period is 4', () => new RollingAutocorrelation(4, 3)],
    ['period is 19', () => new HurstExponent(19, 19)],
    ['period is 5', () => new RollingEntropy(5, 10)],
    ['quantile is 1.5', () => new RollingQuantile(10, 1.5)],
    ['quantile is -0.1', () => new RollingQuantile(10, -0.1)],
    ['quantile is NaN', () => new RollingQuantile(10, Number.NaN)],
  ];
  it.each(cases)('%s', (message, make) => {
    expect(make).toThrow(message);
  });
});

describe('the normal distribution', () => {
  it('has the probabilities of its power series, and the known ones far out', () => {
    for (let x = -5; x <= 5; x += 0.37) {
      let term = x;
      let series = x;
      for (let k = 1; k < 200; k++) {
        term *= (x * x) / (2 * k + 1);
        series += term;
      }
      expect(normalProbability(x)).toBeCloseTo(0.5 + (series * Math.exp((-x * x) / 2)) / Math.sqrt(2 * Math.PI), 14);
    }
    expect(normalProbability(-10) / 7.619853024160527e-24).toBeCloseTo(1, 8);
    expect([-Infinity, -40, 0, 40, Infinity].map(normalProbability)).toEqual([0, 0, 0.5, 1, 1]);
  });
});

function sortedQuantile(window: number[], quantile: number): number {
  const sorted = window.toSorted((a, b) => a - b);
  const place = (sorted.length - 1) * quantile;
  const low = sorted[Math.floor(place)] ?? Number.NaN;
  const next = sorted[Math.ceil(place)] ?? Number.NaN;
  return low + (place % 1) * (next - low);
}

/** Slope by ordinary least squares of ln of the root mean square difference over ln of its lag. */
function hurst(window: number[], maximumLag: number): number {
  if (isFlat(window)) return 0.5;
  const lags = Array.from({ length: maximumLag }, (_, k) => k + 1);
  const sizes = lags.map((lag) =>
    Math.sqrt(mean(window.slice(lag).map((value, i) => (value - (window[i] ?? 0)) ** 2))),
  );
  if (sizes.includes(0)) return 0;
  const x = lags.map(Math.log);
  const y = sizes.map(Math.log);
  return Math.max(0, Math.min(1, codeviation(x, y) / codeviation(x, x)));
}
