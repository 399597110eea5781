import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MinutehandError } from '../core/index.ts';
import { parseCandleCsv, type ReadingMode } from './candle-csv.ts';

const parse = (text: string, mode: ReadingMode = 'strict') =>
  parseCandleCsv(new TextEncoder().encode(text), 'BTCUSDT.csv', mode);

const errorOf = (text: string): MinutehandError => {
  try {
    parse(text);
  } catch (error) {
    if (error instanceof MinutehandError) return error;
  }
  throw new Error('the text was accepted');
};

const HEADER = 'open_time_ms,open,high,low,close,volume';
const START = 1_700_000_040_000;

describe('parsing candles', () => {
  it('reads our own columns, with the optional ones where they are', () => {
    const table = parse(`${HEADER},quote_volume,trades,taker_buy_base\n${START},1.5,2,1,1.25,10,15.5,7,4\n`);
    expect(table.bars.length).toBe(1);
    expect([...table.bars.openTime, ...table.bars.close, ...table.bars.quoteVolume]).toEqual([START, 1.25, 15.5]);
    expect([...table.trades, ...table.bars.takerBuyVolume]).toEqual([7, 4]);
    expect(table).toMatchObject({ hasHeader: true, timeUnit: 'milliseconds', contradictsHeader: false });
  });

  it('reads the archive format without a header and turns microseconds into milliseconds', () => {
    const table = parse(`${START}000,1,2,0.5,1.5,3,${START}999,4,5,6,7,0\n`);
    expect(table).toMatchObject({ hasHeader: false, timeUnit: 'microseconds' });
    expect([...table.bars.openTime]).toEqual([START]);
    expect([...table.bars.quoteVolume, ...table.trades, ...table.bars.takerBuyVolume]).toEqual([4, 5, 6]);
  });

  it('reads any decimal text as the nearest double', () => {
    const positive = fc.double({ min: 1e-12, max: 1e15, noNaN: true });
    fc.assert(
      fc.property(fc.array(positive, { minLength: 5, maxLength: 5 }), (values) => {
        const { bars } = parse(`${HEADER}\n${START},${values.join(',')}`);
        expect([bars.open[0], bars.high[0], bars.low[0], bars.close[0], bars.volume[0]]).toEqual(values);
      }),
    );
  });

  it('copes with a byte order mark, carriage returns, blank lines, quotes and a missing last line feed', () => {
    const table = parse(`\ufeff${HEADER}\r\n\r\n${START},"1",2,0.5,1.5,3\r\n${START + 60_000},1,2,0.5,1.5,3.25`);
    expect([...table.bars.volume]).toEqual([3, 3.25]);
    expect(table.bars.open[0]).toBe(1);
  });

  it('names file, line and column of what is not a number', () => {
    const error = errorOf(`${HEADER}\n${START},1,2,0.5,1.5,3\n${START + 60_000},1,x2,0.5,1.5,3\n`);
    expect(error.message).toBe('BTCUSDT.csv, line 3, column 3 (high): "x2" is not a number');
    expect(error.remedy).toContain('data verify');
  });

  it('refuses an empty required cell but takes an empty optional one as unknown', () => {
    expect(errorOf(`${HEADER}\n${START},1,2,0.5,,3\n`).message).toContain('line 2, column 5 (close)');
    expect(parse(`${HEADER},quote_volume\n${START},1,2,0.5,1.5,3,\n`).bars.quoteVolume[0]).toBeNaN();
  });

  it('refuses a line with too few columns, an empty file, and columns it does not know', () => {
    expect(errorOf(`${HEADER}\n${START},1,2\n`).message).toContain('line 2: 3 columns instead of 6');
    expect(errorOf('').code).toBe('CANDLE_FILE_EMPTY');
    expect(errorOf(`${HEADER}\n`).code).toBe('CANDLE_FILE_EMPTY');
    expect(errorOf('date,price\n2024,1\n').message).toContain('no column holds the open time');
    expect(errorOf('1,2,3\n').message).toContain('3 columns fit no known format');
  });

  it('refuses rows out of order and repeated rows, which the raw reading keeps', () => {
    const row = (minute: number) => `${START + minute * 60_000},1,2,0.5,1.5,3\n`;
    expect(errorOf(`${HEADER}\n${row(1)}${row(0)}`).message).toContain('near line 3');
    expect(errorOf(`${HEADER}\n${row(0)}${row(0)}`).message).toContain('repeated');
    const raw = parse(`${HEADER}\n${row(1)}${row(0)}${row(0)}`, 'raw').bars.openTime;
    expect([...raw]).toEqual([START + 60_000, START, START]);
  });

  it('reads unreadable cells and rows of the wrong width as NaN in the raw reading', () => {
    const { bars } = parse(`${HEADER}\n${START},1,oops,0.5,1.5,3\n${START},1,2\n`, 'raw');
    expect(bars.length).toBe(2);
    expect([bars.high[0], bars.open[0], bars.open[1]]).toEqual([Number.NaN, 1, Number.NaN]);
  });

  it('refuses times whose unit contradicts the header', () => {
    expect(errorOf(`${HEADER}\n1700000040,1,2,0.5,1.5,3\n`).message).toContain('in seconds');
    expect(parse(`${HEADER}\n1700000040,1,2,0.5,1.5,3\n`, 'raw')).toMatchObject({ contradictsHeader: true });
    expect(errorOf(`${HEADER}\n${START},1,2,0.5,1.5,3\n${START}000,1,2,0.5,1.5,3\n`).message).toContain('mixes units');
  });
});
