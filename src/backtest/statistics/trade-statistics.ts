import { at64, type SignalSide } from '../../core/index.ts';
import { dayBlocks, type Estimate, estimate, quantile, resampledSums } from '../../model/index.ts';
import { normalQuantile } from './normal.ts';
import type { RoundTrip } from './round-trips.ts';
import { MINIMUM_SAMPLES, NO_ESTIMATE, type ResamplingOptions, resampleBook } from './sample.ts';

/** What closed round trips came to, net of fees and with funding. Estimates are null below {@link MINIMUM_SAMPLES}. */
export interface TradeStatistics {
  readonly count: number;
  readonly netPnl: number;
  readonly grossPnl: number;
  readonly fees: number;
  readonly funding: number;
  /** Share with a profit, with Wilson's interval. */
  readonly winRate: Estimate;
  /** Mean profit of winners over mean loss of losers. */
  readonly payoffRatio: Estimate;
  /** Sum of profits over sum of losses. */
  readonly profitFactor: Estimate;
  /** Mean net profit, in quote currency and as a fraction of the entry's notional. */
  readonly expectancy: Estimate;
  readonly meanReturn: Estimate;
  /** Null of none. */
  readonly medianHoldingMs: number | null;
  /** Most in a row, in order of closing. */
  readonly winningStreak: number;
  readonly losingStreak: number;
}

/**
 * Statistics of round trips in order of closing. Intervals are made by drawing days of closing (what closes on one day is one
 * observation), except the win rate's.
 */
export function tradeStatisticsOf(trips: readonly RoundTrip[], options: ResamplingOptions): TradeStatistics {
  const count = trips.length;
  const wins = trips.filter(({ netPnl }) => netPnl > 0).length;
  const holding = Float64Array.from(trips, ({ openedAt, closedAt }) => closedAt - openedAt).sort();
  const sum = (of: (trip: RoundTrip) => number) => trips.reduce((total, trip) => total + of(trip), 0);
  const isEnough = count >= MINIMUM_SAMPLES.roundTrips;
  return {
    count,
    netPnl: sum(({ netPnl }) => netPnl),
    grossPnl: sum(({ grossPnl }) => grossPnl),
    fees: sum(({ fees }) => fees),
    funding: sum(({ funding }) => funding),
    winRate: isEnough ? wilson(wins, count) : NO_ESTIMATE,
    ...(isEnough ? resampledFigures(trips, options) : NO_FIGURES),
    medianHoldingMs: count > 0 ? quantile(holding, 0.5) : null,
    winningStreak: longestStreak(trips, ({ netPnl }) => netPnl > 0),
    losingStreak: longestStreak(trips, ({ netPnl }) => netPnl < 0),
  };
}

const NO_FIGURES = {
  payoffRatio: NO_ESTIMATE,
  profitFactor: NO_ESTIMATE,
  expectancy: NO_ESTIMATE,
  meanReturn: NO_ESTIMATE,
};

/** Columns of the table that is resampled. */
const COUNT = 0;
const WINS = 1;
const LOSSES = 2;
const PROFIT = 3;
const LOSS = 4;
const RETURN = 5;
const WIDTH = 6;

function resampledFigures(trips: readonly RoundTrip[], options: ResamplingOptions) {
  const { days, dayOf } = dayBlocks(Float64Array.from(trips, ({ closedAt }) => closedAt));
  const table = new Float64Array(days.length * WIDTH);
  trips.forEach(({ netPnl, netReturn }, trip) => {
    const base = (dayOf[trip] ?? 0) * WIDTH;
    const add = (column: number, value: number) => {
      table[base + column] = at64(table, base + column) + value;
    };
    add(COUNT, 1);
    add(WINS, netPnl > 0 ? 1 : 0);
    add(LOSSES, netPnl < 0 ? 1 : 0);
    add(PROFIT, Math.max(0, netPnl));
    add(LOSS, Math.max(0, -netPnl));
    add(RETURN, netReturn);
  });
  const resampling = resampleBook(days.length, options);
  const sums = resampledSums(table, WIDTH, resampling);
  const of = (draw: number, column: number) => at64(sums, draw * WIDTH + column);
  return {
    payoffRatio: estimate(
      resampling,
      (draw) => of(draw, PROFIT) / of(draw, WINS) / (of(draw, LOSS) / of(draw, LOSSES)),
      { least: 0 },
    ),
    profitFactor: estimate(resampling, (draw) => of(draw, PROFIT) / of(draw, LOSS), { least: 0 }),
    expectancy: estimate(resampling, (draw) => (of(draw, PROFIT) - of(draw, LOSS)) / of(draw, COUNT)),
    meanReturn: estimate(resampling, (draw) => of(draw, RETURN) / of(draw, COUNT)),
  };
}

/** A share with Wilson's 95 % score interval (Wilson 1927); null of none. */
export function wilson(successes: number, count: number): Estimate {
  if (count === 0) return NO_ESTIMATE;
  const z = normalQuantile(0.975);
  const share = successes / count;
  const centre = (share + (z * z) / (2 * count)) / (1 + (z * z) / count);
  const reach = (z / (1 + (z * z) / count)) * Math.sqrt((share * (1 - share)) / count + (z / (2 * count)) ** 2);
  return { value: share, low: Math.max(0, centre - reach), high: Math.min(1, centre + reach) };
}

function longestStreak(trips: readonly RoundTrip[], counts: (trip: RoundTrip) => boolean): number {
  let streak = 0;
  let longest = 0;
  for (const trip of trips) {
    streak = counts(trip) ? streak + 1 : 0;
    longest = Math.max(longest, streak);
  }
  return longest;
}

/** Statistics of the round trips that share a key. */
export interface BreakdownRow {
  readonly key: string;
  readonly statistics: TradeStatistics;
}

/** Round trips by what they have in common, rows in order of their keys. */
export interface Breakdowns {
  readonly symbol: readonly BreakdownRow[];
  readonly strategy: readonly BreakdownRow[];
  readonly side: readonly BreakdownRow[];
  /** UTC month of closing, "2025-06". */
  readonly month: readonly BreakdownRow[];
  /** UTC hour of opening, "00" to "23". */
  readonly hour: readonly BreakdownRow[];
  /** UTC weekday of opening, Monday first: "1 Mon". */
  readonly weekday: readonly BreakdownRow[];
  /** Market's regime at the first entry; "none" where no signal opened it. */
  readonly regime: readonly BreakdownRow[];
  /** Tenth of the confidence, itself a percentile: "0.6-0.7"; "none" where no signal opened it. */
  readonly confidence: readonly BreakdownRow[];
  readonly exitPurpose: readonly BreakdownRow[];
}

const WEEKDAYS = ['7 Sun', '1 Mon', '2 Tue', '3 Wed', '4 Thu', '5 Fri', '6 Sat'];

const KEYS: { readonly [Name in keyof Breakdowns]: (trip: RoundTrip) => string } = {
  symbol: ({ symbol }) => symbol,
  strategy: ({ strategy }) => strategy,
  side: ({ side }): SignalSide => side,
  month: ({ closedAt }) => new Date(closedAt).toISOString().slice(0, 7),
  hour: ({ openedAt }) => new Date(openedAt).toISOString().slice(11, 13),
  weekday: ({ openedAt }) => WEEKDAYS[new Date(openedAt).getUTCDay()] ?? '',
  regime: ({ regime }) => regime ?? 'none',
  confidence: ({ confidence }) => (confidence === undefined ? 'none' : tenthOf(confidence)),
  exitPurpose: ({ exitPurpose }) => exitPurpose,
};

function tenthOf(confidence: number): string {
  const tenth = Math.min(9, Math.floor(confidence * 10 + 1e-9));
  return `${(tenth / 10).toFixed(1)}-${((tenth + 1) / 10).toFixed(1)}`;
}

/** Statistics of round trips, in order of closing, by each of the keys of {@link Breakdowns}. */
export function breakdownsOf(trips: readonly RoundTrip[], options: ResamplingOptions): Breakdowns {
  const by = (name: keyof Breakdowns): BreakdownRow[] => {
    const groups = new Map<string, RoundTrip[]>();
    for (const trip of trips) {
      const key = KEYS[name](trip);
      const group = groups.get(key);
      if (group) group.push(trip);
      else groups.set(key, [trip]);
    }
    return [...groups.keys()].sort().map((key) => ({
      key,
      statistics: tradeStatisticsOf(groups.get(key) ?? [], {
        ...options,
        random: options.random.fork(name).fork(key),
      }),
    }));
  };
  return {
    symbol: by('symbol'),
    strategy: by('strategy'),
    side: by('side'),
    month: by('month'),
    hour: by('hour'),
    weekday: by('weekday'),
    regime: by('regime'),
    confidence: by('confidence'),
    exitPurpose: by('exitPurpose'),
  };
}
