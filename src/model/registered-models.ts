import { basename } from 'node:path';
import { type EpochMs, epochMs, MinutehandError, type SymbolId } from '../core/index.ts';
import {
  aliasedModel,
  appendAudit,
  type Database,
  listModels,
  listPromotions,
  MODEL_ALIASES,
  type ModelAlias,
  type ModelChange,
  type ModelStatus,
  type Promotion,
  promoteModel,
  rollbackChampion,
  saveModel,
  universeAt,
  unknownModel,
} from '../database/index.ts';
import { checkManifest, ModelRefusedError, type ServingExpectation } from './artefact.ts';
import { exportArtefact, type ImportedArtefact, importArtefact } from './artefact-transfer.ts';
import { modelRecord } from './manifest.ts';
import { type ModelSummary, summarizeManifest } from './model-summary.ts';
import { artefactIn, findArtefact, listArtefacts, loadModel } from './registry.ts';
import { SMALLEST_BATCH } from './served-predictor.ts';

/** The models of one book: what is registered of them in the database, and the folder where their artefacts lie. */
export interface ModelRegistry {
  readonly database: Database;
  readonly book: string;
  readonly folder: string;
  /** Of the features that this version computes. */
  readonly featureSetHash: string;
}

/** Who does it, and when. */
export interface RegistryAct {
  /** "cli:alice". */
  readonly actor: string;
  readonly time: EpochMs;
}

export interface RegistryEntry extends ModelSummary {
  readonly modelId: string;
  readonly kind: string;
  readonly status: ModelStatus;
  readonly alias: ModelAlias | null;
  /** When it was registered; null for an artefact in the folder that nobody has registered yet. */
  readonly registeredAt: EpochMs | null;
  readonly featureSetHash: string;
  /** Of its artefact; null where there is none here. */
  readonly directory: string | null;
  /** Why it cannot be served, as far as its manifest tells. */
  readonly refusal: Refusal | null;
}

export interface Refusal {
  readonly field: string;
  readonly message: string;
}

export interface RegistryList {
  readonly models: readonly RegistryEntry[];
  /** Folders that hold no manifest that can be read, and belong to no registered model. */
  readonly unreadable: readonly (Refusal & { readonly directory: string })[];
}

/** Every model that is registered or lies in the folder: the champion, the challenger, then the newest first. */
export async function listRegistry(registry: ModelRegistry): Promise<RegistryList> {
  const registered = await listModels(registry.database, registry.book);
  const list = await listArtefacts(registry.folder);
  const expected = await expectationOf(registry);
  const known = new Set(registered.map(({ modelId }) => modelId));
  const models = [
    ...list.artefacts
      .filter(({ manifest }) => !known.has(manifest.modelId))
      .map(({ manifest, directory }): RegistryEntry => {
        const { modelId, kind, featureSetHash } = manifest;
        const refusal = refusalOf(() => checkManifest(directory, manifest, expected));
        const row = { modelId, kind, featureSetHash, status: 'candidate', alias: null, registeredAt: null } as const;
        return { ...row, directory, refusal, ...summarizeManifest(manifest) };
      }),
    ...registered.map(({ manifest, createdAt, alias, ...row }): RegistryEntry => {
      let directory: string | null = null;
      const refusal = refusalOf(() => {
        const found = artefactIn(list, registry.folder, row.modelId);
        directory = found.directory;
        checkManifest(directory, found.manifest, expected);
      });
      const registeredAs = { ...row, alias: alias ?? null, registeredAt: createdAt };
      return { ...registeredAs, directory, refusal, ...summarizeManifest(manifest) };
    }),
  ];
  const place = ({ alias }: RegistryEntry) => (alias === null ? MODEL_ALIASES.length : MODEL_ALIASES.indexOf(alias));
  return {
    models: models.sort((a, b) => place(a) - place(b)),
    unreadable: list.refusals
      .filter(({ directory }) => !known.has(basename(directory)))
      .map((refusal) => ({ directory: refusal.directory, ...told(refusal) })),
  };
}

/** A model by its id or alias, checked as for serving, with its promotions, newest first. @throws MinutehandError MODEL_UNKNOWN */
export async function showModel(
  registry: ModelRegistry,
  idOrAlias: string,
): Promise<RegistryEntry & { readonly promotions: readonly Promotion[] }> {
  const entry = await findEntry(registry, idOrAlias);
  const refusal = await check(registry, entry.modelId);
  const promotions = await listPromotions(registry.database, registry.book, PROMOTIONS_READ);
  return {
    ...entry,
    refusal: refusal ? told(refusal) : null,
    promotions: promotions.filter(({ modelId }) => modelId === entry.modelId),
  };
}

/**
 * Gives a model an alias of the book, once its artefact has passed every check of serving. Forced, it is promoted whatever the checks say;
 * who serves checks again, and keeps the old model where they still fail.
 * @throws ModelRefusedError, MinutehandError MODEL_UNKNOWN, MODEL_IS_CHAMPION
 */
export async function promoteRegistered(
  registry: ModelRegistry,
  request: RegistryAct & { readonly model: string; readonly alias: ModelAlias; readonly isForced: boolean },
): Promise<ModelChange & { readonly refusal: Refusal | null }> {
  const { actor, time, alias, isForced } = request;
  const { modelId, registeredAt } = await findEntry(registry, request.model);
  const refusal = await check(registry, modelId);
  if (refusal && !isForced) throw refusal;
  if (registeredAt === null) {
    const { manifest } = await findArtefact(registry.folder, modelId);
    await saveModel(registry.database, modelRecord(manifest, time));
  }
  const change = await promoteModel(registry.database, {
    book: registry.book,
    modelId,
    alias,
    actor,
    time,
    ...(refusal ? { details: { forced: told(refusal) } } : {}),
  });
  return { ...change, refusal: refusal ? told(refusal) : null };
}

/**
 * Takes the promotion of the champion back, once the artefact of the one before it has passed every check of serving. With `from`, the
 * champion that is meant, a repeated call changes nothing.
 * @throws ModelRefusedError, MinutehandError MODEL_WITHOUT_PREDECESSOR, MODEL_NOT_CHAMPION, MODEL_UNKNOWN
 */
export async function rollbackRegistered(
  registry: ModelRegistry,
  request: RegistryAct & { readonly from?: string },
): Promise<ModelChange> {
  const { database, book } = registry;
  const champion = await aliasedModel(database, book, 'champion');
  const from = request.from ?? champion;
  if (from === undefined) {
    throw new MinutehandError(
      'MODEL_WITHOUT_PREDECESSOR',
      'no model is champion, so there is none to go back from',
      'Promote one: minutehand model promote ID.',
    );
  }
  if (from === champion) {
    const standing = (await listPromotions(database, book, PROMOTIONS_READ)).filter(
      ({ alias, takenBackAt }) => alias === 'champion' && takenBackAt === undefined,
    );
    const predecessor = standing[1]?.modelId;
    const refusal = predecessor === undefined ? undefined : await check(registry, predecessor);
    if (refusal) throw refusal;
  }
  return rollbackChampion(database, { book, from, actor: request.actor, time: request.time });
}

/** Writes a model's artefact to a folder or a `.zip` file that does not exist yet. @throws as {@link exportArtefact}, MODEL_UNKNOWN */
export async function exportModel(
  registry: ModelRegistry,
  idOrAlias: string,
  destination: string,
): Promise<{ readonly modelId: string }> {
  const { modelId } = await findEntry(registry, idOrAlias);
  await exportArtefact((await findArtefact(registry.folder, modelId)).directory, destination);
  return { modelId };
}

/** Takes an artefact from a folder or a zip archive into the registry, as a candidate. @throws as {@link importArtefact} */
export async function importModel(
  registry: ModelRegistry,
  source: string,
  act: RegistryAct,
): Promise<ImportedArtefact> {
  const { database, folder, book } = registry;
  const imported = await importArtefact(source, folder, await expectationOf(registry));
  const isNew = await saveModel(database, modelRecord(imported.manifest, act.time));
  if (isNew || imported.changed) {
    const { modelId } = imported.manifest;
    await appendAudit(database, { ...act, action: 'model.import', subject: modelId, details: { book, source } });
  }
  return { ...imported, changed: imported.changed || isNew };
}

/** More than anyone promotes. */
const PROMOTIONS_READ = 10_000;

async function findEntry(registry: ModelRegistry, idOrAlias: string): Promise<RegistryEntry> {
  const { models } = await listRegistry(registry);
  const found = models.find(({ modelId, alias }) => modelId === idOrAlias || alias === idOrAlias);
  if (found) return found;
  throw unknownModel(
    idOrAlias,
    models.map(({ modelId }) => modelId),
  );
}

/** What serving expects: of a book that never ran, no universe is known. */
async function expectationOf({ database, book, featureSetHash }: ModelRegistry): Promise<ServingExpectation> {
  const universe: readonly SymbolId[] | undefined = await universeAt(database, book, epochMs(Number.MAX_SAFE_INTEGER));
  return { featureSetHash, universe };
}

/** Why a model may not be served, or undefined: opened, and closed again. */
async function check(registry: ModelRegistry, modelId: string): Promise<ModelRefusedError | undefined> {
  const expected = await expectationOf(registry);
  try {
    await (await loadModel(registry.folder, modelId, { ...expected, batchSize: SMALLEST_BATCH })).close();
    return undefined;
  } catch (error) {
    if (error instanceof ModelRefusedError) return error;
    throw error;
  }
}

/** What a check refuses, or null. */
function refusalOf(check: () => void): Refusal | null {
  try {
    check();
    return null;
  } catch (error) {
    if (error instanceof ModelRefusedError) return told(error);
    throw error;
  }
}

const told = ({ field, message }: ModelRefusedError): Refusal => ({ field, message });
