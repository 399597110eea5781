import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { epochMs, type FinalCandle, MINUTE_MS } from '../core/index.ts';
import { MinuteLedger } from './minute-ledger.ts';

const SYMBOLS = ['AUSDT', 'BUSDT', 'CUSDT'];
const minuteAt = (index: number) => epochMs(index * MINUTE_MS);

/** The candle of the minute that ends at `index`. */
function candle(symbol: string, index: number, close = 1): FinalCandle {
  const values = { open: 1, high: 9, low: 1, close, volume: 1 };
  return { state: 'final', finality: 'rest', symbol, timeframe: '1m', openTime: minuteAt(index - 1), ...values };
}

describe('minute ledger', () => {
  it('hands every candle out exactly once, in time or repaired, whatever order they come in', () => {
    const arrivals = fc.shuffledSubarray(
      SYMBOLS.flatMap((symbol) => Array.from({ length: 6 }, (_, index) => [symbol, index + 1] as const)),
      { minLength: 1 },
    );
    fc.assert(
      fc.property(arrivals, fc.array(fc.integer({ min: 0, max: 6 }), { minLength: 6, maxLength: 6 }), (list, pace) => {
        const ledger = new MinuteLedger({ symbols: SYMBOLS, firstMinute: minuteAt(1) });
        const handedOut: string[] = [];
        const queue = [...list];
        const take = (count: number) => {
          for (const [symbol, index] of queue.splice(0, count)) ledger.accept(candle(symbol, index));
        };
        for (let index = 1; index <= 6; index++) {
          take(pace[index - 1] ?? 0);
          const { candles, missing, repaired } = ledger.deliver(minuteAt(index));
          expect(candles.length + missing.length).toBe(SYMBOLS.length);
          for (const { symbol, openTime } of [...repaired, ...candles]) handedOut.push(`${symbol}/${openTime}`);
        }
        take(queue.length);
        for (const { symbol, openTime } of ledger.deliver(minuteAt(7)).repaired)
          handedOut.push(`${symbol}/${openTime}`);
        expect(handedOut.sort()).toEqual(list.map(([symbol, index]) => `${symbol}/${minuteAt(index - 1)}`).sort());
      }),
      { numRuns: 100 },
    );
  });

  it('keeps the first values and reports each other version once', () => {
    const ledger = new MinuteLedger({ symbols: SYMBOLS, firstMinute: minuteAt(1) });
    expect(ledger.accept(candle('AUSDT', 1)).kind).toBe('new');
    expect(ledger.accept(candle('AUSDT', 1)).kind).toBe('duplicate');
    expect(ledger.accept(candle('AUSDT', 1, 2)).kind).toBe('correction');
    expect(ledger.accept(candle('AUSDT', 1, 2)).kind).toBe('duplicate');
    expect(ledger.deliver(minuteAt(1)).candles[0]?.close).toBe(1);
    expect(ledger.accept(candle('AUSDT', 1, 3)).kind).toBe('correction');
  });

  it('ignores foreign symbols and minutes before its first', () => {
    const ledger = new MinuteLedger({ symbols: SYMBOLS, firstMinute: minuteAt(5) });
    expect(ledger.accept(candle('XUSDT', 5)).kind).toBe('outside');
    expect(ledger.accept(candle('AUSDT', 4)).kind).toBe('outside');
  });

  it('knows minutes that were skipped over as unknown and remembers a bounded number', () => {
    const ledger = new MinuteLedger({ symbols: SYMBOLS, firstMinute: minuteAt(1), unknownLimit: 4, keepMinutes: 3 });
    ledger.deliver(minuteAt(3));
    expect(ledger.unknownOf('BUSDT')).toEqual([1, 2, 3].map(minuteAt));
    ledger.deliver(minuteAt(9));
    expect(ledger.unknownOf('BUSDT')).toEqual([6, 7, 8, 9].map(minuteAt));
    expect(ledger.incompleteSymbols()).toEqual(SYMBOLS);
    expect(ledger.accept(candle('BUSDT', 6)).kind).toBe('repaired');
    expect(ledger.deliver(minuteAt(10)).repaired).toHaveLength(1);
  });

  it('waits for a symbol that stays away for three minutes only, and again once it is back', () => {
    const ledger = new MinuteLedger({ symbols: SYMBOLS, firstMinute: minuteAt(1) });
    const others = (index: number) => {
      ledger.accept(candle('AUSDT', index));
      ledger.accept(candle('BUSDT', index));
    };
    for (let index = 1; index <= 3; index++) {
      others(index);
      expect(ledger.isComplete(minuteAt(index))).toBe(false);
      ledger.deliver(minuteAt(index));
    }
    expect(ledger.isComplete(minuteAt(4))).toBe(false);
    others(4);
    expect(ledger.isComplete(minuteAt(4))).toBe(true);
    expect(ledger.deliver(minuteAt(4)).missing.map(({ symbol }) => symbol)).toEqual(['CUSDT']);
    ledger.accept(candle('CUSDT', 4));
    others(5);
    expect(ledger.isComplete(minuteAt(5))).toBe(false);
  });
});
