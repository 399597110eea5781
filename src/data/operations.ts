import { mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import {
  at64,
  type BarColumns,
  type Clock,
  durationOf,
  type EpochMs,
  epochMs,
  type FinalCandle,
  formatTime,
  MinutehandError,
  messageOf,
  type SymbolId,
  type Timeframe,
} from '../core/index.ts';
import { type Database, findGaps, type Gap, listCoverage, readBars, upsertCandles } from '../database/index.ts';
import { guessSymbolAndTimeframe, openCandleFolder, readCandleFile, writeCandleFile } from '../marketfiles/index.ts';
import { type BackfillProgress, DataLoader, type DataLoaderOptions } from './data-loader.ts';

/** A gap as it is reported: ISO times; `to` is the open time of the first bar behind it. */
export interface ReportedGap {
  readonly symbol: SymbolId;
  readonly timeframe: Timeframe;
  readonly from: string;
  readonly to: string;
  readonly bars: number;
}

export interface BackfillReport {
  /** False if a symbol failed. */
  readonly ok: boolean;
  readonly symbols: number;
  readonly from: string;
  readonly to: string;
  readonly fetched: number;
  readonly inserted: number;
  readonly corrections: number;
  readonly failed: readonly { readonly symbol: SymbolId; readonly timeframe: Timeframe; readonly reason: string }[];
  readonly seconds: number;
}

/**
 * `data backfill`: brings what the store lacks of `[from, to)` from the exchange, one timeframe after the other.
 * @throws MinutehandError BACKFILL_FAILED if no symbol of any timeframe succeeded.
 */
export async function dataBackfill(
  options: DataLoaderOptions & {
    readonly symbols: readonly SymbolId[];
    readonly timeframes: readonly Timeframe[];
    readonly from: EpochMs;
    readonly to: EpochMs;
    onProgress?(progress: BackfillProgress): void;
    readonly signal?: AbortSignal;
  },
): Promise<BackfillReport> {
  const { symbols, timeframes, from, to, clock } = options;
  const started = clock.elapsed();
  const loader = new DataLoader(options);
  const total = { fetched: 0, inserted: 0, corrections: 0 };
  const failed: { symbol: SymbolId; timeframe: Timeframe; reason: string }[] = [];
  for (const timeframe of timeframes) {
    const result = await loader.backfill({ symbols, timeframe, from, to, ...progressOf(options) });
    total.fetched += result.fetched;
    total.inserted += result.inserted;
    total.corrections += result.corrections.length;
    failed.push(...result.failed.map((failure) => ({ ...failure, timeframe })));
  }
  const [first] = failed;
  if (first !== undefined && failed.length === symbols.length * timeframes.length) {
    throw new MinutehandError(
      'BACKFILL_FAILED',
      `no symbol could be back-filled; ${first.symbol}: ${first.reason}`,
      'Check the exchange address and the network, then run it again: it goes on where it stopped.',
    );
  }
  const seconds = (clock.elapsed() - started) / 1_000;
  return {
    ok: failed.length === 0,
    symbols: symbols.length,
    from: formatTime(from),
    to: formatTime(to),
    ...total,
    failed,
    seconds,
  };
}

export interface StoredRange {
  readonly database: Database;
  readonly venue: string;
  readonly timeframe: Timeframe;
  /** Default: every symbol with stored bars of the timeframe. */
  readonly symbols?: readonly SymbolId[] | undefined;
  /** Default: each symbol's first and last stored bar. */
  readonly from?: EpochMs | undefined;
  readonly to?: EpochMs | undefined;
}

/** `data gaps`: the bars that the store lacks. */
export async function dataGaps(
  options: StoredRange,
): Promise<{ ok: boolean; symbols: number; missingBars: number; gaps: ReportedGap[] }> {
  const { symbols, gaps } = await storedGaps(options);
  return {
    ok: gaps.length === 0,
    symbols: symbols.length,
    missingBars: barsOf(gaps),
    gaps: gaps.map((gap) => reported(gap, options.timeframe)),
  };
}

/** `data repair`: asks the exchange for the gaps of the store; minutes it confirms as empty become flat bars of zero volume. */
export async function dataRepair(
  options: Omit<StoredRange, 'venue'> &
    DataLoaderOptions & { onProgress?(progress: BackfillProgress): void; readonly signal?: AbortSignal },
): Promise<{
  ok: boolean;
  repairedBars: number;
  remainingBars: number;
  remaining: ReportedGap[];
  failed: readonly { readonly symbol: SymbolId; readonly reason: string }[];
}> {
  const { timeframe } = options;
  const range = { ...options, venue: options.gateway.exchangeId };
  const before = await storedGaps(range);
  const request = { symbols: before.symbols, timeframe, ...progressOf(options) };
  const result = await new DataLoader(options).repairGaps(before.gaps, request);
  const after = await storedGaps({ ...range, symbols: before.symbols });
  return {
    ok: after.gaps.length === 0 && result.failed.length === 0,
    repairedBars: barsOf(before.gaps) - barsOf(after.gaps),
    remainingBars: barsOf(after.gaps),
    remaining: after.gaps.map((gap) => reported(gap, timeframe)),
    failed: result.failed,
  };
}

export interface ImportReport {
  readonly ok: boolean;
  readonly files: readonly {
    readonly path: string;
    readonly symbol: SymbolId;
    readonly timeframe: Timeframe;
    readonly bars: number;
  }[];
  readonly inserted: number;
  /** Bars stored already with the same values. */
  readonly unchanged: number;
  /** Bars stored already with other values; the first stay, the difference is recorded. */
  readonly corrections: number;
  readonly failed: readonly { readonly path: string; readonly reason: string }[];
}

/**
 * `data import`: stores the bars of one file or of a folder of them. A file that cannot be read or holds what is no bar is refused
 * whole and does not stop the others.
 * @throws MinutehandError IMPORT_MARKET_UNKNOWN (exit 2) if symbol or timeframe of a single file are neither given nor in its name.
 */
export async function dataImport(options: {
  readonly database: Database;
  readonly venue: string;
  readonly clock: Clock;
  /** A file, or a folder of SYMBOL.csv.gz files or archives. */
  readonly path: string;
  readonly symbol?: SymbolId | undefined;
  readonly timeframe?: Timeframe | undefined;
}): Promise<ImportReport> {
  const { database, venue, clock, path } = options;
  const files: ImportReport['files'][number][] = [];
  const failed: ImportReport['failed'][number][] = [];
  const total = { inserted: 0, unchanged: 0, corrections: 0 };
  for (const source of await sourcesOf(options)) {
    try {
      const { bars, trades } = await source.read();
      const candles = candlesOf(bars, trades, source.symbol, source.timeframe, source.path, clock.now());
      for (let start = 0; start < candles.length; start += IMPORT_BATCH) {
        const commit = await upsertCandles(database, venue, candles.slice(start, start + IMPORT_BATCH), clock.now());
        total.inserted += commit.inserted;
        total.unchanged += commit.unchanged;
        total.corrections += commit.corrections.length;
      }
      files.push({ path: source.path, symbol: source.symbol, timeframe: source.timeframe, bars: candles.length });
    } catch (error) {
      if (source.path === path) throw error;
      failed.push({ path: source.path, reason: messageOf(error) });
    }
  }
  return { ok: failed.length === 0, files, ...total, failed };
}

/** `data export`: writes FOLDER/SYMBOL.csv.gz per symbol; one without stored bars gives no file. */
export async function dataExport(
  options: StoredRange & { readonly folder: string },
): Promise<{ ok: boolean; files: { symbol: SymbolId; path: string; bars: number }[]; bars: number }> {
  const { database, venue, timeframe, folder } = options;
  const symbols = options.symbols ?? (await listCoverage(database, venue, timeframe)).map(({ symbol }) => symbol);
  const from = options.from ?? epochMs(0);
  const until = options.to ?? epochMs(Number.MAX_SAFE_INTEGER);
  await makeFolder(folder);
  const files: { symbol: SymbolId; path: string; bars: number }[] = [];
  for (const symbol of symbols) {
    // One symbol at a time: a year of minutes is 34 MB in memory.
    const bars = (await readBars(database, [symbol], { venue, timeframe, from, until })).get(symbol);
    if (bars === undefined || bars.length === 0) continue;
    const path = join(folder, `${symbol}.csv.gz`);
    await writeCandleFile(path, bars);
    files.push({ symbol, path, bars: bars.length });
  }
  return { ok: files.length > 0, files, bars: files.reduce((sum, { bars }) => sum + bars, 0) };
}

const IMPORT_BATCH = 20_000;

interface ImportSource {
  readonly path: string;
  readonly symbol: SymbolId;
  readonly timeframe: Timeframe;
  read(): Promise<{ readonly bars: BarColumns; readonly trades?: Float64Array }>;
}

async function sourcesOf(options: {
  readonly path: string;
  readonly symbol?: SymbolId | undefined;
  readonly timeframe?: Timeframe | undefined;
}): Promise<ImportSource[]> {
  const { path } = options;
  if (await isFolder(path)) {
    const folder = await openCandleFolder(path);
    const timeframe = options.timeframe ?? folder.timeframe;
    const symbols = folder.symbols().filter((symbol) => options.symbol === undefined || symbol === options.symbol);
    return symbols.map((symbol) => ({
      path: join(path, symbol),
      symbol,
      timeframe,
      read: async () => ({ bars: await folder.read(symbol) }),
    }));
  }
  const guess = guessSymbolAndTimeframe(path);
  const symbol = options.symbol ?? guess.symbol;
  const timeframe = options.timeframe ?? guess.timeframe;
  if (symbol === undefined || timeframe === undefined) {
    throw new MinutehandError(
      'IMPORT_MARKET_UNKNOWN',
      `the name of ${path} does not say which ${symbol === undefined ? 'symbol' : 'timeframe'} it holds`,
      'Give it by --symbol and --timeframe.',
      { exitCode: 2 },
    );
  }
  return [{ path, symbol, timeframe, read: () => readCandleFile(path) }];
}

/** Rows as closed candles; a last bar that is still open is left out. */
function candlesOf(
  bars: BarColumns,
  trades: Float64Array | undefined,
  symbol: SymbolId,
  timeframe: Timeframe,
  path: string,
  now: EpochMs,
): FinalCandle[] {
  const duration = durationOf(timeframe);
  const candles: FinalCandle[] = [];
  for (let i = 0; i < bars.length; i++) {
    const openTime = at64(bars.openTime, i);
    const [open, high, low, close] = [at64(bars.open, i), at64(bars.high, i), at64(bars.low, i), at64(bars.close, i)];
    const volume = at64(bars.volume, i);
    const isBar = low > 0 && low <= Math.min(open, close) && high >= Math.max(open, close) && volume >= 0;
    if (!isBar || openTime % duration !== 0) {
      throw new MinutehandError(
        'IMPORT_NOT_A_BAR',
        `${path}: the row of ${formatTime(epochMs(openTime))} is no bar of ${timeframe} (o ${open} h ${high} l ${low} c ${close} v ${volume})`,
        'Run `minutehand data verify --file` on it, and import a sound copy.',
      );
    }
    if (openTime + duration > now) break;
    const quoteVolume = at64(bars.quoteVolume, i);
    const takerBuyVolume = at64(bars.takerBuyVolume, i);
    const count = trades === undefined ? Number.NaN : at64(trades, i);
    candles.push({
      state: 'final',
      finality: 'archive',
      symbol,
      timeframe,
      openTime: epochMs(openTime),
      open,
      high,
      low,
      close,
      volume,
      ...(Number.isNaN(quoteVolume) ? {} : { quoteVolume }),
      ...(Number.isNaN(takerBuyVolume) ? {} : { takerBuyVolume }),
      ...(Number.isNaN(count) ? {} : { trades: count }),
    });
  }
  return candles;
}

async function storedGaps(options: StoredRange): Promise<{ symbols: SymbolId[]; gaps: Gap[] }> {
  const { database, venue, timeframe, from, to } = options;
  const coverage = await listCoverage(database, venue, timeframe);
  const symbols = [...(options.symbols ?? coverage.map(({ symbol }) => symbol))];
  const gaps: Gap[] = [];
  for (const symbol of symbols) {
    const stored = coverage.find((entry) => entry.symbol === symbol);
    const start = from ?? stored?.earliest;
    const until = to ?? stored?.latest;
    if (start === undefined || until === undefined) continue;
    gaps.push(...(await findGaps(database, [symbol], { venue, timeframe, from: start, until })));
  }
  return { symbols, gaps };
}

const reported = ({ symbol, from, until, bars }: Gap, timeframe: Timeframe): ReportedGap => ({
  symbol,
  timeframe,
  from: formatTime(from),
  to: formatTime(until),
  bars,
});

const barsOf = (gaps: readonly Gap[]): number => gaps.reduce((sum, { bars }) => sum + bars, 0);

function progressOf(options: { onProgress?(progress: BackfillProgress): void; readonly signal?: AbortSignal }) {
  const { onProgress, signal } = options;
  return { ...(onProgress === undefined ? {} : { onProgress }), ...(signal === undefined ? {} : { signal }) };
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch {
    return false;
  }
}

async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
  } catch (error) {
    throw new MinutehandError(
      'EXPORT_FOLDER_UNWRITABLE',
      `the folder ${folder} cannot be made: ${messageOf(error)}`,
      'Name a folder that you may write to.',
      { cause: error },
    );
  }
}
