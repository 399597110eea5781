import { at64, atByte, atInt32, DAY_MS, epochMs, firstAtOrAfter, type Random } from '../../core/index.ts';
import type { BacktestRecord } from '../record.ts';
import { type BaselineCosts, type MarketPanel, preparePanel, rowsOf } from './market-panel.ts';
import type { MatchedTrip } from './matched-trip.ts';
import {
  equityAtMarks,
  type MarkedMarket,
  markMarket,
  replayTrips,
  type TripColumns,
  tripColumns,
} from './trip-replay.ts';

/** What random strategies are matched with. */
export interface RunToMatch extends Pick<BacktestRecord, 'equity'> {
  readonly trips: readonly MatchedTrip[];
}

export interface RandomMatchedOptions {
  readonly random: Random;
  /** Number of random strategies, 1000 unless given. */
  readonly seeds?: number;
  /** When they enter: as the run did, or at any close at which the holding time still fits into the run. */
  readonly entryTimes?: 'own' | 'random';
}

/** A figure among those of the random strategies. */
export interface Standing {
  readonly value: number;
  /** Share of the random strategies that did worse, those that did as well counting half. */
  readonly percentile: number;
  /** (1 + random strategies that did at least as well) / (1 + random strategies). */
  readonly pValue: number;
}

export interface MatchedFigure {
  /** Of the run's own equity. */
  readonly run: Standing;
  /** Of the run's own trips, traded as the random ones are: only symbols, sides and, where drawn, times tell them apart. */
  readonly replayed: Standing;
  /** [seeds] Of the random strategies, ascending. */
  readonly random: Float64Array;
}

export interface RandomMatched {
  /** Trips that were repeated: those that begin within the panel. */
  readonly trips: number;
  /** Fraction. */
  readonly totalReturn: MatchedFigure;
  /** Mean over standard deviation of the returns of whole UTC days, times the root of 365; 0 where they do not vary. */
  readonly sharpe: MatchedFigure;
  /** Largest fall from a highest equity at UTC day ends, a positive fraction. */
  readonly maxDrawdown: MatchedFigure;
}

/**
 * The run among random strategies with its turnover, exposure and holding times: each enters when the run did (or at random times), holds as long and
 * as much, but draws its symbols among those with a bar at that time and not yet in its hands, and deals the run's sides at random. Each seed
 * is a fork of `random`.
 * @throws RangeError when the panel lacks a symbol of a trip, or two closes within the run's time; when there is no seed
 */
export function randomMatched(
  run: RunToMatch,
  panel: MarketPanel,
  costs: BaselineCosts,
  { random, seeds = 1000, entryTimes = 'own' }: RandomMatchedOptions,
): RandomMatched {
  if (!(seeds >= 1)) throw new RangeError('a random baseline takes one seed or more');
  const { times } = run.equity;
  const window = { from: epochMs(at64(times, 0)), to: epochMs(at64(times, times.length - 1)) };
  const market = markMarket(preparePanel(panel), costs, rowsOf(panel.times, window));
  const own = tripColumns(market, run.trips);
  const equity = new Float64Array(market.marks.length);
  const figuresOfTrips = (trips: TripColumns) => {
    replayTrips(market, trips, costs.perNotional, equity);
    return figuresOf(equity, market.markTimes);
  };
  const runFigures = figuresOf(equityAtMarks(run.equity, market), market.markTimes);
  const replayed = figuresOfTrips(own);
  const drawn: Figures[] = [];
  for (let seed = 0; seed < seeds; seed++) {
    drawn.push(figuresOfTrips(drawTrips(market, own, entryTimes, random.fork(seed))));
  }
  const figure = (name: keyof Figures, better: 1 | -1): MatchedFigure => {
    const values = Float64Array.from(drawn, (figures) => figures[name]).sort();
    return {
      run: standing(runFigures[name], values, better),
      replayed: standing(replayed[name], values, better),
      random: values,
    };
  };
  return {
    trips: own.entry.length,
    totalReturn: figure('totalReturn', 1),
    sharpe: figure('sharpe', 1),
    maxDrawdown: figure('maxDrawdown', -1),
  };
}

/** The same holdings with other symbols and sides, and at other times if those are drawn too. */
function drawTrips(market: MarkedMarket, own: TripColumns, entryTimes: 'own' | 'random', random: Random): TripColumns {
  const trips = entryTimes === 'own' ? own : atRandomTimes(own, market.times.length, random);
  const busyUntil = new Int32Array(market.symbols.length);
  const symbol = new Int32Array(own.symbol.length);
  for (let i = 0; i < symbol.length; i++) {
    const entry = atInt32(trips.entry, i);
    const chosen = drawSymbol(market.listed[entry] ?? NOTHING, busyUntil, entry, random);
    symbol[i] = chosen;
    if (chosen >= 0) busyUntil[chosen] = Math.max(atInt32(busyUntil, chosen), atInt32(trips.exit, i));
  }
  return { ...trips, symbol, sign: shuffled(own.sign, random) };
}

const NOTHING = new Int32Array(0);
/** Tries before the free symbols are listed. */
const QUICK_DRAWS = 8;

/** One of the listed symbols that are free at a row; of all listed ones when none is; -1 when none is listed. */
function drawSymbol(listed: Int32Array, busyUntil: Int32Array, row: number, random: Random): number {
  if (listed.length === 0) return -1;
  for (let draw = 0; draw < QUICK_DRAWS; draw++) {
    const symbol = atInt32(listed, random.integer(listed.length));
    if (atInt32(busyUntil, symbol) <= row) return symbol;
  }
  const free = listed.filter((symbol) => atInt32(busyUntil, symbol) <= row);
  const choice = free.length > 0 ? free : listed;
  return atInt32(choice, random.integer(choice.length));
}

/** In another order, each as likely (Fisher and Yates). */
function shuffled(values: Float64Array, random: Random): Float64Array {
  const result = values.slice();
  for (let i = result.length - 1; i > 0; i--) {
    const other = random.integer(i + 1);
    const value = at64(result, i);
    result[i] = at64(result, other);
    result[other] = value;
  }
  return result;
}

/** Each trip at a row from which it ends within the market, in order of entry. */
function atRandomTimes(own: TripColumns, rows: number, random: Random): TripColumns {
  const count = own.entry.length;
  const lengthOf = (trip: number) => atInt32(own.exit, trip) - atInt32(own.entry, trip);
  const keys = new Float64Array(count);
  for (let trip = 0; trip < count; trip++) keys[trip] = random.integer(rows - lengthOf(trip)) * count + trip;
  keys.sort();
  const entry = new Int32Array(count);
  const exit = new Int32Array(count);
  const fraction = new Float64Array(count);
  const isOpen = new Uint8Array(count);
  for (let i = 0; i < count; i++) {
    const row = Math.floor(at64(keys, i) / count);
    const trip = at64(keys, i) - row * count;
    entry[i] = row;
    exit[i] = row + lengthOf(trip);
    fraction[i] = at64(own.fraction, trip);
    isOpen[i] = atByte(own.isOpen, trip);
  }
  return { symbol: own.symbol, sign: own.sign, entry, exit, fraction, isOpen };
}

interface Figures {
  readonly totalReturn: number;
  readonly sharpe: number;
  readonly maxDrawdown: number;
}

function figuresOf(equity: Float64Array, markTimes: Float64Array): Figures {
  let peak = at64(equity, 0);
  let maxDrawdown = 0;
  let [days, mean, squares] = [0, 0, 0];
  for (let mark = 1; mark < equity.length; mark++) {
    const before = at64(equity, mark - 1);
    const value = at64(equity, mark);
    peak = Math.max(peak, value);
    if (peak > 0) maxDrawdown = Math.max(maxDrawdown, 1 - value / peak);
    if (at64(markTimes, mark) - at64(markTimes, mark - 1) < DAY_MS) continue;
    const change = before > 0 ? value / before - 1 : 0;
    days++;
    const distance = change - mean;
    mean += distance / days;
    squares += distance * (change - mean);
  }
  const start = at64(equity, 0);
  const totalReturn = start > 0 ? at64(equity, equity.length - 1) / start - 1 : 0;
  const variance = squares / (days - 1);
  const sharpe = variance > 1e-24 ? (mean / Math.sqrt(variance)) * Math.sqrt(365) : 0;
  return { totalReturn, sharpe, maxDrawdown };
}

/** @param values ascending */
function standing(value: number, values: Float64Array, better: 1 | -1): Standing {
  const below = firstAtOrAfter(values, value);
  let above = below;
  while (above < values.length && at64(values, above) === value) above++;
  const equal = above - below;
  const worse = better === 1 ? below : values.length - above;
  return {
    value,
    percentile: (worse + equal / 2) / values.length,
    pValue: (1 + values.length - worse) / (1 + values.length),
  };
}
