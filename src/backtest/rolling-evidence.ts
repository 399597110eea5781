import { DAY_MS, type EpochMs, epochMs, HORIZONS, HOUR_MS, type Horizon, type SymbolId } from '../core/index.ts';
import { BAR_MS, sectionCorrelations, sectionRanks } from '../model/index.ts';
import { judgeRanking, type ModelEvidence } from '../signals/index.ts';

export interface EvidenceOptions {
  readonly horizon: Horizon;
  readonly days: number;
}

/** One forecast return of one symbol. */
export interface ForecastReturn {
  readonly symbol: SymbolId;
  readonly value: number;
}

/**
 * What the outcomes of a model's own forecasts say of it, hour by hour, with nothing that is not known yet: the live judgement, from memory instead
 * of the store.
 */
export class RollingEvidence {
  readonly #options: EvidenceOptions;
  readonly #modelId: string;
  readonly #closeAt: (symbol: SymbolId, minute: EpochMs) => number;
  /** Of full hours whose outcomes are still to come, oldest first. */
  readonly #open: { readonly minute: EpochMs; readonly forecasts: readonly ForecastReturn[] }[] = [];
  #judged: { readonly minute: EpochMs; readonly coefficient: number }[] = [];
  #evidence: ModelEvidence | undefined;

  /** @param closeAt close of the bar that ends at a time; NaN where there is none */
  constructor(options: EvidenceOptions, modelId: string, closeAt: (symbol: SymbolId, minute: EpochMs) => number) {
    this.#options = options;
    this.#modelId = modelId;
    this.#closeAt = closeAt;
  }

  /** Known at `minute`. */
  get evidence(): ModelEvidence | undefined {
    return this.#evidence;
  }

  /** Takes the forecasts of a minute in, and the outcomes that have come with it. */
  step(minute: EpochMs, forecasts: readonly ForecastReturn[]): void {
    if (minute % HOUR_MS !== 0) return;
    const { horizon, days } = this.#options;
    for (
      let oldest = this.#open[0];
      oldest && oldest.minute + HORIZONS[horizon] * BAR_MS <= minute;
      oldest = this.#open[0]
    ) {
      this.#open.shift();
      const coefficient = this.#correlation(oldest.minute, oldest.forecasts);
      if (Number.isFinite(coefficient)) this.#judged.push({ minute: oldest.minute, coefficient });
    }
    if (forecasts.length > 0) this.#open.push({ minute, forecasts });
    const from = epochMs(minute - days * DAY_MS);
    this.#judged = this.#judged.filter((one) => one.minute >= from);
    this.#evidence = judgeRanking(this.#judged, { modelId: this.#modelId, from, leastDays: days });
  }

  #correlation(minute: EpochMs, forecasts: readonly ForecastReturn[]): number {
    const end = epochMs(minute + HORIZONS[this.#options.horizon] * BAR_MS);
    const known = forecasts.flatMap(({ symbol, value }) => {
      const change = this.#closeAt(symbol, end) / this.#closeAt(symbol, minute) - 1;
      return Number.isFinite(change) ? [{ value, change }] : [];
    });
    const everything = [[0, known.length]] as const;
    const ranksOf = (values: Float64Array) => sectionRanks(values, everything);
    const [coefficient = Number.NaN] = sectionCorrelations(
      ranksOf(Float64Array.from(known, ({ value }) => value)),
      ranksOf(Float64Array.from(known, ({ change }) => change)),
      everything,
    );
    return coefficient;
  }
}
