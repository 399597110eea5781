import {
  at64,
  type BarColumns,
  DAY_MS,
  durationOf,
  epochMs,
  formatTime,
  MinutehandError,
  type SymbolId,
} from '../../core/index.ts';
import { type CandleFolder, openCandleFolder, spacingOf } from '../../marketfiles/index.ts';
import { auditFeatures, type FeatureAuditOptions, type FeatureAuditReport } from './audit-features.ts';
import { type AuditMarket, between } from './market.ts';

export interface FolderCheck extends Omit<FeatureAuditOptions, 'market'> {
  /** Candle files of one or of 15 minutes. */
  readonly directory: string;
  /** That many of the largest by dollar volume of the folder's first 30 days, or these. */
  readonly symbols: number | readonly SymbolId[];
  /** BTC, ETH: used as far as they are among the symbols. */
  readonly references: readonly SymbolId[];
}

export interface FolderCheckReport extends FeatureAuditReport {
  readonly symbols: readonly SymbolId[];
}

/** Dollar volume is summed over this time. */
const RANKED_MS = 30 * DAY_MS;

/**
 * Audits the features on the bars of a folder.
 * @throws MinutehandError for a folder that cannot be read; FEATURE_AUDIT_SYMBOLS, FEATURE_AUDIT_TIMEFRAME (exit 2);
 * FEATURE_BARS_INVALID; FEATURE_AUDIT_TOO_SHORT
 */
export async function checkFolder({
  directory,
  symbols,
  references,
  ...options
}: FolderCheck): Promise<FolderCheckReport> {
  const folder = await openCandleFolder(directory);
  const market = await readMarket(folder, symbols, references);
  return { ...(await auditFeatures({ ...options, market })), symbols: [...market.bars.keys()] };
}

async function readMarket(
  folder: CandleFolder,
  wanted: number | readonly SymbolId[],
  references: readonly SymbolId[],
): Promise<AuditMarket> {
  const { directory, timeframe } = folder;
  if (timeframe !== '1m' && timeframe !== '15m') {
    throw new MinutehandError(
      'FEATURE_AUDIT_TIMEFRAME',
      `${directory} holds bars of ${timeframe}`,
      'Name a folder of bars of 1m or 15m.',
      { exitCode: 2 },
    );
  }
  const held = folder.symbols();
  const list = typeof wanted === 'number' ? held : [...new Set(wanted)];
  const unknown = list.filter((symbol) => !held.includes(symbol));
  if (unknown.length > 0 || list.length === 0 || (typeof wanted === 'number' && wanted > held.length)) {
    const what = unknown.length > 0 ? `no candles of ${unknown.join(', ')}` : `candles of ${held.length} symbols`;
    throw new MinutehandError(
      'FEATURE_AUDIT_SYMBOLS',
      `${directory} holds ${what}`,
      `Ask for a number from 1 to ${held.length}, or for names such as ${held.slice(0, 3).join(',')}.`,
      { exitCode: 2 },
    );
  }
  const bars = new Map<SymbolId, BarColumns>();
  for (const symbol of list) bars.set(symbol, verified(symbol, await folder.read(symbol), timeframe));
  const chosen = typeof wanted === 'number' ? largest(bars, wanted) : list;
  return {
    timeframe,
    bars: new Map([...bars].filter(([symbol]) => chosen.includes(symbol))),
    references: references.filter((reference) => chosen.includes(reference)),
  };
}

/**
 * The `count` largest by dollar volume over the first 30 days in which the folder has that many symbols: later volume would be
 * hindsight.
 */
function largest(market: ReadonlyMap<SymbolId, BarColumns>, count: number): SymbolId[] {
  const starts = [...market.values()].flatMap(({ openTime, length }) => (length > 0 ? [at64(openTime, 0)] : []));
  const start = starts.sort((a, b) => a - b)[count - 1] ?? 0;
  return [...market]
    .map(([symbol, bars]) => ({ symbol, volume: dollarVolume(between(bars, start, start + RANKED_MS)) }))
    .sort((a, b) => b.volume - a.volume || (a.symbol < b.symbol ? -1 : 1))
    .slice(0, count)
    .map(({ symbol }) => symbol);
}

function dollarVolume(bars: BarColumns): number {
  let sum = 0;
  for (let i = 0; i < bars.length; i++) {
    const quote = at64(bars.quoteVolume, i);
    sum += Number.isNaN(quote) ? at64(bars.volume, i) * at64(bars.close, i) : quote;
  }
  return sum;
}

/** The bars as they are, if they are of the timeframe, on its grid and ascending. */
function verified(symbol: SymbolId, bars: BarColumns, timeframe: '1m' | '15m'): BarColumns {
  const barMs = durationOf(timeframe);
  const spacing = spacingOf(bars);
  if (bars.length > 1 && spacing !== timeframe) {
    throw new MinutehandError(
      'FEATURE_AUDIT_TIMEFRAME',
      `the bars of ${symbol} are not of ${timeframe}, as those of the folder's first file are`,
      'Leave the symbol out, or name a folder with bars of one timeframe.',
      { exitCode: 2 },
    );
  }
  for (let i = 0; i < bars.length; i++) {
    const time = at64(bars.openTime, i);
    if (time % barMs === 0 && (i === 0 || time > at64(bars.openTime, i - 1))) continue;
    throw new MinutehandError(
      'FEATURE_BARS_INVALID',
      `the bar of ${symbol} at ${formatTime(epochMs(time))} is off the grid of ${timeframe} or not later than the one before`,
      'Check the file with "minutehand data verify".',
    );
  }
  return bars;
}
