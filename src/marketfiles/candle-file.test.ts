import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { strToU8, zipSync } from 'fflate';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { allocateBars, type BarColumns, epochMs } from '../core/index.ts';
import { readCandleFile, writeCandleFile } from './candle-file.ts';
import { guessSymbolAndTimeframe } from './candle-file-name.ts';
import { openCandleFolder } from './candle-folder.ts';
import { createGeneratedMarket } from './generated/generated-market.ts';

const market = createGeneratedMarket({ seed: 1, symbols: 3, start: epochMs(Date.UTC(2025, 0, 6)) });
const bars = market.bars('BTCUSDT', market.start, epochMs(market.start + 3_600_000));
let folder = '';

const archiveRow = (openTime: number, close: number) => `${openTime}000,1,9,0.5,${close},3,${openTime}999,4,5,6,7,0\n`;
const DAY = 86_400_000;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'candles-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function pricesOf(columns: BarColumns): number[][] {
  return [columns.openTime, columns.open, columns.high, columns.low, columns.close, columns.volume].map((column) => [
    ...column,
  ]);
}

describe('candle files', () => {
  it.each(['BTCUSDT.csv.gz', 'BTCUSDT.csv'])(
    'read back %s exactly as written, and leave nothing beside it',
    async (name) => {
      const path = join(folder, name);
      await writeCandleFile(path, bars, bars.trades);
      const table = await readCandleFile(path);
      expect(pricesOf(table.bars)).toEqual(pricesOf(bars));
      expect([...table.trades]).toEqual([...bars.trades]);
      expect([...table.bars.takerBuyVolume]).toEqual([...bars.takerBuyVolume]);
      expect((await readdir(folder)).filter((file) => file.endsWith('.tmp'))).toEqual([]);
      await rm(path);
    },
  );

  it('write small and large numbers without an exponent', async () => {
    const one = allocateBars(1);
    for (const column of [one.open, one.high, one.low, one.close]) column[0] = 2.5e-9;
    one.openTime[0] = 1_700_000_040_000;
    one.volume[0] = 1.5e22;
    const path = join(folder, 'tiny.csv');
    await writeCandleFile(path, one);
    const { bars: read, fields } = await readCandleFile(path);
    expect([read.open[0], read.volume[0]]).toEqual([2.5e-9, 1.5e22]);
    expect(fields).not.toContain('quoteVolume');
  });

  it('refuse to be written with an unknown price, and where there is no folder', async () => {
    await expect(writeCandleFile(join(folder, 'x.csv'), allocateBars(1))).rejects.toThrow('was not written');
    await expect(writeCandleFile(join(folder, 'none', 'x.csv'), bars)).rejects.toMatchObject({
      code: 'CANDLE_FILE_UNWRITABLE',
    });
  });

  it('say what is wrong with a damaged, a missing and a wrongly packed file', async () => {
    const packed = gzipSync('open_time_ms,open,high,low,close,volume\n1700000040000,1,1,1,1,1\n');
    await writeFile(join(folder, 'cut.csv.gz'), packed.subarray(0, packed.length - 12));
    await expect(readCandleFile(join(folder, 'cut.csv.gz'))).rejects.toMatchObject({
      code: 'CANDLE_FILE_CORRUPT',
      message: expect.stringContaining('cut.csv.gz'),
    });
    await expect(readCandleFile(join(folder, 'none.csv'))).rejects.toThrow('no such file');
    await writeFile(join(folder, 'junk.csv.gz'), Buffer.from([1, 2, 3, 255, 254]));
    await expect(readCandleFile(join(folder, 'junk.csv.gz'))).rejects.toMatchObject({ code: 'CANDLE_FILE_CORRUPT' });
    await writeFile(join(folder, 'empty.zip'), zipSync({ 'readme.txt': strToU8('nothing') }));
    await expect(readCandleFile(join(folder, 'empty.zip'))).rejects.toThrow('no CSV file in it');
  });
});

describe('a folder of candles', () => {
  it('joins the archives of a symbol in the order of time, days that a month covers included', async () => {
    const directory = await mkdtemp(join(folder, 'archive-'));
    const minute = (i: number) => Date.UTC(2026, 3, 30, 23, 58) + i * 60_000;
    const zip = (rows: string) => zipSync({ 'inside.csv': strToU8(rows) });
    await writeFile(
      join(directory, 'ABCUSDT-1m-2026-05.zip'),
      zip(archiveRow(minute(2), 3) + archiveRow(minute(3), 4)),
    );
    await writeFile(
      join(directory, 'ABCUSDT-1m-2026-04.zip'),
      zip(archiveRow(minute(0), 1) + archiveRow(minute(1), 2)),
    );
    await writeFile(join(directory, 'ABCUSDT-1m-2026-05-01.csv'), archiveRow(minute(3), 4) + archiveRow(minute(4), 5));
    await writeFile(join(directory, 'README.md'), 'not candles');
    const source = await openCandleFolder(directory);
    expect(source.symbols()).toEqual(['ABCUSDT']);
    expect(source.timeframe).toBe('1m');
    expect([...(await source.read('ABCUSDT')).close]).toEqual([1, 2, 3, 4, 5]);

    await writeFile(join(directory, 'ABCUSDT-1m-2026-05-02.csv'), archiveRow(minute(4), 6));
    await expect((await openCandleFolder(directory)).read('ABCUSDT')).rejects.toThrow('disagree about the close');
    await expect(source.read('XYZUSDT')).rejects.toMatchObject({ code: 'CANDLE_FOLDER_SYMBOL' });
  });

  it('refuses a folder without candles, one that is not there, and a spacing that is no timeframe', async () => {
    const empty = await mkdtemp(join(folder, 'empty-'));
    await expect(openCandleFolder(empty)).rejects.toMatchObject({ code: 'CANDLE_FOLDER_EMPTY' });
    await expect(openCandleFolder(join(folder, 'none'))).rejects.toMatchObject({ code: 'CANDLE_FOLDER_UNREADABLE' });
    await writeFile(join(empty, 'ABCUSDT.csv'), archiveRow(DAY, 1) + archiveRow(9 * DAY, 2));
    await expect(openCandleFolder(empty)).rejects.toMatchObject({ code: 'CANDLE_FOLDER_TIMEFRAME' });
  });
});

describe('guessing symbol and timeframe from a name', () => {
  it.each([
    ['exchange-outage-zero-volume-flat_BTCUSDT_15m_2024-10-28.csv.gz', 'BTCUSDT', '15m'],
    ['BTCUSDT-1m-2026-04.spot-microseconds.first120.zip', 'BTCUSDT', '1m'],
    ['data/5m/1000PEPEUSDT.csv.gz', '1000PEPEUSDT', '5m'],
    ['data/1m-6day/1MBABYDOGEUSDT.csv', '1MBABYDOGEUSDT', '1m'],
    ['G03USDT_15min.csv', 'G03USDT', '15m'],
    ['candles.csv', undefined, undefined],
  ])('%s', (name, symbol, timeframe) => {
    expect(guessSymbolAndTimeframe(name)).toEqual({ symbol, timeframe });
  });
});

describe.skipIf(!process.env.MINUTEHAND_MARKET_DATA)('real candle files', () => {
  const root = process.env.MINUTEHAND_MARKET_DATA ?? '';

  it('of the exchange are read in both formats', async () => {
    const source = await openCandleFolder(join(root, 'binance-vision-format'));
    expect(source.timeframe).toBe('1m');
    expect((await source.read('FILUSDT')).length).toBe(2_000);
    const spot = await source.read('BTCUSDT');
    expect(spot.length).toBe(120);
    expect(new Date(spot.openTime[0] ?? 0).toISOString()).toBe('2026-04-01T00:00:00.000Z');
  });

  it('of our own format are read whole', async () => {
    const { bars: read } = await readCandleFile(join(root, 'binance-usdm/15m/BTCUSDT.csv.gz'));
    expect(read.length).toBe(108_096);
    expect(read.volume.every((volume) => volume >= 0)).toBe(true);
  });
});
