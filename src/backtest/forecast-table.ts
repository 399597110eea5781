import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  at64,
  type BarColumns,
  barsBetween,
  type EpochMs,
  epochMs,
  FORECAST_WIDTH,
  type Forecast,
  HOUR_MS,
  joinColumn,
  type SymbolId,
  systemClock,
} from '../core/index.ts';
import { computeFeaturesInParallel, featureSet, requiredHistory } from '../features/index.ts';
import {
  BAR_MS,
  type CheckedArtefact,
  type Dataset,
  forecastArtefactRows,
  type MadeForecasts,
  servableRows,
} from '../model/index.ts';

/** The four returns and the rank before calibration. */
export const HEADS = 5;
/** Rows in memory at once: features of a month of fifty symbols are some 200 MB. */
const CHUNK_MS = 28 * 24 * HOUR_MS;
/** What the forecasts kept for later runs take on disk at most: some two dozen times six months of fifty symbols. */
const CACHE_BYTES = 4 * 2 ** 30;
/** What the files of a chunk mean. */
const CACHE_VERSION = 1;
const CACHE_SUFFIX = '.forecasts';

/** Forecasts of one stretch, ascending in time, then in the order of the symbols. */
interface Chunk extends MadeForecasts {
  readonly maskedShare: Float32Array;
}

export interface ForecastTableRequest {
  readonly artefact: CheckedArtefact;
  /** In canonical order; with what comes before `from`, as far as there is. */
  readonly bars: ReadonlyMap<SymbolId, BarColumns>;
  readonly references: readonly SymbolId[];
  /** Closes of the first and the last bar that is forecast. */
  readonly from: EpochMs;
  readonly to: EpochMs;
  readonly workers: number;
  /** Where finished stretches are kept, so that a run that was broken off goes on, and another of the same bars and model begins, there. */
  readonly cache?: string | undefined;
  /** Bytes of kept stretches after which those used longest ago are removed; 4 GiB by default. */
  readonly cacheBytes?: number;
  /** Length of a stretch; four weeks by default. */
  readonly chunkMs?: number;
  readonly onProgress?: (done: number, total: number) => void;
  readonly signal?: AbortSignal;
}

/** What a model says of every bar of a range, made at once. */
export class ForecastTable {
  readonly modelId: string;
  readonly symbols: readonly SymbolId[];
  readonly rows: Chunk;
  /** Row by time, of the first symbol that has one. */
  readonly #firstRow = new Map<number, number>();

  constructor(modelId: string, symbols: readonly SymbolId[], chunks: readonly Chunk[]) {
    this.modelId = modelId;
    this.symbols = symbols;
    this.rows = {
      times: joinColumn(chunks, ({ times }) => times, Float64Array),
      symbolIndex: joinColumn(chunks, ({ symbolIndex }) => symbolIndex, Int32Array),
      maskedShare: joinColumn(chunks, ({ maskedShare }) => maskedShare, Float32Array),
      values: joinColumn(chunks, ({ values }) => values, Float32Array),
      raw: joinColumn(chunks, ({ raw }) => raw, Float32Array),
    };
    this.rows.times.forEach((time, row) => {
      if (!this.#firstRow.has(time)) this.#firstRow.set(time, row);
    });
  }

  /** Forecasts of the bars that close at `minute`. */
  at(minute: EpochMs): Forecast[] {
    const { times, symbolIndex, maskedShare, values } = this.rows;
    const forecasts: Forecast[] = [];
    for (let row = this.#firstRow.get(minute) ?? times.length; times[row] === minute; row++) {
      forecasts.push({
        symbol: this.symbols[symbolIndex[row] ?? 0] ?? '',
        minute,
        modelId: this.modelId,
        values: values.subarray(row * FORECAST_WIDTH, (row + 1) * FORECAST_WIDTH),
        maskedShare: maskedShare[row] ?? 1,
      });
    }
    return forecasts;
  }
}

/**
 * Forecasts every bar of a range with the kernels and the weights of the live engine. Memory: the features of four weeks, and 200 bytes for each forecast.
 * Equal bars and models give equal numbers.
 * @throws what reading and running the model throws
 */
export async function makeForecasts(request: ForecastTableRequest): Promise<ForecastTable> {
  const { artefact, bars, from, to, chunkMs = CHUNK_MS, cache, onProgress, signal } = request;
  const symbols = [...bars.keys()];
  const chunks: Chunk[] = [];
  const total = (to - from) / BAR_MS + 1;
  for (let start: number = from; start <= to; start += chunkMs) {
    signal?.throwIfAborted();
    const end = Math.min(to, start + chunkMs - BAR_MS);
    const report = (share: number) => onProgress?.((start - from + share * (end - start)) / BAR_MS, total);
    chunks.push(await chunkOf(request, start, end, report));
    report(1);
  }
  if (cache !== undefined) await trimCache(cache, request.cacheBytes ?? CACHE_BYTES);
  return new ForecastTable(artefact.manifest.modelId, symbols, chunks);
}

async function chunkOf(
  request: ForecastTableRequest,
  start: number,
  end: number,
  report: (share: number) => void,
): Promise<Chunk> {
  const { artefact, references, workers, cache } = request;
  const lead = (artefact.manifest.network?.shape.context ?? 1) - 1;
  const first = start - lead * BAR_MS;
  const bars = new Map(
    [...request.bars].map(([symbol, all]) => [
      symbol,
      barsBetween(all, first - requiredHistory().hours * HOUR_MS, end - BAR_MS + 1),
    ]),
  );
  const path = cache === undefined ? undefined : join(cache, `${chunkHash(request, bars, start, end)}${CACHE_SUFFIX}`);
  const kept = path === undefined ? undefined : await readChunk(path);
  if (path !== undefined && kept !== undefined) {
    const usedAt = systemClock.now() / 1_000;
    await utimes(path, usedAt, usedAt).catch(() => undefined);
    return kept;
  }
  // A symbol without any bar of the stretch has no grid of its own.
  const present = new Map([...bars].filter(([, { length }]) => length > 0));
  const known = [...request.bars.keys()];
  if (present.size === 0) return emptyChunk();
  const columns = await computeFeaturesInParallel(
    {
      bars15m: present,
      references: references.filter((symbol) => present.has(symbol)),
      from: first,
      to: end,
      onProgress: (done, total) => report((0.1 * done) / total),
    },
    workers,
  );
  if (columns.times.length === 0) return emptyChunk();
  const dataset: Dataset = {
    featureSetHash: columns.featureSetHash,
    featureNames: columns.names,
    symbols: columns.symbols,
    times: columns.times,
    width: columns.width,
    features: columns.values,
    bars: present,
  };
  const firstRow = columns.times.findIndex((time) => time >= start);
  const rows = servableRows(artefact.manifest, dataset, firstRow === -1 ? columns.times.length : firstRow);
  const { values, raw } = await forecastArtefactRows(artefact, dataset, rows, (done, total) =>
    report(0.1 + (0.9 * done) / total),
  );
  const position = columns.symbols.map((symbol) => known.indexOf(symbol));
  const chunk: Chunk = {
    ...rows,
    symbolIndex: rows.symbolIndex.map((index) => position[index] ?? 0),
    values,
    raw,
  };
  if (path !== undefined) await writeChunk(path, chunk);
  return chunk;
}

function emptyChunk(): Chunk {
  return {
    times: new Float64Array(0),
    symbolIndex: new Int32Array(0),
    maskedShare: new Float32Array(0),
    values: new Float32Array(0),
    raw: new Float32Array(0),
  };
}

/** Everything that a stretch's forecasts follow from. */
function chunkHash(
  { artefact, references }: ForecastTableRequest,
  bars: ReadonlyMap<SymbolId, BarColumns>,
  start: number,
  end: number,
): string {
  const hash = createHash('sha256');
  const { modelId, weightsSha256 } = artefact.manifest;
  hash.update(JSON.stringify([CACHE_VERSION, modelId, weightsSha256, featureSet().hash, references, start, end]));
  hashBars(hash, bars);
  return hash.digest('hex').slice(0, 32);
}

/** Adds bars to a hash: symbols, times, prices, volumes. */
export function hashBars(hash: ReturnType<typeof createHash>, bars: ReadonlyMap<SymbolId, BarColumns>): void {
  for (const [symbol, columns] of bars) {
    hash.update(`${symbol} ${columns.length}`);
    for (const column of [columns.openTime, columns.open, columns.high, columns.low, columns.close, columns.volume]) {
      hash.update(new Uint8Array(column.buffer, column.byteOffset, column.byteLength));
    }
  }
}

const COLUMNS = ['times', 'symbolIndex', 'maskedShare', 'values', 'raw'] as const;
const ELEMENTS = { times: 1, symbolIndex: 1, maskedShare: 1, values: FORECAST_WIDTH, raw: HEADS };

async function writeChunk(path: string, chunk: Chunk): Promise<void> {
  const head = new Float64Array([CACHE_VERSION, chunk.times.length]);
  const parts = COLUMNS.map((name) => {
    const { buffer, byteOffset, byteLength } = chunk[name];
    return Buffer.from(buffer, byteOffset, byteLength);
  });
  await mkdir(join(path, '..'), { recursive: true });
  const temporary = `${path}.${process.pid}.writing`;
  await writeFile(temporary, [Buffer.from(head.buffer), ...parts]);
  await rename(temporary, path);
}

/** Removes the files used longest ago while all of them are larger than `limit` together; another run that needs one makes it again. */
async function trimCache(directory: string, limit: number): Promise<void> {
  const names = await readdir(directory).catch(() => []);
  const kept = names.filter((name) => name.includes(CACHE_SUFFIX)).map((name) => join(directory, name));
  const files: { readonly path: string; readonly size: number; readonly usedAt: number }[] = [];
  for (const path of kept) {
    const status = await stat(path).catch(() => undefined);
    if (status) files.push({ path, size: status.size, usedAt: status.mtimeMs });
  }
  let total = files.reduce((sum, { size }) => sum + size, 0);
  for (const { path, size } of files.sort((a, b) => a.usedAt - b.usedAt)) {
    if (total <= limit) return;
    await rm(path, { force: true });
    total -= size;
  }
}

/** What {@link writeChunk} wrote; undefined where there is nothing whole. */
async function readChunk(path: string): Promise<Chunk | undefined> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch {
    return undefined;
  }
  if (bytes.length < 16 || bytes.readDoubleLE(0) !== CACHE_VERSION) return undefined;
  const rows = bytes.readDoubleLE(8);
  const sizes = { times: 8, symbolIndex: 4, maskedShare: 4, values: 4, raw: 4 };
  const lengths = COLUMNS.map((name) => rows * ELEMENTS[name] * sizes[name]);
  if (bytes.length !== 16 + lengths.reduce((sum, one) => sum + one, 0)) return undefined;
  let at = 16;
  const [times, symbolIndex, maskedShare, values, raw] = lengths.map((length) => {
    const own = new Uint8Array(bytes.subarray(at, at + length)).buffer;
    at += length;
    return own;
  });
  if (!times || !symbolIndex || !maskedShare || !values || !raw) return undefined;
  return {
    times: new Float64Array(times),
    symbolIndex: new Int32Array(symbolIndex),
    maskedShare: new Float32Array(maskedShare),
    values: new Float32Array(values),
    raw: new Float32Array(raw),
  };
}

/** Closes of the first and the newest bar of any symbol. */
export function rangeOf(bars: ReadonlyMap<SymbolId, BarColumns>): { first: EpochMs; last: EpochMs } | undefined {
  let [first, last] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const { openTime, length } of bars.values()) {
    if (length === 0) continue;
    first = Math.min(first, at64(openTime, 0) + BAR_MS);
    last = Math.max(last, at64(openTime, length - 1) + BAR_MS);
  }
  return last > 0 ? { first: epochMs(first), last: epochMs(last) } : undefined;
}
