import { at64, MinutehandError } from '../core/index.ts';

export interface WindowRequest {
  readonly name: string;
  /** Its share of the whole time span; the shares of all windows add up to 1. */
  readonly share: number;
}

/** One block of time. A row t of it has its features at t and its label in (t, t + horizon], all inside [from, to]. */
export interface TimeWindow {
  readonly name: string;
  /** Epoch milliseconds: the first row's time and the end of the last row's label. */
  readonly from: number;
  readonly to: number;
  /** Rows [firstRow, endRow) of the times that were split. */
  readonly firstRow: number;
  readonly endRow: number;
}

/**
 * Cuts ascending `times` into consecutive blocks by share of the time span. Rows whose label would reach past their block's end
 * are purged; and the first rows of each later block, up to `embargoMs` after the end of the one before, are left out, so that
 * features that look back do not overlap its last labels either (Lopez de Prado, Advances in Financial Machine Learning, chapter 7).
 * Everything that is fitted or judged is split here.
 * @throws MinutehandError DATASET_TOO_SHORT when a window would keep no row.
 */
export function splitTimeBlocks(
  times: Float64Array,
  options: { readonly windows: readonly WindowRequest[]; readonly horizonMs: number; readonly embargoMs: number },
): TimeWindow[] {
  const { windows, horizonMs, embargoMs } = options;
  const total = windows.reduce((sum, { share }) => sum + share, 0);
  if (Math.abs(total - 1) > 1e-9 || windows.some(({ share }) => !(share > 0))) {
    throw new RangeError(`the shares of the windows must be positive and add up to 1, not ${total}`);
  }
  const start = times[0] ?? Number.NaN;
  const span = (times[times.length - 1] ?? Number.NaN) - start;
  const result: TimeWindow[] = [];
  let shares = 0;
  for (const [index, { name, share }] of windows.entries()) {
    const from = start + Math.round(span * shares) + (index === 0 ? 0 : embargoMs);
    shares += share;
    const to = start + Math.round(span * Math.min(1, shares));
    const firstRow = firstAtOrAfter(times, index === 0 ? from : from + 1);
    const endRow = firstAtOrAfter(times, to - horizonMs + 1);
    if (!(firstRow < endRow)) {
      throw new MinutehandError(
        'DATASET_TOO_SHORT',
        `the history is too short for a ${name} window: ${days(span)} days, of which labels and embargo take ${days(horizonMs + embargoMs)} in each window`,
        'Back-fill more history (minutehand data backfill), or fit with fewer windows.',
      );
    }
    result.push({ name, from: at64(times, firstRow), to: at64(times, endRow - 1) + horizonMs, firstRow, endRow });
  }
  return result;
}

const days = (milliseconds: number): string => (milliseconds / 86_400_000).toFixed(1);

function firstAtOrAfter(times: Float64Array, time: number): number {
  let low = 0;
  let high = times.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (at64(times, middle) < time) low = middle + 1;
    else high = middle;
  }
  return low;
}
