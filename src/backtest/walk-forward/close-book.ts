import { at64, cashToNumber, firstAtOrAfter, type Position } from '../../core/index.ts';
import {
  matchAtPrice,
  parsePrice,
  parseQuantity,
  priceToNumber,
  quantityToNumber,
  tradingRulesOf,
} from '../../matching/index.ts';
import { BAR_MS } from '../../model/index.ts';
import type { BacktestRecord, TradeFill } from '../record.ts';
import { type Backtest, withCosts } from '../run-backtest.ts';

/**
 * The record of a backtest with its book closed at the last close: what is still held is sold there or bought back, each position at once, with fee,
 * spread and the impact of its whole size.
 */
export function closeBook(backtest: Backtest): BacktestRecord {
  const { equity, fills, funding, open } = backtest.result;
  const closing = open.map((position) => closingFill(position, backtest));
  const cost = closing.reduce((sum, { fee, spread, impact }) => sum + fee + spread + impact, 0);
  const last = equity.times.length - 1;
  const flat = <Column extends Float64Array | Int32Array>(column: Column): Column => {
    const copy = column.slice() as Column;
    copy[last] = 0;
    return copy;
  };
  const after = equity.equity.slice();
  after[last] = at64(after, last) - cost;
  return {
    equity: {
      times: equity.times,
      equity: after,
      long: flat(equity.long),
      short: flat(equity.short),
      positions: flat(equity.positions),
    },
    fills: [...fills, ...closing],
    funding,
  };
}

function closingFill(position: Position, { market, instruments, settings, costFactor, window }: Backtest): TradeFill {
  const { symbol, strategy } = position;
  const held = parseQuantity(position.quantity);
  const remaining = held < 0n ? -held : held;
  const side = held > 0n ? 'sell' : 'buy';
  const bars = market.bars.get(symbol);
  const instrument = instruments.get(symbol);
  if (bars === undefined || instrument === undefined)
    throw new RangeError(`${symbol} is held, but is not of the market`);
  const row = firstAtOrAfter(bars.openTime, window.to - BAR_MS);
  const traded = row < bars.length && at64(bars.openTime, row) === window.to - BAR_MS ? at64(bars.volume, row) / 15 : 0;
  const mark = parsePrice(position.markPrice);
  const fill = matchAtPrice({
    side,
    remaining,
    available: remaining,
    price: mark,
    // Where nothing traded, it is as if the position were all that did.
    minuteVolume: traded > 0 ? traded : quantityToNumber(remaining),
    // A position is a sum of fills, each a multiple of the step: all of it can be closed.
    rules: tradingRulesOf(instrument),
    costs: withCosts(settings, costFactor).decide.costs,
  });
  if (fill === undefined) throw new RangeError(`${position.quantity} ${symbol} cannot be closed`);
  const price = priceToNumber(fill.price);
  const quantity = quantityToNumber(fill.quantity);
  const average = priceToNumber(parsePrice(position.averagePrice));
  return {
    time: window.to,
    strategy,
    symbol,
    side,
    purpose: 'exit',
    quantity,
    price,
    realizedPnl: (held > 0n ? price - average : average - price) * quantity,
    fee: cashToNumber(fill.fee),
    spread: cashToNumber(fill.spread),
    impact: cashToNumber(fill.impact),
  };
}
