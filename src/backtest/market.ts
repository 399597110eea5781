import { dirname, join, resolve } from 'node:path';
import {
  type BarColumns,
  barsBetween,
  durationOf,
  type EpochMs,
  epochMs,
  type FundingRate,
  HOUR_MS,
  type SymbolId,
} from '../core/index.ts';
import { type Database, readBars, readFundingRates } from '../database/index.ts';
import { requiredHistory } from '../features/index.ts';
import { aggregateBars, openCandleFolder, openFundingFolder, readFolderBars } from '../marketfiles/index.ts';
import type { BacktestMarket } from './run-backtest.ts';

export interface FolderMarketRequest {
  /** Candle files of 15 minutes. */
  readonly directory: string;
  /** Candle files of one minute, of whichever of the symbols there are. */
  readonly minutes?: string | undefined;
  /** That many of the largest by dollar volume of the folder's first 30 days, as far as there are so many; or these. */
  readonly symbols: number | readonly SymbolId[];
}

/**
 * A market from files; funding rates come from a folder `funding` beside the candles, if there is one.
 * @throws MinutehandError as readFolderBars
 */
export async function openFolderMarket({ directory, minutes, symbols }: FolderMarketRequest): Promise<BacktestMarket> {
  const held = (await openCandleFolder(directory)).symbols().length;
  const chosen = typeof symbols === 'number' ? Math.min(symbols, Math.max(1, held)) : symbols;
  const { bars, chosenAt } = await readFolderBars({ directory, symbols: chosen, timeframes: ['15m'] });
  return {
    source: directory,
    bars,
    ...(chosenAt === undefined ? {} : { chosenAt: epochMs(chosenAt) }),
    ...(minutes === undefined ? {} : { minutes: await readMinutes(minutes, bars) }),
    fundingOf: openFundingFolder(join(dirname(resolve(directory)), 'funding')),
  };
}

/** One-minute bars of those of the symbols that a folder has. */
async function readMinutes(
  directory: string,
  bars: ReadonlyMap<SymbolId, BarColumns>,
): Promise<ReadonlyMap<SymbolId, BarColumns>> {
  const held = (await openCandleFolder(directory)).symbols();
  const symbols = [...bars.keys()].filter((symbol) => held.includes(symbol));
  if (symbols.length === 0) return new Map();
  return (await readFolderBars({ directory, symbols, timeframes: ['1m'] })).bars;
}

/**
 * A market from the store: stored bars of 15 minutes, and of a minute where there are, which also make those of 15 that are missing.
 * @param range starts of the first and the last day that is traded
 */
export async function openStoreMarket(
  database: Database,
  request: {
    readonly venue: string;
    readonly symbols: readonly SymbolId[];
    readonly from?: EpochMs | undefined;
    readonly to?: EpochMs | undefined;
  },
): Promise<BacktestMarket> {
  const { venue, symbols } = request;
  const from = epochMs(request.from === undefined ? 0 : request.from - (requiredHistory().hours + 48) * HOUR_MS);
  const until = epochMs(request.to === undefined ? Number.MAX_SAFE_INTEGER : request.to + 48 * HOUR_MS);
  const range = { venue, from, until } as const;
  const quarters = await readBars(database, symbols, { ...range, timeframe: '15m' });
  const minutes = await readBars(database, symbols, { ...range, timeframe: '1m' });
  const funding = await readFundingRates(database, symbols, range);
  const bars = new Map<SymbolId, BarColumns>();
  for (const symbol of symbols) {
    const stored = quarters.get(symbol);
    const own = minutes.get(symbol);
    bars.set(symbol, merged(stored, own && aggregateBars(own, '1m', '15m')));
  }
  return {
    source: `store of ${venue}`,
    bars,
    minutes,
    fundingOf: (symbol): FundingRate[] => {
      const { times, rates } = funding.get(symbol) ?? { times: new Float64Array(0), rates: new Float64Array(0) };
      return Array.from(times, (time, at) => ({ symbol, time: epochMs(time), rate: rates[at] ?? 0 }));
    },
  };
}

/** Bars of both, by time; of two of one time the stored one. */
function merged(stored: BarColumns | undefined, made: BarColumns | undefined): BarColumns {
  if (made === undefined || made.length === 0) return stored ?? barsOf([]);
  if (stored === undefined || stored.length === 0) return made;
  const last = stored.openTime[stored.length - 1] ?? 0;
  return barsOf([
    barsBetween(made, 0, stored.openTime[0] ?? 0),
    stored,
    barsBetween(made, last + durationOf('15m'), Number.MAX_SAFE_INTEGER),
  ]);
}

function barsOf(parts: readonly BarColumns[]): BarColumns {
  const column = (name: Exclude<keyof BarColumns, 'length'>) =>
    Float64Array.from(parts.flatMap((part) => Array.from(part[name])));
  const openTime = column('openTime');
  return {
    length: openTime.length,
    openTime,
    open: column('open'),
    high: column('high'),
    low: column('low'),
    close: column('close'),
    volume: column('volume'),
    quoteVolume: column('quoteVolume'),
    takerBuyVolume: column('takerBuyVolume'),
  };
}
