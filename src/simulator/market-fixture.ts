import {
  type BarColumns,
  createRandom,
  type EpochMs,
  epochMs,
  HOUR_MS,
  MINUTE_MS,
  type SymbolId,
} from '../core/index.ts';
import { inferInstrument } from '../marketfiles/index.ts';
import { type Bar, columnsOf } from './bar.ts';
import { BarHistory } from './bar-history.ts';
import { roundTo } from './price-path.ts';
import type { SimulatedMarket } from './simulated-market.ts';

/** 2025-03-01T00:00Z, an 8h boundary. */
export const FIXTURE_START = epochMs(1_740_787_200_000);

/** A random walk of minutes in memory: what tests of the venue play on. */
export function fixtureMarket(options: {
  readonly symbols?: readonly SymbolId[];
  readonly minutes?: number;
  readonly startAtMinute?: number;
  readonly endless?: boolean;
}): SimulatedMarket {
  const { symbols = ['BTCUSDT', 'ETHUSDT', 'SOLUSDT'], minutes = 600, startAtMinute = 300 } = options;
  const histories = new Map(symbols.map((symbol) => [symbol, new BarHistory(walk(symbol, minutes))]));
  return {
    kind: 'generated',
    label: 'a walk for tests',
    edge: undefined,
    seed: 1,
    instruments: symbols.map((symbol) =>
      inferInstrument('binanceusdm', symbol, historyOf(symbol).all('1m'), { listedAt: FIXTURE_START }),
    ),
    start: FIXTURE_START,
    end: options.endless ? undefined : minuteOf(minutes),
    startAt: minuteOf(startAtMinute),
    load: () => undefined,
    oldest: (symbol, timeframe) => historyOf(symbol).oldest(timeframe),
    bars: (symbol, timeframe, from, to) => historyOf(symbol).between(timeframe, from, to),
    fundingRates: (_symbol, from, to) => {
      const interval = 8 * HOUR_MS;
      const first = Math.max(FIXTURE_START, Math.ceil(from / interval) * interval);
      const count = Math.max(0, Math.ceil((to - first) / interval));
      return Array.from({ length: count }, (_, i) => ({ time: epochMs(first + i * interval), rate: 0.0001 }));
    },
  };

  function historyOf(symbol: SymbolId): BarHistory {
    const history = histories.get(symbol);
    if (!history) throw new RangeError(symbol);
    return history;
  }
}

/** Close of the `count`-th minute of a fixture market. */
export const minuteOf = (count: number): EpochMs => epochMs(FIXTURE_START + count * MINUTE_MS);

export function walk(symbol: SymbolId, minutes: number): BarColumns {
  const random = createRandom(symbol);
  let price = 100;
  const bars: Bar[] = [];
  for (let i = 0; i < minutes; i++) {
    const open = price;
    const close = roundTo(open * (1 + 0.002 * random.normal()), 2);
    const volume = roundTo(10 + 90 * random.uniform(), 3);
    bars.push({
      openTime: FIXTURE_START + i * MINUTE_MS,
      open,
      high: roundTo(Math.max(open, close) + 0.05 * random.uniform(), 2),
      low: roundTo(Math.min(open, close) - 0.05 * random.uniform(), 2),
      close,
      volume,
      quoteVolume: roundTo(volume * close, 4),
      takerBuyVolume: roundTo(volume * random.uniform(), 3),
    });
    price = close;
  }
  return columnsOf(bars);
}
