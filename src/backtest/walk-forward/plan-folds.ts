import { DAY_MS, type EpochMs, epochMs, MinutehandError } from '../../core/index.ts';
import type { WindowBounds } from '../../model/index.ts';
import { dayText } from '../backtest-window.ts';

/** Days, by the starts of the first and the last. */
export interface DaySpan {
  readonly from: EpochMs;
  readonly to: EpochMs;
}

/** One step of a walk through time. */
export interface WalkForwardFold {
  /** From 1, oldest first. */
  readonly fold: number;
  /**
   * Windows of the model's fit. Its fourth, on which a fit judges a model, holds the days that the variant is chosen on: weights, stopping and
   * calibration know nothing of them.
   */
  readonly bounds: WindowBounds;
  /** Days on which the variants are compared: within the training window, an embargo after the calibration. */
  readonly selection: DaySpan;
  /** Days that are traded: an embargo after the training window. */
  readonly test: DaySpan;
}

/** `rolling`: training windows of one length; `expanding`: all begin with the candles. */
export type WalkForwardWindow = 'rolling' | 'expanding';

export interface WalkForwardPlanRequest {
  readonly window: WalkForwardWindow;
  /** Time from which on candles may be used, and close of the newest. */
  readonly data: { readonly first: EpochMs; readonly last: EpochMs };
  /** Starts of the first and the last day that is traded; by default as early as the training windows allow, and the last whole day. */
  readonly from?: EpochMs | undefined;
  readonly to?: EpochMs | undefined;
  /** That many folds as equal as days allow; or folds of so many days, the last one shorter where they do not divide. */
  readonly length: { readonly folds: number } | { readonly testDays: number };
  /** Of an expanding window: those of the first fold, at least. */
  readonly trainDays: number;
  readonly earlyStoppingDays: number;
  readonly calibrationDays: number;
  readonly selectionDays: number;
  /** Left out between training and what it is used on; whole days are. */
  readonly embargoMs: number;
}

/**
 * Folds whose tested days follow each other without gap or overlap, each with the training window in front of it. Purge and embargo between the
 * windows of a fit are taken by the fit, from inside its bounds; the embargo before the compared and before the traded days lies between the spans.
 * @throws MinutehandError BACKTEST_WINDOW_INVALID (exit 2) where the candles do not reach
 */
export function planWalkForward(request: WalkForwardPlanRequest): WalkForwardFold[] {
  const { window, data, length } = request;
  const [train, earlyStopping, calibration, selection] = [
    request.trainDays,
    request.earlyStoppingDays,
    request.calibrationDays,
    request.selectionDays,
  ].map((days) => days * DAY_MS) as [number, number, number, number];
  const gap = Math.ceil(request.embargoMs / DAY_MS) * DAY_MS;
  const trainingMs = train + earlyStopping + calibration + gap + selection + gap;
  const firstDay = Math.ceil(data.first / DAY_MS) * DAY_MS;
  const lastDay = Math.floor(data.last / DAY_MS) * DAY_MS - DAY_MS;
  const from = request.from ?? firstDay + trainingMs;
  const to = request.to ?? lastDay;
  if (from - trainingMs < firstDay || to > lastDay) {
    throw refused(
      `trading from ${dayText(from)} to ${dayText(to)} with training windows of ${trainingMs / DAY_MS} days needs candles from ${dayText(from - trainingMs)} to ${dayText(to)}: those that may be used go from ${dayText(firstDay)} to ${dayText(lastDay)}`,
      `Begin on ${dayText(firstDay + trainingMs)} or later and end by ${dayText(lastDay)}, or take shorter windows.`,
    );
  }
  const days = (to - from) / DAY_MS + 1;
  const folds = 'folds' in length ? length.folds : Math.ceil(days / length.testDays);
  if (!(days >= folds && folds > 0)) {
    throw refused(
      `the days from ${dayText(from)} to ${dayText(to)} are too few for ${'folds' in length ? folds : 1} ${folds > 1 ? 'folds' : 'fold'}`,
      'Name more days with --from and --to, or ask for fewer --folds.',
    );
  }
  const startOf = (fold: number) =>
    'folds' in length ? Math.floor((fold * days) / folds) : Math.min(days, fold * length.testDays);
  return Array.from({ length: folds }, (_, fold) => {
    const testFrom = from + startOf(fold) * DAY_MS;
    const end = testFrom - gap;
    const selectionFrom = end - selection;
    const calibrationEnd = selectionFrom - gap;
    const calibrationFrom = calibrationEnd - calibration;
    const earlyStoppingFrom = calibrationFrom - earlyStopping;
    return {
      fold: fold + 1,
      bounds: {
        train: epochMs(window === 'expanding' ? data.first : earlyStoppingFrom - train),
        earlyStopping: epochMs(earlyStoppingFrom),
        calibration: epochMs(calibrationFrom),
        test: epochMs(calibrationEnd),
        end: epochMs(end),
      },
      selection: { from: epochMs(selectionFrom), to: epochMs(end - DAY_MS) },
      test: { from: epochMs(testFrom), to: epochMs(from + (startOf(fold + 1) - 1) * DAY_MS) },
    };
  });
}

const refused = (what: string, remedy: string) =>
  new MinutehandError('BACKTEST_WINDOW_INVALID', what, remedy, { exitCode: 2 });
