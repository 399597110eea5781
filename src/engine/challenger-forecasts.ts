import type { Clock, EpochMs, FeaturePanel, Journal, Log, Metrics, Predictor, ReasonCode } from '../core/index.ts';
import { messageOf } from '../core/index.ts';
import type { PredictorSlot } from '../model/index.ts';

export interface ChallengerParts {
  /** Holds the challenger while the book has one. */
  readonly slot: Pick<PredictorSlot, 'current' | 'use'>;
  readonly journal: Pick<Journal, 'commitChallengerForecasts'>;
  readonly clock: Pick<Clock, 'elapsed'>;
  readonly log: Log;
  readonly metrics: Metrics;
}

/** A minute whose orders have left. */
export interface CommittedMinute {
  readonly minute: EpochMs;
  /** Its rows; asked for at once or not at all. */
  readonly panel: () => FeaturePanel;
  /** The model that serves. */
  readonly servedBy: string | undefined;
  /** Forecasts are made in this minute. */
  readonly isDue: boolean;
  /** It was caught up, or past its deadline. */
  readonly isLate: boolean;
}

/** Rows of more minutes than this are not kept for a challenger that falls behind. */
const MOST_WAITING = 15;

/**
 * Makes the challenger's forecasts of the minutes that the champion has decided, and stores them. It runs behind a minute's orders, and has no
 * way to them: what it returns is stored and nothing else. Where it falls behind, it makes no forecasts of a minute and only takes its rows in,
 * so that later contexts are whole.
 */
export class ChallengerForecasts {
  readonly #parts: ChallengerParts;
  #work: Promise<void> = Promise.resolve();
  #waiting = 0;

  constructor(parts: ChallengerParts) {
    this.#parts = parts;
  }

  /** Takes a minute on; its work follows in the background, and never fails. */
  take({ minute, panel, servedBy, isDue, isLate }: CommittedMinute): void {
    const { slot } = this.#parts;
    const challenger = slot.current;
    if (!challenger || challenger.modelId === servedBy) return;
    const isBehind = isLate || this.#waiting > 0;
    if (isDue && isBehind) this.#report('MODEL_CHALLENGER_BEHIND', minute, challenger.modelId);
    const forecasts = isDue && !isBehind;
    if ((!forecasts && challenger.contextBars === 1) || this.#waiting >= MOST_WAITING) return;
    const rows = panel();
    this.#waiting++;
    this.#work = this.#work
      .then(() => slot.use((predictor) => this.#run(predictor, rows, forecasts)))
      .finally(() => {
        this.#waiting--;
      });
  }

  /** Resolves when everything taken on is done. */
  settled(): Promise<void> {
    return this.#work;
  }

  async #run(predictor: Predictor | undefined, panel: FeaturePanel, isForecast: boolean): Promise<void> {
    if (!predictor) return;
    const { journal, clock, metrics } = this.#parts;
    const began = clock.elapsed();
    try {
      if (!isForecast) return await predictor.observe(panel);
      const forecasts = await predictor.predict(panel);
      await journal.commitChallengerForecasts(panel.minute, forecasts);
      metrics.count('minutehand_challenger_forecasts_total', {}, forecasts.length);
      metrics.observe('minutehand_challenger_milliseconds', clock.elapsed() - began);
    } catch (error) {
      this.#report('MODEL_CHALLENGER_FAILED', panel.minute, predictor.modelId, error);
    }
  }

  #report(reason: ReasonCode, minute: EpochMs, modelId: string, error?: unknown): void {
    const { log, metrics } = this.#parts;
    metrics.count('minutehand_reasons_total', { reason });
    const fields = { minute, reason, modelId, ...(error === undefined ? {} : { error: messageOf(error) }) };
    log.warn(fields, 'no forecasts of the challenger for the minute');
  }
}
