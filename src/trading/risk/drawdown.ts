import { shareOfEquity } from './limits.ts';

/** What a strategy with a book stop remembers of the book's equity. */
export interface DrawdownState {
  /** Highest equity since the strategy began, or since trading was resumed; cash units. */
  readonly peak: bigint;
  /** Set once the drawdown reached the limit; cleared by `resume` only. */
  readonly isStopped: boolean;
}

/**
 * @param limit drawdown from the peak, a fraction
 * @param moved what came in less what went out since: it is no profit and no loss
 */
export function updateDrawdown(
  known: DrawdownState | undefined,
  equity: bigint,
  limit: number,
  moved = 0n,
): DrawdownState {
  if (known === undefined) return { peak: equity, isStopped: false };
  if (known.isStopped) return known;
  const held = known.peak + moved;
  const peak = equity > held ? equity : held;
  return { peak, isStopped: peak - equity >= shareOfEquity(peak, limit) };
}
