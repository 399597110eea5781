import {
  type EpochMs,
  HORIZON_NAMES,
  HOUR_MS,
  type Horizon,
  type Log,
  type Metrics,
  MINUTE_MS,
} from '../core/index.ts';
import type { Database } from '../database/index.ts';
import { gatherEvidence, type ModelEvidence, rollingAccuracy, stepOutcomes } from '../signals/index.ts';

export interface OutcomeJobParts {
  readonly book: string;
  readonly venue: string;
  readonly database: Database;
  readonly servedModel: () => string | undefined;
  /** What the model is judged on; null: it is not judged. */
  readonly evidence: { readonly horizon: Horizon; readonly days: number } | null;
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
  #evidence: ModelEvidence | undefined;

  constructor(parts: OutcomeJobParts) {
    this.#parts = parts;
  }

  /** What the outcomes of the serving model's forecasts said at the last full hour; undefined until one was looked at. */
  get evidence(): ModelEvidence | undefined {
    return this.#evidence?.modelId === this.#parts.servedModel() ? this.#evidence : undefined;
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
    if (minute % HOUR_MS !== 0) return;
    await this.#report(minute);
    await this.#judge(minute);
  }

  async #judge(until: EpochMs): Promise<void> {
    const { book, venue, database, evidence, log, metrics } = this.#parts;
    const modelId = this.#parts.servedModel();
    if (evidence === null || modelId === undefined) return;
    this.#evidence = await gatherEvidence(database, { ...evidence, book, venue, modelId, until });
    const { isDegraded, informationCoefficient } = this.#evidence;
    if (informationCoefficient.value !== null) {
      metrics.gauge('minutehand_forecast_rank_correlation', informationCoefficient.value, {
        horizon: evidence.horizon,
      });
    }
    if (isDegraded) log.warn({ ...this.#evidence }, 'the forecasts rank returns the wrong way');
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
