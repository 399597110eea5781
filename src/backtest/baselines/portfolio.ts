import { at64, atInt32, DAY_MS } from '../../core/index.ts';
import type { EquityCurve } from '../record.ts';
import { type BaselineCosts, canTrade, type PreparedPanel, type RowRange } from './market-panel.ts';

/** A baseline over its window, in multiples of the initial equity, which is 1. */
export interface BaselineRun {
  readonly equity: EquityCurve;
  /** Notional bought and sold. */
  readonly traded: number;
  /** What trading it cost. */
  readonly costs: number;
  /** Funding received less paid. */
  readonly funding: number;
}

/**
 * Weights wanted at the close of a row: the value of each symbol's position over the equity, negative of a short; NaN leaves a position as
 * it is. Undefined: all stay. It must look at no later row.
 */
export type WeightsAt = (row: number, equity: number) => Float64Array | undefined;

/**
 * Keeps a portfolio at the weights of its rule. A row is marked first, then traded at its close, so that weights earn from the next bar
 * on and their costs show there. Quantities stay between trades. A symbol without a bar is not traded, and what is held of it keeps
 * its last close; with its last bar it is sold. A portfolio without equity left holds nothing from there.
 */
export function tradePortfolio(
  panel: PreparedPanel,
  costs: BaselineCosts,
  { start, end }: RowRange,
  weightsAt: WeightsAt,
): BaselineRun {
  const { times, carried, lastRow } = panel;
  const curve = emptyCurve(times.slice(start, end + 1));
  const quantity = new Float64Array(carried.length);
  const total = { traded: 0, costs: 0, funding: 0 };
  const fundingOf = dailyFunding(panel, costs);
  let cash = 1;
  const trade = (symbol: number, price: number, target: number) => {
    const notional = Math.abs(target - at64(quantity, symbol)) * price;
    cash -= (target - at64(quantity, symbol)) * price + notional * costs.perNotional;
    quantity[symbol] = target;
    total.traded += notional;
    total.costs += notional * costs.perNotional;
  };
  for (let row = start; row <= end; row++) {
    if (row > start) {
      const received = fundingOf(quantity, row);
      cash += received;
      total.funding += received;
    }
    const equity = markRow(curve, row - start, cash, quantity, carried, row);
    if (equity <= 0 || row === end) break;
    const weights = weightsAt(row, equity);
    for (const [symbol, column] of carried.entries()) {
      const price = at64(column, row);
      if (row === atInt32(lastRow, symbol)) {
        if (at64(quantity, symbol) !== 0) trade(symbol, price, 0);
      } else if (weights && !Number.isNaN(at64(weights, symbol)) && canTrade(panel, symbol, row)) {
        trade(symbol, price, (at64(weights, symbol) * equity) / price);
      }
    }
  }
  return { equity: curve, ...total };
}

function emptyCurve(times: Float64Array): EquityCurve {
  const column = () => new Float64Array(times.length);
  return { times, equity: column(), long: column(), short: column(), positions: new Int32Array(times.length) };
}

/** Enters a row of the curve; equity below nothing is none, and then all the rest of the curve is zero. */
function markRow(
  curve: EquityCurve,
  at: number,
  cash: number,
  quantity: Float64Array,
  carried: readonly Float64Array[],
  row: number,
): number {
  let [long, short, positions] = [0, 0, 0];
  for (const [symbol, column] of carried.entries()) {
    const held = at64(quantity, symbol);
    if (held === 0) continue;
    const value = held * at64(column, row);
    if (value > 0) long += value;
    else short -= value;
    positions++;
  }
  const equity = cash + long - short;
  if (equity <= 0) return 0;
  curve.equity[at] = equity;
  curve.long[at] = long;
  curve.short[at] = short;
  curve.positions[at] = positions;
  return equity;
}

/** Funding that positions received over the bar that ended with a row: their value at its start by the bar's share of the day. */
function dailyFunding(
  { times, symbols, carried }: PreparedPanel,
  { fundingPerDay }: BaselineCosts,
): (quantity: Float64Array, row: number) => number {
  if (fundingPerDay === undefined) return () => 0;
  const rates = new Float64Array(symbols.length);
  let day = Number.NaN;
  return (quantity, row) => {
    const current = dayOfClose(at64(times, row));
    if (current !== day) for (const [symbol, name] of symbols.entries()) rates[symbol] = fundingPerDay(name, current);
    day = current;
    const share = (at64(times, row) - at64(times, row - 1)) / DAY_MS;
    let received = 0;
    for (const [symbol, column] of carried.entries()) {
      const held = at64(quantity, symbol);
      if (held !== 0) received -= held * at64(column, row - 1) * at64(rates, symbol) * share;
    }
    return received;
  };
}

/** Days since the epoch; a bar that closes at midnight is the last of its day. */
const dayOfClose = (time: number): number => Math.ceil(time / DAY_MS) - 1;
