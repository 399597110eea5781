import { DAY_MS, type EpochMs, epochMs } from '../../core/index.ts';
import type { MarketPanel } from './market-panel.ts';

/** A Monday. */
export const MONDAY = epochMs(Date.UTC(2025, 5, 16));
export const afterDays = (days: number): EpochMs => epochMs(MONDAY + days * DAY_MS);
/** No bar. */
export const NONE = Number.NaN;

/** A panel with a close of each symbol every so many days from Monday 00:00 UTC on. */
export function panelOf(close: Readonly<Record<string, readonly number[]>>, everyDays = 1): MarketPanel {
  const columns = Object.values(close);
  const rows = columns[0]?.length ?? 0;
  return {
    times: Float64Array.from({ length: rows }, (_, row) => MONDAY + row * everyDays * DAY_MS),
    symbols: Object.keys(close),
    close: columns.map((values) => Float64Array.from(values)),
  };
}
