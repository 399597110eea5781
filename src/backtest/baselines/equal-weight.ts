import {
  type BaselineCosts,
  type BaselineWindow,
  isListed,
  type MarketPanel,
  preparePanel,
  rowsOf,
} from './market-panel.ts';
import { type BaselineRun, tradePortfolio } from './portfolio.ts';
import { isRebalanced, type Rebalance } from './schedule.ts';

export interface EqualWeightOptions extends BaselineWindow {
  readonly rebalance: Rebalance;
}

/**
 * Holds all symbols that are listed, each with the same share of the equity at every rebalancing: the market without a choice. One that
 * begins is bought at the next rebalancing; what one that ends brought waits for it as cash.
 * @throws RangeError when the panel has no two closes in the window
 */
export function equalWeight(panel: MarketPanel, costs: BaselineCosts, options: EqualWeightOptions): BaselineRun {
  const prepared = preparePanel(panel);
  const rows = rowsOf(panel.times, options);
  return tradePortfolio(prepared, costs, rows, (row) => {
    if (!isRebalanced(panel.times, row, rows.start, options.rebalance)) return undefined;
    const listed = panel.symbols.map((_, symbol) => isListed(prepared, symbol, row));
    const share = 1 / listed.filter(Boolean).length;
    return Float64Array.from(listed, (isHeld) => (isHeld ? share : 0));
  });
}
