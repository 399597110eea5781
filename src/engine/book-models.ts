import { type EpochMs, MinutehandError } from '../core/index.ts';
import { listPromotions, type ModelAlias, promoteModel, saveModel } from '../database/index.ts';
import {
  importArtefact,
  listArtefacts,
  loadNewest,
  type Manifest,
  ModelRefusedError,
  modelRecord,
  modelStanding,
  type PredictorSlot,
  type ServedPredictor,
} from '../model/index.ts';
import {
  ACTOR,
  audit,
  type BookModelsParts,
  ModelSeat,
  modelsFolder,
  reportRefusal,
  servingOptions,
} from './model-seat.ts';

/** What may serve, and what the registry says of it. */
export interface ModelChoice {
  readonly predictor: ServedPredictor | undefined;
  /** The registry's champion, if there is one. */
  readonly champion: string | undefined;
  /** Why the champion does not serve. */
  readonly refusal: ModelRefusedError | undefined;
}

/** The models of a running book: which one serves, which one forecasts beside it, and their change to others between two cycles. */
export class BookModels {
  readonly #parts: BookModelsParts;
  readonly #champion: ModelSeat;
  readonly #challenger: ModelSeat;
  /** The models that came with the package and fit the book, the best first. */
  #packaged: readonly Manifest[] = [];
  #told: string | undefined;

  constructor(parts: BookModelsParts) {
    this.#parts = parts;
    this.#champion = new ModelSeat(parts, 'champion', (predictor) => this.#tell('champion', predictor));
    this.#challenger = new ModelSeat(parts, 'challenger', (predictor) => this.#tell('challenger', predictor));
  }

  /** Holds the model that serves. */
  get slot(): PredictorSlot<ServedPredictor> {
    return this.#champion.slot;
  }

  /** Holds the model that forecasts beside it; empty where the book has no challenger. */
  get challengerSlot(): PredictorSlot<ServedPredictor> {
    return this.#challenger.slot;
  }

  /**
   * The champion where its artefact passes, else the newest that does.
   * @throws MinutehandError MODEL_REFUSED or MODEL_MISSING when `ml_integration.model.directory` is set and nothing in it may serve
   */
  async choose(): Promise<ModelChoice> {
    const champion = await this.#champion.aliased();
    let refusal: ModelRefusedError | undefined;
    if (champion !== undefined) {
      const opened = await this.#champion.open(champion);
      if (!(opened instanceof ModelRefusedError)) return { predictor: opened, champion, refusal: undefined };
      refusal = opened;
      await this.#champion.refuse(champion, refusal, this.#parts.clock.now());
    }
    const { predictor, refusals } = await loadNewest(modelsFolder(this.#parts), servingOptions(this.#parts));
    for (const each of refusals) if (each.directory !== refusal?.directory) reportRefusal(this.#parts, each);
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
    const adopted: Manifest[] = [];
    const { artefacts } = await listArtefacts(packaged);
    for (const { directory, manifest } of artefacts) {
      if (manifest.windows.calibration.to > minute) continue;
      try {
        await importArtefact(directory, modelsFolder(this.#parts), { featureSetHash, universe: universe() });
        adopted.push(manifest);
      } catch (error) {
        if (!(error instanceof ModelRefusedError)) throw error;
        log.info({ modelId: manifest.modelId, field: error.field }, 'a packaged model does not fit this book');
      }
    }
    this.#packaged = adopted;
  }

  /**
   * Makes the chosen model serve, once it is warm, and registers it.
   * A book's first model becomes its champion; so does one that was `fitted` because nothing
   * else could serve. Another that stands in for a refused champion does not: the choice of whoever promoted that one is kept.
   */
  async serve(choice: ModelChoice, fitted: boolean): Promise<void> {
    await this.#champion.exclusively(() => this.#serve(choice, fitted));
  }

  async #serve(choice: ModelChoice, fitted: boolean): Promise<void> {
    const { predictor, champion, refusal } = choice;
    if (!predictor) return;
    const { book, database, clock, onEvent } = this.#parts;
    const { modelId, manifest, directory } = predictor;
    if (!(await this.#champion.takeOver(predictor))) return;
    const time = clock.now();
    await saveModel(database, modelRecord(manifest, time));
    if (champion === undefined || (fitted && refusal)) {
      const instead = champion ?? null;
      await promoteModel(database, { book, modelId, alias: 'champion', instead, actor: ACTOR, time });
    } else if (refusal) {
      await audit(this.#parts, 'model.serve', modelId, { directory, standsInFor: champion, field: refusal.field });
      onEvent({ kind: 'notice', text: `${modelId}, the newest that may serve, stands in for ${champion}` });
    }
    await this.#nameChallenger();
    await this.#tell('champion', predictor);
  }

  /**
   * Looks whether other models were promoted; they work from the next cycle on, once they are loaded and checked. A refused one changes nothing
   * but the log, a counter and a notice. The challenger waits where the champion is about to change.
   */
  async follow(minute: EpochMs): Promise<void> {
    await this.#champion.follow(minute);
    await this.#challenger.follow(minute);
  }

  async close(): Promise<void> {
    await this.#champion.slot.close();
    await this.#challenger.slot.close();
  }

  /** A book that never had a challenger gets the best of the packaged models that does not serve. */
  async #nameChallenger(): Promise<void> {
    const { book, database, clock } = this.#parts;
    const champion = await this.#champion.aliased();
    const loser = this.#packaged.find(({ modelId }) => modelId !== champion);
    if (champion === undefined || !loser) return;
    const promotions = await listPromotions(database, book, Number.MAX_SAFE_INTEGER);
    if (promotions.some(({ alias }) => alias === 'challenger')) return;
    const time = clock.now();
    await saveModel(database, modelRecord(loser, time));
    const request = { book, modelId: loser.modelId, alias: 'challenger', instead: null, actor: ACTOR, time } as const;
    await promoteModel(database, request);
  }

  /** Tells what has changed, and how champion and challenger stand to each other; the same thing once. */
  async #tell(alias: ModelAlias, predictor?: ServedPredictor): Promise<void> {
    const { database, book, onEvent } = this.#parts;
    if (predictor) {
      const { modelId, directory } = predictor;
      onEvent({ kind: 'model', alias, modelId, directory });
    }
    const standing = await modelStanding(database, book);
    const text = JSON.stringify(standing);
    if (text !== this.#told) onEvent({ kind: 'standing', standing });
    this.#told = text;
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
