import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { allocateBars, type BarColumns, DAY_MS, durationOf, MINUTE_MS } from '../core/index.ts';
import { writeCandleFile } from './candle-file.ts';
import { type FolderBarsRequest, readFolderBars } from './folder-bars.ts';

const QUARTER_MS = durationOf('15m');
const MONTH = (30 * DAY_MS) / QUARTER_MS;
const START = 1_706_745_600_000;

let root = '';
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'minutehand-folder-'));
  const rows = MONTH + 200;
  await write('quarters', 'BTCUSDT', barsOf(rows, { volume: () => 1_000 }));
  await write('quarters', 'ETHUSDT', barsOf(rows, { volume: () => 100 }));
  await write('quarters', 'EARLYUSDT', barsOf(rows, { volume: (row) => (row < MONTH ? 500 : 0.001) }));
  await write('quarters', 'GROWNUSDT', barsOf(rows, { volume: (row) => (row < MONTH ? 1 : 1e6) }));
  await write('quarters', 'LATEUSDT', barsOf(100, { volume: () => 1e5, start: START + (MONTH + 100) * QUARTER_MS }));
});
afterAll(() => rmSync(root, { recursive: true }));

function barsOf(
  rows: number,
  { volume, start = START, barMs = QUARTER_MS }: { volume: (row: number) => number; start?: number; barMs?: number },
): BarColumns {
  const bars = allocateBars(rows);
  for (let row = 0; row < rows; row++) {
    bars.openTime[row] = start + row * barMs;
    for (const column of ['open', 'high', 'low', 'close'] as const) bars[column][row] = 10;
    bars.volume[row] = volume(row);
  }
  return bars;
}

async function write(folder: string, symbol: string, bars: BarColumns) {
  mkdirSync(join(root, folder), { recursive: true });
  await writeCandleFile(join(root, folder, `${symbol}.csv`), bars);
}

const read = (options: Partial<FolderBarsRequest<'1m' | '15m'>> = {}) =>
  readFolderBars({ directory: join(root, 'quarters'), symbols: 4, timeframes: ['1m', '15m'], ...options });
const chosen = async (symbols: number | string[]) => [...(await read({ symbols })).bars.keys()];

describe('the symbols read of a folder', () => {
  it('are the largest by the dollar volume of its first 30 days, without hindsight', async () => {
    expect(await chosen(1)).toEqual(['BTCUSDT']);
    expect(await chosen(3)).toEqual(['BTCUSDT', 'EARLYUSDT', 'ETHUSDT']);
  });

  it('come with the end of the time they were chosen by', async () => {
    expect((await read({ symbols: 4 })).chosenAt).toBe(START + 30 * DAY_MS);
    expect((await read({ symbols: 5 })).chosenAt).toBe(START + (MONTH + 100) * QUARTER_MS + 30 * DAY_MS);
    expect((await read({ symbols: ['BTCUSDT'] })).chosenAt).toBeUndefined();
  });

  it('are those that are listed, in the order of the list', async () => {
    expect(await chosen(['LATEUSDT', 'GROWNUSDT', 'LATEUSDT'])).toEqual(['LATEUSDT', 'GROWNUSDT']);
  });

  it('are refused when the folder does not hold them', async () => {
    await expect(chosen(['BTCUSDT', 'NONEUSDT'])).rejects.toMatchObject({
      code: 'CANDLE_FOLDER_SYMBOLS',
      message: expect.stringContaining('no candles of NONEUSDT'),
      exitCode: 2,
    });
    await expect(chosen(6)).rejects.toMatchObject({
      message: expect.stringContaining('candles of 5 symbols'),
      remedy: expect.stringContaining('from 1 to 5'),
    });
    for (const none of [[], 0, 1.5])
      await expect(chosen(none)).rejects.toMatchObject({ code: 'CANDLE_FOLDER_SYMBOLS' });
  });
});

describe('a folder of bars', () => {
  it('is refused when it is not there or holds nothing', async () => {
    await expect(read({ directory: join(root, 'nowhere') })).rejects.toMatchObject({
      code: 'CANDLE_FOLDER_UNREADABLE',
    });
    await expect(read({ directory: root })).rejects.toMatchObject({ code: 'CANDLE_FOLDER_EMPTY' });
  });

  it('is refused when its bars, or those of one of its symbols, are of a timeframe that is of no use', async () => {
    await write('mixed', 'AUSDT', barsOf(100, { volume: () => 1 }));
    await write('mixed', 'BUSDT', barsOf(100, { volume: () => 1, barMs: 4 * QUARTER_MS }));
    await expect(read({ directory: join(root, 'mixed'), symbols: 2 })).rejects.toMatchObject({
      code: 'CANDLE_FOLDER_TIMEFRAME',
      message: expect.stringContaining('BUSDT'),
      exitCode: 2,
    });
    const minutesOnly = readFolderBars({ directory: join(root, 'quarters'), symbols: 1, timeframes: ['1m'] });
    await expect(minutesOnly).rejects.toMatchObject({
      code: 'CANDLE_FOLDER_TIMEFRAME',
      message: expect.stringContaining('bars of 15m'),
      remedy: 'Name a folder of bars of 1m.',
      exitCode: 2,
    });
  });

  it('is refused when bars are off the grid', async () => {
    await write('shifted', 'AUSDT', barsOf(100, { volume: () => 1, start: START + MINUTE_MS }));
    await expect(read({ directory: join(root, 'shifted'), symbols: 1 })).rejects.toMatchObject({
      code: 'CANDLE_FOLDER_BARS',
    });
  });
});
