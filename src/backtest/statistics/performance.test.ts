import { describe, expect, it } from 'vitest';
import { createRandom } from '../../core/index.ts';
import { intervalText } from '../../html/index.ts';
import type { BacktestRecord } from '../record.ts';
import { performanceOf } from './performance.ts';
import { curveOf, curveOfDays, fillOf, flowOf, time } from './record.fixture.ts';

const options = () => ({ random: createRandom('performance') });
const NOTHING = { value: null, low: null, high: null };

const quiet = (equity: BacktestRecord['equity']): BacktestRecord => ({ equity, fills: [], funding: [] });
const noisy = (days: number, mean = 0) => {
  const random = createRandom('noisy');
  return Array.from({ length: days }, () => mean + 0.01 * random.normal());
};

describe('performanceOf', () => {
  it('annualises by 365 days', () => {
    // Half of the days +2 %, half -1 %: mean 0.5 %, standard deviation 1.5 % x root of 100/99.
    const days = Array.from({ length: 100 }, (_, day) => (day % 2 === 0 ? 0.02 : -0.01));
    const performance = performanceOf(quiet(curveOfDays(days)), options());
    const growth = (1.02 * 0.99) ** 50;
    const deviation = 0.015 * Math.sqrt(100 / 99);
    expect(performance).toMatchObject({ days: 100, wholeDays: 100, initialEquity: 100 });
    expect(performance?.finalEquity).toBeCloseTo(100 * growth, 9);
    expect(performance?.totalReturn.value).toBeCloseTo(growth - 1, 12);
    expect(performance?.cagr.value).toBeCloseTo(growth ** 3.65 - 1, 9);
    expect(performance?.volatility.value).toBeCloseTo(deviation * Math.sqrt(365), 9);
    expect(performance?.sharpe.value).toBeCloseTo((0.005 / deviation) * Math.sqrt(365), 9);
    expect(performance?.sortino.value).toBeCloseTo((0.005 / Math.sqrt(0.00005)) * Math.sqrt(365), 9);
    expect(performance?.maximumDrawdown.value).toBeCloseTo(0.01, 12);
    expect(performance?.calmar.value).toBeCloseTo((growth ** 3.65 - 1) / 0.01, 6);
    expect(performance?.skewness).toBeCloseTo(0, 9);
    expect(performance?.kurtosis).toBeCloseTo(1, 9);
  });

  it('holds each figure back until there is enough to say', () => {
    const few = performanceOf(quiet(curveOfDays(noisy(29))), options());
    expect(few?.totalReturn).toMatchObject({ value: expect.any(Number), low: null, high: null });
    expect(few).toMatchObject({ sharpe: NOTHING, sortino: NOTHING, volatility: NOTHING, probabilisticSharpe: null });
    const some = performanceOf(quiet(curveOfDays(noisy(89))), options());
    expect(some?.sharpe.low).not.toBeNull();
    expect(some).toMatchObject({ cagr: NOTHING, calmar: NOTHING });
    const enough = performanceOf(quiet(curveOfDays(noisy(90))), options());
    expect(enough?.cagr.low).not.toBeNull();
  });

  it('puts every figure inside its interval, and the same there again', () => {
    const record = quiet(curveOfDays(noisy(200, 0.002)));
    const performance = performanceOf(record, options());
    const { totalReturn, cagr, volatility, sharpe, sortino, calmar } = performance ?? {};
    for (const estimate of [totalReturn, cagr, volatility, sharpe, sortino, calmar]) {
      expect(estimate?.low, intervalText(estimate)).toBeLessThan(estimate?.value ?? 0);
      expect(estimate?.high, intervalText(estimate)).toBeGreaterThan(estimate?.value ?? 0);
    }
    expect(performanceOf(record, options())).toEqual(performance);
  });

  it('puts what parts of days brought into the total and its interval', () => {
    const { times, equity, ...rest } = curveOfDays(noisy(60));
    const doubled = {
      ...rest,
      // Half a day before the first midnight, in which equity doubled.
      times: Float64Array.from(times, (time, row) => (row === 0 ? time - 43_200_000 : time - 86_400_000)),
      equity: equity.map((value, row) => (row === 0 ? value : 2 * value)),
    };
    const performance = performanceOf(quiet(doubled), options());
    expect(performance?.wholeDays).toBe(59);
    expect(performance?.totalReturn.low).toBeGreaterThan(0.5);
    expect(performance?.totalReturn.high).toBeGreaterThan(performance?.totalReturn.value ?? 0);
  });

  it('finds the drawdown within days that daily returns do not show', () => {
    const performance = performanceOf(
      quiet(
        curveOf([
          ['2025-03-01T00:00', 100],
          ['2025-03-01T12:00', 70],
          ['2025-03-02T00:00', 100],
        ]),
      ),
      options(),
    );
    expect(performance?.maximumDrawdown).toEqual({ value: 0.3, low: null, high: null });
  });

  it('is ruin where all is lost, and nothing of a curve that never began', () => {
    const ruined = performanceOf(quiet(curveOfDays([...noisy(100), -1, 0, 0])), options());
    expect(ruined?.totalReturn.value).toBe(-1);
    expect(ruined?.cagr.value).toBe(-1);
    expect(ruined?.maximumDrawdown).toMatchObject({ value: 1, high: 1 });
    expect(performanceOf(quiet(curveOf([['2025-03-01T00:00', 100]])), options())).toBeUndefined();
  });
});

describe('activity', () => {
  const record: BacktestRecord = {
    equity: curveOf([
      ['2025-03-01T00:00', 100],
      ['2025-03-01T12:00', 100, 50, 30, 2],
      ['2025-03-02T00:00', 120, 0, 60, 1],
      ['2025-03-02T12:00', 80],
      ['2025-03-03T00:00', 140],
    ]),
    fills: [
      fillOf({ time: time('2025-03-01T06:00'), side: 'buy', quantity: 2, price: 50, fee: 3, spread: 2, impact: 1 }),
      fillOf({ time: time('2025-03-02T06:00'), side: 'sell', quantity: 2, price: 60, fee: 3, spread: 1, impact: 1 }),
    ],
    funding: [flowOf('2025-03-01T08:00', -6), flowOf('2025-03-01T16:00', 2, 'BTCUSDT', true)],
  };
  const activity = performanceOf(record, options())?.activity;

  it('counts bars with a position, and leverage at their close', () => {
    expect(activity?.exposure.inMarket.value).toBe(0.5);
    expect(activity?.exposure.gross.value).toBeCloseTo((0.8 + 0.5) / 4, 12);
    expect(activity?.exposure.net.value).toBeCloseTo((0.2 - 0.5) / 4, 12);
  });

  it('sets turnover and costs against mean equity and profit before costs', () => {
    expect(activity?.meanEquity).toBe(110);
    expect(activity?.turnover.perDay.value).toBeCloseTo(220 / 110 / 2, 12);
    expect(activity?.turnover.perYear.value).toBeCloseTo((220 / 110 / 2) * 365, 9);
    const { costs } = activity ?? {};
    expect([costs?.fees, costs?.spread, costs?.impact].map((cost) => cost?.amount)).toEqual([6, 3, 2]);
    expect([costs?.fundingPaid.amount, costs?.fundingReceived.amount, costs?.total.amount]).toEqual([6, -2, 15]);
    expect(costs?.fees.ofMeanEquity.value).toBeCloseTo(6 / 110, 12);
    expect(costs?.grossProfit).toBe(55);
    expect(costs?.fees.ofGrossProfit).toBeCloseTo(6 / 55, 12);
    expect(costs?.fundingAssumed).toBe(0.25);
  });

  it('has no share of a profit that is none', () => {
    const loss = performanceOf(
      {
        ...record,
        equity: curveOf([
          ['2025-03-01T00:00', 100],
          ['2025-03-02T00:00', 50],
        ]),
      },
      options(),
    );
    expect(loss?.activity.costs.total).toMatchObject({ amount: 15, ofGrossProfit: null });
  });
});
