import {
  artefactFolders,
  checkArtefact,
  ModelRefusedError,
  readManifest,
  type ServingExpectation,
} from './artefact.ts';
import type { Manifest } from './manifest.ts';

export interface ListedArtefact {
  readonly directory: string;
  readonly manifest: Manifest;
}

export interface Servable {
  /** The newest artefact that matches, or undefined. */
  readonly servable: ListedArtefact | undefined;
  /** Newer or unreadable ones and why each may not be served. */
  readonly refusals: readonly ModelRefusedError[];
}

/** Artefacts in a folder of artefacts, newest first; folders without a readable manifest come back as refusals. */
export async function listArtefacts(
  parent: string,
): Promise<{ readonly artefacts: ListedArtefact[]; readonly refusals: ModelRefusedError[] }> {
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
 * The newest artefact in any of the folders that may be served: newest by the end of its test window, that is by the market it has
 * seen, as files have no honest date. Those refused on the way are reported.
 */
export async function findServable(parents: readonly string[], expected: ServingExpectation): Promise<Servable> {
  const listed = await Promise.all(parents.map(listArtefacts));
  const refusals = listed.flatMap((entry) => entry.refusals);
  for (const artefact of listed.flatMap((entry) => entry.artefacts).sort(newestFirst)) {
    try {
      await checkArtefact(artefact.directory, expected);
      return { servable: artefact, refusals };
    } catch (error) {
      if (!(error instanceof ModelRefusedError)) throw error;
      refusals.push(error);
    }
  }
  return { servable: undefined, refusals };
}

function newestFirst(a: ListedArtefact, b: ListedArtefact): number {
  const byEnd = b.manifest.windows.test.to - a.manifest.windows.test.to;
  return byEnd || (a.manifest.modelId < b.manifest.modelId ? -1 : 1);
}
