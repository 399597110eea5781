import { describe, expect, it } from 'vitest';
import { createRandom } from '../../core/index.ts';
import { deflatedSharpe, expectedMaximumSharpe, minimumBacktestYears, trialsOf } from './deflated-sharpe.ts';

describe('deflatedSharpe', () => {
  it('gives the probabilities of the example of Bailey and López de Prado (2014): annual 2.5 over five years', () => {
    const sharpe = 2.5 / Math.sqrt(250);
    const shape = { count: 1250, skewness: -3, kurtosis: 10 };
    const trials = { variance: 0.5 / 250, count: 100, effectiveCount: 46 };
    const deflated = deflatedSharpe(sharpe, shape, trials);
    expect(deflated.expectedMaximum).toBeCloseTo(0.1132, 4);
    expect(deflated.probability).toBeCloseTo(0.9004, 4);
    expect(deflated.effectiveProbability).toBeCloseTo(0.9505, 4);
    const normal = deflatedSharpe(sharpe, { count: 1250, skewness: 0, kurtosis: 3 }, { ...trials, count: 88 });
    expect(normal.probability).toBeCloseTo(0.9505, 3);
  });
});

describe('expectedMaximumSharpe', () => {
  it('is what the best of that many trials without skill shows', () => {
    const random = createRandom('maximum');
    let sum = 0;
    for (let round = 0; round < 4000; round++) {
      let best = Number.NEGATIVE_INFINITY;
      for (let trial = 0; trial < 50; trial++) best = Math.max(best, random.normal());
      sum += best;
    }
    expect(expectedMaximumSharpe(1, 50)).toBeCloseTo(sum / 4000, 1);
    expect(expectedMaximumSharpe(4, 50)).toBe(2 * expectedMaximumSharpe(1, 50));
  });

  it('is nothing of one trial', () => {
    expect(expectedMaximumSharpe(1, 1)).toBe(0);
  });
});

describe('minimumBacktestYears', () => {
  it('is five years for forty-five trials and an annual Sharpe ratio of one (Bailey et al. 2014)', () => {
    expect(minimumBacktestYears(45, 1)).toBeCloseTo(5, 2);
    expect(minimumBacktestYears(45, 2)).toBeCloseTo(1.25, 2);
  });
});

describe('trialsOf', () => {
  const random = createRandom('trials');
  const noise = () => Float64Array.from({ length: 400 }, () => random.normal());

  it('counts trials that are one for one, and independent ones each', () => {
    const one = noise();
    expect(trialsOf([one, one, one.map((value) => 2 * value)])).toMatchObject({
      count: 3,
      variance: expect.closeTo(0, 12),
    });
    expect(trialsOf([one, one, one]).effectiveCount).toBeCloseTo(1, 9);
    expect(trialsOf(Array.from({ length: 10 }, noise)).effectiveCount).toBeGreaterThan(9.5);
  });

  it('follows from the mean correlation', () => {
    // Correlations of 1, -1 and -1 among three: -1/3 in the mean, which is taken for none. Of 1, 0.5 and 0.5: two thirds.
    const a = Float64Array.from([1, -1, 1, -1]);
    const c = Float64Array.from([1 + Math.sqrt(3), -1 + Math.sqrt(3), 1 - Math.sqrt(3), -1 - Math.sqrt(3)]);
    expect(trialsOf([a, a, a.map((value) => -value)]).effectiveCount).toBe(3);
    expect(trialsOf([a, a, c]).effectiveCount).toBeCloseTo(2 / 3 + 3 * (1 / 3), 9);
  });

  it('takes the Sharpe ratio of a trial that never traded for 0', () => {
    const { variance, count } = trialsOf([Float64Array.from([0.03, -0.01]), new Float64Array(2)]);
    // 0.01 / 0.0283 = 0.3536 and 0: variance 0.0625.
    expect(variance).toBeCloseTo(0.0625, 9);
    expect(count).toBe(2);
    expect(trialsOf([])).toEqual({ variance: 0, count: 0, effectiveCount: 0 });
  });
});
