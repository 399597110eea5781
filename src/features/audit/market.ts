import {
  allocateBars,
  at64,
  type BarColumns,
  barsBetween,
  DAY_MS,
  durationOf,
  HOUR_MS,
  MinutehandError,
  type SymbolId,
} from '../../core/index.ts';
import { phaseBars } from '../../data/index.ts';
import type { ColumnRequest } from '../columns.ts';
import type { FeatureSet } from '../feature-set.ts';
import { completeHours } from '../hours.ts';

/** What the audits run on: closed bars of one timeframe. Minutes are joined to any of the fifteen phases. */
export interface AuditMarket {
  readonly timeframe: '1m' | '15m';
  /** Ascending and on the timeframe's grid; the map's order is the canonical one. */
  readonly bars: ReadonlyMap<SymbolId, BarColumns>;
  /** BTC, ETH, as far as they are in the market. */
  readonly references: readonly SymbolId[];
}

/** A stretch of the market: bars that open at or after `from` and before `to`. */
export interface Stretch {
  readonly from: number;
  readonly to: number;
  /** Of the fifteen series of 15-minute bars, which one; 0 where the market has 15-minute bars only. */
  readonly phase: number;
  /** Where the 1h bars begin that are given beside the 15-minute ones; without it they are formed from those. */
  readonly hoursFrom?: number;
}

/** Alters the bars of one symbol before 15-minute and 1h bars are made of them. */
export type BarChange = (bars: BarColumns, symbol: SymbolId) => BarColumns;

export const QUARTER_MS = durationOf('15m');

/** The 15-minute and 1h bars of a stretch. Shifted phases are always given their hours, from `from` on if no earlier time is named. */
export function requestOf(
  market: AuditMarket,
  { from, to, phase, hoursFrom = phase === 0 ? undefined : from }: Stretch,
  change: BarChange = (bars) => bars,
): ColumnRequest {
  const bars15m = new Map<SymbolId, BarColumns>();
  const bars1h = new Map<SymbolId, BarColumns>();
  for (const [symbol, all] of market.bars) {
    const bars = change(barsBetween(all, Math.min(from, hoursFrom ?? from), to), symbol);
    bars15m.set(symbol, quartersOf(market, barsBetween(bars, from, to), phase));
    if (hoursFrom !== undefined) bars1h.set(symbol, completeHours(quartersOf(market, bars, 0)));
  }
  return { bars15m, references: market.references, ...(hoursFrom === undefined ? {} : { bars1h }) };
}

const quartersOf = ({ timeframe }: AuditMarket, bars: BarColumns, phase: number): BarColumns =>
  timeframe === '15m' ? bars : phaseBars(bars, phase);

/** What features read of a bar. */
const COLUMNS_READ = ['openTime', 'open', 'high', 'low', 'close', 'volume', 'takerBuyVolume'] as const;

/** A copy of what features read of bars, free to be written to. */
export function copyOf(bars: BarColumns): BarColumns {
  const copy = allocateBars(bars.length);
  for (const column of COLUMNS_READ) copy[column].set(bars[column]);
  return copy;
}

/** The market in time, and what of it features need to become warm. */
export interface Span {
  /** Open of the first bar of any symbol. */
  readonly first: number;
  /** Half of the symbols have begun. */
  readonly start: number;
  /** Close of the last bar. */
  readonly end: number;
  readonly barMs: number;
  /** Time that makes every fast feature warm. */
  readonly fastMs: number;
  /** Time that makes every feature warm, with a day for holes. */
  readonly slowMs: number;
}

/** @throws MinutehandError FEATURE_AUDIT_TOO_SHORT when the market is too short for anything to be compared */
export function spanOf(market: AuditMarket, set: FeatureSet): Span {
  const listed = [...market.bars.values()].filter(({ length }) => length > 0);
  const starts = listed.map(({ openTime }) => at64(openTime, 0)).sort((a, b) => a - b);
  const barMs = durationOf(market.timeframe);
  const start = starts[Math.floor((starts.length - 1) / 2)] ?? 0;
  const end = Math.max(start, ...listed.map(({ openTime, length }) => at64(openTime, length - 1) + barMs));
  const fastMs = set.fastWarmUp * QUARTER_MS;
  const slowMs = Math.max(fastMs, (set.slowWarmUp + 24) * HOUR_MS);
  const least = 2 * fastMs + 128 * QUARTER_MS;
  if (end - start < least) {
    throw new MinutehandError(
      'FEATURE_AUDIT_TOO_SHORT',
      `half of the symbols have bars for ${Math.floor((end - start) / HOUR_MS)} hours only`,
      `Use bars of at least ${Math.ceil(least / HOUR_MS)} hours; from ${Math.ceil((slowMs + DAY_MS) / DAY_MS / 0.6)} days on every feature is audited.`,
    );
  }
  return { first: floor(starts[0] ?? start, QUARTER_MS), start: floor(start, QUARTER_MS), end, barMs, fastMs, slowMs };
}

/** `count` times spread evenly from `low` to `high`, each rounded down to `unit`. */
export const spread = (count: number, low: number, high: number, unit: number): number[] =>
  Array.from({ length: count }, (_, i) => floor(count === 1 ? high : low + ((high - low) * i) / (count - 1), unit));

export const floor = (time: number, unit: number): number => Math.floor(time / unit) * unit;

/** End of the longest hole of any symbol; undefined when there is none. */
export function longestHole(market: AuditMarket): number | undefined {
  const barMs = durationOf(market.timeframe);
  let longest: number = barMs;
  let end: number | undefined;
  for (const { openTime, length } of market.bars.values()) {
    for (let i = 1; i < length; i++) {
      const step = at64(openTime, i) - at64(openTime, i - 1);
      if (step <= longest) continue;
      longest = step;
      end = at64(openTime, i);
    }
  }
  return end;
}
