import { createRandom, MINUTE_MS, SECOND_MS } from '../core/index.ts';
import type { Bar } from './bar.ts';

/** Steps of an instrument's prices and quantities, as numbers. */
export interface Steps {
  readonly tick: number;
  readonly priceDecimals: number;
  readonly step: number;
  readonly quantityDecimals: number;
}

/** Rounds to decimal places: what a venue would print. */
export function roundTo(value: number, decimals: number): number {
  const scale = 10 ** decimals;
  return Math.round(value * scale) / scale;
}

/**
 * What has been traded of a one-minute bar after `elapsedMs` of it. A bar tells four prices and not their order: the path goes
 * in straight lines from the open to one extreme, to the other, to the close, a third of the minute each, in steps of a second.
 * Which extreme comes first is drawn from symbol and minute, not from the bar, and within the first second nothing but the
 * open is known: so the present tells nothing of the future.
 */
export function formingMinute(symbol: string, whole: Bar, elapsedMs: number, steps: Steps): Bar {
  const seconds = Math.floor(elapsedMs / SECOND_MS);
  if (seconds <= 0) {
    return { ...whole, high: whole.open, low: whole.open, close: whole.open, ...volumesOf(whole, 0, steps) };
  }
  const progress = Math.min(1, (seconds * SECOND_MS) / MINUTE_MS);
  const highFirst = createRandom(`${symbol}/${whole.openTime}`).uniform() < 0.5;
  const first = highFirst ? whole.high : whole.low;
  const second = highFirst ? whole.low : whole.high;
  const leg = progress * 3;
  const between = (from: number, to: number, share: number) =>
    roundTo(from + (to - from) * Math.min(1, share), steps.priceDecimals);
  const visited = [whole.open];
  if (leg <= 1) visited.push(between(whole.open, first, leg));
  else if (leg <= 2) visited.push(first, between(first, second, leg - 1));
  else visited.push(first, second, between(second, whole.close, leg - 2));
  return {
    openTime: whole.openTime,
    open: whole.open,
    high: Math.max(...visited),
    low: Math.min(...visited),
    close: visited[visited.length - 1] ?? whole.open,
    ...volumesOf(whole, progress, steps),
  };
}

/**
 * The corners of a minute's path after `fromMs` and up to `toMs` of it, in order, the last at `toMs`: between two of them the
 * price moves straight.
 */
export function pathWithin(
  symbol: string,
  whole: Bar,
  fromMs: number,
  toMs: number,
  steps: Steps,
): { readonly atMs: number; readonly price: number }[] {
  const corners = [MINUTE_MS / 3, (2 * MINUTE_MS) / 3].filter((atMs) => atMs > fromMs && atMs < toMs);
  return [...corners, toMs].map((atMs) => ({ atMs, price: formingMinute(symbol, whole, atMs, steps).close }));
}

function volumesOf(whole: Bar, share: number, steps: Steps) {
  return {
    volume: roundTo(whole.volume * share, steps.quantityDecimals),
    quoteVolume: whole.quoteVolume * share,
    takerBuyVolume: roundTo(whole.takerBuyVolume * share, steps.quantityDecimals),
  };
}
