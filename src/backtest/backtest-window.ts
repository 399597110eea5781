import { DAY_MS, type EpochMs, epochMs, formatTime, MinutehandError } from '../core/index.ts';
import { BAR_MS, DEFAULT_FIT_SETTINGS, type Manifest, namedWindows } from '../model/index.ts';

/** The bars that are decided, by their closes: those that open on the days from the first to the last, inclusive, UTC. */
export interface BacktestWindow {
  readonly from: EpochMs;
  readonly to: EpochMs;
  /** Names of the windows the model was fitted on that it overlaps, an embargo included. */
  readonly overlaps: readonly string[];
  /** Whether it overlaps the window that the model was judged, and perhaps chosen, on. */
  readonly isOnTestWindow: boolean;
}

const EMBARGO_MS = DEFAULT_FIT_SETTINGS.embargoBars * BAR_MS;

/**
 * The time to trade a model on: by default from the first day after everything that it was fitted on, an embargo later, to the last whole day
 * of the candles.
 * @param asked starts of the first and the last day
 * @param data closes of the first and the last bar that there is
 * @throws MinutehandError BACKTEST_WINDOW_INVALID (exit 2) where no bar is left, BACKTEST_IN_SAMPLE (exit 3) where the model was fitted on some of
 * the time and that was not asked for
 */
export function backtestWindow(
  manifest: Pick<Manifest, 'windows' | 'modelId'> | undefined,
  asked: { readonly from?: EpochMs | undefined; readonly to?: EpochMs | undefined; readonly inSample: boolean },
  data: { readonly first: EpochMs; readonly last: EpochMs },
): BacktestWindow {
  const windows = manifest ? namedWindows(manifest.windows) : [];
  const fitted = windows.filter(([name]) => name !== 'test');
  const fittedUntil = Math.max(data.first, ...fitted.map(([, { to }]) => to + EMBARGO_MS));
  const firstDay = asked.from ?? Math.ceil(fittedUntil / DAY_MS) * DAY_MS;
  const lastDay = asked.to ?? Math.floor(data.last / DAY_MS) * DAY_MS - DAY_MS;
  const from = epochMs(Math.max(firstDay + BAR_MS, data.first));
  const to = epochMs(Math.min(lastDay + DAY_MS, data.last));
  if (to < from) {
    throw new MinutehandError(
      'BACKTEST_WINDOW_INVALID',
      `no bar is left from ${dayText(firstDay)} to ${dayText(lastDay)}: there are bars from ${formatTime(data.first)} to ${formatTime(data.last)}`,
      'Name days within the candles with --from and --to.',
      { exitCode: 2 },
    );
  }
  const overlapping =
    (slackMs: number) =>
    ([, window]: (typeof windows)[number]) =>
      from <= window.to + slackMs && to > window.from;
  const overlaps = fitted.filter(overlapping(EMBARGO_MS)).map(([name]) => name);
  if (overlaps.length > 0 && !asked.inSample) {
    throw new MinutehandError(
      'BACKTEST_IN_SAMPLE',
      `the backtest from ${dayText(firstDay)} to ${dayText(to - BAR_MS)} overlaps what ${manifest?.modelId} was fitted on, an embargo included (${overlaps.join(', ')})`,
      `Begin on ${dayText(Math.ceil(fittedUntil / DAY_MS) * DAY_MS)} or later, name another --model, or accept a result that says nothing of new times with --in-sample.`,
      { exitCode: 3 },
    );
  }
  const isOnTestWindow = windows.filter(([name]) => name === 'test').some(overlapping(0));
  return { from, to, overlaps, isOnTestWindow };
}

/** First and last UTC day of a range of bar closes. */
export const daysOf = ({ from, to }: { readonly from: number; readonly to: number }) => ({
  from: dayText(from - 1),
  to: dayText(to - 1),
});

/** The UTC day of a time. */
export const dayText = (time: number): string => formatTime(epochMs(time)).slice(0, 10);
