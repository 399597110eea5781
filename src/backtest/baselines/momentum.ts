import { at64, atInt32, DAY_MS } from '../../core/index.ts';
import {
  type BaselineCosts,
  type BaselineWindow,
  canTrade,
  type MarketPanel,
  type PreparedPanel,
  preparePanel,
  rowAtOrBefore,
  rowsOf,
} from './market-panel.ts';
import { type BaselineRun, tradePortfolio, type WeightsAt } from './portfolio.ts';
import { isRebalanced } from './schedule.ts';

export interface TimeSeriesMomentumOptions extends BaselineWindow {
  readonly lookBackDays: number;
  /** Positions of equal value, or of equal volatility over the look-back. */
  readonly weights: 'equal' | 'equal-risk';
}

export interface CrossSectionalMomentumOptions extends BaselineWindow {
  readonly lookBackDays: number;
  readonly perSide: number;
}

/** How a symbol moved over the look-back. */
interface PastMove {
  readonly symbol: number;
  /** Close over the close a look-back ago, less one. */
  readonly change: number;
  /** Root of the sum of squared returns of the bars. */
  readonly volatility: number;
}

/**
 * Each symbol long or short by the sign of its own past return (Moskowitz, Ooi and Pedersen 2012, "Time series momentum"), decided at UTC
 * midnight; positions add up to the equity. A symbol younger than the look-back, or without a move, is left out.
 * @throws RangeError when the panel has no two closes in the window
 */
export function timeSeriesMomentum(
  panel: MarketPanel,
  costs: BaselineCosts,
  options: TimeSeriesMomentumOptions,
): BaselineRun {
  return tradeMomentum(panel, costs, options, (moves, weights) => {
    const moved = moves.filter(({ change }) => change !== 0);
    const sizeOf = ({ volatility }: PastMove) => (options.weights === 'equal' ? 1 : 1 / volatility);
    const total = moved.reduce((sum, move) => sum + sizeOf(move), 0);
    for (const move of moved) weights[move.symbol] = (Math.sign(move.change) * sizeOf(move)) / total;
  });
}

/**
 * Long the `perSide` symbols with the highest past returns, short as many with the lowest (Jegadeesh and Titman 1993), decided at UTC midnight;
 * equal weights, which add up to the equity. Of a panel too small for it, each half; ties go by name. A symbol younger than the look-back is left out.
 * @throws RangeError when the panel has no two closes in the window
 */
export function crossSectionalMomentum(
  panel: MarketPanel,
  costs: BaselineCosts,
  options: CrossSectionalMomentumOptions,
): BaselineRun {
  const nameOf = ({ symbol }: PastMove) => panel.symbols[symbol] ?? '';
  return tradeMomentum(panel, costs, options, (moves, weights) => {
    const perSide = Math.min(options.perSide, Math.floor(moves.length / 2));
    const ranked = [...moves].sort((a, b) => b.change - a.change || (nameOf(a) < nameOf(b) ? -1 : 1));
    for (const { symbol } of ranked.slice(0, perSide)) weights[symbol] = 1 / (2 * perSide);
    for (const { symbol } of ranked.slice(ranked.length - perSide)) weights[symbol] = -1 / (2 * perSide);
  });
}

/** The term of comparison of every backtest: time-series momentum of 14 days in positions of equal volatility. */
export const momentum14d = (panel: MarketPanel, costs: BaselineCosts, window: BaselineWindow = {}): BaselineRun =>
  timeSeriesMomentum(panel, costs, { ...window, lookBackDays: 14, weights: 'equal-risk' });

/** Trades weights that follow from past moves, which start as zeros. */
function tradeMomentum(
  panel: MarketPanel,
  costs: BaselineCosts,
  { lookBackDays, ...window }: BaselineWindow & { readonly lookBackDays: number },
  weigh: (moves: readonly PastMove[], weights: Float64Array) => void,
): BaselineRun {
  const prepared = preparePanel(panel);
  const rows = rowsOf(panel.times, window);
  const weightsAt: WeightsAt = (row) => {
    if (!isRebalanced(panel.times, row, rows.start, 'daily')) return undefined;
    const weights = new Float64Array(panel.symbols.length);
    weigh(movesUntil(prepared, row, lookBackDays), weights);
    return weights;
  };
  return tradePortfolio(prepared, costs, rows, weightsAt);
}

/** Moves of the symbols that trade at a row and did so, or had done, a look-back before. */
function movesUntil(panel: PreparedPanel, row: number, lookBackDays: number): PastMove[] {
  const before = rowAtOrBefore(panel.times, at64(panel.times, row) - lookBackDays * DAY_MS);
  return panel.carried.flatMap((column, symbol) => {
    if (before < atInt32(panel.firstRow, symbol) || before < 0 || !canTrade(panel, symbol, row)) return [];
    let squares = 0;
    for (let at = before + 1; at <= row; at++) squares += (at64(column, at) / at64(column, at - 1) - 1) ** 2;
    return [{ symbol, change: at64(column, row) / at64(column, before) - 1, volatility: Math.sqrt(squares) }];
  });
}
