import { describe, expect, it } from 'vitest';
import { type EpochMs, epochMs, type FinalCandle, MINUTE_MS, type SymbolId } from '../core/index.ts';
import { MinuteQueue } from './minute-queue.ts';

const START = Date.UTC(2025, 0, 1);
const minute = (index: number) => epochMs(START + index * MINUTE_MS);
/** The candle that closes at `minute(index)`. */
const candle = (symbol: SymbolId, index: number): FinalCandle => ({
  state: 'final',
  finality: 'venue-flag',
  symbol,
  timeframe: '1m',
  openTime: epochMs(minute(index) - MINUTE_MS),
  open: 1,
  high: 1,
  low: 1,
  close: 1,
  volume: 1,
});

function replay(queue: MinuteQueue) {
  const last = new Map<SymbolId, EpochMs>();
  return (index: number, ...arrived: FinalCandle[]) => {
    const { candles, waiting } = queue.take(arrived, minute(index), (symbol) => last.get(symbol));
    for (const taken of candles) last.set(taken.symbol, epochMs(taken.openTime + MINUTE_MS));
    return {
      taken: candles.map((taken) => `${taken.symbol}@${(taken.openTime + MINUTE_MS - START) / MINUTE_MS}`),
      waiting: [...waiting],
    };
  };
}

describe('MinuteQueue', () => {
  it('hands candles on in canonical order', () => {
    const step = replay(new MinuteQueue(['B', 'A'], 30));
    expect(step(1, candle('A', 1), candle('B', 1))).toEqual({ taken: ['B@1', 'A@1'], waiting: [] });
  });

  it('holds a symbol back behind an unknown minute, and lets it catch up in order once that is repaired', () => {
    const step = replay(new MinuteQueue(['A', 'B'], 30));
    step(1, candle('A', 1), candle('B', 1));
    expect(step(2, candle('B', 2))).toEqual({ taken: ['B@2'], waiting: [] });
    expect(step(3, candle('A', 3), candle('B', 3))).toEqual({ taken: ['B@3'], waiting: ['A'] });
    expect(step(4, candle('A', 2), candle('A', 4), candle('B', 4))).toEqual({
      taken: ['A@2', 'A@3', 'A@4', 'B@4'],
      waiting: [],
    });
  });

  it('counts a symbol as waiting while none of its candles arrive', () => {
    const step = replay(new MinuteQueue(['A'], 30));
    step(1, candle('A', 1));
    expect(step(3).waiting).toEqual(['A']);
  });

  it('goes on with a hole once the minute was unknown for as long as patience lasts', () => {
    const step = replay(new MinuteQueue(['A'], 3));
    step(1, candle('A', 1));
    expect(step(3, candle('A', 3)).taken).toEqual([]);
    expect(step(4, candle('A', 4)).taken).toEqual([]);
    expect(step(5, candle('A', 5)).taken).toEqual([]);
    expect(step(6, candle('A', 6)).taken).toEqual(['A@3', 'A@4', 'A@5', 'A@6']);
  });

  it('drops repeated candles and those of symbols outside the universe', () => {
    const step = replay(new MinuteQueue(['A'], 30));
    expect(step(1, candle('A', 1), candle('A', 1), candle('Z', 1)).taken).toEqual(['A@1']);
    expect(step(2, candle('A', 1), candle('A', 2)).taken).toEqual(['A@2']);
  });
});
