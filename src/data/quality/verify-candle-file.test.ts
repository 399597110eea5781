import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { at64, type BarColumns, epochMs } from '../../core/index.ts';
import { createGeneratedMarket, writeCandleFile } from '../../marketfiles/index.ts';
import { verifyCandleFile } from './verify-candle-file.ts';

const market = createGeneratedMarket({ seed: 2, symbols: 4, start: epochMs(Date.UTC(2025, 0, 6)) });
const barsOf = (symbol: string) => market.bars(symbol, market.start, epochMs(market.start + 86_400_000));
const scaled = (bars: BarColumns, factor: number) => ({
  ...bars,
  open: bars.open.map((price) => price * factor),
  high: bars.high.map((price) => price * factor),
  low: bars.low.map((price) => price * factor),
  close: bars.close.map((price) => price * factor),
});
let folder = '';
let others = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'verify-'));
  others = await mkdtemp(join(folder, '1m-'));
  for (const { symbol } of market.instruments) await writeCandleFile(join(others, `${symbol}.csv.gz`), barsOf(symbol));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('verifying a candle file', () => {
  it('takes symbol and timeframe from the name, and compares with the folder', async () => {
    const file = join(folder, 'copy_G03USDT_1m.csv.gz');
    await writeCandleFile(file, scaled(barsOf('G03USDT'), 2));
    const verdict = await verifyCandleFile({ file, againstDir: others });
    expect(verdict).toMatchObject({ ok: false, symbol: 'G03USDT', timeframe: '1m', bars: 1_440, notCompared: [] });
    expect(verdict.comparedWith).toContain('G03USDT');
    expect(verdict.faults).toMatchObject([{ code: 'PRICE_DISAGREES', bars: 1_440 }]);
  });

  it('does not compare a file of the folder with itself, and says which neighbour it could not read', async () => {
    const file = join(others, 'G03USDT.csv.gz');
    expect(await verifyCandleFile({ file, againstDir: others })).toMatchObject({
      ok: true,
      faults: [],
      comparedWith: ['BTCUSDT', 'ETHUSDT', 'G04USDT'],
    });
    const broken = join(others, 'AAAUSDT.csv');
    await writeFile(
      broken,
      `open_time_ms,open,high,low,close,volume\n${market.start},1,1,1,1,1\n${market.start + 60_000},x,1,1,1,1\n`,
    );
    const { notCompared } = await verifyCandleFile({ file, againstDir: others });
    expect(notCompared).toEqual([expect.stringContaining('AAAUSDT')]);
    await rm(broken);
  });

  it('asks the store for the time of the file where no folder holds the market', async () => {
    const file = join(others, 'G04USDT.csv.gz');
    const asked: unknown[] = [];
    const store = async (...request: unknown[]) => {
      asked.push(request);
      return scaled(barsOf('G04USDT'), 1.01);
    };
    const verdict = await verifyCandleFile({ file, timeframe: '1m', store });
    expect(asked).toEqual([['G04USDT', '1m', market.start, market.start + 86_400_000]]);
    expect(verdict).toMatchObject({ comparedWith: ['store'], faults: [{ code: 'PRICE_DISAGREES' }] });
    expect(await verifyCandleFile({ file, store: async () => undefined })).toMatchObject({ ok: true });
  });

  it('names times in another unit than the header says, and only that', async () => {
    const bars = barsOf('G03USDT');
    for (const [unit, factor] of [
      ['seconds', 1e-3],
      ['microseconds', 1e3],
    ] as const) {
      const file = join(folder, `${unit}_G03USDT_1m.csv`);
      await writeCandleFile(file, { ...bars, openTime: bars.openTime.map((time) => time * factor) });
      const { faults } = await verifyCandleFile({ file });
      expect(faults).toMatchObject([{ code: 'MISALIGNED', bars: 1_440, detail: expect.stringContaining(unit) }]);
      expect(faults[0]?.from).toBe(at64(bars.openTime, 0));
    }
  });

  it('reports unreadable cells as faults, but refuses what is no candle file', async () => {
    const file = join(folder, 'cells_G03USDT_1m.csv');
    const row = (minute: number, close: string) => `${market.start + minute * 60_000},1,2,0.5,${close},3\n`;
    await writeFile(file, `open_time_ms,open,high,low,close,volume\n${row(0, '1')}${row(1, 'nan')}${row(2, '1')}`);
    expect((await verifyCandleFile({ file })).faults).toMatchObject([{ code: 'NOT_A_NUMBER', bars: 1 }]);
    await writeFile(file, 'hello\n');
    await expect(verifyCandleFile({ file })).rejects.toMatchObject({ code: 'CANDLE_FILE_COLUMNS' });
  });

  it('asks for the symbol or the timeframe where nothing tells them', async () => {
    const file = join(folder, 'candles.csv');
    await writeFile(file, `open_time_ms,open,high,low,close,volume\n${market.start},1,2,0.5,1,3\n`);
    await expect(verifyCandleFile({ file })).rejects.toMatchObject({ code: 'VERIFY_SYMBOL_UNKNOWN', exitCode: 2 });
    await expect(verifyCandleFile({ file, symbol: 'ABCUSDT' })).rejects.toMatchObject({
      code: 'VERIFY_TIMEFRAME_UNKNOWN',
    });
    expect(await verifyCandleFile({ file, symbol: 'ABCUSDT', timeframe: '1m' })).toMatchObject({ ok: true, bars: 1 });
  });
});

describe.skipIf(!process.env.MINUTEHAND_MARKET_DATA)('verifying real files', () => {
  const root = process.env.MINUTEHAND_MARKET_DATA ?? '';
  const codesOf = async (path: string, againstDir?: string) => {
    const against = againstDir === undefined ? {} : { againstDir: join(root, againstDir) };
    const { faults } = await verifyCandleFile({ file: join(root, path), ...against });
    return faults.map((fault) => fault.code);
  };

  it.each([
    ['exchange-outage', 'ZERO_VOLUME_FLAT'],
    ['pagination-gap', 'PERIODIC_GAP'],
    ['synthetic-ohlc-violations', 'OHLC_VIOLATION'],
  ])('catches the known-bad file of the %s by the name of its fault', async (name, code) => {
    const file = (await readdir(join(root, 'known-bad'))).find((candidate) => candidate.startsWith(name));
    expect(await codesOf(join('known-bad', file ?? ''))).toEqual([code]);
  });

  it('finds every one-minute file of the 50 perpetuals in order', async () => {
    for (const file of await readdir(join(root, 'binance-usdm/1m-6day'))) {
      expect(await codesOf(join('binance-usdm/1m-6day', file)), file).toEqual([]);
    }
  });

  it('takes the collapse of OM for real, knows the holes of FIL and LINK, and a source without empty minutes', async () => {
    expect(await codesOf('binance-usdm/15m/OMUSDT.csv.gz')).toEqual([]);
    expect(await codesOf('binance-usdm/15m/FILUSDT.csv.gz')).toEqual(['GAP']);
    expect(await codesOf('binance-usdm/15m/LINKUSDT.csv.gz', 'binance-usdm/15m')).toEqual(['GAP']);
    expect((await codesOf('bitfinex/1m/BTCUSD.csv.gz'))[0]).toBe('SPARSE');
  });

  it('sees the bars that the exchange filled in later', async () => {
    expect(new Set(await codesOf('binance-usdm/5m/BTCUSDT.csv.gz', 'binance-usdm/15m'))).toEqual(
      new Set(['PRICE_DISAGREES']),
    );
  });
});
