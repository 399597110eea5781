import { type EpochMs, epochMs, formatTime, MinutehandError } from '../../core/index.ts';
import { BAR_MS } from '../dataset.ts';
import { DEFAULT_FIT_SETTINGS } from '../fit-settings.ts';
import type { Manifest } from '../manifest.ts';

/** The time a model is judged on; without an end, as far as there are bars. */
export interface EvaluationWindow {
  readonly from: EpochMs;
  readonly to: EpochMs | undefined;
  /** Names of the model's windows that it overlaps: all but the test window, which nothing was fitted on. */
  readonly overlaps: readonly string[];
}

/**
 * The window to judge a model on; by default it begins where the last window that the model was fitted or calibrated on ends, an embargo later.
 * @throws MinutehandError EVALUATION_WINDOW_INVALID (exit 2) when it ends before it begins, EVALUATION_IN_SAMPLE (exit 2) when it overlaps
 * such a window and that was not asked for
 */
export function evaluationWindow(
  { windows, modelId }: Pick<Manifest, 'windows' | 'modelId'>,
  asked: { readonly from?: EpochMs | undefined; readonly to?: EpochMs | undefined; readonly inSample: boolean },
): EvaluationWindow {
  const fitted = namedWindows(windows).filter(([name]) => name !== 'test');
  const fittedUntil = Math.max(...fitted.map(([, window]) => window.to));
  const from = asked.from ?? epochMs(fittedUntil + DEFAULT_FIT_SETTINGS.embargoBars * BAR_MS);
  const { to } = asked;
  if (to !== undefined && to <= from) {
    throw new MinutehandError(
      'EVALUATION_WINDOW_INVALID',
      `the evaluation would begin at ${formatTime(from)} and end at ${formatTime(to)}`,
      'Name a later --to or an earlier --from.',
      { exitCode: 2 },
    );
  }
  const overlaps = fitted
    .filter(([, window]) => from < window.to && (to === undefined || to > window.from))
    .map(([name]) => name);
  if (overlaps.length > 0 && !asked.inSample) {
    throw new MinutehandError(
      'EVALUATION_IN_SAMPLE',
      `the evaluation from ${formatTime(from)} on overlaps what ${modelId} was fitted on (${overlaps.join(', ')})`,
      `Begin at ${formatTime(epochMs(fittedUntil))} or later; or accept figures that say nothing of new rows with --in-sample.`,
      { exitCode: 2 },
    );
  }
  return { from, to, overlaps };
}

/** The windows that a model has, by name. */
export const namedWindows = (windows: Manifest['windows']): [string, Manifest['windows']['test']][] =>
  Object.entries(windows).flatMap(([name, window]): [string, Manifest['windows']['test']][] =>
    window ? [[name, window]] : [],
  );
