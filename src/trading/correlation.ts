import type { MarketState } from './market-state.ts';

/** Half a day of 15-minute returns: fewer say little. */
const LEAST_SAMPLES = 48;
/** A day: older ones say little of now. */
const MOST_SAMPLES = 96;

/**
 * Correlation (Pearson's) of the 15-minute returns of two symbols over their common history, -1 to 1. Undefined where fewer than 48
 * are known of either, where they do not end at the same minute, or where one did not move.
 */
export function correlationOf(a: MarketState | undefined, b: MarketState | undefined): number | undefined {
  if (a === undefined || b === undefined || a.sampledMinute !== b.sampledMinute) return undefined;
  const samples = Math.min(a.returns.length, b.returns.length, MOST_SAMPLES);
  if (samples < LEAST_SAMPLES) return undefined;
  const x = a.returns.subarray(a.returns.length - samples);
  const y = b.returns.subarray(b.returns.length - samples);
  const [meanX, meanY] = [meanOf(x), meanOf(y)];
  let [xx, yy, xy] = [0, 0, 0];
  for (let i = 0; i < samples; i++) {
    const dx = (x[i] ?? 0) - meanX;
    const dy = (y[i] ?? 0) - meanY;
    xx += dx * dx;
    yy += dy * dy;
    xy += dx * dy;
  }
  return xx > 0 && yy > 0 ? xy / Math.sqrt(xx * yy) : undefined;
}

function meanOf(values: Int16Array): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum / values.length;
}
