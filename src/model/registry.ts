import { basename, join } from 'node:path';
import { artefactFolders, ModelRefusedError, readManifest } from './artefact.ts';
import type { Manifest } from './manifest.ts';
import { loadPredictor } from './predictor.ts';
import type { PredictorOptions, ServedPredictor } from './served-predictor.ts';

export interface ListedArtefact {
  readonly directory: string;
  readonly manifest: Manifest;
}

export interface ArtefactList {
  readonly artefacts: readonly ListedArtefact[];
  /** Folders without a manifest that can be read. */
  readonly refusals: readonly ModelRefusedError[];
}

export interface Servable {
  /** The newest artefact that matches, opened, or undefined. */
  readonly predictor: ServedPredictor | undefined;
  /** Newer or unreadable ones and why each may not be served. */
  readonly refusals: readonly ModelRefusedError[];
}

/** Artefacts in a folder of artefacts, newest first; folders without a readable manifest come back as refusals. */
export async function listArtefacts(parent: string): Promise<ArtefactList> {
  const artefacts: ListedArtefact[] = [];
  const refusals: ModelRefusedError[] = [];
  for (const directory of await artefactFolders(parent)) {
    try {
      artefacts.push({ directory, manifest: await readManifest(directory) });
    } catch (error) {
      if (!(error instanceof ModelRefusedError)) throw error;
      refusals.push(error);
    }
  }
  return { artefacts: artefacts.sort(newestFirst), refusals };
}

/**
 * The artefact of a model, whatever its folder is called.
 * @throws ModelRefusedError with the field `artefact` when no folder holds it, or with what is wrong with the manifest of the folder that
 * has its name
 */
export async function findArtefact(parent: string, modelId: string): Promise<ListedArtefact> {
  return artefactIn(await listArtefacts(parent), parent, modelId);
}

/** {@link findArtefact} in a list of what the folder holds. */
export function artefactIn(list: ArtefactList, parent: string, modelId: string): ListedArtefact {
  const found = list.artefacts.find(({ manifest }) => manifest.modelId === modelId);
  if (found) return found;
  const unreadable = list.refusals.find(({ directory }) => basename(directory) === modelId);
  throw unreadable ?? new ModelRefusedError(join(parent, modelId), 'artefact', 'the folder of the model is missing');
}

/** Opens a model by its id for serving. @throws ModelRefusedError (MODEL_REFUSED), also where its folder is missing */
export async function loadModel(parent: string, modelId: string, options: PredictorOptions): Promise<ServedPredictor> {
  return loadPredictor((await findArtefact(parent, modelId)).directory, options);
}

/**
 * Opens the newest artefact of a folder that may be served: newest by the end of its test window, that is by the market it has seen, as
 * files have no honest date. Those refused on the way are reported.
 */
export async function loadNewest(parent: string, options: PredictorOptions): Promise<Servable> {
  const { artefacts, refusals: unreadable } = await listArtefacts(parent);
  const refusals = [...unreadable];
  for (const { directory } of artefacts) {
    try {
      return { predictor: await loadPredictor(directory, options), refusals };
    } catch (error) {
      if (!(error instanceof ModelRefusedError)) throw error;
      refusals.push(error);
    }
  }
  return { predictor: undefined, refusals };
}

/** Newest by the end of the test window; of those judged up to the same time, the one with the smaller mean log-loss there. */
function newestFirst(a: ListedArtefact, b: ListedArtefact): number {
  const byEnd = b.manifest.windows.test.to - a.manifest.windows.test.to;
  const lossOf = ({ manifest }: ListedArtefact) => manifest.metrics.mean.logLoss.value ?? Number.POSITIVE_INFINITY;
  const byLoss = Math.sign(lossOf(a) - lossOf(b)) || 0;
  return byEnd || byLoss || (a.manifest.modelId < b.manifest.modelId ? -1 : 1);
}
