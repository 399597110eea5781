import type { Config } from '../config/index.ts';
import {
  type Clock,
  type EpochMs,
  floorTo,
  type Log,
  type Metrics,
  MINUTE_MS,
  messageOf,
  type SymbolId,
} from '../core/index.ts';
import { aliasedModel, appendAudit, type Database, type ModelAlias } from '../database/index.ts';
import {
  createPredictorSlot,
  loadModel,
  ModelRefusedError,
  type PredictorOptions,
  type PredictorSlot,
  type ServedPredictor,
} from '../model/index.ts';
import type { EngineEvent } from './engine-event.ts';
import { observeStored, warmUpModel } from './model-warm-up.ts';

export interface BookModelsParts {
  readonly book: string;
  readonly config: Config;
  readonly database: Database;
  readonly featureSetHash: string;
  /** Canonical order. */
  readonly universe: () => readonly SymbolId[];
  /** Where artefacts lie unless `ml_integration.model.directory` names another folder. */
  readonly modelsDirectory: string;
  readonly clock: Pick<Clock, 'now'>;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly onEvent: (event: EngineEvent) => void;
  /** Stops a warm-up. */
  readonly signal?: AbortSignal | undefined;
}

/** A model that was refused is tried again after this: its files may have been mended. */
const RETRY_MS = 15 * MINUTE_MS;
export const ACTOR = 'engine';

/** A place of a running book for one model: that which an alias names is loaded, checked and warmed, and put in between two cycles. */
export class ModelSeat {
  /** Holds the model that works; a cycle uses one model from its beginning to its end. */
  readonly slot: PredictorSlot<ServedPredictor> = createPredictorSlot<ServedPredictor>();
  readonly #parts: BookModelsParts;
  readonly #alias: ModelAlias;
  readonly #onChange: (predictor?: ServedPredictor) => Promise<void>;
  #refused: { readonly modelId: string; readonly message: string; readonly minute: EpochMs } | undefined;
  #look: Promise<void> | undefined;
  /** Minutes of which the model may have missed the rows while it took over: given once they are stored. */
  #missed: { readonly modelId: string; readonly from: EpochMs; readonly to: EpochMs } | undefined;

  /** @param onChange told after another model, or none, has taken the place */
  constructor(parts: BookModelsParts, alias: ModelAlias, onChange: (predictor?: ServedPredictor) => Promise<void>) {
    this.#parts = parts;
    this.#alias = alias;
    this.#onChange = onChange;
  }

  /** The model that the registry calls by the alias. */
  aliased(): Promise<string | undefined> {
    return aliasedModel(this.#parts.database, this.#parts.book, this.#alias);
  }

  /** Looks whether the alias names another model, which works from the next cycle on. One look at a time: a second call joins the first. */
  follow(minute: EpochMs): Promise<void> {
    return this.#look ?? this.exclusively(() => this.#follow(minute));
  }

  /** Runs `work` after the look under way, and before the next. */
  exclusively(work: () => Promise<void>): Promise<void> {
    const look = (this.#look ?? Promise.resolve())
      .catch(() => undefined)
      .then(work)
      .finally(() => {
        if (this.#look === look) this.#look = undefined;
      });
    this.#look = look;
    return look;
  }

  async open(modelId: string): Promise<ServedPredictor | ModelRefusedError> {
    try {
      return await loadModel(modelsFolder(this.#parts), modelId, servingOptions(this.#parts));
    } catch (error) {
      if (error instanceof ModelRefusedError) return error;
      throw error;
    }
  }

  /** Gives a model the rows of its context, and puts it in: until then the old one works. False where the warm-up was stopped. */
  async takeOver(predictor: ServedPredictor): Promise<boolean> {
    const now = () => floorTo(this.#parts.clock.now(), '1m');
    try {
      const from = await warmUpModel(this.#parts, predictor, now);
      if (this.#parts.signal?.aborted) {
        await predictor.close();
        return false;
      }
      const { modelId } = predictor;
      this.#missed = from === undefined ? undefined : { modelId, from, to: now() };
    } catch (error) {
      await predictor.close();
      throw error;
    }
    await this.slot.swap(predictor);
    return true;
  }

  /** Says that the model of the alias cannot work, and why; the same thing is said once. */
  async refuse(modelId: string, refusal: ModelRefusedError, minute: EpochMs): Promise<void> {
    const { field, message } = refusal;
    const isKnown = this.#refused?.modelId === modelId && this.#refused.message === message;
    this.#refused = { modelId, message, minute };
    if (isKnown) return;
    const before = this.slot.current?.modelId;
    reportRefusal(this.#parts, refusal);
    await audit(this.#parts, 'model.refuse', modelId, { alias: this.#alias, field, serving: before ?? null });
    const [cannot, goesOn] =
      this.#alias === 'champion' ? ['serve', 'goes on serving'] : ['forecast', 'goes on forecasting'];
    const still = before === undefined ? '' : `; ${before} ${goesOn}`;
    this.#parts.onEvent({ kind: 'notice', text: `the ${this.#alias} cannot ${cannot}: ${message}${still}` });
  }

  async #follow(minute: EpochMs): Promise<void> {
    await this.#catchUp(minute);
    const wanted = await this.aliased();
    const before = this.slot.current?.modelId;
    if (wanted === undefined || wanted === before) {
      this.#refused = undefined;
      // A book without a champion keeps what serves; one without a challenger has none.
      if (wanted === undefined && this.#alias === 'challenger' && before !== undefined) await this.#vacate();
      return;
    }
    if (this.#refused?.modelId === wanted && minute < this.#refused.minute + RETRY_MS) return;
    const opened = await this.open(wanted);
    if (opened instanceof ModelRefusedError) {
      await this.refuse(wanted, opened, minute);
      return;
    }
    this.#refused = undefined;
    const { modelId, directory } = opened;
    if (!(await this.takeOver(opened))) return;
    const [action, does] =
      this.#alias === 'champion' ? ['model.serve', 'serves'] : ['model.challenge', 'forecasts beside the champion'];
    await audit(this.#parts, action, modelId, { directory, previous: before ?? null, after: minute });
    this.#parts.log.info({ modelId, previous: before, after: minute }, `the promoted model ${does}`);
    await this.#onChange(opened);
  }

  async #vacate(): Promise<void> {
    await this.slot.close();
    this.#missed = undefined;
    await this.#onChange();
  }

  /** The rows of the minutes in which the model took over: stored with the minute that follows, they come behind it. */
  async #catchUp(minute: EpochMs): Promise<void> {
    const missed = this.#missed;
    const predictor = this.slot.current;
    if (!missed || minute <= missed.to) return;
    this.#missed = undefined;
    if (predictor?.modelId !== missed.modelId) return;
    try {
      await observeStored(this.#parts, predictor, missed.from, missed.to);
    } catch (error) {
      this.#parts.log.warn(
        { ...missed, error: messageOf(error) },
        'the model misses rows of the minutes it took over in',
      );
    }
  }
}

/** Where the artefacts of the book lie. */
export const modelsFolder = ({ config, modelsDirectory }: BookModelsParts): string =>
  config.ml_integration.model.directory ?? modelsDirectory;

export const servingOptions = ({ featureSetHash, universe, config }: BookModelsParts): PredictorOptions => ({
  featureSetHash,
  universe: universe(),
  batchSize: config.ml_integration.scheduler.batch_size,
});

export function reportRefusal(
  { metrics, log }: BookModelsParts,
  { directory, field, message }: ModelRefusedError,
): void {
  metrics.count('minutehand_reasons_total', { reason: 'MODEL_REFUSED' });
  log.warn({ reason: 'MODEL_REFUSED', directory, field }, message);
}

export function audit(
  { database, clock, book }: BookModelsParts,
  action: string,
  modelId: string,
  details: Readonly<Record<string, unknown>>,
): Promise<void> {
  return appendAudit(database, {
    time: clock.now(),
    actor: ACTOR,
    action,
    subject: modelId,
    details: { book, ...details },
  });
}
