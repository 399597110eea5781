import {
  allocateBars,
  type BarColumns,
  createRandom,
  DAY_MS,
  type EpochMs,
  epochMs,
  type SymbolId,
} from '../../core/index.ts';
import { BAR_MS } from '../../model/index.ts';
import type { BacktestMarket } from '../run-backtest.ts';

const START = epochMs(Date.UTC(2025, 0, 6));
export const day = (number: number): EpochMs => epochMs(START + number * DAY_MS);

/**
 * Candles of an invented market from day 0 on.
 * @param trend drift of a symbol, in standard deviations of its bars; it lasts some two days and turns then. 0: a martingale.
 */
export function trendingMarket(options: {
  readonly seed: string;
  readonly symbols: number;
  readonly days: number;
  readonly trend: number;
}): BacktestMarket {
  const { seed, symbols, days, trend } = options;
  const names = ['BTCUSDT', 'ETHUSDT', ...Array.from({ length: symbols }, (_, index) => `S${index + 10}USDT`)];
  const bars = names.slice(0, symbols).map((symbol) => [symbol, barsOf(`${seed}/${symbol}`, days, trend)] as const);
  return { source: 'invented', bars: new Map<SymbolId, BarColumns>(bars), fundingOf: () => [] };
}

const DEVIATION = 0.003;
/** Chance of a bar that the drift changes its side. */
const TURNS = 1 / 192;

function barsOf(seed: string, days: number, trend: number): BarColumns {
  const random = createRandom(seed);
  const bars = allocateBars((days * DAY_MS) / BAR_MS);
  const rounded = (price: number) => Math.round(price * 1_000) / 1_000;
  let close = 100;
  let side = random.uniform() < 0.5 ? -1 : 1;
  for (let i = 0; i < bars.length; i++) {
    if (random.uniform() < TURNS) side = -side;
    const open = close;
    close = rounded(open * Math.exp(DEVIATION * (trend * side + random.normal())));
    bars.openTime[i] = START + i * BAR_MS;
    bars.open[i] = open;
    bars.close[i] = close;
    bars.high[i] = rounded(Math.max(open, close) * (1 + DEVIATION * 0.2 * random.uniform()));
    bars.low[i] = rounded(Math.min(open, close) * (1 - DEVIATION * 0.2 * random.uniform()));
    bars.volume[i] = rounded(1e6 * (0.5 + random.uniform()));
    bars.quoteVolume[i] = Number.NaN;
    bars.takerBuyVolume[i] = Number.NaN;
  }
  return bars;
}

/** The market with other prices in the candles that open at `from` or later. */
export function withOtherPrices(
  market: BacktestMarket,
  from: number,
  change: (price: number) => number,
): BacktestMarket {
  const bars = [...market.bars].map(([symbol, columns]) => {
    const changed = (column: Float64Array) =>
      column.map((price, row) => ((columns.openTime[row] ?? 0) < from ? price : change(price)));
    const { open, high, low, close } = columns;
    return [
      symbol,
      { ...columns, open: changed(open), high: changed(high), low: changed(low), close: changed(close) },
    ] as const;
  });
  return { ...market, bars: new Map(bars) };
}
