import { shareOfEquity } from './limits.ts';

/** What a strategy with a book stop remembers of the book's equity. */
export interface DrawdownState {
  /** Highest equity since the strategy began, or since trading was resumed; cash units. */
  readonly peak: bigint;
  /** Set once the drawdown reached the limit; cleared by `resume` only. */
  readonly isStopped: boolean;
}

/** @param limit drawdown from the peak, a fraction */
export function updateDrawdown(known: DrawdownState | undefined, equity: bigint, limit: number): DrawdownState {
  if (known === undefined) return { peak: equity, isStopped: false };
  if (known.isStopped) return known;
  const peak = equity > known.peak ? equity : known.peak;
  return { peak, isStopped: peak - equity >= shareOfEquity(peak, limit) };
}
