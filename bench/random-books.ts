import { reportOf } from '../src/backtest/backtest-report.ts';
import { baselinesOf } from '../src/backtest/baseline-report.ts';
import { wilson } from '../src/backtest/index.ts';
import { runBacktest } from '../src/backtest/run-backtest.ts';
import type { Estimate } from '../src/model/index.ts';
import { FIRST_DAY, generatedBacktest, shippedConfig, WITHOUT_COSTS } from './generated-backtest.ts';

const SYMBOLS = 4;
const DAYS = 45;
/** Books that trade one market: given its prices their sides are drawn independently. */
const BOOKS_PER_MARKET = 5;
/** With 199 random books besides its own, p <= 0.05 has a probability of 5 % exactly where nothing tells them apart. */
const MATCHED = 199;
const LEVEL = 0.05;

/** How often the verdicts of a report call a book significant, with Wilson's 95 % interval. */
export interface RandomBooks {
  readonly books: number;
  readonly days: number;
  /** The 95 % interval of the Sharpe ratio leaves out 0, or lies above it; 5 and 2.5 % by design. */
  readonly intervalLeavesOutZero: Estimate;
  readonly intervalAboveZero: Estimate;
  /** The probabilistic Sharpe ratio exceeds 95 %; 5 % by design. */
  readonly probabilisticSharpe: Estimate;
  /** No more than 5 % of the random books with the same turnover did as well; 5 % by design. */
  readonly betterThanRandom: Estimate;
  /** Mean of the books' annual Sharpe ratios and its standard error. */
  readonly meanSharpe: number;
  readonly meanSharpeError: number;
  /** Mean number of closed round trips. */
  readonly trips: number;
}

/**
 * Trades books of the shipped random strategy, one of each seed from 0 on, through the replay, on generated markets without an edge, and counts the verdicts of
 * their reports. Fees, spread, impact and funding are 0, so that nothing is to be expected of a book but the half tick that a fill costs at least.
 */
export async function tradeRandomBooks(
  books: number,
  onProgress: (done: number) => void = () => undefined,
): Promise<RandomBooks> {
  const hits = { leavesOut: 0, above: 0, probabilistic: 0, better: 0 };
  const sharpes: number[] = [];
  let trips = 0;
  let market: ReturnType<typeof generatedBacktest>['market'] | undefined;
  for (let seed = 0; seed < books; seed++) {
    if (market === undefined || seed % BOOKS_PER_MARKET === 0) {
      const at = Math.floor(seed / BOOKS_PER_MARKET);
      ({ market } = generatedBacktest({ seed: `random books/${at}`, symbols: SYMBOLS, days: DAYS, edge: false }));
    }
    const backtest = await runBacktest({ market, config: configOf(seed), from: FIRST_DAY });
    const { report: baselines } = await baselinesOf(backtest, {
      references: [],
      seeds: MATCHED,
      hasCostCurve: false,
    });
    const { performance, tradeStatistics } = reportOf(backtest, { id: `${seed}`, baselines });
    const { sharpe, probabilisticSharpe } = performance;
    if (sharpe.value === null || sharpe.low === null || sharpe.high === null || probabilisticSharpe === null) {
      throw new RangeError(`the book of seed ${seed} has no Sharpe ratio`);
    }
    if (sharpe.low > 0 || sharpe.high < 0) hits.leavesOut++;
    if (sharpe.low > 0) hits.above++;
    if (probabilisticSharpe > 1 - LEVEL) hits.probabilistic++;
    if ((baselines.random?.pValue ?? 1) <= LEVEL) hits.better++;
    sharpes.push(sharpe.value);
    trips += tradeStatistics.count;
    onProgress(seed + 1);
  }
  const mean = sharpes.reduce((sum, value) => sum + value, 0) / books;
  const variance = sharpes.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (books - 1);
  return {
    books,
    days: DAYS,
    intervalLeavesOutZero: wilson(hits.leavesOut, books),
    intervalAboveZero: wilson(hits.above, books),
    probabilisticSharpe: wilson(hits.probabilistic, books),
    betterThanRandom: wilson(hits.better, books),
    meanSharpe: mean,
    meanSharpeError: Math.sqrt(variance / books),
    trips: trips / books,
  };
}

/** Its draws follow from its name. Small enough that no limit of the book ends it early. */
function configOf(seed: number) {
  const strategy = {
    kind: 'random',
    name: `random-${seed}`,
    decide_every: '4h',
    hold_for: '1d',
    positions: 2,
    gross_exposure: 0.2,
  };
  return shippedConfig({ ...WITHOUT_COSTS, strategies: JSON.stringify([strategy]) });
}
