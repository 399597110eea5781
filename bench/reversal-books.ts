import { FundingHistory } from '../src/backtest/funding-history.ts';
import { DAYS_PER_YEAR, dailyReturnsOf, sharpeOf, type TradeFill } from '../src/backtest/index.ts';
import { inferInstruments } from '../src/backtest/inferred-instruments.ts';
import { replay } from '../src/backtest/replay.ts';
import { createRandom, DAY_MS, epochMs, MINUTE_MS } from '../src/core/index.ts';
import { cycleSettings } from '../src/engine/index.ts';
import type { Estimate } from '../src/model/index.ts';
import type { Strategy } from '../src/strategies/index.ts';
import { binomialInterval, EXPECTED_COVERAGE } from './edge-study.ts';
import { FIRST_DAY, generatedBacktest, shippedConfig } from './generated-backtest.ts';

const SYMBOLS = 12;
const DAYS = 120;
const GROSS_EXPOSURE = 0.5;
const ENTRY_MINUTE = 15;

/** A book that trades the planted edge. Annual Sharpe ratios. */
export interface ReversalResult {
  /** What it is worth by construction, and that less the mean costs of its own fills. */
  readonly theoryBeforeCosts: number;
  readonly theory: number;
  readonly sharpe: Estimate;
  readonly days: number;
  readonly fills: number;
}

/**
 * Trades the return of the past day the other way (`market.edge.reversalBook`) through the replay, on one generated market, at the costs shipped and without
 * funding. The limits of the book are too far away to touch it.
 */
export async function tradeReversal(seed: string): Promise<ReversalResult> {
  const { market, edge } = generatedBacktest({ seed, symbols: SYMBOLS, days: DAYS, edge: true });
  if (edge === undefined) throw new RangeError('no edge was planted');
  const { bars, fundingOf } = market;
  const range = { from: epochMs(FIRST_DAY + ENTRY_MINUTE * MINUTE_MS), to: epochMs(FIRST_DAY + DAYS * DAY_MS) };
  const config = shippedConfig(ROOM);
  const settings = cycleSettings(config, 'main');
  const { equity, fills } = await replay({
    bars,
    references: [],
    instruments: inferInstruments('generated', bars, FIRST_DAY),
    ...range,
    funding: new FundingHistory(bars, fundingOf, range),
    settings: { ...settings, decide: { ...settings.decide, strategies: [REVERSAL] } },
    conditions: {
      maxExchangeErrors: config.risk.max_exchange_errors,
      maxModelAgeDays: config.risk.max_model_age_days,
    },
    evidence: null,
  });
  const { returns } = dailyReturnsOf(equity);
  const { meanReturn, volatility } = edge.reversalBook;
  const annual = (mean: number) => (mean / volatility) * Math.sqrt(DAYS_PER_YEAR);
  return {
    theoryBeforeCosts: annual(meanReturn),
    // In and out every day.
    theory: annual(meanReturn - 2 * costPerNotional(fills)),
    sharpe: sharpeOf(returns, { random: createRandom(`reversal/${seed}`) }),
    days: returns.length,
    fills: fills.length,
  };
}

/** How books of several markets agree with theory. */
export interface ReversalAgreement {
  readonly books: number;
  /** Books whose 95 % interval of the Sharpe ratio holds the theoretical one, that before costs, and those whose interval lies above 0. */
  readonly covered: number;
  readonly coveredBeforeCosts: number;
  readonly aboveZero: number;
  /** 95 % interval of the share that is covered (Clopper and Pearson 1934), and whether it holds 0.95. */
  readonly interval: readonly [number, number];
  readonly withinBinomial: boolean;
  readonly meanTheoryBeforeCosts: number;
  readonly meanTheory: number;
  readonly meanSharpe: number;
  /** Of the mean difference between a book's Sharpe ratio and the theoretical one. */
  readonly standardError: number;
}

export function reversalAgreement(results: readonly ReversalResult[]): ReversalAgreement {
  const books = results.length;
  const meanOf = (of: (result: ReversalResult) => number) => results.reduce((sum, each) => sum + of(each), 0) / books;
  const holds = ({ low, high }: Estimate, sharpe: number) =>
    low !== null && high !== null && low <= sharpe && sharpe <= high;
  const covered = results.filter(({ theory, sharpe }) => holds(sharpe, theory)).length;
  const interval = binomialInterval(covered, books);
  const difference = ({ sharpe, theory }: ReversalResult) => (sharpe.value ?? Number.NaN) - theory;
  const mean = meanOf(difference);
  return {
    books,
    covered,
    coveredBeforeCosts: results.filter(({ theoryBeforeCosts, sharpe }) => holds(sharpe, theoryBeforeCosts)).length,
    aboveZero: results.filter(({ sharpe }) => (sharpe.low ?? 0) > 0).length,
    interval,
    withinBinomial: interval[0] <= EXPECTED_COVERAGE && EXPECTED_COVERAGE <= interval[1],
    meanTheoryBeforeCosts: meanOf(({ theoryBeforeCosts }) => theoryBeforeCosts),
    meanTheory: meanOf(({ theory }) => theory),
    meanSharpe: meanOf(({ sharpe }) => sharpe.value ?? Number.NaN),
    standardError: Math.sqrt(meanOf((result) => (difference(result) - mean) ** 2) / (books - 1)),
  };
}

function costPerNotional(fills: readonly TradeFill[]): number {
  let [paid, traded] = [0, 0];
  for (const { fee, spread, impact, price, quantity } of fills) {
    paid += fee + spread + impact;
    traded += price * quantity;
  }
  return paid / traded;
}

const ROOM = {
  'risk.max_positions': `${SYMBOLS}`,
  'risk.max_sector_exposure': '1',
  'risk.max_correlated_exposure': '1',
  'risk.max_losing_streak': 'null',
} as const;

const REVERSAL: Strategy = {
  name: 'reversal',
  decideEvery: '15m',
  holdFor: '1d',
  cooldownMinutes: 0,
  protection: { kind: 'book', maxDrawdownFraction: 0.9, catastropheStopFraction: 0.9, whenUnconfirmed: 'close' },
  leastWeight: GROSS_EXPOSURE / SYMBOLS,
  decide: ({ minute, portfolio }) => {
    if (minute % DAY_MS !== ENTRY_MINUTE * MINUTE_MS) return { targets: [], refusals: [] };
    const holdUntil = epochMs(minute - (minute % DAY_MS) + DAY_MS);
    const ranked = [...portfolio.markets]
      .flatMap(([symbol, { returnOver }]) => {
        const past = returnOver(DAY_MS / MINUTE_MS);
        return past === undefined ? [] : [{ symbol, past }];
      })
      .sort((a, b) => a.past - b.past);
    return {
      targets: ranked.map(({ symbol }, rank) => ({
        kind: 'enter',
        symbol,
        side: rank < ranked.length / 2 ? 'long' : 'short',
        holdUntil,
        weight: GROSS_EXPOSURE / SYMBOLS,
      })),
      refusals: [],
    };
  },
};
