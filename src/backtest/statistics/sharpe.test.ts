import { describe, expect, it } from 'vitest';
import { createRandom } from '../../core/index.ts';
import { resampleDays } from '../../model/index.ts';
import { normalProbability, normalQuantile } from './normal.ts';
import { shapeOf } from './sample.ts';
import {
  deviationIn,
  logGrowthIn,
  minimumTrackRecord,
  pairedDifference,
  probabilisticSharpe,
  sharpeIn,
  sharpeOf,
  sortinoIn,
  sumsOfReturns,
} from './sharpe.ts';

const NORMAL = { skewness: 0, kurtosis: 3 };

describe('the normal distribution', () => {
  it('has the probabilities of the tables, and both tails', () => {
    expect(normalProbability(0)).toBe(0.5);
    expect(normalProbability(1)).toBeCloseTo(0.8413447460685429, 14);
    expect(normalProbability(-1.959963984540054)).toBeCloseTo(0.025, 14);
    expect(normalProbability(-6.1) / 5.303423262948755e-10).toBeCloseTo(1, 9);
    expect(normalProbability(-10) / 7.6198530241605e-24).toBeCloseTo(1, 9);
  });

  it('has quantiles that undo them', () => {
    expect(normalQuantile(0.975)).toBeCloseTo(1.959963984540054, 12);
    expect(normalQuantile(0.01)).toBeCloseTo(-2.326347874040841, 12);
    expect([normalQuantile(0), normalQuantile(1)]).toEqual([-Infinity, Infinity]);
    expect(normalQuantile(1.1)).toBeNaN();
  });
});

describe('figures of daily returns', () => {
  const RETURNS = Float64Array.from([0.01, -0.02, 0.03, 0]);
  const sums = sumsOfReturns(RETURNS, resampleDays(4, createRandom(1)));

  it('are what their formulas say', () => {
    // Mean 0.005; squares about it 0.000025 + 0.000625 + 0.000625 + 0.000025 = 0.0013; below zero 0.0004 of four days.
    expect(deviationIn(sums, 0)).toBeCloseTo(Math.sqrt(0.0013 / 3), 12);
    expect(sharpeIn(sums, 0)).toBeCloseTo((0.005 / Math.sqrt(0.0013 / 3)) * Math.sqrt(365), 10);
    expect(sortinoIn(sums, 0)).toBeCloseTo((0.005 / 0.01) * Math.sqrt(365), 10);
    expect(Math.exp(logGrowthIn(sums, 0))).toBeCloseTo(1.01 * 0.98 * 1.03, 12);
  });

  it('are nothing where nothing varies', () => {
    const flat = sumsOfReturns(new Float64Array(4).fill(0.01), resampleDays(4, createRandom(1)));
    expect(deviationIn(flat, 0)).toBe(0);
    expect(sharpeIn(flat, 0)).toBeNaN();
    expect(sortinoIn(flat, 0)).toBeNaN();
  });

  it('have a shape', () => {
    const shape = shapeOf(Float64Array.from([1, 1, 1, 5]));
    // Off the mean of 2 by -1, -1, -1 and 3: squares 12, cubes 24, fourth powers 84.
    expect(shape).toMatchObject({ count: 4, mean: 2, deviation: 2 });
    expect(shape.skewness).toBeCloseTo(24 / 4 / 3 ** 1.5, 12);
    expect(shape.kurtosis).toBeCloseTo(84 / 4 / 9, 12);
    expect(shapeOf(new Float64Array(7).fill(0.1))).toMatchObject({ deviation: 0, skewness: 0, kurtosis: 3 });
  });
});

describe('sharpeOf', () => {
  it('says nothing of less than thirty days', () => {
    const returns = Float64Array.from({ length: 30 }, (_, day) => (day % 3) - 0.9);
    const options = { random: createRandom(1) };
    expect(sharpeOf(returns.subarray(1), options)).toEqual({ value: null, low: null, high: null });
    const { value, low, high } = sharpeOf(returns, options);
    expect(low ?? 0).toBeLessThan(value ?? 0);
    expect(high ?? 0).toBeGreaterThan(value ?? 0);
  });
});

describe('probabilisticSharpe', () => {
  it('gives the probabilities of the example of Bailey and López de Prado (2012): two years of months', () => {
    expect(probabilisticSharpe(0.458, 0, { count: 24, ...NORMAL })).toBeCloseTo(0.982, 3);
    expect(probabilisticSharpe(0.458, 0, { count: 24, skewness: -2.448, kurtosis: 10.164 })).toBeCloseTo(0.913, 3);
  });
});

describe('minimumTrackRecord', () => {
  it('gives the years of their examples: annual 2 against 1', () => {
    const years = (periods: number, shape = NORMAL) =>
      minimumTrackRecord(2 / Math.sqrt(periods), 1 / Math.sqrt(periods), shape) / periods;
    expect(years(250)).toBeCloseTo(2.73, 2);
    expect(years(52)).toBeCloseTo(2.83, 2);
    expect(years(12, { skewness: -0.72, kurtosis: 5.78 })).toBeCloseTo(4.99, 2);
  });

  it('never ends where the ratio does not exceed what it is compared with', () => {
    expect(minimumTrackRecord(0.1, 0.1, NORMAL)).toBe(Infinity);
  });
});

describe('pairedDifference', () => {
  const seriesOf = (firstDay: number, returns: Float64Array) => ({ firstDay, returns, before: 0, after: 0 });
  const random = createRandom('paired');
  const market = Float64Array.from({ length: 100 }, () => 0.03 * random.normal());

  it('knows a small difference where both move with the market, which neither alone shows', () => {
    const better = seriesOf(
      20_000,
      market.map((value) => value + 0.001 + 0.0001 * random.normal()),
    );
    const { days, annualReturn, sharpe } = pairedDifference(better, seriesOf(20_000, market), { random });
    expect(days).toBe(100);
    expect(annualReturn.value).toBeCloseTo(0.365, 1);
    expect(annualReturn.low).toBeGreaterThan(0.35);
    expect(sharpe.low).toBeGreaterThan(0);
    expect(sharpeOf(better.returns, { random }).low).toBeLessThan(0);
  });

  it('compares the days that both have', () => {
    const same = pairedDifference(seriesOf(20_000, market), seriesOf(20_010, market.subarray(10, 60)), { random });
    expect(same.days).toBe(50);
    expect(same.annualReturn).toEqual({ value: 0, low: 0, high: 0 });
    const apart = pairedDifference(seriesOf(20_000, market), seriesOf(20_090, market), { random });
    expect(apart).toMatchObject({ days: 10, annualReturn: { value: null }, sharpe: { value: null } });
    expect(pairedDifference(seriesOf(0, market), seriesOf(20_090, market), { random }).days).toBe(0);
  });
});
