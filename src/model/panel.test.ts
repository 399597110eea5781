import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { applyScaler, fitScaler, isModelInput, type Scaler } from '../features/index.ts';
import { type Dataset, hashDataset } from './dataset.ts';
import { learnableRows, MAX_MISSING_IN_CONTEXT, openPanel, writePanel } from './panel.ts';
import { syntheticDataset } from './synthetic-dataset.fixture.ts';

const SYMBOLS = 3;
const ROWS = 300;
const WIDTH = 5;
/** Feature 3 is known in too few rows to be an input. */
const KEPT = [0, 1, 2, 4];

let root = '';
let dataset: Dataset;
let scaler: Scaler;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'minutehand-panel-'));
  dataset = syntheticDataset({ seed: 1, symbols: SYMBOLS, rows: ROWS, width: WIDTH, edge: 0 });
  for (const values of dataset.features.values()) {
    for (let row = 0; row < ROWS; row++) if (row % 2 === 0) values[row * WIDTH + 3] = Number.NaN;
    values.fill(Number.NaN, 40 * WIDTH, 42 * WIDTH);
    values[7 * WIDTH] = 1e9;
  }
  scaler = fitScaler(dataset.features.values(), {
    kind: 'robust',
    featureSetHash: dataset.featureSetHash,
    width: WIDTH,
  });
});
afterAll(() => rmSync(root, { recursive: true }));

/** What a served model reads of the rows, column by column. */
function servedInputs(symbol: string): number[][] {
  const values = dataset.features.get(symbol) ?? new Float32Array(0);
  const scaled = new Float32Array(values.length);
  const masked = Uint8Array.from(values, (value) => (Number.isNaN(value) ? 1 : 0));
  applyScaler(values, masked, scaler, scaled);
  return Array.from({ length: ROWS }, (_, row) => KEPT.map((column) => scaled[row * WIDTH + column] ?? Number.NaN));
}

async function written(name: string): Promise<string> {
  const directory = join(root, name);
  await writePanel(directory, dataset, scaler);
  return directory;
}

describe('a panel', () => {
  it('gives the windows that a served model would read, of the columns that are inputs', async () => {
    expect(KEPT).toEqual(Array.from({ length: WIDTH }, (_, i) => i).filter((i) => isModelInput(scaler, i)));
    const panel = await openPanel(await written('windows'));
    expect(panel).toMatchObject({
      symbols: dataset.symbols,
      width: 4,
      rows: ROWS,
      columns: [0, 1, 2, 4].map((i) => dataset.featureNames[i]),
    });
    expect(panel.times).toEqual(dataset.times);
    const batch = new Float32Array(2 * 16 * 4).fill(-99);
    for (const [index, symbol] of dataset.symbols.entries()) {
      const rows = servedInputs(symbol);
      for (const row of [15, 16, 45, ROWS - 1]) {
        panel.readWindow(index, row, 16, batch, 64);
        expect(Array.from(batch.subarray(64))).toEqual(rows.slice(row - 15, row + 1).flat());
      }
      expect(rows.flat().every((value) => Math.abs(value) <= 8)).toBe(true);
    }
    expect(batch.subarray(0, 64).every((value) => value === -99)).toBe(true);
    panel.close();
  });

  it('fills a target that is itself a part of a larger buffer', async () => {
    const panel = await openPanel(await written('views'));
    const whole = new Float32Array(100).fill(-99);
    panel.readWindow(1, 9, 2, whole.subarray(20, 60), 3);
    const rows = servedInputs(dataset.symbols[1] ?? '');
    expect(Array.from(whole.subarray(23, 31))).toEqual(rows.slice(8, 10).flat());
    expect([whole[22], whole[31]]).toEqual([-99, -99]);
    panel.close();
  });

  it('says how many inputs of a row are masked, and what it was made of', async () => {
    const panel = await openPanel(await written('masks'));
    for (const [index, symbol] of dataset.symbols.entries()) {
      const values = dataset.features.get(symbol);
      for (let row = 0; row < ROWS; row++) {
        const masked = KEPT.filter((column) => Number.isNaN(values?.[row * WIDTH + column])).length;
        expect(panel.maskedCounts[index * ROWS + row]).toBe(masked);
      }
    }
    expect(panel.maskedCounts[40]).toBe(4);
    expect(panel).toMatchObject({
      featureSetHash: dataset.featureSetHash,
      scalerHash: scaler.hash,
      datasetHash: hashDataset(dataset),
    });
    panel.close();
  });

  it('has equal bytes when it is written again over itself, and leaves nothing beside', async () => {
    const directory = await written('again');
    const read = () => readdirSync(directory).map((name) => [name, readFileSync(join(directory, name), 'base64')]);
    const before = read();
    await writePanel(directory, dataset, scaler);
    expect(read()).toEqual(before);
    expect(readdirSync(root).filter((name) => name.startsWith('again'))).toEqual(['again']);
  });

  it('refuses windows outside of itself or of the target, and reads nothing once closed', async () => {
    const panel = await openPanel(await written('bounds'));
    const target = new Float32Array(16 * 4);
    for (const [symbol, row, context, offset] of [
      [0, 14, 16, 0],
      [0, ROWS, 16, 0],
      [-1, 20, 16, 0],
      [SYMBOLS, 20, 16, 0],
      [0, 20, 0, 0],
      [0, 20, 16, 1],
      [0, 20, 16, -1],
    ] as const) {
      expect(() => panel.readWindow(symbol, row, context, target, offset), `${symbol} ${row}`).toThrow(RangeError);
    }
    panel.close();
    panel.close();
    expect(() => panel.readWindow(0, 20, 16, target, 0)).toThrow(/was closed/);
  });
});

describe('a panel that cannot be trained from', () => {
  it('is refused when a file is missing, cut off or changed', async () => {
    await expect(openPanel(join(root, 'nowhere'))).rejects.toMatchObject({ code: 'PANEL_INVALID' });
    const directory = await written('damaged');
    const inputs = join(directory, 'inputs.f32');
    const bytes = readFileSync(inputs);
    truncateSync(inputs, bytes.length - 4);
    await expect(openPanel(directory)).rejects.toThrow(`has ${bytes.length - 4} bytes instead of ${bytes.length}`);
    appendFileSync(inputs, new Uint8Array(4));
    await expect(openPanel(directory)).rejects.toThrow(/inputs\.f32 was changed/);
    (await openPanel(directory, { verify: false })).close();
    writeFileSync(join(directory, 'masked.u16'), new Uint8Array(2 * SYMBOLS * ROWS));
    await expect(openPanel(directory, { verify: false })).rejects.toThrow(/masked\.u16 was changed/);
    rmSync(inputs);
    await expect(openPanel(directory)).rejects.toMatchObject({ code: 'PANEL_INVALID' });
  });

  it('is refused when it is cut off while it is open', async () => {
    const directory = await written('shrinking');
    const panel = await openPanel(directory);
    truncateSync(join(directory, 'inputs.f32'), 100);
    expect(() => panel.readWindow(1, 20, 16, new Float32Array(64), 0)).toThrow(/cut off/);
    panel.close();
  });

  it('is refused when its description is of another version or made of something else', async () => {
    const directory = await written('other');
    const expected = { featureSetHash: dataset.featureSetHash, scalerHash: 'another' };
    await expect(openPanel(directory, { expected })).rejects.toMatchObject({
      code: 'PANEL_MISMATCH',
      message: expect.stringContaining('expected is another'),
    });
    const path = join(directory, 'panel.json');
    writeFileSync(path, readFileSync(path, 'utf8').replace('"version": 1', '"version": 2'));
    await expect(openPanel(directory)).rejects.toThrow(/no description of a panel of version 1: version/);
    writeFileSync(path, '{');
    await expect(openPanel(directory)).rejects.toMatchObject({ code: 'PANEL_INVALID' });
  });

  it('is not written with a scaler of other features, without any input, or where there is no room for it', async () => {
    const directory = join(root, 'unwritten');
    await expect(writePanel(directory, dataset, { ...scaler, featureSetHash: 'x' })).rejects.toMatchObject({
      code: 'SCALER_INVALID',
    });
    const unknown = { ...scaler, knownShare: scaler.knownShare.map(() => 0) };
    await expect(writePanel(directory, dataset, unknown)).rejects.toMatchObject({ code: 'DATASET_WITHOUT_INPUTS' });
    writeFileSync(join(root, 'file'), '');
    await expect(writePanel(join(root, 'file', 'panel'), dataset, scaler)).rejects.toMatchObject({
      code: 'PANEL_UNWRITABLE',
    });
    expect(readdirSync(root).filter((name) => name.startsWith('unwritten'))).toEqual([]);
  });
});

describe('learnableRows', () => {
  it('leaves out rows without a whole context, mostly masked, or with too many bars missing before them', () => {
    const rows = 60;
    const width = 4;
    const maskedCounts = new Uint16Array(2 * rows);
    const own = maskedCounts.subarray(rows);
    own[12] = 2;
    own[15] = 3;
    for (const missing of [20, 21, 30, 31, 32, 33]) own[missing] = width;
    const context = 8;
    const naive = Array.from({ length: rows }, (_, row) => row).filter((row) => {
      const before = Array.from(own.subarray(Math.max(0, row - context + 1), row + 1));
      const missing = before.filter((masked) => masked === width).length;
      return row >= 9 && row < 50 && (own[row] ?? 0) <= width / 2 && missing <= MAX_MISSING_IN_CONTEXT;
    });
    const panel = { rows, width, maskedCounts };
    expect(Array.from(learnableRows(panel, 1, { firstRow: 9, endRow: 50 }, context))).toEqual(naive);
    expect(naive).toContain(12);
    expect(naive).not.toContain(15);
    expect(naive).toContain(22);
    expect(naive).not.toContain(37);
    expect(learnableRows(panel, 0, { firstRow: 0, endRow: 100 }, context)[0]).toBe(7);
    expect(learnableRows(panel, 0, { firstRow: 0, endRow: 100 }, context).at(-1)).toBe(59);
    expect(learnableRows(panel, 0, { firstRow: 0, endRow: 5 }, context)).toHaveLength(0);
  });
});
