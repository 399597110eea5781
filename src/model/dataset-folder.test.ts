import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { allocateBars, at64, type BarColumns, createRandom, DAY_MS, epochMs, sliceBars } from '../core/index.ts';
import { CATALOGUE, computeFeatures, featureSet, requiredHistory } from '../features/index.ts';
import { writeCandleFile } from '../marketfiles/index.ts';
import { BAR_MS, checkDataset } from './dataset.ts';
import { type DatasetFolderRequest, readDatasetFolder } from './dataset-folder.ts';

const START = Date.UTC(2025, 0, 1);
const DAY = DAY_MS / BAR_MS;
const DAYS = 36;
const references = ['BTCUSDT', 'ETHUSDT'];
const set = featureSet(CATALOGUE.filter(({ name }) => ['ret_1', 'vol_32', 'slope_336h'].includes(name)));

let root = '';
const bars = new Map<string, BarColumns>();
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'minutehand-dataset-'));
  for (const [symbol, begins] of [
    ['ADAUSDT', 0],
    ['BTCUSDT', 0],
    ['LATEUSDT', 2 * DAY],
  ] as const) {
    bars.set(symbol, sliceBars(walk(symbol, DAYS * DAY), begins, DAYS * DAY));
    await writeCandleFile(join(root, `${symbol}.csv`), bars.get(symbol) ?? allocateBars(0));
  }
});
afterAll(() => rmSync(root, { recursive: true }));

function walk(seed: string, rows: number): BarColumns {
  const random = createRandom(seed);
  const columns = allocateBars(rows);
  let close = 100;
  for (let row = 0; row < rows; row++) {
    columns.openTime[row] = START + row * BAR_MS;
    columns.open[row] = close;
    close *= Math.exp(0.003 * random.normal());
    columns.close[row] = close;
    columns.high[row] = Math.max(close, at64(columns.open, row)) * 1.001;
    columns.low[row] = Math.min(close, at64(columns.open, row)) * 0.999;
    columns.volume[row] = 1 + random.uniform();
  }
  return columns;
}

const read = (options: Partial<DatasetFolderRequest> = {}) =>
  readDatasetFolder({ directory: root, symbols: 3, references, featureSet: set, workers: 1, ...options });

describe('readDatasetFolder', () => {
  it('begins its rows when every symbol has begun and the time of the choice is over', async () => {
    const chosen = await read();
    checkDataset(chosen);
    expect(chosen.symbols).toEqual(['ADAUSDT', 'BTCUSDT', 'LATEUSDT']);
    expect(chosen.times[0]).toBe(START + 32 * DAY_MS);
    expect(chosen.times.at(-1)).toBe(START + DAYS * DAY_MS);
    const listed = await read({ symbols: ['LATEUSDT', 'BTCUSDT'] });
    expect(listed.times[0]).toBe(START + 2 * DAY_MS + BAR_MS);
    expect(listed.symbols).toEqual(['LATEUSDT', 'BTCUSDT']);
  });

  it('reads nothing that closes after the end', async () => {
    const until = epochMs(START + 33 * DAY_MS + 7);
    const { times, bars: kept } = await read({ until });
    expect(times.at(-1)).toBe(START + 33 * DAY_MS);
    for (const { openTime } of kept.values()) expect((openTime.at(-1) ?? 0) + BAR_MS).toBe(START + 33 * DAY_MS);
  });

  it('has the features of the whole series, warmed up by the history that an engine starts from', async () => {
    const dataset = await read({ from: epochMs(START + 20 * DAY_MS), workers: 2 });
    const whole = computeFeatures({ bars15m: bars, references: ['BTCUSDT'], featureSet: set });
    const skipped = whole.times.indexOf(START + 20 * DAY_MS);
    expect(dataset.times).toEqual(whole.times.subarray(skipped));
    for (const symbol of dataset.symbols) {
      const values = dataset.features.get(symbol);
      expect(values).toHaveLength(dataset.times.length * set.width);
      whole.values
        .get(symbol)
        ?.subarray(skipped * set.width)
        .forEach((value, at) => {
          expect(values?.[at], `${symbol} ${at}`).toBeCloseTo(value, 5);
        });
    }
    expect(dataset.bars.get('BTCUSDT')?.openTime[0]).toBe(START + 20 * DAY_MS - requiredHistory().hours * 4 * BAR_MS);
  });

  it('masks the rows of a symbol that has not begun', async () => {
    const dataset = await read({ from: epochMs(START + DAY_MS), symbols: ['LATEUSDT', 'BTCUSDT'] });
    const early = DAY * set.width;
    expect(dataset.features.get('LATEUSDT')?.subarray(0, early).every(Number.isNaN)).toBe(true);
    expect(dataset.features.get('BTCUSDT')?.subarray(0, early).every(Number.isNaN)).toBe(false);
  });

  it('refuses a time without bars, and bars of another timeframe', async () => {
    await expect(read({ from: epochMs(START + 400 * DAY_MS) })).rejects.toMatchObject({
      code: 'DATASET_TOO_SHORT',
      message: expect.stringContaining('from 2026-02-05T00:00:00Z on'),
      exitCode: 2,
    });
    await expect(read({ until: epochMs(START + 10 * DAY_MS) })).rejects.toMatchObject({ code: 'DATASET_TOO_SHORT' });
    const minutes = mkdtempSync(join(root, 'minutes-'));
    const quarters = walk('x', 100);
    await writeCandleFile(join(minutes, 'BTCUSDT.csv'), {
      ...quarters,
      openTime: quarters.openTime.map((_, row) => START + row * 60_000),
    });
    await expect(read({ directory: minutes, symbols: 1 })).rejects.toMatchObject({
      code: 'CANDLE_FOLDER_TIMEFRAME',
      message: expect.stringContaining('bars of 1m'),
      exitCode: 2,
    });
  });
});
