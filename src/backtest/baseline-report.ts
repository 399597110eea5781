import { at64, createRandom, DAY_MS, type EpochMs, epochMs, type SymbolId } from '../core/index.ts';
import { BAR_MS, type Estimate } from '../model/index.ts';
import {
  type BaselineCosts,
  type BaselineRun,
  buyAndHold,
  crossSectionalMomentum,
  equalWeight,
  type MarketPanel,
  marketPanelOf,
  matchedTripsOf,
  momentum14d,
  randomMatched,
  type TradedTrip,
} from './baselines/index.ts';
import type { BaselineCurve, EquityCurve } from './record.ts';
import type { ReplayResult } from './replay.ts';
import type { Backtest } from './run-backtest.ts';
import {
  dailyGrossOf,
  dailyReturnsOf,
  drawdownOf,
  pairedDifference,
  roundTripsOf,
  scaleToVolatility,
  sharpeOf,
} from './statistics/index.ts';

/** What something else would have made of the same days, at the same costs. */
export interface BaselineFigures {
  readonly totalReturn: number;
  readonly sharpe: number | null;
  readonly maxDrawdown: number;
}

/** What a book stands beside. */
export interface BaselineReport {
  readonly buyAndHold: BaselineFigures;
  readonly equalWeight: BaselineFigures;
  readonly momentum14d: BaselineFigures;
  readonly crossSectionalMomentum14d: BaselineFigures;
  /** Books with the same turnover, holding times and sizes, of random symbols and sides; null where nothing was traded. */
  readonly random: {
    readonly seeds: number;
    /** (1 + those that did at least as well) / (1 + seeds), by Sharpe ratio of the run's own trips traded as theirs. */
    readonly pValue: number;
    readonly medianReturn: number;
    readonly medianSharpe: number | null;
  } | null;
  /** The same book with all costs of execution times 0, 1, 2 and 3; null where it was not asked for. */
  readonly costs: Readonly<Record<'x0' | 'x1' | 'x2' | 'x3', BaselineFigures>> | null;
  /** Mean daily return less that of 14-day momentum, annual, both on the terms of comparison; null below the least sample. */
  readonly differenceToMomentum14d: Estimate | null;
}

export interface BaselineRequest {
  /** What buy and hold buys; the first of the symbols where none of these is traded. */
  readonly references: readonly SymbolId[];
  readonly seeds?: number;
  /** Whether the book is run again with other costs. */
  readonly hasCostCurve?: boolean;
  readonly onProgress?: (text: string) => void;
}

const SEED = 'baselines';
const SEEDS = 1_000;
/** Of each side, as far as there are symbols. */
const PER_SIDE = 5;

/** Runs everything that a backtest stands beside, over the same bars and at its own mean costs. Same backtest, same figures. */
export async function baselinesOf(
  backtest: Backtest,
  request: BaselineRequest,
): Promise<{ readonly report: BaselineReport; readonly curves: readonly BaselineCurve[] }> {
  const { market, window, result, again, costFactor } = backtest;
  const { references, seeds = SEEDS, hasCostCurve = true, onProgress = () => undefined } = request;
  onProgress('baselines');
  const panel = marketPanelOf(market.bars);
  const costs = meanCosts(backtest);
  const range = { from: epochMs(window.from - BAR_MS), to: window.to };
  const held = referencesWithin(panel, references, range);
  const runs: Readonly<
    Record<'buyAndHold' | 'equalWeight' | 'momentum14d' | 'crossSectionalMomentum14d', BaselineRun>
  > = {
    buyAndHold: buyAndHold(panel, costs, held, range),
    equalWeight: equalWeight(panel, costs, { ...range, rebalance: 'weekly' }),
    momentum14d: momentum14d(panel, costs, range),
    crossSectionalMomentum14d: crossSectionalMomentum(panel, costs, { ...range, lookBackDays: 14, perSide: PER_SIDE }),
  };
  const names = {
    buyAndHold: `buy and hold ${held.join(', ')}`,
    equalWeight: 'equal weight, weekly',
    momentum14d: '14-day momentum',
    crossSectionalMomentum14d: '14-day momentum across symbols',
  };
  onProgress('random books');
  const random = randomOf(result, panel, costs, seeds);
  return {
    report: {
      buyAndHold: figuresOfCurve(runs.buyAndHold.equity),
      equalWeight: figuresOfCurve(runs.equalWeight.equity),
      momentum14d: figuresOfCurve(runs.momentum14d.equity),
      crossSectionalMomentum14d: figuresOfCurve(runs.crossSectionalMomentum14d.equity),
      random,
      costs: hasCostCurve && costFactor === 1 ? await costCurve(result, again, onProgress) : null,
      differenceToMomentum14d: differenceOf(result.equity, runs.momentum14d.equity),
    },
    curves: Object.entries(runs).map(([name, { equity }]) => ({
      name: names[name as keyof typeof names],
      ...atDayEnds(equity),
    })),
  };
}

/** What trading cost the run per notional; fees and half the spread where it never traded. */
function meanCosts({ result, settings, costFactor, market }: Backtest): BaselineCosts {
  let [paid, traded] = [0, 0];
  for (const { fee, spread, impact, price, quantity } of result.fills) {
    paid += fee + spread + impact;
    traded += price * quantity;
  }
  const { takerFeeBps, halfSpreadBps } = settings.decide.costs;
  const perDay = new Map<SymbolId, Map<number, number>>();
  for (const symbol of market.bars.keys()) {
    const days = new Map<number, number>();
    for (const { time, rate } of market.fundingOf(symbol)) {
      const day = Math.floor(time / DAY_MS);
      days.set(day, (days.get(day) ?? 0) + rate);
    }
    perDay.set(symbol, days);
  }
  return {
    perNotional: traded > 0 ? paid / traded : (costFactor * (takerFeeBps + halfSpreadBps)) / 10_000,
    fundingPerDay: (symbol, day) => perDay.get(symbol)?.get(day) ?? 0,
  };
}

/** References with a bar within the range, else the first symbol that has one. */
function referencesWithin(
  { symbols, times, close }: MarketPanel,
  references: readonly SymbolId[],
  { from, to }: { readonly from: EpochMs; readonly to: EpochMs },
): SymbolId[] {
  const traded = symbols.filter((_, index) =>
    close[index]?.some((value, row) => {
      const time = times[row] ?? 0;
      return time >= from && time < to && !Number.isNaN(value);
    }),
  );
  const own = references.filter((symbol) => traded.includes(symbol));
  return own.length > 0 ? own : traded.slice(0, 1);
}

function randomOf(
  result: ReplayResult,
  panel: MarketPanel,
  costs: BaselineCosts,
  seeds: number,
): BaselineReport['random'] {
  const { closed, open } = roundTripsOf(result);
  const trips = matchedTripsOf([...closed, ...open] as readonly TradedTrip[], result.equity);
  if (trips.length === 0) return null;
  const { totalReturn, sharpe } = randomMatched({ equity: result.equity, trips }, panel, costs, {
    random: createRandom(SEED),
    seeds,
  });
  const middle = (values: Float64Array) => values[Math.floor(values.length / 2)] ?? Number.NaN;
  return {
    seeds,
    pValue: sharpe.replayed.pValue,
    medianReturn: middle(totalReturn.random),
    medianSharpe: middle(sharpe.random),
  };
}

async function costCurve(
  result: ReplayResult,
  again: Backtest['again'],
  onProgress: (text: string) => void,
): Promise<NonNullable<BaselineReport['costs']>> {
  const at = async (costFactor: number) => {
    onProgress(`the same book at ${costFactor} times the costs`);
    return figuresOfCurve((await again({ costFactor })).equity);
  };
  return { x0: await at(0), x1: figuresOfCurve(result.equity), x2: await at(2), x3: await at(3) };
}

function differenceOf(own: EquityCurve, momentum: EquityCurve): Estimate | null {
  const scaled = (curve: EquityCurve) => scaleToVolatility(dailyReturnsOf(curve), dailyGrossOf(curve)).returns;
  const { annualReturn } = pairedDifference(scaled(own), scaled(momentum), {
    random: createRandom(SEED).fork('difference'),
  });
  return annualReturn.value === null ? null : annualReturn;
}

function figuresOfCurve(curve: EquityCurve): BaselineFigures {
  const { equity } = curve;
  const random = createRandom(SEED).fork('sharpe');
  return {
    totalReturn: (equity.at(-1) ?? Number.NaN) / (equity[0] ?? Number.NaN) - 1,
    sharpe: sharpeOf(dailyReturnsOf(curve).returns, { random, resamples: 1 }).value,
    maxDrawdown: drawdownOf(curve)?.maximum ?? 0,
  };
}

/** Wealth at the ends of days, 1 at the start. */
function atDayEnds({ times, equity }: EquityCurve): Omit<BaselineCurve, 'name'> {
  const kept = Array.from(times.keys()).filter(
    (row) => row === 0 || row === times.length - 1 || at64(times, row) % DAY_MS === 0,
  );
  return {
    times: Float64Array.from(kept, (row) => at64(times, row)),
    wealth: Float64Array.from(kept, (row) => at64(equity, row) / at64(equity, 0)),
  };
}
