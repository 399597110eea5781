import type { SymbolId } from '../../core/index.ts';
import {
  type BaselineCosts,
  type BaselineWindow,
  canTrade,
  type MarketPanel,
  preparePanel,
  rowsOf,
} from './market-panel.ts';
import { type BaselineRun, tradePortfolio } from './portfolio.ts';

/**
 * Buys each of `symbols` once, for an equal share of the initial equity, at its first close in the window, and keeps it to its last.
 * @throws RangeError when the panel lacks one of them, or two closes in the window
 */
export function buyAndHold(
  panel: MarketPanel,
  costs: BaselineCosts,
  symbols: readonly SymbolId[],
  window: BaselineWindow = {},
): BaselineRun {
  const missing = symbols.find((symbol) => !panel.symbols.includes(symbol));
  if (missing !== undefined) throw new RangeError(`no closes of ${missing}`);
  const prepared = preparePanel(panel);
  const waiting = new Set(symbols.map((symbol) => panel.symbols.indexOf(symbol)));
  const share = 1 / waiting.size;
  return tradePortfolio(prepared, costs, rowsOf(panel.times, window), (row, equity) => {
    const due = [...waiting].filter((symbol) => canTrade(prepared, symbol, row));
    if (due.length === 0) return undefined;
    const weights = new Float64Array(panel.symbols.length).fill(Number.NaN);
    for (const symbol of due) {
      waiting.delete(symbol);
      weights[symbol] = share / equity;
    }
    return weights;
  });
}
