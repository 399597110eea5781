import { createHash } from 'node:crypto';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import {
  allocateBars,
  at64,
  type BarColumns,
  durationOf,
  MinutehandError,
  messageOf,
  type SymbolId,
  TIMEFRAMES,
  type Timeframe,
} from '../core/index.ts';
import { readCandleFile } from './candle-file.ts';
import { symbolOfFolderFile } from './candle-file-name.ts';

/** A folder of candle files as a source of bars. */
export interface CandleFolder {
  readonly directory: string;
  /** The most common distance between bars of its first file. */
  readonly timeframe: Timeframe;
  /** In alphabetical order. */
  symbols(): readonly SymbolId[];
  /** Paths of a symbol's files; none for a symbol that is not there. */
  files(symbol: SymbolId): readonly string[];
  /**
   * All bars of a symbol, oldest first; several files of one symbol are joined in the order of time.
   * @throws MinutehandError if the symbol is not there, a file is unreadable, or two files disagree about a bar.
   */
  read(symbol: SymbolId): Promise<BarColumns>;
}

/**
 * Opens a folder of SYMBOL.csv[.gz] files or of the exchange's archives (SYMBOL-1m-2026-04.zip, …); other files are ignored.
 * @throws MinutehandError if the folder cannot be read, holds no candle file, or its spacing is no timeframe.
 */
export async function openCandleFolder(directory: string): Promise<CandleFolder> {
  const filesOf = await listCandleFiles(directory);
  const symbols = [...filesOf.keys()].sort();
  const first = symbols[0];
  if (first === undefined) {
    throw new MinutehandError(
      'CANDLE_FOLDER_EMPTY',
      `${directory} holds no candle file`,
      'Name a folder of files like BTCUSDT.csv.gz or BTCUSDT-1m-2026-04.zip.',
    );
  }
  const read = async (symbol: SymbolId): Promise<BarColumns> => {
    const files = filesOf.get(symbol);
    if (files === undefined) {
      throw new MinutehandError(
        'CANDLE_FOLDER_SYMBOL',
        `${directory} holds no candles of ${symbol}`,
        `Add ${symbol}.csv.gz or leave the symbol out of the universe.`,
      );
    }
    const parts: BarColumns[] = [];
    for (const file of files) parts.push((await readCandleFile(join(directory, file))).bars);
    return joinParts(parts, join(directory, symbol));
  };
  // Read raw: a fault in the first file is not the concern of who reads another.
  const [firstFile = ''] = filesOf.get(first) ?? [];
  const timeframe = spacingOf((await readCandleFile(join(directory, firstFile), 'raw')).bars);
  if (timeframe === undefined) {
    throw new MinutehandError(
      'CANDLE_FOLDER_TIMEFRAME',
      `the bars of ${first} in ${directory} are at no known distance from each other`,
      `Use bars of one of ${TIMEFRAMES.join(', ')}.`,
    );
  }
  const files = (symbol: SymbolId) => (filesOf.get(symbol) ?? []).map((name) => join(directory, name));
  return { directory, timeframe, symbols: () => symbols, files, read };
}

/**
 * Names what candle files a folder holds, by their names and sizes: equal where two places hold the same files.
 * @throws MinutehandError CANDLE_FOLDER_UNREADABLE
 */
export async function candleFolderFingerprint(directory: string): Promise<string> {
  const names = [...(await listCandleFiles(directory)).values()].flat().sort();
  const hash = createHash('sha256');
  for (const name of names) hash.update(`${name}\0${(await stat(join(directory, name))).size}\0`);
  return hash.digest('hex');
}

async function listCandleFiles(directory: string): Promise<Map<SymbolId, string[]>> {
  let names: string[];
  try {
    names = await readdir(directory);
  } catch (error) {
    throw new MinutehandError(
      'CANDLE_FOLDER_UNREADABLE',
      `the folder ${directory} cannot be read: ${messageOf(error)}`,
      'Check the path and the permissions.',
      { cause: error },
    );
  }
  const filesOf = new Map<SymbolId, string[]>();
  for (const name of names.sort()) {
    const symbol = symbolOfFolderFile(name);
    if (symbol === undefined) continue;
    filesOf.set(symbol, [...(filesOf.get(symbol) ?? []), name]);
  }
  return filesOf;
}

/** The most common distance between successive bars as a timeframe; undefined if it is none or there is one bar only. */
export function spacingOf(bars: BarColumns): Timeframe | undefined {
  const countOf = new Map<number, number>();
  for (let i = 1; i < bars.length; i++) {
    const distance = at64(bars.openTime, i) - at64(bars.openTime, i - 1);
    countOf.set(distance, (countOf.get(distance) ?? 0) + 1);
  }
  let common: number | undefined;
  for (const [distance, count] of countOf) {
    if (common === undefined || count > (countOf.get(common) ?? 0)) common = distance;
  }
  return TIMEFRAMES.find((timeframe) => durationOf(timeframe) === common);
}

const COLUMNS = ['openTime', 'open', 'high', 'low', 'close', 'volume', 'quoteVolume', 'takerBuyVolume'] as const;

/** Joins parts that may overlap (a month's archive and its days') as long as they agree. */
function joinParts(parts: readonly BarColumns[], source: string): BarColumns {
  const ordered = parts.filter((part) => part.length > 0).sort((a, b) => at64(a.openTime, 0) - at64(b.openTime, 0));
  const [only] = ordered;
  if (only !== undefined && ordered.length === 1) return only;
  const rows = ordered.flatMap((part) => Array.from({ length: part.length }, (_, index) => ({ part, index })));
  rows.sort((a, b) => at64(a.part.openTime, a.index) - at64(b.part.openTime, b.index));
  const kept = rows.filter((row, i) => {
    const before = rows[i - 1];
    if (before === undefined || at64(before.part.openTime, before.index) !== at64(row.part.openTime, row.index)) {
      return true;
    }
    for (const column of ['open', 'high', 'low', 'close', 'volume'] as const) {
      if (at64(before.part[column], before.index) === at64(row.part[column], row.index)) continue;
      throw new MinutehandError(
        'CANDLE_FOLDER_OVERLAP',
        `two files of ${source} disagree about the ${column} of the bar at ${at64(row.part.openTime, row.index)} ms`,
        'Keep one of the files that overlap.',
      );
    }
    return false;
  });
  const joined = allocateBars(kept.length);
  kept.forEach(({ part, index }, i) => {
    for (const column of COLUMNS) joined[column][i] = at64(part[column], index);
  });
  return joined;
}
