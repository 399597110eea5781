import { at64, type EpochMs, epochMs, type FinalCandle, MINUTE_MS } from '../../src/core/index.ts';
import { barAt } from '../../src/simulator/bar.ts';
import type { SimulatedMarket } from '../../src/simulator/index.ts';
import { fixtureMarket } from '../../src/simulator/market-fixture.ts';

/**
 * Prices that move by 0.2 % a minute, and volumes that every order finds at once. No candle goes both ways from its open: of one that
 * reaches a stop and a target of a position the exchange walks a path, where paper takes the stop.
 */
export function livelyMarket(): SimulatedMarket {
  const market = fixtureMarket({});
  return {
    ...market,
    bars: (...range) => {
      const bars = market.bars(...range);
      const { open, close } = bars;
      return {
        ...bars,
        high: open.map((price, i) => Math.max(price, at64(close, i))),
        low: open.map((price, i) => Math.min(price, at64(close, i))),
        volume: bars.volume.map((volume) => 1_000 * volume),
      };
    },
  };
}

/** The minute that closed at `minute`. */
export function candlesOf(market: SimulatedMarket, minute: EpochMs): FinalCandle[] {
  return market.instruments.map(({ symbol }) => {
    const { open, high, low, close, volume } = barAt(market.bars(symbol, '1m', minute - MINUTE_MS, minute), 0);
    const kind = { state: 'final', finality: 'archive', timeframe: '1m' } as const;
    return { ...kind, symbol, openTime: epochMs(minute - MINUTE_MS), open, high, low, close, volume };
  });
}
