import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type BarColumns, DAY_MS, MINUTE_MS, sliceBars } from '../../core/index.ts';
import { writeCandleFile } from '../../marketfiles/index.ts';
import { scaleBars } from '../bars.fixture.ts';
import { CATALOGUE, featureSet } from '../feature-set.ts';
import { generateSelfTestMarket } from '../generated-market.ts';
import { checkFolder, type FolderCheck } from './check-folder.ts';

const QUARTER_MS = 15 * MINUTE_MS;
const MONTH = (30 * DAY_MS) / QUARTER_MS;
const START = 1_706_745_600_000;
const references = ['BTCUSDT', 'ETHUSDT'];
const set = featureSet(CATALOGUE.filter(({ name }) => ['ret_1', 'ret_4', 'bar_close', 'vol_32'].includes(name)));

let root = '';
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'minutehand-audit-'));
  const bars = MONTH + 600;
  const market = generateSelfTestMarket(['BTCUSDT', 'ETHUSDT', 'EARLYUSDT', 'GROWNUSDT', 'LATEUSDT'], {
    bars,
    barMs: QUARTER_MS,
    start: START,
    seed: 'folder',
  });
  const volumes = new Map<string, (row: number) => number>([
    ['BTCUSDT', () => 1_000],
    ['ETHUSDT', () => 100],
    ['EARLYUSDT', (row) => (row < MONTH ? 10 : 0.001)],
    ['GROWNUSDT', (row) => (row < MONTH ? 1 : 1e6)],
    ['LATEUSDT', () => 1e5],
  ]);
  for (const [symbol, columns] of market) {
    const factor = volumes.get(symbol) ?? (() => 1);
    const scaled = { ...columns, volume: columns.volume.map((volume, row) => volume * factor(row)) };
    const listed = symbol === 'LATEUSDT' ? sliceBars(scaled, MONTH + 100, bars) : scaled;
    await write('quarters', symbol, listed);
  }
  const hourly = generateSelfTestMarket(['BTCUSDT'], { bars: 600, barMs: 4 * QUARTER_MS, start: START, seed: 'hours' });
  for (const [symbol, columns] of hourly) await write('hours', symbol, columns);
});
afterAll(() => rmSync(root, { recursive: true }));

async function write(folder: string, symbol: string, bars: BarColumns) {
  mkdirSync(join(root, folder), { recursive: true });
  await writeCandleFile(join(root, folder, `${symbol}.csv`), bars);
}

const check = (options: Partial<FolderCheck> = {}) =>
  checkFolder({
    directory: join(root, 'quarters'),
    symbols: 4,
    references,
    featureSet: set,
    only: ['columns'],
    ...options,
  });

describe('the symbols of a folder that are audited', () => {
  it('are the largest by the dollar volume of its first 30 days, without hindsight', async () => {
    expect((await check({ symbols: 1 })).symbols).toEqual(['BTCUSDT']);
    expect((await check({ symbols: 3 })).symbols).toEqual(['BTCUSDT', 'EARLYUSDT', 'ETHUSDT']);
  });

  it('are those that are listed', async () => {
    expect((await check({ symbols: ['GROWNUSDT', 'LATEUSDT'] })).symbols).toEqual(['GROWNUSDT', 'LATEUSDT']);
  });

  it('are refused when the folder does not hold them', async () => {
    await expect(check({ symbols: ['BTCUSDT', 'NONEUSDT'] })).rejects.toMatchObject({
      code: 'FEATURE_AUDIT_SYMBOLS',
      message: expect.stringContaining('no candles of NONEUSDT'),
      exitCode: 2,
    });
    await expect(check({ symbols: 6 })).rejects.toMatchObject({
      message: expect.stringContaining('candles of 5 symbols'),
      remedy: expect.stringContaining('from 1 to 5'),
    });
    await expect(check({ symbols: [] })).rejects.toMatchObject({ code: 'FEATURE_AUDIT_SYMBOLS' });
  });
});

describe('a folder that cannot be audited', () => {
  it('is refused when it is not there, holds nothing, or bars of another timeframe', async () => {
    await expect(check({ directory: join(root, 'nowhere') })).rejects.toMatchObject({
      code: 'CANDLE_FOLDER_UNREADABLE',
    });
    await expect(check({ directory: root })).rejects.toMatchObject({ code: 'CANDLE_FOLDER_EMPTY' });
    await expect(check({ directory: join(root, 'hours'), symbols: 1 })).rejects.toMatchObject({
      code: 'FEATURE_AUDIT_TIMEFRAME',
      message: expect.stringContaining('bars of 1h'),
      exitCode: 2,
    });
  });

  it('is refused when one of its symbols has bars of another timeframe, or off the grid', async () => {
    const [bars] = [
      ...generateSelfTestMarket(['BTCUSDT'], { bars: 600, barMs: QUARTER_MS, start: START, seed: 'x' }).values(),
    ];
    if (!bars) throw new RangeError();
    await write('mixed', 'AUSDT', bars);
    const hourly = { ...bars, openTime: bars.openTime.map((_, row) => START + row * 4 * QUARTER_MS) };
    await write('mixed', 'BUSDT', hourly);
    await expect(check({ directory: join(root, 'mixed'), symbols: 2 })).rejects.toMatchObject({
      code: 'FEATURE_AUDIT_TIMEFRAME',
      message: expect.stringContaining('BUSDT'),
    });
    const shifted = scaleBars(bars, 1, 1);
    await write('shifted', 'AUSDT', { ...shifted, openTime: shifted.openTime.map((time) => time + MINUTE_MS) });
    await expect(check({ directory: join(root, 'shifted'), symbols: 1 })).rejects.toMatchObject({
      code: 'FEATURE_BARS_INVALID',
    });
  });
});

const data = process.env.MINUTEHAND_MARKET_DATA;

describe.skipIf(!data)('on real bars', () => {
  it.each([['15m'], ['1m-6day']])(
    'the catalogue stands the audits: %s',
    async (folder) => {
      const report = await checkFolder({
        directory: join(data ?? '', 'binance-usdm', folder),
        symbols: ['BTCUSDT', 'FILUSDT', '1000PEPEUSDT'],
        references,
        only: ['lookAhead', 'warmUp', 'scale'],
      });
      expect(report.audits.filter(({ ok }) => !ok)).toEqual([]);
    },
    300_000,
  );
});
