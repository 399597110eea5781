import type { Config } from '../config/index.ts';
import type { SymbolId } from '../core/index.ts';
import {
  type Clock,
  type EpochMs,
  floorTo,
  type Log,
  type Metrics,
  MINUTE_MS,
  MinutehandError,
  messageOf,
} from '../core/index.ts';
import { aliasedModel, appendAudit, type Database, promoteModel, saveModel } from '../database/index.ts';
import {
  createPredictorSlot,
  importArtefact,
  listArtefacts,
  loadModel,
  loadNewest,
  ModelRefusedError,
  modelRecord,
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

/** What may serve, and what the registry says of it. */
export interface ModelChoice {
  readonly predictor: ServedPredictor | undefined;
  /** The registry's champion, if there is one. */
  readonly champion: string | undefined;
  /** Why the champion does not serve. */
  readonly refusal: ModelRefusedError | undefined;
}

/** A champion that was refused is tried again after this: its files may have been mended. */
const RETRY_MS = 15 * MINUTE_MS;
const ACTOR = 'engine';

/** The models of a running book: which one serves from the start, and the change to another between two cycles. */
export class BookModels {
  /** Holds the model that serves; a cycle uses one model from its beginning to its end. */
  readonly slot: PredictorSlot<ServedPredictor> = createPredictorSlot<ServedPredictor>();
  readonly #parts: BookModelsParts;
  #refused: { readonly modelId: string; readonly message: string; readonly minute: EpochMs } | undefined;
  #look: Promise<void> | undefined;
  /** Minutes of which the serving model may have missed the rows while it took over: given once they are stored. */
  #missed: { readonly modelId: string; readonly from: EpochMs; readonly to: EpochMs } | undefined;

  constructor(parts: BookModelsParts) {
    this.#parts = parts;
  }

  /**
   * The champion where its artefact passes, else the newest that does.
   * @throws MinutehandError MODEL_REFUSED or MODEL_MISSING when `ml_integration.model.directory` is set and nothing in it may serve
   */
  async choose(): Promise<ModelChoice> {
    const champion = await this.#champion();
    let refusal: ModelRefusedError | undefined;
    if (champion !== undefined) {
      const opened = await this.#open(champion);
      if (!(opened instanceof ModelRefusedError)) return { predictor: opened, champion, refusal: undefined };
      refusal = opened;
      await this.#refuse(champion, refusal, this.#parts.clock.now());
    }
    const { predictor, refusals } = await loadNewest(this.#folder, this.#options);
    for (const each of refusals) if (each.directory !== refusal?.directory) this.#reportRefusal(each);
    const configured = this.#parts.config.ml_integration.model.directory;
    if (!predictor && configured !== null) throw refusal ?? refusals[0] ?? missingIn(configured);
    return { predictor, champion, refusal };
  }

  /**
   * Takes the models that come with the package among the book's own, as far as they fit its features and universe and were fitted on nothing
   * that is still to come: on a replayed market of an earlier time their figures would be of what they know already.
   */
  async adopt(packaged: string, minute: EpochMs): Promise<void> {
    if (this.#parts.config.ml_integration.model.directory !== null) return;
    const { featureSetHash, universe, log } = this.#parts;
    const { artefacts } = await listArtefacts(packaged);
    for (const { directory, manifest } of artefacts) {
      if (manifest.windows.calibration.to > minute) continue;
      try {
        await importArtefact(directory, this.#folder, { featureSetHash, universe: universe() });
      } catch (error) {
        if (!(error instanceof ModelRefusedError)) throw error;
        log.info({ modelId: manifest.modelId, field: error.field }, 'a packaged model does not fit this book');
      }
    }
  }

  /**
   * Makes the chosen model serve, once it is warm, and registers it.
   * A book's first model becomes its champion; so does one that was `fitted` because nothing
   * else could serve. Another that stands in for a refused champion does not: the choice of whoever promoted that one is kept.
   */
  async serve(choice: ModelChoice, fitted: boolean): Promise<void> {
    await this.#look;
    await this.#exclusively(() => this.#serve(choice, fitted));
  }

  async #serve(choice: ModelChoice, fitted: boolean): Promise<void> {
    const { predictor, champion, refusal } = choice;
    if (!predictor) return;
    const { book, database, clock, onEvent } = this.#parts;
    const { modelId, manifest, directory } = predictor;
    if (!(await this.#takeOver(predictor))) return;
    const time = clock.now();
    await saveModel(database, modelRecord(manifest, time));
    if (champion === undefined || (fitted && refusal)) {
      const instead = champion ?? null;
      await promoteModel(database, { book, modelId, alias: 'champion', instead, actor: ACTOR, time });
    } else if (refusal) {
      await this.#audit('model.serve', modelId, { directory, standsInFor: champion, field: refusal.field });
      onEvent({ kind: 'notice', text: `${modelId}, the newest that may serve, stands in for ${champion}` });
    }
    onEvent({ kind: 'model', modelId, directory });
  }

  /**
   * Looks whether another model was promoted; it serves from the next cycle on, once it is loaded and checked. A refused one changes nothing
   * but the log, a counter and a notice. One look at a time: a second call joins the first.
   */
  followChampion(minute: EpochMs): Promise<void> {
    return this.#look ?? this.#exclusively(() => this.#follow(minute));
  }

  #exclusively(work: () => Promise<void>): Promise<void> {
    const look = work().finally(() => {
      if (this.#look === look) this.#look = undefined;
    });
    this.#look = look;
    return look;
  }

  /** Gives a model the rows of its context, and lets it serve: until then the old one does. False where the warm-up was stopped. */
  async #takeOver(predictor: ServedPredictor): Promise<boolean> {
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

  async #follow(minute: EpochMs): Promise<void> {
    await this.#catchUp(minute);
    const champion = await this.#champion();
    const served = this.slot.current?.modelId;
    if (champion === undefined || champion === served) {
      this.#refused = undefined;
      return;
    }
    if (this.#refused?.modelId === champion && minute < this.#refused.minute + RETRY_MS) return;
    const opened = await this.#open(champion);
    if (opened instanceof ModelRefusedError) {
      await this.#refuse(champion, opened, minute);
      return;
    }
    this.#refused = undefined;
    const { modelId, directory } = opened;
    if (!(await this.#takeOver(opened))) return;
    await this.#audit('model.serve', modelId, { directory, previous: served ?? null, after: minute });
    this.#parts.log.info({ modelId, previous: served, after: minute }, 'the promoted model serves');
    this.#parts.onEvent({ kind: 'model', modelId, directory });
  }

  get #folder(): string {
    return this.#parts.config.ml_integration.model.directory ?? this.#parts.modelsDirectory;
  }

  get #options() {
    const { featureSetHash, universe, config } = this.#parts;
    return { featureSetHash, universe: universe(), batchSize: config.ml_integration.scheduler.batch_size };
  }

  #champion(): Promise<string | undefined> {
    return aliasedModel(this.#parts.database, this.#parts.book, 'champion');
  }

  async #open(modelId: string): Promise<ServedPredictor | ModelRefusedError> {
    try {
      return await loadModel(this.#folder, modelId, this.#options);
    } catch (error) {
      if (error instanceof ModelRefusedError) return error;
      throw error;
    }
  }

  /** Says that the champion cannot serve, and why; the same thing is said once. */
  async #refuse(champion: string, refusal: ModelRefusedError, minute: EpochMs): Promise<void> {
    const { field, message } = refusal;
    const isKnown = this.#refused?.modelId === champion && this.#refused.message === message;
    this.#refused = { modelId: champion, message, minute };
    if (isKnown) return;
    const serving = this.slot.current?.modelId;
    this.#reportRefusal(refusal);
    await this.#audit('model.refuse', champion, { field, serving: serving ?? null });
    const still = serving === undefined ? '' : `; ${serving} goes on serving`;
    this.#parts.onEvent({ kind: 'notice', text: `the champion cannot serve: ${message}${still}` });
  }

  #reportRefusal({ directory, field, message }: ModelRefusedError): void {
    this.#parts.metrics.count('minutehand_reasons_total', { reason: 'MODEL_REFUSED' });
    this.#parts.log.warn({ reason: 'MODEL_REFUSED', directory, field }, message);
  }

  #audit(action: string, modelId: string, details: Readonly<Record<string, unknown>>): Promise<void> {
    const { database, clock, book } = this.#parts;
    return appendAudit(database, {
      time: clock.now(),
      actor: ACTOR,
      action,
      subject: modelId,
      details: { book, ...details },
    });
  }
}

function missingIn(directory: string): MinutehandError {
  return new MinutehandError(
    'MODEL_MISSING',
    `there is no model in ${directory}`,
    'Name a folder with a model in ml_integration.model.directory, or leave it out to fit the baseline.',
    { exitCode: 2 },
  );
}
