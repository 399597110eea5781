import {
  at64,
  type BarColumns,
  barsBetween,
  DAY_MS,
  durationOf,
  epochMs,
  formatTime,
  MinutehandError,
  type SymbolId,
  type Timeframe,
} from '../core/index.ts';
import { openCandleFolder, spacingOf } from './candle-folder.ts';

export interface FolderBarsRequest<T extends Timeframe> {
  readonly directory: string;
  /** That many of the largest by dollar volume of the folder's first 30 days, or these. */
  readonly symbols: number | readonly SymbolId[];
  /** The timeframes that are of use. */
  readonly timeframes: readonly T[];
}

/** Bars of many symbols, of one timeframe, on its grid and ascending. */
export interface FolderBars<T extends Timeframe> {
  readonly timeframe: T;
  /** In alphabetical order, or in that of the list. */
  readonly bars: ReadonlyMap<SymbolId, BarColumns>;
  /** End of the time whose dollar volume the choice was made by: before it, the choice is hindsight. Not for a list. */
  readonly chosenAt?: number;
}

/** Dollar volume is summed over this time. */
const RANKED_MS = 30 * DAY_MS;

/**
 * Reads the bars of symbols of a folder and checks that they are on one grid.
 * @throws MinutehandError for a folder that cannot be read; CANDLE_FOLDER_SYMBOLS, CANDLE_FOLDER_TIMEFRAME (exit 2); CANDLE_FOLDER_BARS
 */
export async function readFolderBars<T extends Timeframe>(request: FolderBarsRequest<T>): Promise<FolderBars<T>> {
  const { directory, symbols, timeframes } = request;
  const folder = await openCandleFolder(directory);
  const timeframe = timeframes.find((one) => one === folder.timeframe);
  if (timeframe === undefined) {
    throw new MinutehandError(
      'CANDLE_FOLDER_TIMEFRAME',
      `${directory} holds bars of ${folder.timeframe}`,
      `Name a folder of bars of ${timeframes.join(' or ')}.`,
      { exitCode: 2 },
    );
  }
  const held = folder.symbols();
  const list = typeof symbols === 'number' ? held : [...new Set(symbols)];
  const unknown = list.filter((symbol) => !held.includes(symbol));
  const isCount = (count: number) => Number.isInteger(count) && count > 0 && count <= held.length;
  if (unknown.length > 0 || list.length === 0 || (typeof symbols === 'number' && !isCount(symbols))) {
    const what = unknown.length > 0 ? `no candles of ${unknown.join(', ')}` : `candles of ${held.length} symbols`;
    throw new MinutehandError(
      'CANDLE_FOLDER_SYMBOLS',
      `${directory} holds ${what}`,
      `Ask for a number from 1 to ${held.length}, or for names such as ${held.slice(0, 3).join(',')}.`,
      { exitCode: 2 },
    );
  }
  const bars = new Map<SymbolId, BarColumns>();
  for (const symbol of list) bars.set(symbol, verified(symbol, await folder.read(symbol), timeframe));
  return { timeframe, ...(typeof symbols === 'number' ? largest(bars, symbols) : { bars }) };
}

/**
 * The `count` largest by dollar volume over the first 30 days in which the folder has that many symbols: later volume would be
 * hindsight.
 */
function largest(
  bars: ReadonlyMap<SymbolId, BarColumns>,
  count: number,
): { bars: Map<SymbolId, BarColumns>; chosenAt: number } {
  const starts = [...bars.values()].flatMap(({ openTime, length }) => (length > 0 ? [at64(openTime, 0)] : []));
  const start = starts.sort((a, b) => a - b)[count - 1] ?? 0;
  const chosenAt = start + RANKED_MS;
  const ranked = [...bars]
    .map(([symbol, one]) => ({ symbol, volume: dollarVolume(barsBetween(one, start, chosenAt)) }))
    .sort((a, b) => b.volume - a.volume || (a.symbol < b.symbol ? -1 : 1));
  const chosen = new Set(ranked.slice(0, count).map(({ symbol }) => symbol));
  return { bars: new Map([...bars].filter(([symbol]) => chosen.has(symbol))), chosenAt };
}

/** Quote value that traded in bars. */
export function dollarVolume(bars: BarColumns): number {
  let sum = 0;
  for (let i = 0; i < bars.length; i++) {
    const quote = at64(bars.quoteVolume, i);
    sum += Number.isNaN(quote) ? at64(bars.volume, i) * at64(bars.close, i) : quote;
  }
  return sum;
}

/** The bars as they are, if they are of the timeframe, on its grid and ascending. */
function verified(symbol: SymbolId, bars: BarColumns, timeframe: Timeframe): BarColumns {
  const barMs = durationOf(timeframe);
  if (bars.length > 1 && spacingOf(bars) !== timeframe) {
    throw new MinutehandError(
      'CANDLE_FOLDER_TIMEFRAME',
      `the bars of ${symbol} are not of ${timeframe}, as those of the folder's first file are`,
      'Leave the symbol out, or name a folder with bars of one timeframe.',
      { exitCode: 2 },
    );
  }
  for (let i = 0; i < bars.length; i++) {
    const time = at64(bars.openTime, i);
    if (time % barMs === 0 && (i === 0 || time > at64(bars.openTime, i - 1))) continue;
    throw new MinutehandError(
      'CANDLE_FOLDER_BARS',
      `the bar of ${symbol} at ${formatTime(epochMs(time))} is off the grid of ${timeframe} or not later than the one before`,
      'Check the file with "minutehand data verify".',
    );
  }
  return bars;
}
