import { at64, type Random } from '../../core/index.ts';
import { quantile, RESAMPLES } from '../../model/index.ts';
import type { EquityCurve } from '../record.ts';
import { type DayPaths, type PathOutcome, pathOfDraw } from './drawdown.ts';
import type { RoundTrip } from './round-trips.ts';
import { type ResamplingOptions, resampleBook } from './sample.ts';

/** Quantiles of simulated outcomes. */
export interface OutcomeQuantiles {
  readonly p5: number;
  readonly p25: number;
  readonly p50: number;
  readonly p75: number;
  readonly p95: number;
}

/** What simulated histories came to. */
export interface SimulatedPaths {
  readonly paths: number;
  /** Wealth at the end over that at the start. */
  readonly terminalWealth: OutcomeQuantiles;
  readonly maximumDrawdown: OutcomeQuantiles;
  /** Share of the histories that end with less than they began with. */
  readonly probabilityOfLoss: number;
  /** Share that lost `ruin` of the initial equity, or more, at some time. */
  readonly probabilityOfRuin: number;
}

export interface SimulationOptions extends ResamplingOptions {
  /** The loss that counts as ruin, a fraction of the initial equity; half of it unless given. */
  readonly ruin?: number;
}

const RUIN = 0.5;

/**
 * Histories of as many days, drawn in runs of neighbours as the intervals are (circular block bootstrap): what luck of order and
 * choice of days would have made of the same book. Undefined of no day.
 */
export function bootstrapPaths(
  days: DayPaths,
  { ruin = RUIN, ...options }: SimulationOptions,
): SimulatedPaths | undefined {
  const count = days.growth.length;
  if (count === 0) return undefined;
  const resampling = resampleBook(count, options);
  const outcomes = Array.from({ length: resampling.draws - 1 }, (_, i) => pathOfDraw(days, resampling, i + 1));
  return outcomes.length > 0 ? summarise(outcomes, ruin) : undefined;
}

/**
 * Histories of single round trips one after another: `shuffle` keeps the trips and draws their order, so that every history ends alike;
 * `resample` draws them with replacement. Trips are taken for independent: where they share their luck, as those do that are open
 * together, real drawdowns are deeper, and {@link bootstrapPaths} says more.
 * @param contributions [trips] what each added to equity, a fraction of it
 */
export function simulateTrades(
  contributions: Float64Array,
  method: 'shuffle' | 'resample',
  { random, resamples = RESAMPLES, ruin = RUIN }: SimulationOptions,
): SimulatedPaths | undefined {
  const count = contributions.length;
  if (count === 0) return undefined;
  const drawn = Float64Array.from(contributions);
  const outcomes = Array.from({ length: resamples }, () => {
    if (method === 'shuffle') shuffle(drawn, random);
    else for (let i = 0; i < count; i++) drawn[i] = at64(contributions, random.integer(count));
    return pathOf(drawn);
  });
  return summarise(outcomes, ruin);
}

/** What each trip added to equity: its net profit over the equity when it was opened. */
export function contributionsOf(trips: readonly RoundTrip[], { times, equity }: EquityCurve): Float64Array {
  return Float64Array.from(trips, ({ openedAt, netPnl }) => {
    let low = 0;
    let high = times.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (at64(times, middle) <= openedAt) low = middle;
      else high = middle - 1;
    }
    const base = at64(equity, low);
    return base > 0 ? netPnl / base : 0;
  });
}

function pathOf(contributions: Float64Array): PathOutcome {
  let growth = 1;
  let peak = 1;
  let lowest = 1;
  let drawdown = 0;
  for (let i = 0; i < contributions.length; i++) {
    growth *= Math.max(0, 1 + at64(contributions, i));
    peak = Math.max(peak, growth);
    lowest = Math.min(lowest, growth);
    drawdown = Math.max(drawdown, 1 - growth / peak);
  }
  return { growth, drawdown, lowest };
}

/** Fisher and Yates. */
function shuffle(values: Float64Array, random: Random): void {
  for (let i = values.length - 1; i > 0; i--) {
    const other = random.integer(i + 1);
    const value = at64(values, i);
    values[i] = at64(values, other);
    values[other] = value;
  }
}

function summarise(outcomes: readonly PathOutcome[], ruin: number): SimulatedPaths {
  const share = (holds: (outcome: PathOutcome) => boolean) => outcomes.filter(holds).length / outcomes.length;
  return {
    paths: outcomes.length,
    terminalWealth: quantilesOf(outcomes.map(({ growth }) => growth)),
    maximumDrawdown: quantilesOf(outcomes.map(({ drawdown }) => drawdown)),
    probabilityOfLoss: share(({ growth }) => growth < 1),
    probabilityOfRuin: share(({ lowest }) => lowest <= 1 - ruin),
  };
}

function quantilesOf(values: readonly number[]): OutcomeQuantiles {
  const ascending = Float64Array.from(values).sort();
  const at = (level: number) => quantile(ascending, level);
  return { p5: at(0.05), p25: at(0.25), p50: at(0.5), p75: at(0.75), p95: at(0.95) };
}
