import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import {
  at64,
  durationOf,
  epochMs,
  formatTime,
  HOUR_MS,
  MINUTE_MS,
  MinutehandError,
  type SymbolId,
  type Timeframe,
} from '../core/index.ts';
import { type CandleFolder, inferInstrument, openCandleFolder, openFundingFolder } from '../marketfiles/index.ts';
import { BarHistory } from './bar-history.ts';
import type { SimulatedMarket } from './simulated-market.ts';

/** How much of the minutes lies before the clock's start: what a first cycle looks back on. */
const WARM_UP_MS = 72 * HOUR_MS;

export interface ReplayOptions {
  /** Folder of one-minute bars. */
  readonly replay: string;
  /** Folder of older bars, as coarse as they come. */
  readonly history?: string | undefined;
  readonly venue: string;
}

/**
 * A market from files. The minutes are read at once, the older bars of a symbol when first asked for; funding rates are taken
 * from a folder `funding` beside the minutes if there is one.
 * @throws MinutehandError naming the folder or file.
 */
export async function openReplayMarket({ replay, history, venue }: ReplayOptions): Promise<SimulatedMarket> {
  const minutes = await openCandleFolder(replay);
  if (minutes.timeframe !== '1m') {
    throw new MinutehandError(
      'REPLAY_TIMEFRAME',
      `${replay} holds bars of ${minutes.timeframe}; a replay needs one-minute bars`,
      'Name a folder of 1m bars with --replay; coarser ones go with --history.',
      { exitCode: 2 },
    );
  }
  const older = history === undefined ? undefined : await openCandleFolder(history);
  const histories = new Map<SymbolId, BarHistory>();
  for (const symbol of minutes.symbols()) {
    const bars = await minutes.read(symbol);
    if (bars.length > 0) histories.set(symbol, new BarHistory(bars));
  }
  const ranges = [...histories.values()].map((one) => {
    const { openTime, length } = one.all('1m');
    return { start: at64(openTime, 0), end: at64(openTime, length - 1) + MINUTE_MS };
  });
  const start = epochMs(Math.min(...ranges.map((range) => range.start)));
  const end = epochMs(Math.max(...ranges.map((range) => range.end)));
  const hasOlder = new Set(older?.symbols());
  const instruments = [...histories].map(([symbol, one], i) => {
    const range = ranges[i];
    return inferInstrument(venue, symbol, one.all('1m'), {
      ...(hasOlder.has(symbol) || !range ? {} : { listedAt: epochMs(range.start) }),
      ...(range && range.end < end ? { delistedAt: epochMs(range.end) } : {}),
    });
  });
  const loading = new Map<SymbolId, Promise<void>>();
  const loaded = new Set<SymbolId>();
  const readOlder = async (folder: CandleFolder, symbol: SymbolId, minutesOf: BarHistory) => {
    try {
      const before = { timeframe: folder.timeframe, bars: await folder.read(symbol) };
      histories.set(symbol, new BarHistory(minutesOf.all('1m'), before));
      loaded.add(symbol);
    } finally {
      loading.delete(symbol);
    }
  };
  const load = (symbol: SymbolId, timeframe: Timeframe): Promise<void> | undefined => {
    const minutesOf = histories.get(symbol);
    if (!older || loaded.has(symbol) || !hasOlder.has(symbol) || !minutesOf) return undefined;
    if (durationOf(timeframe) < durationOf(older.timeframe)) return undefined;
    const under = loading.get(symbol) ?? readOlder(older, symbol, minutesOf);
    loading.set(symbol, under);
    return under;
  };
  const funding = fundingBeside(replay);
  // Small files, read now so that a broken one stops the start and not the running venue.
  for (const { symbol } of instruments) funding(symbol);
  const beside = older ? `, ${older.timeframe} bars before from ${history}` : '';
  return {
    kind: 'replay',
    label: `replay of ${replay}, ${formatTime(start)} to ${formatTime(end)}${beside}`,
    edge: undefined,
    seed: undefined,
    instruments,
    start,
    end,
    startAt: epochMs(start + WARM_UP_MS),
    load,
    oldest: (symbol, timeframe) => histories.get(symbol)?.oldest(timeframe),
    bars: (symbol, timeframe, from, to) => {
      const one = histories.get(symbol);
      if (!one) throw new RangeError(`${symbol} is not in this market`);
      return one.between(timeframe, from, to);
    },
    fundingRates: (symbol, from, to) => funding(symbol).filter(({ time }) => time >= from && time < to),
  };
}

function fundingBeside(replay: string) {
  const directory = join(dirname(resolve(replay)), 'funding');
  return existsSync(directory) ? openFundingFolder(directory) : () => [];
}
