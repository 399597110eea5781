import { resolve } from 'node:path';
import {
  at64,
  type BarColumns,
  durationOf,
  type EpochMs,
  epochMs,
  MinutehandError,
  messageOf,
  type SymbolId,
  TIMEFRAMES,
  type Timeframe,
} from '../../core/index.ts';
import {
  type CandleTable,
  guessSymbolAndTimeframe,
  openCandleFolder,
  readCandleFile,
  spacingOf,
} from '../../marketfiles/index.ts';
import type { Fault } from './fault.ts';
import { type CandleVerdict, verifyCandles } from './verify-candles.ts';

/** Stored bars of a market with `from <= openTime < to`; undefined where there are none. */
export type StoredBars = (
  symbol: SymbolId,
  timeframe: Timeframe,
  from: EpochMs,
  to: EpochMs,
) => Promise<BarColumns | undefined>;

export interface CandleFileToVerify {
  readonly file: string;
  /** Else from the file's name. */
  readonly symbol?: SymbolId;
  /** Else from the file's name, else from the spacing. */
  readonly timeframe?: Timeframe;
  /** A folder of candle files to compare with. */
  readonly againstDir?: string;
  /** Consulted for the market itself where the folder does not hold it. */
  readonly store?: StoredBars;
  readonly now?: EpochMs;
}

export interface CandleFileVerdict extends CandleVerdict {
  readonly symbol: SymbolId;
  readonly timeframe: Timeframe;
  /** What the file was compared with: symbols of the folder, "store". */
  readonly comparedWith: readonly string[];
  /** Files of the folder that could not be read, with the reason. */
  readonly notCompared: readonly string[];
}

/** Enough to know the market by; more would only take longer. */
const MOST_NEIGHBOURS = 6;
const PREFERRED_NEIGHBOURS = ['BTCUSDT', 'ETHUSDT', 'BTCUSD', 'ETHUSD', 'SOLUSDT', 'XRPUSDT', 'DOGEUSDT', 'ADAUSDT'];

/**
 * Judges one candle file, by itself and against what a folder or the store hold of its market and of others.
 * @throws MinutehandError if the file cannot be read as candles at all, or its symbol is unknown.
 */
export async function verifyCandleFile(request: CandleFileToVerify): Promise<CandleFileVerdict> {
  const table = await readCandleFile(request.file, 'raw');
  const named = guessSymbolAndTimeframe(request.file);
  const symbol = request.symbol ?? named.symbol;
  if (symbol === undefined) {
    throw new MinutehandError(
      'VERIFY_SYMBOL_UNKNOWN',
      `the name of ${request.file} does not tell its symbol`,
      'Name it: --symbol BTCUSDT.',
      { exitCode: 2 },
    );
  }
  const timeframe = request.timeframe ?? named.timeframe ?? spacingOf(table.bars);
  if (timeframe === undefined) {
    throw new MinutehandError(
      'VERIFY_TIMEFRAME_UNKNOWN',
      `neither the name of ${request.file} nor the distance of its bars tells the timeframe`,
      `Name it: --timeframe with one of ${TIMEFRAMES.join(', ')}.`,
      { exitCode: 2 },
    );
  }
  const others = await collectOthers(request, symbol, timeframe, table.bars);
  const verdict = verifyCandles({
    symbol,
    timeframe,
    bars: table.bars,
    against: {
      ...(others.own === undefined ? {} : { own: others.own }),
      neighbours: others.neighbours,
    },
    ...(request.now === undefined ? {} : { now: request.now }),
  });
  const faults = [...unitFaults(table, timeframe), ...verdict.faults];
  return {
    ok: faults.length === 0,
    bars: verdict.bars,
    faults,
    symbol,
    timeframe,
    comparedWith: others.comparedWith,
    notCompared: others.notCompared,
  };
}

interface Others {
  own?: BarColumns;
  readonly neighbours: Map<SymbolId, BarColumns>;
  readonly comparedWith: string[];
  readonly notCompared: string[];
}

async function collectOthers(
  request: CandleFileToVerify,
  symbol: SymbolId,
  timeframe: Timeframe,
  bars: BarColumns,
): Promise<Others> {
  const others: Others = { neighbours: new Map(), comparedWith: [], notCompared: [] };
  if (request.againstDir !== undefined) {
    const folder = await openCandleFolder(request.againstDir);
    const verifiesItself = folder.files(symbol).some((file) => resolve(file) === resolve(request.file));
    if (folder.symbols().includes(symbol) && !verifiesItself) {
      others.own = await folder.read(symbol);
      others.comparedWith.push(symbol);
    }
    const ranked = [...PREFERRED_NEIGHBOURS, ...folder.symbols()];
    const candidates = new Set(ranked.filter((name) => name !== symbol && folder.symbols().includes(name)));
    for (const neighbour of [...candidates].slice(0, MOST_NEIGHBOURS)) {
      try {
        others.neighbours.set(neighbour, await folder.read(neighbour));
        others.comparedWith.push(neighbour);
      } catch (error) {
        others.notCompared.push(`${neighbour}: ${messageOf(error)}`);
      }
    }
  }
  if (others.own === undefined && request.store !== undefined) {
    const { from, to } = spanOf(bars, timeframe);
    const stored = await request.store(symbol, timeframe, from, to);
    if (stored !== undefined && stored.length > 0) {
      others.own = stored;
      others.comparedWith.push('store');
    }
  }
  return others;
}

function spanOf(bars: BarColumns, timeframe: Timeframe): { from: EpochMs; to: EpochMs } {
  let first = Number.POSITIVE_INFINITY;
  let last = 0;
  for (let i = 0; i < bars.length; i++) {
    const time = at64(bars.openTime, i);
    if (time < first) first = time;
    if (time > last) last = time;
  }
  return { from: epochMs(Math.min(first, last)), to: epochMs(last + durationOf(timeframe)) };
}

/** Times in another unit than the file claims are read right all the same, yet every other program would read them wrong. */
function unitFaults(table: CandleTable, timeframe: Timeframe): Fault[] {
  const claimsOtherwise = table.contradictsHeader || table.timeUnit === 'seconds';
  if (!claimsOtherwise && table.rowsOfOtherUnit === 0) return [];
  const { from, to } = spanOf(table.bars, timeframe);
  const detail = claimsOtherwise
    ? `the open times are in ${table.timeUnit}, not in milliseconds`
    : `${table.rowsOfOtherUnit} open times are in another unit than the others (${table.timeUnit})`;
  const concerned = claimsOtherwise ? table.bars.length : table.rowsOfOtherUnit;
  return [{ code: 'MISALIGNED', from, to, bars: concerned, detail }];
}
