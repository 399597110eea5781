import { at64, DAY_MS, epochMs, firstAtOrAfter, formatTime, MinutehandError } from '../core/index.ts';

/** A window by its share of the whole time span; the shares of all windows add up to 1. */
export interface ShareRequest {
  readonly name: string;
  readonly share: number;
}

/** A window by absolute times, epoch milliseconds: its rows and their labels lie in [from, to]. Windows follow each other in time. */
export interface SpanRequest {
  readonly name: string;
  readonly from: number;
  readonly to: number;
}

export type WindowRequest = ShareRequest | SpanRequest;

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

/** What keeps windows apart. */
export interface SplitMargins {
  /** The longest label: rows whose label would reach past the end of their window are purged. */
  readonly horizonMs: number;
  /** Left out after the end of the window before, beyond the purge. */
  readonly embargoMs: number;
}

/**
 * Cuts ascending `times` into blocks, by share of the time span or by absolute times. Rows whose label would reach past their block's end
 * are purged; and the first rows of each later block, up to `embargoMs` after the end of the one before, are left out, so that
 * features that look back do not overlap its last labels either (Lopez de Prado, Advances in Financial Machine Learning, chapter 7).
 * Everything that is fitted or judged is split here.
 * @throws MinutehandError DATASET_TOO_SHORT when a window would keep no row; WINDOWS_INVALID (exit 2) when windows by times overlap or are
 * out of order
 */
export function splitTimeBlocks(
  times: Float64Array,
  options: SplitMargins & { readonly windows: readonly WindowRequest[] },
): TimeWindow[] {
  const { windows, horizonMs, embargoMs } = options;
  const last = times[times.length - 1] ?? Number.NaN;
  let before = Number.NEGATIVE_INFINITY;
  return spansOf(times, windows).map(({ name, from, to }) => {
    const firstRow = firstAtOrAfter(times, Math.max(from, before + embargoMs + 1));
    const endRow = firstAtOrAfter(times, Math.min(to, last) - horizonMs + 1);
    before = to;
    if (!(firstRow < endRow)) throw tooShort(name, Math.min(to, last) - from, options);
    return { name, from: at64(times, firstRow), to: at64(times, endRow - 1) + horizonMs, firstRow, endRow };
  });
}

const isSpan = (window: WindowRequest): window is SpanRequest => 'from' in window;
const isShare = (window: WindowRequest): window is ShareRequest => 'share' in window;

/** @throws RangeError for shares that do not add up to 1, and for windows of both kinds */
function spansOf(times: Float64Array, windows: readonly WindowRequest[]): readonly SpanRequest[] {
  if (windows.every(isSpan)) return inOrder(windows);
  const shares = windows.filter(isShare);
  const total = shares.reduce((sum, { share }) => sum + share, 0);
  if (shares.length < windows.length) throw new RangeError('windows are given either all by shares or all by times');
  if (Math.abs(total - 1) > 1e-9 || shares.some(({ share }) => !(share > 0))) {
    throw new RangeError(`the shares of the windows must be positive and add up to 1, not ${total}`);
  }
  const start = times[0] ?? Number.NaN;
  const span = (times[times.length - 1] ?? Number.NaN) - start;
  let sum = 0;
  return shares.map(({ name, share }) => {
    const from = start + Math.round(span * sum);
    sum += share;
    return { name, from, to: start + Math.round(span * Math.min(1, sum)) };
  });
}

function inOrder(windows: readonly SpanRequest[]): readonly SpanRequest[] {
  windows.forEach(({ name, from, to }, index) => {
    const before = windows[index - 1];
    if (from < to && (before === undefined || before.to <= from)) return;
    const fault = from < to ? `begins before the ${before?.name} window ends` : 'does not end after it begins';
    throw new MinutehandError(
      'WINDOWS_INVALID',
      `the ${name} window, ${textOf(from)} to ${textOf(to)}, ${fault}`,
      'Give windows that follow each other in time.',
      { exitCode: 2 },
    );
  });
  return windows;
}

function tooShort(
  name: string,
  span: number,
  { windows, horizonMs, embargoMs }: Parameters<typeof splitTimeBlocks>[1],
) {
  return new MinutehandError(
    'DATASET_TOO_SHORT',
    `the history is too short for a ${name} window: it has ${days(Math.max(0, span))} days of it, of which labels and embargo take ${days(horizonMs + embargoMs)}`,
    `Back-fill more history (minutehand data backfill), or ${windows.every(isSpan) ? 'name windows inside it' : 'fit with fewer windows'}.`,
  );
}

const days = (milliseconds: number): string => (milliseconds / DAY_MS).toFixed(1);
const textOf = (time: number): string => (Number.isFinite(time) ? formatTime(epochMs(time)) : String(time));
