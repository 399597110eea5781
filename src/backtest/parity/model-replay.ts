import type { Config } from '../../config/index.ts';
import {
  type EpochMs,
  epochMs,
  type FeaturePanel,
  FORECAST_OUTPUTS,
  type Forecast,
  type Log,
  MINUTE_MS,
  messageOf,
  PHASES,
  type SymbolId,
} from '../../core/index.ts';
import type { Database } from '../../database/index.ts';
import { isContextStored, observeStored, recomputePanels } from '../../engine/index.ts';
import { loadModel, type ServedPredictor } from '../../model/index.ts';
import { firstDifferentBit } from './difference.ts';
import type { Tally } from './tally.ts';

export interface ModelReplayParts {
  readonly database: Database;
  readonly book: string;
  readonly universe: readonly SymbolId[];
  readonly featureSetHash: string;
  readonly modelsFolder: string;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** Makes the forecasts of a book once more, minute by minute, with the models that made them. */
export class ModelReplay {
  readonly #parts: ModelReplayParts;
  #predictor: ServedPredictor | undefined;

  constructor(parts: ModelReplayParts) {
    this.#parts = parts;
  }

  /** Makes `modelId` the model of the minutes from `minute` on. @throws ModelRefusedError where it cannot be served any more */
  async use(modelId: string | undefined, minute: EpochMs, config: Config): Promise<void> {
    if (this.#predictor?.modelId === modelId) return;
    await this.close();
    if (modelId === undefined) return;
    const { database, book, universe, featureSetHash, modelsFolder, log, signal } = this.#parts;
    const { batch_size: batchSize } = config.ml_integration.scheduler;
    const predictor = await loadModel(modelsFolder, modelId, { featureSetHash, universe, batchSize });
    this.#predictor = predictor;
    const parts = { book, config, database, featureSetHash, universe: () => universe, log, signal };
    if (predictor.contextBars === 1) return;
    const to = epochMs(minute - MINUTE_MS);
    const from = epochMs(to - (predictor.contextBars - 1) * PHASES * MINUTE_MS);
    if (await isContextStored(parts, from, to)) return observeStored(parts, predictor, from, to);
    // Rows are not stored for as long as what they were made of.
    await recomputePanels({ ...parts, from, to }, (panel) => predictor.observe(panel));
  }

  /** Gives the model the rows of a minute in which no forecasts were due. */
  async observe(panel: FeaturePanel): Promise<void> {
    if (this.#predictor !== undefined && this.#predictor.contextBars > 1) await this.#predictor.observe(panel);
  }

  /** Forecasts from recorded rows and holds them against the recorded ones. */
  async compare(panel: FeaturePanel, recorded: readonly Forecast[], tally: Tally): Promise<void> {
    const predictor = this.#predictor;
    if (predictor === undefined) return;
    const { minute } = panel;
    const replayed = new Map<SymbolId, Forecast>();
    try {
      for (const forecast of await predictor.predict(panel)) replayed.set(forecast.symbol, forecast);
    } catch (error) {
      this.#parts.log.warn({ minute, error: messageOf(error) }, 'no forecasts could be made of the minute');
    }
    const withheld = predictor.withheld(panel);
    for (const forecast of recorded) {
      const { symbol } = forecast;
      const own = replayed.get(symbol);
      // What its context began with may be stored no more.
      if (own === undefined && withheld.has(symbol)) continue;
      tally.count('forecasts', { minute, symbol }, differenceOf(forecast, own));
    }
  }

  async close(): Promise<void> {
    await this.#predictor?.close();
    this.#predictor = undefined;
  }
}

function differenceOf(recorded: Forecast, replayed: Forecast | undefined) {
  if (replayed === undefined) return { field: '', recorded: 'a forecast', replayed: null };
  const at = firstDifferentBit(recorded.values, replayed.values);
  if (at >= 0) {
    return { field: FORECAST_OUTPUTS[at] ?? '', recorded: recorded.values[at], replayed: replayed.values[at] };
  }
  if (recorded.maskedShare === replayed.maskedShare) return undefined;
  return { field: 'maskedShare', recorded: recorded.maskedShare, replayed: replayed.maskedShare };
}
