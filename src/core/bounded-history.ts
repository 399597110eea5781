/**
 * The last observations of one quantity, oldest first, as 16-bit multiples of a unit: 50 symbols with hundreds of observations
 * each fit in a state that is written every minute. The rounded values are the truth: what is computed from a history
 * is the same before and after it was stored.
 */
export type BoundedHistory = Int16Array;

export const emptyHistory = (): BoundedHistory => new Int16Array(0);

/** `value` in multiples of `unit`, rounded to the nearest and held to 16 bits. */
export function quantize(value: number, unit: number): number {
  return Math.max(-32_768, Math.min(32_767, Math.round(value / unit)));
}

/** A new history with `value` as its newest entry and at most `capacity` entries; the given one stays as it is. */
export function appendToHistory(
  history: BoundedHistory,
  value: number,
  unit: number,
  capacity: number,
): BoundedHistory {
  const kept = Math.min(history.length, Math.max(0, capacity - 1));
  const next = new Int16Array(kept + 1);
  next.set(history.subarray(history.length - kept));
  next[kept] = quantize(value, unit);
  return next;
}
