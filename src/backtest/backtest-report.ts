import {
  at64,
  type BarColumns,
  barsBetween,
  createRandom,
  DAY_MS,
  type EpochMs,
  epochMs,
  formatTime,
  HORIZON_NAMES,
  type Horizon,
  MINUTE_MS,
  type Position,
  type ReasonCode,
  type SymbolId,
} from '../core/index.ts';
import { dollarVolume } from '../marketfiles/index.ts';
import { DEFAULT_EXCHANGE_SETTINGS } from '../matching/index.ts';
import { BAR_MS, type Evaluation } from '../model/index.ts';
import { dayText } from './backtest-window.ts';
import type { BaselineReport } from './baseline-report.ts';
import { ASSUMED_RATE } from './funding-history.ts';
import type { BacktestRecord } from './record.ts';
import type { ReplayResult } from './replay.ts';
import type { Backtest, BacktestHashes } from './run-backtest.ts';
import {
  type Breakdowns,
  bootstrapPaths,
  breakdownsOf,
  contributionsOf,
  dailyGrossOf,
  dailyReturnsOf,
  dayPathsOf,
  type MonthReturn,
  monthlyReturnsOf,
  type Performance,
  performanceOf,
  type RoundTrip,
  roundTripsOf,
  type SimulatedPaths,
  scaleToVolatility,
  sharpeOf,
  simulateTrades,
  type TradeStatistics,
  tradeStatisticsOf,
} from './statistics/index.ts';

/** Everything a backtest says of itself. Fractions; amounts in quote currency; null: too little to say. */
export interface BacktestReport {
  /** The same request on the same data gives the same id. */
  readonly id: string;
  readonly run: {
    readonly from: EpochMs;
    readonly to: EpochMs;
    readonly bars: number;
    readonly source: string;
    readonly symbols: readonly SymbolId[];
    readonly strategies: readonly string[];
    readonly modelId: string | null;
    readonly modelKind: string | null;
    readonly costFactor: number;
    readonly minuteBars: number;
    /** Names of the model's windows that the run overlaps: with any, it says nothing of new times. */
    readonly inSample: readonly string[];
  };
  readonly assumptions: readonly string[];
  readonly critiques: readonly string[];
  readonly performance: Performance;
  readonly tradeStatistics: TradeStatistics;
  readonly breakdowns: Breakdowns;
  readonly months: readonly MonthReturn[];
  /** On terms of comparison: 10 % volatility, gross exposure at most 2. */
  readonly scaled: { readonly sharpe: number | null; readonly days: number; readonly totalReturn: number };
  readonly bootstrap: SimulatedPaths | null;
  readonly monteCarlo: { readonly shuffle: SimulatedPaths | null; readonly resample: SimulatedPaths | null };
  readonly evaluation: Evaluation | null;
  readonly baselines: BaselineReport | null;
  readonly signals: { readonly accepted: number; readonly candidates: number };
  readonly orders: number;
  readonly reasons: Readonly<Partial<Record<ReasonCode, number>>>;
  readonly open: readonly Position[];
  readonly trips: readonly RoundTrip[];
  readonly record: BacktestRecord;
  readonly hashes: BacktestHashes;
}

/** What `--json` prints first: the names that other tools look for. */
export interface BacktestFigures {
  readonly sharpe: number | null;
  readonly sortino: number | null;
  readonly cagr: number | null;
  readonly maxDrawdown: number | null;
  readonly winRate: number | null;
  readonly payoffRatio: number | null;
  readonly profitFactor: number | null;
  readonly trades: number;
  /** Per year, over the mean equity. */
  readonly turnover: number | null;
  readonly costs: {
    readonly fees: number;
    readonly spread: number;
    readonly impact: number;
    readonly fundingPaid: number;
    readonly fundingReceived: number;
    readonly total: number;
    /** Share of the funding whose rate nobody knows. */
    readonly fundingAssumed: number | null;
  };
  readonly macroF1: number | null;
  readonly macroF1VolatilityOnly: number | null;
  readonly f1ByHorizon: Readonly<Record<Horizon, number | null>> | null;
  readonly informationCoefficient: number | null;
}

const SEED = 'backtest';
/** A backtest of fewer round trips says little, whatever it says. */
const FEW_TRADES = 100;
/** A symbol or a day that brought more of the profit than this carries the result. */
const CARRIES = 0.5;

/** What a report is made of: a backtest, or folds put in line. */
export interface ReportedRun
  extends Pick<Backtest, 'window' | 'market' | 'manifest' | 'settings' | 'costFactor' | 'hashes'> {
  readonly result: Omit<ReplayResult, 'state' | 'fillsHash' | 'decisionsHash'>;
}

/** Statistics, assumptions and critiques of a finished backtest. Same backtest, same report. */
export function reportOf(
  backtest: ReportedRun,
  parts: {
    readonly evaluation?: Evaluation | undefined;
    readonly baselines?: BaselineReport | undefined;
    readonly id: string;
  },
): BacktestReport {
  const { window, market, manifest, settings, costFactor, result, hashes } = backtest;
  const random = createRandom(SEED);
  const record: BacktestRecord = { equity: result.equity, fills: result.fills, funding: result.funding };
  const trips = roundTripsOf(record);
  const performance = performanceOf(record, {
    random: random.fork('performance'),
    minuteNotional: minuteNotionalOf(market.bars, window),
    maxParticipation: settings.decide.costs.maxParticipation * 15,
  });
  if (performance === undefined) throw new RangeError('a backtest without a bar has no report');
  const trades = tradeStatisticsOf(trips.closed, { random: random.fork('trades') });
  const daily = dailyReturnsOf(result.equity);
  const scaled = scaleToVolatility(daily, dailyGrossOf(result.equity));
  const contributions = contributionsOf(trips.closed, result.equity);
  const simulate = (method: 'shuffle' | 'resample') =>
    simulateTrades(contributions, method, { random: random.fork(method) }) ?? null;
  const evaluation = parts.evaluation ?? null;
  const baselines = parts.baselines ?? null;
  const body = {
    id: parts.id,
    run: {
      from: window.from,
      to: window.to,
      bars: result.bars,
      source: market.source,
      symbols: [...market.bars.keys()],
      strategies: settings.decide.strategies.map(({ name }) => name),
      modelId: manifest?.modelId ?? null,
      modelKind: manifest?.kind ?? null,
      costFactor,
      minuteBars: result.minuteBars,
      inSample: window.overlaps,
    },
    performance,
    tradeStatistics: trades,
    breakdowns: breakdownsOf(trips.closed, { random: random.fork('breakdowns') }),
    months: monthlyReturnsOf(result.equity),
    scaled: {
      sharpe: sharpeOf(scaled.returns.returns, { random: random.fork('scaled') }).value,
      days: scaled.returns.returns.length,
      totalReturn: scaled.returns.returns.reduce((growth, value) => growth * (1 + value), 1) - 1,
    },
    bootstrap: bootstrapPaths(dayPathsOf(result.equity), { random: random.fork('bootstrap') }) ?? null,
    monteCarlo: { shuffle: simulate('shuffle'), resample: simulate('resample') },
    evaluation,
    baselines,
    signals: result.signals,
    orders: result.orders,
    reasons: result.reasons,
    open: result.open,
    trips: trips.closed,
    record,
    hashes,
  };
  return { ...body, assumptions: assumptionsOf(backtest, performance), critiques: critiquesOf(body) };
}

/** The figures that tools look for. */
export function figuresOf({ performance, tradeStatistics, evaluation }: BacktestReport): BacktestFigures {
  const { costs, turnover } = performance.activity;
  return {
    sharpe: performance.sharpe.value,
    sortino: performance.sortino.value,
    cagr: performance.cagr.value,
    maxDrawdown: performance.maximumDrawdown.value,
    winRate: tradeStatistics.winRate.value,
    payoffRatio: tradeStatistics.payoffRatio.value,
    profitFactor: tradeStatistics.profitFactor.value,
    trades: tradeStatistics.count,
    turnover: turnover.perYear.value,
    costs: {
      fees: costs.fees.amount,
      spread: costs.spread.amount,
      impact: costs.impact.amount,
      fundingPaid: costs.fundingPaid.amount,
      fundingReceived: costs.fundingReceived.amount,
      total: costs.total.amount,
      fundingAssumed: costs.fundingAssumed,
    },
    macroF1: evaluation?.mean.macroF1.value ?? null,
    macroF1VolatilityOnly: evaluation?.baselines.volatilityOnly?.mean.macroF1.value ?? null,
    f1ByHorizon:
      evaluation &&
      (Object.fromEntries(
        HORIZON_NAMES.map((horizon) => [horizon, evaluation.horizons[horizon].macroF1.value]),
      ) as Record<Horizon, number | null>),
    informationCoefficient:
      evaluation?.mean.informationCoefficient.value ?? evaluation?.mean.rawInformationCoefficient.value ?? null,
  };
}

const percent = (value: number, places = 2): string => `${(100 * value).toFixed(places)} %`;

function assumptionsOf(
  { settings, market, costFactor, result, window, manifest }: ReportedRun,
  performance: Performance,
): string[] {
  const { costs } = settings.decide;
  const { fundingAssumed } = performance.activity.costs;
  const known = manifest && manifest.universe !== 'any' ? new Set(manifest.universe.symbols) : undefined;
  const foreign = [...market.bars.keys()].filter((symbol) => known?.has(symbol) === false);
  return [
    `Orders fill at the open of the next bar, with half the spread (${costs.halfSpreadBps * costFactor} bp, at least half a tick) and an impact of ${costs.impactBpsPerSqrtParticipation * costFactor} bp times the root of the share of a minute's volume (a fifteenth of the bar's), and pay ${costs.takerFeeBps * costFactor} bp.`,
    `All orders of the book together take at most ${percent(costs.maxParticipation, 1)} of a bar's volume; what is left waits or expires, as live.`,
    result.minuteBars > 0
      ? `Of ${result.bars} bars ${result.minuteBars} were worked on one-minute candles; in the others, and within a minute, the stop comes before the target where both were reached.`
      : 'Where a bar reached both stop and target, the stop is taken; nothing finer than 15 minutes was looked at.',
    fundingAssumed === null
      ? 'No funding was paid or received.'
      : `Funding is paid as it was settled; where nobody knows it, ${percent(ASSUMED_RATE)} are paid every 8 hours whatever the side: ${percent(fundingAssumed, 0)} of all funding here.`,
    'Tick and step sizes are the finest decimals in the candles before the first day; the smallest order is 5 of the quote currency.',
    'There is no liquidation, no outage, no rejected order: the book trades at once and always gets its answer. Equity below the margin that an exchange asks for is told among the critiques.',
    'The universe holds what the folder holds: symbols that were delisted before it was made are missing, and results are a little too good for that.',
    ...(foreign.length === 0
      ? []
      : [
          `The model was not trained on ${foreign.length} of the symbols and says nothing of them: ${foreign.join(', ')}.`,
        ]),
    ...(window.isOnTestWindow
      ? [
          'The time overlaps the window on which the model was judged when it was made; who chose it for that has seen these days.',
        ]
      : []),
  ];
}

/** The maintenance margin of the simulated exchange: large symbols ask for less, small ones for more. */
const LIQUIDATED_BELOW = DEFAULT_EXCHANGE_SETTINGS.maintenanceMarginRate;

/** The first bar at whose close the equity was less than the maintenance margin, and its share of the value of the positions. */
function firstLiquidation({ equity }: BacktestRecord): { readonly time: EpochMs; readonly share: number } | undefined {
  for (let bar = 0; bar < equity.times.length; bar++) {
    const held = at64(equity.long, bar) + at64(equity.short, bar);
    const share = at64(equity.equity, bar) / held;
    if (held > 0 && share < LIQUIDATED_BELOW) return { time: epochMs(at64(equity.times, bar)), share };
  }
  return undefined;
}

type Criticised = Pick<
  BacktestReport,
  'performance' | 'tradeStatistics' | 'trips' | 'baselines' | 'record' | 'signals'
> & { readonly run: Pick<BacktestReport['run'], 'inSample'> };

/** What speaks against believing the result, in plain words. */
export function critiquesOf(report: Criticised): string[] {
  const { run, performance, tradeStatistics, trips, baselines, record, signals } = report;
  const critiques: string[] = [];
  if (run.inSample.length > 0) {
    critiques.push(
      `IN-SAMPLE: the model was fitted on some of these days (${run.inSample.join(', ')}). This says nothing of new ones.`,
    );
  }
  const lost = firstLiquidation(record);
  if (lost !== undefined) {
    critiques.push(
      `It would have been liquidated: at ${formatTime(lost.time)} the equity was ${percent(lost.share, 1)} of what was held. Below ${percent(LIQUIDATED_BELOW, 1)} an exchange closes everything; what follows would not have happened.`,
    );
  }
  const { count } = tradeStatistics;
  if (count === 0) {
    critiques.push(
      signals.candidates > 0 && signals.accepted === 0
        ? 'It never traded: no forecast passed the gates. Mostly, what was expected did not cover the costs; see the reasons.'
        : 'It never closed a trade: there is nothing to judge.',
    );
  } else if (count < FEW_TRADES) {
    critiques.push(`Few trades: ${count} closed round trips. Below ${FEW_TRADES}, luck explains almost any result.`);
  }
  const { sharpe, totalReturn, probabilisticSharpe: probability } = performance;
  if (count > 0 && sharpe.low !== null && sharpe.low <= 0 && (sharpe.high ?? 0) >= 0) {
    critiques.push(
      `Not distinguishable from luck: the 95 % interval of the Sharpe ratio, ${sharpe.low.toFixed(2)} to ${sharpe.high?.toFixed(2)}, holds 0${probability === null ? '' : ` (probability that it is above 0: ${percent(probability, 0)})`}.`,
    );
  }
  const profit = trips.reduce((sum, { netPnl }) => sum + netPnl, 0);
  if (profit > 0) {
    const bySymbol = largestOf(trips, ({ symbol }) => symbol);
    if (bySymbol && bySymbol.sum > CARRIES * profit) {
      critiques.push(
        `One symbol carries it: ${bySymbol.key} brought ${percent(bySymbol.sum / profit, 0)} of the net profit.`,
      );
    }
    const byDay = largestOf(trips, ({ closedAt }) => dayText(closedAt - 1));
    if (byDay && byDay.sum > CARRIES * profit) {
      critiques.push(
        `One day carries it: trades closed on ${byDay.key} brought ${percent(byDay.sum / profit, 0)} of the net profit.`,
      );
    }
  }
  const { costs } = performance.activity;
  const before = costs.grossProfit;
  if (before > 0 && costs.total.amount > before) {
    critiques.push(
      `Costs eat the edge: ${costs.total.amount.toFixed(0)} of costs against ${before.toFixed(0)} earned before them.`,
    );
  } else if (before > 0 && costs.total.amount > CARRIES * before) {
    critiques.push(
      `Costs take ${percent(costs.total.amount / before, 0)} of what was earned before them: a little worse execution and nothing is left.`,
    );
  }
  const random = baselines?.random;
  if (random && random.pValue > 0.05) {
    critiques.push(
      `No better than random: of ${random.seeds} random books with the same turnover ${percent(random.pValue, 0)} did at least as well.`,
    );
  }
  const momentum = baselines?.differenceToMomentum14d;
  if (momentum && momentum.low !== null && momentum.low <= 0) {
    critiques.push('No better than 14-day momentum: the interval of the difference holds 0 or lies below it.');
  }
  if (record.equity.times.length > 0 && performance.wholeDays < 90) {
    critiques.push(`Short: ${performance.wholeDays} whole days hold hardly more than one kind of market.`);
  }
  if ((totalReturn.value ?? 0) > 0 && costs.fundingAssumed !== null && costs.fundingAssumed > 0.5) {
    critiques.push(`Most of the funding (${percent(costs.fundingAssumed, 0)}) is assumed, not known.`);
  }
  return critiques;
}

function largestOf(
  trips: readonly RoundTrip[],
  keyOf: (trip: RoundTrip) => string,
): { key: string; sum: number } | undefined {
  const sums = new Map<string, number>();
  for (const trip of trips) sums.set(keyOf(trip), (sums.get(keyOf(trip)) ?? 0) + trip.netPnl);
  let largest: { key: string; sum: number } | undefined;
  for (const [key, sum] of sums) if (!largest || sum > largest.sum) largest = { key, sum };
  return largest;
}

/** Mean quote value that trades in a minute, by symbol. */
function minuteNotionalOf(
  bars: ReadonlyMap<SymbolId, BarColumns>,
  { from, to }: { readonly from: EpochMs; readonly to: EpochMs },
): Map<SymbolId, number> {
  const means = new Map<SymbolId, number>();
  for (const [symbol, all] of bars) {
    const traded = barsBetween(all, from - DAY_MS, to);
    if (traded.length > 0) means.set(symbol, dollarVolume(traded) / traded.length / (BAR_MS / MINUTE_MS));
  }
  return means;
}
