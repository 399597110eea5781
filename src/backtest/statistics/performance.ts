import { at64, DAY_MS } from '../../core/index.ts';
import type { Estimate } from '../../model/index.ts';
import type { BacktestRecord } from '../record.ts';
import { type Activity, activityOf } from './activity.ts';
import { type Capacity, type CapacityOptions, capacityOf } from './capacity.ts';
import { DAYS_PER_YEAR, dailyReturnsOf } from './daily-returns.ts';
import { type Drawdown, dayPathsOf, drawdownOf, pathOfDraw } from './drawdown.ts';
import { estimateFrom, MINIMUM_SAMPLES, type ResamplingOptions, resampleBook, shapeOf } from './sample.ts';
import { deviationIn, minimumTrackRecord, probabilisticSharpe, sharpeIn, sortinoIn, sumsOfReturns } from './sharpe.ts';

/** What a backtest came to. Returns, volatility and drawdown are fractions; amounts are in quote currency. */
export interface Performance {
  /** Epoch milliseconds. */
  readonly from: number;
  readonly to: number;
  /** Time covered, in days; and the whole UTC days in it, which daily figures are made of. */
  readonly days: number;
  readonly wholeDays: number;
  readonly initialEquity: number;
  readonly finalEquity: number;
  readonly totalReturn: Estimate;
  readonly cagr: Estimate;
  readonly volatility: Estimate;
  readonly sharpe: Estimate;
  readonly sortino: Estimate;
  readonly calmar: Estimate;
  readonly maximumDrawdown: Estimate;
  readonly drawdown: Drawdown;
  /** Of daily returns; kurtosis 3 of a normal. Null below {@link MINIMUM_SAMPLES}, as what follows. */
  readonly skewness: number | null;
  readonly kurtosis: number | null;
  /** Probability that the true Sharpe ratio is above 0. */
  readonly probabilisticSharpe: number | null;
  /** Days until a Sharpe ratio like this one is above 0 with 95 % confidence; null where it is not positive. */
  readonly minimumTrackRecordDays: number | null;
  readonly activity: Activity;
  readonly capacity: Capacity;
}

export interface PerformanceOptions extends ResamplingOptions, CapacityOptions {}

/**
 * Performance of a record with 95 % intervals, from resampled days. Same record, seed and resamples, same figures.
 * @returns undefined of a curve without a bar after its start
 */
export function performanceOf(record: BacktestRecord, options: PerformanceOptions): Performance | undefined {
  const curve = record.equity;
  const rows = curve.times.length;
  const activity = activityOf(record, { ...options, random: options.random.fork('activity') });
  const drawdown = drawdownOf(curve);
  if (!activity || !drawdown) return undefined;
  const from = at64(curve.times, 0);
  const to = at64(curve.times, rows - 1);
  const days = (to - from) / DAY_MS;
  const initialEquity = at64(curve.equity, 0);
  const finalEquity = at64(curve.equity, rows - 1);

  const { returns, before, after } = dailyReturnsOf(curve);
  const resampling = resampleBook(returns.length, { ...options, random: options.random.fork('days') });
  const sums = sumsOfReturns(returns, resampling);
  const paths = dayPathsOf(curve);
  const drawn = Array.from({ length: resampling.draws }, (_, draw) =>
    draw === 0
      ? { growth: Math.max(0, finalEquity) / initialEquity, drawdown: drawdown.maximum }
      : withParts(pathOfDraw(paths, resampling, draw), (1 + before) * (1 + after)),
  );
  const growthIn = (draw: number) => drawn[draw]?.growth ?? Number.NaN;
  const drawdownIn = (draw: number) => drawn[draw]?.drawdown ?? Number.NaN;
  const cagrIn = (draw: number) => growthIn(draw) ** (DAYS_PER_YEAR / days) - 1;

  const daily = { needs: MINIMUM_SAMPLES.days };
  const annualised = { needs: MINIMUM_SAMPLES.annualisedDays };
  const maximumDrawdown = estimateFrom(resampling, drawdownIn, { least: 0 });
  const shape = shapeOf(returns);
  const isEnough = returns.length >= MINIMUM_SAMPLES.days && shape.deviation > 0;
  const ratio = shape.mean / shape.deviation;
  return {
    from,
    to,
    days,
    wholeDays: returns.length,
    initialEquity,
    finalEquity,
    totalReturn: estimateFrom(resampling, (draw) => growthIn(draw) - 1, { least: -1 }),
    cagr: estimateFrom(resampling, cagrIn, { ...annualised, least: -1 }),
    volatility: estimateFrom(resampling, (draw) => deviationIn(sums, draw) * Math.sqrt(DAYS_PER_YEAR), {
      ...daily,
      least: 0,
    }),
    sharpe: estimateFrom(resampling, (draw) => sharpeIn(sums, draw), daily),
    sortino: estimateFrom(resampling, (draw) => sortinoIn(sums, draw), daily),
    calmar: estimateFrom(resampling, (draw) => cagrIn(draw) / drawdownIn(draw), annualised),
    maximumDrawdown: {
      ...maximumDrawdown,
      high: maximumDrawdown.high === null ? null : Math.min(1, maximumDrawdown.high),
    },
    drawdown,
    skewness: isEnough ? shape.skewness : null,
    kurtosis: isEnough ? shape.kurtosis : null,
    probabilisticSharpe: isEnough ? probabilisticSharpe(ratio, 0, shape) : null,
    minimumTrackRecordDays: isEnough && ratio > 0 ? minimumTrackRecord(ratio, 0, shape) : null,
    activity,
    capacity: capacityOf(record.fills, activity.meanEquity, options),
  };
}

const withParts = (path: { growth: number; drawdown: number }, parts: number) => ({
  growth: path.growth * parts,
  drawdown: path.drawdown,
});
