import { type EpochMs, HORIZON_NAMES, HOUR_MS, type Log, type Metrics, MINUTE_MS } from '../core/index.ts';
import type { Database } from '../database/index.ts';
import { rollingAccuracy, stepOutcomes } from '../signals/index.ts';

export interface OutcomeJobParts {
  readonly book: string;
  readonly venue: string;
  readonly database: Database;
  readonly servedModel: () => string | undefined;
  readonly log: Log;
  readonly metrics: Metrics;
}

const EVERY_MS = 15 * MINUTE_MS;
/** Days of the accuracy in the metrics. */
const ROLLING_DAYS = 7;

/** Enters what became of the forecasts, behind the minutes: every quarter of an hour, one step at a time. */
export class OutcomeJob {
  readonly #parts: OutcomeJobParts;
  #running: Promise<void> | undefined;

  constructor(parts: OutcomeJobParts) {
    this.#parts = parts;
  }

  /** Takes a step where one is due and none is under way; undefined otherwise. @throws what the database throws */
  step(minute: EpochMs): Promise<void> | undefined {
    if (minute % EVERY_MS !== 0 || this.#running) return undefined;
    this.#running = this.#step(minute).finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #step(minute: EpochMs): Promise<void> {
    const { book, venue, database, log, metrics } = this.#parts;
    for (const { horizon, recorded, unknown, resolved } of await stepOutcomes(database, { book, venue, minute })) {
      metrics.count('minutehand_outcomes_total', { horizon }, recorded - unknown + resolved);
      if (unknown > 0)
        log.warn({ minute, horizon, unknown }, 'outcomes of forecasts wait for candles that are missing');
    }
    if (minute % HOUR_MS === 0) await this.#report(minute);
  }

  async #report(minute: EpochMs): Promise<void> {
    const { book, venue, database, metrics } = this.#parts;
    const query = { book, venue, horizons: HORIZON_NAMES, days: ROLLING_DAYS, until: minute };
    const served = this.#parts.servedModel();
    for (const { modelId, horizon, isJudged, ...figures } of await rollingAccuracy(database, query)) {
      if (modelId !== served || !isJudged) continue;
      metrics.gauge('minutehand_forecast_hit_rate', figures.hitRate, { horizon });
      metrics.gauge('minutehand_forecast_log_loss', figures.logLoss, { horizon });
      metrics.gauge('minutehand_forecast_base_log_loss', figures.baseLogLoss, { horizon });
      metrics.gauge('minutehand_forecast_calibration_error', figures.calibrationError, { horizon });
    }
  }
}
