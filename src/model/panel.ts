import { createHash } from 'node:crypto';
import { closeSync, createReadStream, openSync, readSync } from 'node:fs';
import { mkdir, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { at32, at64, atByte, MinutehandError, messageOf } from '../core/index.ts';
import { applyScaler, isModelInput, type Scaler } from '../features/index.ts';
import { BAR_MS, checkDataset, type Dataset, hashDataset } from './dataset.ts';
import { MAX_MASKED_SHARE } from './design-matrix.ts';
import { sha256 } from './manifest.ts';

/** What the files of a panel mean; another meaning takes another version. */
export const PANEL_VERSION = 1;

const INPUTS_FILE = 'inputs.f32';
const MASKED_FILE = 'masked.u16';
const DESCRIPTION_FILE = 'panel.json';

/** A context with more rows without a bar than this is not learned from. */
export const MAX_MISSING_IN_CONTEXT = 3;

const count = z.number().int().positive();
const descriptionSchema = z.strictObject({
  version: z.literal(PANEL_VERSION),
  featureSetHash: z.string(),
  scalerHash: z.string(),
  datasetHash: z.string(),
  /** Names of the features that are model inputs, in the order of a row. */
  columns: z.array(z.string()).min(1).readonly(),
  /** In the dataset's order. */
  symbols: z.array(z.string()).min(1).readonly(),
  /** Close of the bar of row 0, epoch milliseconds; the others follow every 15 minutes. */
  firstTime: z.number(),
  rows: count,
  /** sha256 (hex) of the files. */
  inputsSha256: z.string(),
  maskedSha256: z.string(),
});

/** `panel.json`. */
export type PanelDescription = Readonly<z.infer<typeof descriptionSchema>>;

/** Scaled model inputs on disk, of many symbols on one 15-minute grid. */
export interface TrainingPanel extends Omit<PanelDescription, 'version'> {
  readonly directory: string;
  /** Inputs per row: the number of columns. */
  readonly width: number;
  /** [rows] Close times, epoch milliseconds. */
  readonly times: Float64Array;
  /** [symbols, rows] How many of a row's inputs are masked: `width` where there is no bar. */
  readonly maskedCounts: Uint16Array;
  /**
   * Copies the `context` rows of a symbol that end with `row`, itself included, to `target` from element `offset` on: row-major
   * [context, width], oldest first. One copy, from the page cache to the target.
   * @throws RangeError when the window does not lie in the panel or the target; MinutehandError PANEL_CLOSED, PANEL_INVALID (cut off)
   */
  readWindow(symbolIndex: number, row: number, context: number, target: Float32Array, offset: number): void;
  close(): void;
}

/**
 * Writes the inputs of a dataset as the network reads them: scaled, clipped, 0 where masked, the model's inputs only. `inputs.f32` is
 * float32 [symbols, rows, width], `masked.u16` uint16 [symbols, rows], both little-endian. The folder appears whole or not at all, and
 * replaces one of its name. Memory: some hundred rows beside the dataset.
 * @throws MinutehandError DATASET_INVALID; SCALER_INVALID when it belongs to other features; DATASET_WITHOUT_INPUTS; PANEL_UNWRITABLE
 */
export async function writePanel(directory: string, dataset: Dataset, scaler: Scaler): Promise<PanelDescription> {
  checkDataset(dataset);
  const kept = inputColumns(dataset, scaler);
  const temporary = `${directory}.${process.pid}.writing`;
  try {
    await rm(temporary, { recursive: true, force: true });
    await mkdir(temporary, { recursive: true });
    const hashes = await writeFiles(temporary, dataset, scaler, kept);
    const description: PanelDescription = {
      version: PANEL_VERSION,
      featureSetHash: dataset.featureSetHash,
      scalerHash: scaler.hash,
      datasetHash: hashDataset(dataset),
      columns: kept.map((column) => dataset.featureNames[column] ?? ''),
      symbols: dataset.symbols,
      firstTime: at64(dataset.times, 0),
      rows: dataset.times.length,
      ...hashes,
    };
    await writeFile(join(temporary, DESCRIPTION_FILE), `${JSON.stringify(description, null, 2)}\n`);
    await rm(directory, { recursive: true, force: true });
    await rename(temporary, directory);
    return description;
  } catch (error) {
    // What went wrong is the error to report, even where nothing can be tidied up.
    await rm(temporary, { recursive: true, force: true }).catch(() => undefined);
    throw new MinutehandError(
      'PANEL_UNWRITABLE',
      `the panel ${directory} cannot be written: ${messageOf(error)}`,
      'Check that the folder is writable and has space left.',
      { cause: error },
    );
  }
}

/** What a panel must have been made of. */
export type PanelExpectation = Partial<Pick<PanelDescription, 'featureSetHash' | 'scalerHash' | 'datasetHash'>>;

/**
 * Opens a panel and checks its files against its description.
 * @param options.verify false skips reading the whole file for its hash; its size is checked in any case
 * @throws MinutehandError PANEL_INVALID when a file is missing, cut off or changed, or of another version; PANEL_MISMATCH when it was made
 * of something else than expected
 */
export async function openPanel(
  directory: string,
  options: { readonly expected?: PanelExpectation; readonly verify?: boolean } = {},
): Promise<TrainingPanel> {
  const description = await readDescription(directory);
  checkExpected(directory, description, options.expected ?? {});
  const { columns, symbols, rows, firstTime } = description;
  const width = columns.length;
  const inputs = join(directory, INPUTS_FILE);
  await checkSize(inputs, 4 * symbols.length * rows * width);
  await checkSize(join(directory, MASKED_FILE), 2 * symbols.length * rows);
  const masked = await readFile(join(directory, MASKED_FILE));
  checkHash(join(directory, MASKED_FILE), sha256(masked), description.maskedSha256);
  if (options.verify !== false) checkHash(inputs, await hashFile(inputs), description.inputsSha256);
  const { version: _, ...rest } = description;
  return {
    ...rest,
    directory,
    width,
    times: Float64Array.from({ length: rows }, (_, row) => firstTime + row * BAR_MS),
    maskedCounts: new Uint16Array(new Uint8Array(masked).buffer),
    ...windowReader(inputs, { symbols: symbols.length, rows, width }),
  };
}

/**
 * The rows of [firstRow, endRow) that can be learned from or judged: a whole context ends with them, at most half of their inputs are masked, and at most
 * {@link MAX_MISSING_IN_CONTEXT} rows of the context are without a bar. Ascending.
 */
export function learnableRows(
  panel: Pick<TrainingPanel, 'rows' | 'width' | 'maskedCounts'>,
  symbolIndex: number,
  window: { readonly firstRow: number; readonly endRow: number },
  context: number,
): Int32Array {
  const { rows, width } = panel;
  const counts = panel.maskedCounts.subarray(symbolIndex * rows, (symbolIndex + 1) * rows);
  const isMissing = (row: number) => (counts[row] === width ? 1 : 0);
  const from = Math.max(window.firstRow, context - 1);
  const end = Math.min(window.endRow, rows);
  const found = new Int32Array(Math.max(0, end - from));
  let length = 0;
  let missing = 0;
  for (let row = from - context + 1; row < end; row++) {
    missing += isMissing(row);
    if (row < from) continue;
    if (row > from) missing -= isMissing(row - context);
    if ((counts[row] ?? width) <= width * MAX_MASKED_SHARE && missing <= MAX_MISSING_IN_CONTEXT) found[length++] = row;
  }
  return found.subarray(0, length);
}

function inputColumns({ featureSetHash, width, featureNames }: Dataset, scaler: Scaler): number[] {
  if (scaler.featureSetHash !== featureSetHash || scaler.center.length !== width) {
    throw new MinutehandError(
      'SCALER_INVALID',
      `the scaler belongs to the feature set ${scaler.featureSetHash} (${scaler.center.length} columns), the dataset to ${featureSetHash} (${width})`,
      'Fit a scaler on this dataset.',
    );
  }
  const kept = featureNames.flatMap((_, column) => (isModelInput(scaler, column) ? [column] : []));
  if (kept.length > 0) return kept;
  throw new MinutehandError(
    'DATASET_WITHOUT_INPUTS',
    'no feature was known in enough of the rows that the scaler was fitted on',
    'Fit the scaler on more history, or repair its gaps (minutehand data repair).',
  );
}

/** Rows that are scaled and written at once. */
const BLOCK_ROWS = 256;

async function writeFiles(
  directory: string,
  dataset: Dataset,
  scaler: Scaler,
  kept: readonly number[],
): Promise<Pick<PanelDescription, 'inputsSha256' | 'maskedSha256'>> {
  const { symbols, times, width, features } = dataset;
  const maskedCounts = new Uint16Array(symbols.length * times.length);
  const masked = new Uint8Array(BLOCK_ROWS * width);
  const scaled = new Float32Array(BLOCK_ROWS * width);
  const rows = new Float32Array(BLOCK_ROWS * kept.length);
  const hash = createHash('sha256');
  const file = await open(join(directory, INPUTS_FILE), 'w');
  try {
    for (const [index, symbol] of symbols.entries()) {
      const values = features.get(symbol) ?? new Float32Array(0);
      for (let from = 0; from < times.length; from += BLOCK_ROWS) {
        const length = Math.min(BLOCK_ROWS, times.length - from);
        const block = values.subarray(from * width, (from + length) * width);
        for (let at = 0; at < block.length; at++) masked[at] = Number.isNaN(at32(block, at)) ? 1 : 0;
        applyScaler(block, masked, scaler, scaled);
        for (let row = 0; row < length; row++) {
          let unknown = 0;
          for (let k = 0; k < kept.length; k++) {
            const at = row * width + (kept[k] as number);
            rows[row * kept.length + k] = at32(scaled, at);
            unknown += atByte(masked, at);
          }
          maskedCounts[index * times.length + from + row] = unknown;
        }
        const bytes = new Uint8Array(rows.buffer, 0, 4 * length * kept.length);
        hash.update(bytes);
        await file.writeFile(bytes);
      }
    }
    await file.sync();
  } finally {
    await file.close();
  }
  const maskedBytes = new Uint8Array(maskedCounts.buffer);
  await writeFile(join(directory, MASKED_FILE), maskedBytes);
  return { inputsSha256: hash.digest('hex'), maskedSha256: sha256(maskedBytes) };
}

function windowReader(
  path: string,
  shape: { readonly symbols: number; readonly rows: number; readonly width: number },
): Pick<TrainingPanel, 'readWindow' | 'close'> {
  const { symbols, rows, width } = shape;
  let file: number | undefined = openSync(path, 'r');
  return {
    readWindow(symbolIndex, row, context, target, offset) {
      const first = row - context + 1;
      const end = offset + context * width;
      if (!(symbolIndex >= 0 && symbolIndex < symbols && first >= 0 && first <= row && row < rows)) {
        throw new RangeError(
          `no window of ${context} rows ends with row ${row} of symbol ${symbolIndex} in a panel of ${symbols} x ${rows}`,
        );
      }
      if (!(offset >= 0 && end <= target.length)) {
        throw new RangeError(
          `a window of ${context} x ${width} does not fit from ${offset} in ${target.length} elements`,
        );
      }
      if (file === undefined) throw new MinutehandError('PANEL_CLOSED', `${path} was closed`, 'Open the panel again.');
      let position = 4 * (symbolIndex * rows + first) * width;
      for (let at = 4 * offset; at < 4 * end; ) {
        const read = readSync(file, target, at, 4 * end - at, position);
        if (read === 0) throw invalid(path, `ends at byte ${position}: it was cut off while it was open`);
        at += read;
        position += read;
      }
    },
    close() {
      if (file !== undefined) closeSync(file);
      file = undefined;
    },
  };
}

async function readDescription(directory: string): Promise<PanelDescription> {
  const path = join(directory, DESCRIPTION_FILE);
  let content: unknown;
  try {
    content = JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    throw invalid(path, `cannot be read: ${messageOf(error)}`, error);
  }
  const parsed = descriptionSchema.safeParse(content);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw invalid(
    path,
    `is no description of a panel of version ${PANEL_VERSION}: ${issue?.path.join('.')}: ${issue?.message}`,
  );
}

function checkExpected(directory: string, description: PanelDescription, expected: PanelExpectation): void {
  for (const field of ['featureSetHash', 'scalerHash', 'datasetHash'] as const) {
    if (expected[field] === undefined || expected[field] === description[field]) continue;
    throw new MinutehandError(
      'PANEL_MISMATCH',
      `the panel ${directory} has the ${field} ${description[field]}, expected is ${expected[field]}`,
      'Write the panel again from the dataset and the scaler that are in use.',
    );
  }
}

async function checkSize(path: string, expected: number): Promise<void> {
  let size: number;
  try {
    size = (await stat(path)).size;
  } catch (error) {
    throw invalid(path, `cannot be read: ${messageOf(error)}`, error);
  }
  if (size !== expected) throw invalid(path, `has ${size} bytes instead of ${expected}`);
}

function checkHash(path: string, hash: string, expected: string): void {
  if (hash !== expected) throw invalid(path, `was changed: it hashes to ${hash} instead of ${expected}`);
}

async function hashFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk as Uint8Array);
  return hash.digest('hex');
}

const invalid = (path: string, what: string, cause?: unknown) =>
  new MinutehandError('PANEL_INVALID', `the panel file ${path} ${what}`, 'Write the panel again.', {
    ...(cause === undefined ? {} : { cause }),
  });
