import { cashToNumber, DAY_MS, type EpochMs, type RampCause } from '../../core/index.ts';
import type { RampSettings } from '../settings.ts';
import { shareOfEquity } from './limits.ts';

/**
 * How far a book may use its capital, and what it has realised since it may: part of the book's state. Results are those of closed trades
 * after fees, by UTC day; money that was paid in or out is none of them.
 */
export interface RampState {
  /** Position in the list of fractions. */
  readonly stage: number;
  /** Market time at which the stage, or measuring it anew, began. */
  readonly since: EpochMs;
  /** The armed cap the stage was reached with, cash units; 0 before the first. */
  readonly cap: bigint;
  /** Closed trades of the stage. */
  readonly trades: number;
  /** What they made, and the most they had made, cash units. */
  readonly result: bigint;
  readonly peak: bigint;
  /** UTC day number of the running day, its result and number of trades. */
  readonly day: number;
  readonly dayResult: bigint;
  readonly dayTrades: number;
  /** Days over that had trades; mean and sum of squared deviations of their results (Welford 1962), quote currency. */
  readonly days: number;
  readonly mean: number;
  readonly squares: number;
}

/** A stage measured from its beginning. */
export const beginStage = (stage: number, since: EpochMs, cap: bigint): RampState => ({
  stage,
  since,
  cap,
  trades: 0,
  result: 0n,
  peak: 0n,
  day: Math.floor(since / DAY_MS),
  dayResult: 0n,
  dayTrades: 0,
  days: 0,
  mean: 0,
  squares: 0,
});

export interface RampFacts {
  readonly minute: EpochMs;
  /** Results of the trades that closed in the minute, after fees, cash units. */
  readonly closed: readonly bigint[];
  /** What the fractions are of, cash units. */
  readonly capital: bigint;
}

export interface RampStep {
  readonly from: number;
  readonly to: number;
  readonly cause: RampCause;
}

export interface RampChange {
  readonly ramp: RampState;
  /** A step back from the first stage leads to the first stage: it is measured anew. */
  readonly step?: RampStep;
}

/** Share of the capital that the stage allows. */
export const rampFraction = ({ stage }: Pick<RampState, 'stage'>, { stageFractions }: RampSettings): number =>
  stageFractions[Math.min(stage, stageFractions.length - 1)] ?? 1;

/**
 * Mean result of a day over its standard error. Results of trades are no basis: those that are open at the same time move together.
 * Undefined below two days.
 */
export function rampStatistic({ days, mean, squares }: RampState): number | undefined {
  if (days < 2) return undefined;
  if (squares === 0) return mean === 0 ? 0 : Math.sign(mean) * Number.POSITIVE_INFINITY;
  return mean / Math.sqrt(squares / (days - 1) / days);
}

/**
 * The ramp after a minute. Back a stage: at once when the stage's result has fallen from its peak by `maxDrawdown` of its capital, and at
 * the end of a day when enough days made significantly less than nothing. Up a stage: at the end of a day when days and trades are enough, and
 * their result is above 0 by `minTStatistic` standard errors. Either way the stage is measured from its beginning.
 */
export function updateRamp(ramp: RampState, facts: RampFacts, settings: RampSettings): RampChange {
  const { minute, capital } = facts;
  const isDayOver = Math.floor(minute / DAY_MS) !== ramp.day;
  const measured = withClosed(isDayOver ? withDay(ramp, minute) : ramp, facts.closed);
  const stageCapital = shareOfEquity(capital, rampFraction(measured, settings));
  const fall = measured.peak - measured.result;
  if (fall > 0n && fall >= shareOfEquity(stageCapital, settings.maxDrawdown))
    return stepBack(measured, minute, 'drawdown');
  const statistic = isDayOver && measured.days >= settings.minDays ? rampStatistic(measured) : undefined;
  if (statistic === undefined) return { ramp: measured };
  if (statistic <= -settings.stepBackTStatistic) return stepBack(measured, minute, 'loss');
  const isProven = measured.trades >= settings.minTrades && measured.result > 0n && statistic >= settings.minTStatistic;
  return isProven ? stepUp(measured, minute, settings) : { ramp: measured };
}

/**
 * The ramp under a newly armed cap. What was proven with a smaller one is no proof for a larger: the stage goes back to where no more is allowed
 * than before, the first at the least.
 */
export function rampUnderCap(ramp: RampState, cap: bigint, at: EpochMs, settings: RampSettings): RampChange {
  if (cap === ramp.cap) return { ramp };
  const allowed = shareOfEquity(ramp.cap, rampFraction(ramp, settings));
  const fits = settings.stageFractions.filter((fraction) => shareOfEquity(cap, fraction) <= allowed).length;
  const to = ramp.cap === 0n ? ramp.stage : Math.min(ramp.stage, Math.max(0, fits - 1));
  const next = beginStage(to, at, cap);
  return to === ramp.stage ? { ramp: next } : { ramp: next, step: { from: ramp.stage, to, cause: 'cap' } };
}

function stepBack({ stage, cap }: RampState, minute: EpochMs, cause: RampCause): RampChange {
  const to = Math.max(0, stage - 1);
  return { ramp: beginStage(to, minute, cap), step: { from: stage, to, cause } };
}

/** The last stage is proven anew from time to time: what was long ago does not outweigh what is now. */
function stepUp({ stage, cap }: RampState, minute: EpochMs, { stageFractions }: RampSettings): RampChange {
  const to = Math.min(stage + 1, stageFractions.length - 1);
  const ramp = beginStage(to, minute, cap);
  return to === stage ? { ramp } : { ramp, step: { from: stage, to, cause: 'profit' } };
}

function withClosed(ramp: RampState, closed: readonly bigint[]): RampState {
  let { result, peak, dayResult } = ramp;
  for (const each of closed) {
    result += each;
    dayResult += each;
    if (result > peak) peak = result;
  }
  return {
    ...ramp,
    result,
    peak,
    dayResult,
    trades: ramp.trades + closed.length,
    dayTrades: ramp.dayTrades + closed.length,
  };
}

/** The ramp on a new day, with the day that is over among its results if it had any. */
function withDay(ramp: RampState, minute: EpochMs): RampState {
  const next = { ...ramp, day: Math.floor(minute / DAY_MS), dayResult: 0n, dayTrades: 0 };
  if (ramp.dayTrades === 0) return next;
  const days = ramp.days + 1;
  const value = cashToNumber(ramp.dayResult);
  const mean = ramp.mean + (value - ramp.mean) / days;
  return { ...next, days, mean, squares: ramp.squares + (value - ramp.mean) * (value - mean) };
}
