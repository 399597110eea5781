import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { at64, type BarColumns, durationOf, epochMs, sliceBars, type Timeframe } from '../../core/index.ts';
import { aggregateBars, createGeneratedMarket } from '../../marketfiles/index.ts';
import { selectBars } from './fault.ts';
import { type CandleVerdict, verifyCandles } from './verify-candles.ts';

const DAY = 86_400_000;
const market = createGeneratedMarket({ seed: 5, symbols: 8, start: epochMs(Date.UTC(2025, 0, 6)) });
const minutesOf = (symbol: string, days: number) =>
  market.bars(symbol, market.start, epochMs(market.start + days * DAY));
const good = minutesOf('G05USDT', 6);

type Change = (bars: BarColumns) => BarColumns;
type Editable = { -readonly [Name in keyof BarColumns]: BarColumns[Name] };

const rows = (length: number) => Array.from({ length }, (_, i) => i);
const keep =
  (wanted: (row: number) => boolean): Change =>
  (bars) =>
    selectBars(bars, rows(bars.length).filter(wanted));
const reorder =
  (order: (order: number[]) => number[]): Change =>
  (bars) =>
    selectBars(bars, order(rows(bars.length)));
const edit =
  (from: number, to: number, change: (bars: Editable, row: number) => void): Change =>
  (bars) => {
    const copy = selectBars(bars, rows(bars.length));
    for (let row = from; row < to; row++) change(copy, row);
    return copy;
  };
const PRICES = ['open', 'high', 'low', 'close'] as const;
const set =
  (column: (typeof PRICES)[number] | 'volume' | 'openTime', value: number) => (bars: Editable, row: number) => {
    bars[column][row] = value;
  };
const scale =
  (factor: number, columns: readonly (typeof PRICES)[number][] = PRICES) =>
  (bars: Editable, row: number) => {
    for (const column of columns) bars[column][row] = at64(bars[column], row) * factor;
  };
const move = (milliseconds: number) => (bars: Editable, row: number) => {
  bars.openTime[row] = at64(bars.openTime, row) + milliseconds;
};
const stop = (bars: Editable, row: number) => {
  for (const column of PRICES) bars[column][row] = at64(bars.close, 1_999);
  bars.volume[row] = 0;
};
const repeat = (bars: Editable, row: number) => {
  for (const column of [...PRICES, 'volume'] as const) bars[column][row] = at64(bars[column], 2_000);
};

const codesOf = (verdict: CandleVerdict) => [...new Set(verdict.faults.map((fault) => fault.code))];
const verify = (bars: BarColumns, against?: { own?: BarColumns; neighbours?: Map<string, BarColumns> }) =>
  verifyCandles({ symbol: 'G05USDT', timeframe: '1m', bars, ...(against === undefined ? {} : { against }) });

const ALONE: [string, Change, string, number][] = [
  ['times 5 s late', edit(0, good.length, move(5_000)), 'MISALIGNED', good.length],
  ['times 7 s early', edit(0, good.length, move(-7_000)), 'MISALIGNED', good.length],
  ['a stretch of times 3 s late', edit(1_000, 1_100, move(3_000)), 'MISALIGNED', 100],
  ['two rows swapped', reorder((o) => o.with(500, 501).with(501, 500)), 'UNSORTED', 2],
  ['the newest first', reorder((o) => o.reverse()), 'UNSORTED', good.length],
  ['a row three times more', reorder((o) => o.toSpliced(700, 0, 700, 700, 700)), 'DUPLICATE', 3],
  ['a block twice', reorder((o) => [...o.slice(0, 900), ...o.slice(800)]), 'DUPLICATE', 100],
  ['every second row gone', keep((row) => row % 2 === 0), 'PERIODIC_GAP', good.length / 2 - 1],
  ['every 100th row gone', keep((row) => row % 100 !== 99), 'PERIODIC_GAP', 86],
  ['every 1000th row gone', keep((row) => row % 1_000 !== 7), 'PERIODIC_GAP', 9],
  ['a block gone', keep((row) => row < 3_000 || row >= 3_050), 'GAP', 50],
  ['one row gone', keep((row) => row !== 3_000), 'GAP', 1],
  ['a high below the low', edit(2_000, 2_001, set('high', 0.01)), 'OHLC_VIOLATION', 1],
  ['a negative price', edit(2_000, 2_001, scale(-1, ['close'])), 'NON_POSITIVE', 1],
  ['a negative volume', edit(2_000, 2_001, set('volume', -1)), 'NON_POSITIVE', 1],
  ['a missing number', edit(2_000, 2_001, set('open', Number.NaN)), 'NOT_A_NUMBER', 1],
  ['an unknown time', edit(2_000, 2_001, set('openTime', Number.NaN)), 'NOT_A_NUMBER', 1],
  ['an hour without trades', edit(2_000, 2_060, stop), 'ZERO_VOLUME_FLAT', 60],
  ['ten times the price for one bar', edit(2_000, 2_001, scale(10)), 'IMPLAUSIBLE', 1],
  ['ten times the price at one close', edit(2_000, 2_001, scale(10, ['close', 'high'])), 'IMPLAUSIBLE', 1],
  ['ten times the price at one open', edit(2_000, 2_001, scale(10, ['open', 'high'])), 'IMPLAUSIBLE', 1],
  ['ten times the price at one high', edit(2_000, 2_001, scale(10, ['high'])), 'IMPLAUSIBLE', 1],
  ['a tenth of the price at one low', edit(2_000, 2_001, scale(0.1, ['low'])), 'IMPLAUSIBLE', 1],
  ['five per cent more for a stretch', edit(2_000, 2_300, scale(1.05)), 'IMPLAUSIBLE', 300],
  ['five per cent more to the end', edit(6_000, good.length, scale(1.05)), 'IMPLAUSIBLE', good.length - 6_000],
  ['five per cent less from the start', edit(0, 1_000, scale(0.95)), 'IMPLAUSIBLE', 1_000],
  ['a bar repeated under later times', edit(2_001, 2_020, repeat), 'IMPLAUSIBLE', 19],
  ['moves without volume', edit(2_000, 2_050, set('volume', 0)), 'IMPLAUSIBLE', 50],
];

describe('verifying candles by themselves', () => {
  it('finds nothing in good bars of any timeframe and instrument', () => {
    for (const { symbol } of market.instruments) {
      const minutes = minutesOf(symbol, 6);
      for (const timeframe of ['1m', '5m', '15m', '1h'] as const) {
        const bars = aggregateBars(minutes, '1m', timeframe);
        expect(verifyCandles({ symbol, timeframe, bars }).faults).toEqual([]);
      }
    }
  });

  it.each(ALONE)('calls %s by its name, once, with its bars', (_, change, code, bars) => {
    const { ok, faults } = verify(change(good));
    expect(faults.map((fault) => fault.code)).toEqual([code]);
    expect(faults[0]?.bars).toBe(bars);
    expect(ok).toBe(false);
  });

  it('says from when to when', () => {
    const [fault] = verify(edit(2_000, 2_060, stop)(good)).faults;
    expect(fault).toMatchObject({ from: at64(good.openTime, 2_000), to: at64(good.openTime, 2_060) });
    const [gap] = verify(keep((row) => row < 3_000 || row >= 3_050)(good)).faults;
    expect(gap).toMatchObject({ from: at64(good.openTime, 3_000), to: at64(good.openTime, 3_050) });
  });

  it('finds any period of missing bars and keeps other holes apart', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 2_500 }), fc.integer({ min: 0, max: 1 }), (period, offset) => {
        const change = keep((row) => row % period !== (period >> 1) + offset - 1 && (row < 4_000 || row >= 4_040));
        const codes = codesOf(verify(change(good)));
        expect(codes).toContain('PERIODIC_GAP');
        expect(codes.every((code) => code === 'PERIODIC_GAP' || code === 'GAP')).toBe(true);
      }),
      { numRuns: 40 },
    );
  });

  it('calls many short irregular holes sparse, and a long one among them a gap', () => {
    let state = 1;
    const random = () => {
      state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
      return state / 2_147_483_648;
    };
    const thinned = keep((row) => random() > 0.02 && (row < 5_000 || row >= 5_100))(good);
    expect(verify(thinned).faults.map((fault) => fault.code)).toEqual(['SPARSE', 'GAP']);
  });

  it('recognises bars of a shorter timeframe than claimed', () => {
    const { faults } = verifyCandles({ symbol: 'X', timeframe: '15m', bars: good });
    expect(faults.map((fault) => fault.code)).toEqual(['MISALIGNED']);
    expect(faults[0]?.detail).toContain('1m apart');
  });

  it('recognises noise: no grid of ticks, or Gaussian returns', () => {
    expect(verify(edit(0, good.length, scale(1 / 3))(good)).faults[0]?.detail).toContain('no grid of ticks');
    let price = 100;
    let state = 1;
    const uniform = () => {
      state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
      return state / 2_147_483_648;
    };
    const rounded = (value: number) => Math.round(value * 1_000) / 1_000;
    const noise = edit(0, good.length, (bars, row) => {
      const open = price;
      const normal = rows(12).reduce((sum) => sum + uniform(), -6);
      price = rounded(open * Math.exp(0.002 * normal));
      const values = { open, close: price, high: Math.max(open, price), low: Math.min(open, price) };
      for (const column of PRICES) bars[column][row] = values[column];
    });
    const { faults } = verify(noise(good));
    expect(faults.map((fault) => fault.code)).toEqual(['IMPLAUSIBLE']);
    expect(faults[0]?.detail).toContain('Gaussian');
  });

  it('takes a crash that trades for real, and the same wick without volume for an error', () => {
    const crash = (volume: number) =>
      edit(2_000, 2_001, (bars, row) => {
        bars.low[row] = at64(bars.low, row) * 0.55;
        bars.volume[row] = at64(bars.volume, row) * volume;
      });
    expect(verify(crash(200)(good)).ok).toBe(true);
    expect(codesOf(verify(crash(1)(good)))).toEqual(['IMPLAUSIBLE']);
  });

  it('leaves the odd quiet minute of a thin market alone', () => {
    const quiet = edit(0, good.length, (bars, row) => {
      if (row === 0 || row % 40 > 1) return;
      for (const column of PRICES) bars[column][row] = at64(bars.close, row - 1);
      bars.volume[row] = 0;
      if (row + 1 < bars.length) bars.open[row + 1] = at64(bars.close, row);
    });
    const codes = codesOf(verify(quiet(good)));
    expect(codes).not.toContain('ZERO_VOLUME_FLAT');
  });

  it('reports bars that have not ended', () => {
    const now = epochMs(at64(good.openTime, good.length - 1) + 30_000);
    const { faults } = verifyCandles({ symbol: 'X', timeframe: '1m', bars: good, now });
    expect(faults).toMatchObject([{ code: 'FUTURE_TIME', bars: 1 }]);
  });

  it('survives any handful of bars', () => {
    const value = fc.oneof(fc.double(), fc.constantFrom(0, -1, Number.NaN, Number.POSITIVE_INFINITY, 1e300));
    const row = fc.tuple(fc.integer({ min: 0, max: 5 }), value, value, value, value, value);
    fc.assert(
      fc.property(fc.array(row, { maxLength: 12 }), (values) => {
        const column = (at: number) => Float64Array.from(values, (cells) => cells[at] ?? 0);
        const bars = {
          ...sliceBars(good, 0, values.length),
          openTime: column(0).map((minute) => minute * 60_000),
          open: column(1),
          high: column(2),
          low: column(3),
          close: column(4),
          volume: column(5),
        };
        const verdict = verify(bars, { own: good, neighbours: new Map([['BTCUSDT', good]]) });
        expect(verdict.bars).toBe(values.length);
        for (const { from, to, bars: concerned } of verdict.faults) {
          expect(Number.isInteger(from) && to > from && concerned > 0).toBe(true);
        }
      }),
    );
  });
});

describe('verifying candles against others', () => {
  const own = good;
  const asked = (bars: BarColumns, timeframe: Timeframe = '1m') =>
    verifyCandles({ symbol: 'G05USDT', timeframe, bars, against: { own } });

  it('agrees with itself and with its own aggregate', () => {
    expect(asked(good).ok).toBe(true);
    expect(asked(aggregateBars(good, '1m', '15m'), '15m').ok).toBe(true);
  });

  it.each([
    ['two per cent more for a stretch', edit(2_000, 2_300, scale(1.02)), 300],
    ['ten times the price for a stretch', edit(2_000, 2_300, scale(10)), 300],
    ['five per cent more to the end', edit(6_000, good.length, scale(1.05)), good.length - 6_000],
    ['a constant factor', edit(0, good.length, scale(1.05)), good.length],
    ['another market', () => minutesOf('G06USDT', 6), good.length],
    ['times an hour late', edit(0, good.length, move(3_600_000)), good.length],
  ] as [string, Change, number][])('reports %s as a disagreement only', (_, change, bars) => {
    expect(asked(change(good)).faults).toMatchObject([{ code: 'PRICE_DISAGREES', bars }]);
  });

  it('finds the disagreement in bars of another timeframe', () => {
    const quarter = aggregateBars(good, '1m', '15m');
    const changed = edit(100, 110, scale(1.01))(quarter);
    const { faults } = asked(changed, '15m');
    expect(faults).toMatchObject([{ code: 'PRICE_DISAGREES', bars: 10, from: at64(quarter.openTime, 100) }]);
    expect(durationOf('15m') * 10).toBe((faults[0]?.to ?? 0) - (faults[0]?.from ?? 0));
  });

  it('names an outage an outage even where other bars show trading', () => {
    expect(codesOf(asked(edit(2_000, 2_060, stop)(good)))).toEqual(['ZERO_VOLUME_FLAT']);
  });

  const neighbours = new Map(
    ['BTCUSDT', 'ETHUSDT', 'G03USDT', 'G04USDT'].map((symbol) => [symbol, minutesOf(symbol, 6)]),
  );

  it('recognises the bars of a neighbour', () => {
    const { faults } = verify(minutesOf('ETHUSDT', 6), { neighbours });
    expect(faults).toMatchObject([{ code: 'PRICE_DISAGREES', detail: expect.stringContaining('bars of ETHUSDT') }]);
  });

  it('finds a shift in time by the neighbours, and nothing where the market moves with them', () => {
    expect(verify(good, { neighbours }).ok).toBe(true);
    const { faults } = verify(edit(0, good.length, move(240_000))(good), { neighbours });
    expect(faults).toMatchObject([{ code: 'IMPLAUSIBLE', detail: expect.stringContaining('moved by -4 bars') }]);
  });
});
