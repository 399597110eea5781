import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  allocateBars,
  type BarColumns,
  epochMs,
  type FinalCandle,
  HOUR_MS,
  MINUTE_MS,
  PHASES,
  phaseOf,
} from '../core/index.ts';
import { aggregateBars } from '../marketfiles/index.ts';
import { type Bar, CarriedSeries, HourBars, MAX_CARRIED, phaseBars, RollingBars } from './bars.ts';

const START = 1_749_999_600_000;

function minute(index: number, values: Partial<FinalCandle> = {}): FinalCandle {
  const open = 100 + ((index * 7) % 13);
  const close = 100 + ((index * 5) % 11);
  return {
    state: 'final',
    finality: 'rest',
    symbol: 'BTCUSDT',
    timeframe: '1m',
    openTime: epochMs(START + index * MINUTE_MS),
    open,
    high: Math.max(open, close) + 1 + (index % 3),
    low: Math.min(open, close) - 1,
    close,
    volume: 1 + (index % 4),
    quoteVolume: 100 + index,
    takerBuyVolume: 0.5,
    ...values,
  };
}

function columnsOf(candles: readonly FinalCandle[]): BarColumns {
  const bars = allocateBars(candles.length);
  candles.forEach((candle, i) => {
    for (const column of ['openTime', 'open', 'high', 'low', 'close', 'volume'] as const)
      bars[column][i] = candle[column];
    bars.quoteVolume[i] = candle.quoteVolume ?? Number.NaN;
    bars.takerBuyVolume[i] = candle.takerBuyVolume ?? Number.NaN;
  });
  return bars;
}

const indices = fc
  .uniqueArray(fc.integer({ min: 0, max: 150 }), { minLength: 1, maxLength: 140 })
  .map((list) => list.sort((a, b) => a - b));

describe('bars from minutes', () => {
  it('gives a phase bar exactly where the fifteen minutes up to it are all there', () => {
    fc.assert(
      fc.property(indices, (present) => {
        const rolling = new RollingBars();
        const have = new Set(present);
        for (const index of present) {
          const bar = rolling.push(minute(index));
          const wanted = Array.from({ length: PHASES }, (_, i) => index - PHASES + 1 + i);
          expect(bar !== undefined).toBe(wanted.every((i) => have.has(i)));
          if (bar === undefined) continue;
          const parts = wanted.map((i) => minute(i));
          expect(bar).toMatchObject({
            openTime: parts[0]?.openTime,
            open: parts[0]?.open,
            close: parts.at(-1)?.close,
            high: Math.max(...parts.map(({ high }) => high)),
            low: Math.min(...parts.map(({ low }) => low)),
            volume: parts.reduce((sum, { volume }) => sum + volume, 0),
          });
        }
      }),
      { numRuns: 60 },
    );
  });

  it('agrees with aggregation in the aligned phase, and streams the same bars as the column', () => {
    const minutes = Array.from({ length: 200 }, (_, index) => minute(index));
    const columns = columnsOf(minutes);
    const aligned = phaseBars(columns, phaseOf(epochMs(START)));
    const whole = aggregateBars(columns, '1m', '15m');
    expect([...aligned.openTime]).toEqual([...whole.openTime]);
    expect([...aligned.volume]).toEqual([...whole.volume]);
    expect([...aligned.quoteVolume]).toEqual([...whole.quoteVolume]);
    const rolling = new RollingBars();
    const streamed = minutes.flatMap((candle) => rolling.push(candle) ?? []);
    const batched = Array.from({ length: PHASES }, (_, phase) => [...phaseBars(columns, phase).openTime]).flat();
    expect(batched.sort((a, b) => a - b)).toEqual(streamed.map(({ openTime }) => openTime));
  });

  it('gives clock-aligned hours only, and none with a missing minute', () => {
    const hours = new HourBars();
    const firstMinute = (HOUR_MS - (START % HOUR_MS)) / MINUTE_MS - 5;
    const bars: Bar[] = [];
    for (let index = firstMinute; index < firstMinute + 190; index++) {
      if (index === firstMinute + 70) continue;
      const bar = hours.push(minute(index));
      if (bar !== undefined) bars.push(bar);
    }
    expect(bars.map(({ openTime }) => openTime % HOUR_MS)).toEqual([0, 0]);
    expect(bars.map(({ openTime }) => (openTime - START) / MINUTE_MS)).toEqual([firstMinute + 5, firstMinute + 125]);
  });

  it('keeps what a source lacks as NaN and refuses candles out of order', () => {
    const rolling = new RollingBars(2);
    const { quoteVolume: _q, ...bare } = minute(0);
    rolling.push(bare);
    expect(rolling.push(minute(1))?.quoteVolume).toBeNaN();
    expect(() => rolling.push(minute(1))).toThrow(RangeError);
  });
});

describe('a series with holes', () => {
  const bar = (index: number): Bar => ({
    openTime: index * 15 * MINUTE_MS,
    open: 1,
    high: 2,
    low: 1,
    close: 1.5 + index,
    volume: 9,
    quoteVolume: 9,
    takerBuyVolume: 9,
    carried: false,
  });

  it('carries missing bars flat under a mask', () => {
    const series = new CarriedSeries('15m', 10);
    series.push(bar(0));
    const bars = series.push(bar(3));
    expect(
      bars.map(({ openTime, close, volume, carried }) => [openTime / (15 * MINUTE_MS), close, volume, carried]),
    ).toEqual([
      [1, 1.5, 0, true],
      [2, 1.5, 0, true],
      [3, 4.5, 9, false],
    ]);
    expect(series.isBlocked).toBe(false);
  });

  it('is blocked exactly while more than three bars of the context are carried', () => {
    fc.assert(
      fc.property(indices, fc.integer({ min: 5, max: 40 }), (present, context) => {
        const series = new CarriedSeries('15m', context);
        let masks: boolean[] = [];
        for (const index of present) {
          const given = series.push(bar(index));
          masks = (given.length === 1 && series.length === 1 ? [] : masks)
            .concat(given.map(({ carried }) => carried))
            .slice(-context);
          expect(series.carried).toBe(masks.filter(Boolean).length);
          expect(series.isBlocked).toBe(masks.filter(Boolean).length > MAX_CARRIED);
          expect(series.length).toBe(masks.length);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('starts anew after a hole as long as its context', () => {
    const series = new CarriedSeries('15m', 5);
    for (const index of [0, 1, 2]) series.push(bar(index));
    expect(series.push(bar(8))).toHaveLength(1);
    expect(series.length).toBe(1);
    expect(() => series.push(bar(8))).toThrow(RangeError);
  });
});
