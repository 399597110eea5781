import { DAY_MS, MinutehandError } from '../core/index.ts';
import { type SplitMargins, splitTimeBlocks, type TimeWindow } from './splits.ts';

/** What each window is for: weights; when to stop; probabilities and confidence; the figures. In the order of time. */
export const FIT_WINDOWS = ['train', 'earlyStopping', 'calibration', 'test'] as const;
export type FitWindowName = (typeof FIT_WINDOWS)[number];
export type FitWindows = Readonly<Record<FitWindowName, TimeWindow>>;

/** Of the time span a share, or times in epoch milliseconds: all windows the one way or the other. */
export type FitWindowRequests = Readonly<
  | Record<FitWindowName, { readonly share: number }>
  | Record<FitWindowName, { readonly from: number; readonly to: number }>
>;

/**
 * The four windows of one fit, purged and embargoed.
 * @throws MinutehandError as {@link splitTimeBlocks}
 */
export function splitFitWindows(times: Float64Array, requests: FitWindowRequests, margins: SplitMargins): FitWindows {
  const windows = FIT_WINDOWS.map((name) => ({ name, ...requests[name] }));
  const [train, earlyStopping, calibration, test] = splitTimeBlocks(times, { ...margins, windows });
  if (!train || !earlyStopping || !calibration || !test) throw new RangeError('four windows were asked for');
  return { train, earlyStopping, calibration, test };
}

export interface WalkForwardOptions extends SplitMargins {
  /** How many fits. The stretches they are tested on follow each other; the last ends with the times. */
  readonly folds: number;
  /** Length of the training window; `expanding` = from the first time on. */
  readonly trainMs: number | 'expanding';
  readonly earlyStoppingMs: number;
  readonly calibrationMs: number;
  readonly testMs: number;
}

/** The four windows of one fit by times, epoch milliseconds: each begins where the one before ends. */
export type FitSpans = Readonly<Record<FitWindowName, { readonly from: number; readonly to: number }>>;

/**
 * The windows of fits that walk through time: each is judged on the stretch after the one of the fit before, and trained on what lies
 * in front of it. Oldest first. Margins are taken from inside the lengths, so that a row is tested in at most one fold.
 * @throws MinutehandError WINDOWS_INVALID (exit 2) when a length or the number of folds is none; DATASET_TOO_SHORT
 */
export function walkForwardFolds(times: Float64Array, options: WalkForwardOptions): FitWindows[] {
  return walkForwardSpans(times, options).map((spans) => splitFitWindows(times, spans, options));
}

/**
 * The spans that {@link walkForwardFolds} splits, before margins are taken from them: what a fit is given.
 * @throws MinutehandError WINDOWS_INVALID (exit 2) when a length or the number of folds is none; DATASET_TOO_SHORT
 */
export function walkForwardSpans(
  times: Float64Array,
  options: Omit<WalkForwardOptions, keyof SplitMargins>,
): FitSpans[] {
  const { folds, trainMs, earlyStoppingMs, calibrationMs, testMs } = options;
  const lengths = { trainMs, earlyStoppingMs, calibrationMs, testMs };
  const wrong = Object.entries(lengths).find(([, length]) => length !== 'expanding' && !(length > 0));
  if (wrong || !(Number.isInteger(folds) && folds > 0)) {
    throw new MinutehandError(
      'WINDOWS_INVALID',
      `walk-forward folds cannot be made with ${wrong ? wrong.join(' = ') : `folds = ${folds}`}`,
      'Give at least one fold, and lengths above 0.',
      { exitCode: 2 },
    );
  }
  const start = times[0] ?? Number.NaN;
  const end = times[times.length - 1] ?? Number.NaN;
  const least = folds * testMs + calibrationMs + earlyStoppingMs + (trainMs === 'expanding' ? 1 : trainMs);
  if (!(end - start >= least)) {
    throw new MinutehandError(
      'DATASET_TOO_SHORT',
      `${folds} walk-forward folds need ${days(least)} days, the history has ${days(times.length > 0 ? end - start : 0)}`,
      'Back-fill more history (minutehand data backfill), or take fewer folds or shorter windows.',
    );
  }
  return Array.from({ length: folds }, (_, fold) => {
    const testTo = end - (folds - 1 - fold) * testMs;
    const testFrom = testTo - testMs;
    const calibrationFrom = testFrom - calibrationMs;
    const earlyStoppingFrom = calibrationFrom - earlyStoppingMs;
    return {
      train: { from: trainMs === 'expanding' ? start : earlyStoppingFrom - trainMs, to: earlyStoppingFrom },
      earlyStopping: { from: earlyStoppingFrom, to: calibrationFrom },
      calibration: { from: calibrationFrom, to: testFrom },
      test: { from: testFrom, to: testTo },
    };
  });
}

const days = (milliseconds: number): string => (milliseconds / DAY_MS).toFixed(1);
