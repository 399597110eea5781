import { constants } from 'node:fs';
import { lstat, mkdir, open, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { MinutehandError, messageOf } from '../core/index.ts';
import {
  CARD_FILE,
  type CheckedArtefact,
  checkArtefact,
  checkManifest,
  checkModel,
  MANIFEST_FILE,
  MODEL_FILE,
  ModelRefusedError,
  parseManifest,
  putFolder,
  type ServingExpectation,
} from './artefact.ts';
import { MOST_ARCHIVE_BYTES, MOST_BYTES, packArtefact, tooLarge, unpackArtefact } from './artefact-archive.ts';
import { modelCard } from './card.ts';
import type { Manifest } from './manifest.ts';
import { probeArtefact } from './predictor.ts';

export interface ImportedArtefact {
  readonly directory: string;
  readonly manifest: Manifest;
  /** false: it was there already, whole. */
  readonly changed: boolean;
}

/**
 * Copies an artefact into a new folder, or into a zip archive where the destination ends in `.zip`. The same artefact gives the same bytes.
 * @throws ModelRefusedError when the artefact is damaged, MinutehandError MODEL_DESTINATION_EXISTS
 */
export async function exportArtefact(directory: string, destination: string): Promise<void> {
  if (await exists(destination)) {
    throw new MinutehandError(
      'MODEL_DESTINATION_EXISTS',
      `${destination} exists already`,
      'Name a folder or a .zip file that does not exist yet.',
      { exitCode: 2 },
    );
  }
  const files = await readFolder(directory);
  const { manifest } = checkFiles(directory, files);
  const exported = filesOf(manifest, files);
  if (!destination.toLowerCase().endsWith('.zip')) {
    await putFolder(destination, exported);
    return;
  }
  const temporary = join(dirname(destination), `.${basename(destination)}.${process.pid}.writing`);
  try {
    await writeFile(temporary, packArtefact(exported));
    await rename(temporary, destination);
  } finally {
    await rm(temporary, { force: true });
  }
}

/**
 * Takes an artefact from a folder or a zip archive into a folder of artefacts. Everything is checked before anything is written, sizes are
 * bounded, links are not followed, and the artefact appears by a rename. The card is written anew: no hash covers the one that came.
 * @throws ModelRefusedError naming the field, MinutehandError MODEL_SOURCE_MISSING
 */
export async function importArtefact(
  source: string,
  parent: string,
  expected: ServingExpectation,
): Promise<ImportedArtefact> {
  const files = await readSource(source);
  const artefact = checkFiles(source, files, expected);
  await probeArtefact(artefact);
  const { manifest } = artefact;
  const directory = join(parent, manifest.modelId);
  if (await isWhole(directory, manifest)) return { directory, manifest, changed: false };
  await mkdir(parent, { recursive: true });
  await putFolder(directory, filesOf(manifest, files));
  return { directory, manifest, changed: true };
}

type Files = ReadonlyMap<string, Uint8Array>;

/** Checks an artefact that is held in memory; without an expectation, only that it is undamaged. */
function checkFiles(origin: string, files: Files, expected?: ServingExpectation): CheckedArtefact {
  const take = (name: string, field: string): Uint8Array => {
    const bytes = files.get(name);
    if (!bytes) throw new ModelRefusedError(origin, field, `there is no ${name}`);
    return bytes;
  };
  const manifest = parseManifest(origin, Buffer.from(take(MANIFEST_FILE, 'manifest')).toString('utf8'));
  const { featureSetHash } = manifest;
  checkManifest(origin, manifest, expected ?? { featureSetHash, universe: undefined });
  return checkModel(origin, manifest, take(MODEL_FILE, MODEL_FILE));
}

/** The manifest and the weights to the letter, and the card that follows from them. */
function filesOf(manifest: Manifest, files: Files): Map<string, Uint8Array> {
  return new Map([
    ...[MODEL_FILE, MANIFEST_FILE].map((name) => [name, files.get(name) ?? new Uint8Array()] as const),
    [CARD_FILE, Buffer.from(modelCard(manifest))],
  ]);
}

async function isWhole(directory: string, manifest: Manifest): Promise<boolean> {
  try {
    const { featureSetHash, modelId } = manifest;
    const there = await checkArtefact(directory, { featureSetHash, universe: undefined });
    return there.manifest.modelId === modelId;
  } catch (error) {
    if (error instanceof ModelRefusedError) return false;
    throw error;
  }
}

async function readSource(source: string): Promise<Files> {
  const found = await stat(source).catch(() => undefined);
  if (!found) {
    throw new MinutehandError(
      'MODEL_SOURCE_MISSING',
      `there is no ${source}`,
      'Name the folder of an artefact, or a .zip file that "minutehand model export" made.',
      { exitCode: 2 },
    );
  }
  if (found.isDirectory()) return readFolder(source);
  const archive = await readBounded(source, source, 'archive', MOST_ARCHIVE_BYTES, 0);
  return unpackArtefact(source, archive ?? new Uint8Array());
}

async function readFolder(directory: string): Promise<Files> {
  const files = new Map<string, Uint8Array>();
  for (const [name, most] of MOST_BYTES) {
    const bytes = await readBounded(directory, join(directory, name), name, most, constants.O_NOFOLLOW);
    if (bytes) files.set(name, bytes);
  }
  return files;
}

/** The bytes of a plain file, or undefined where there is none. What a link, a pipe or a device is called counts for nothing. */
async function readBounded(
  origin: string,
  path: string,
  field: string,
  most: number,
  flags: number,
): Promise<Uint8Array | undefined> {
  const refuse = (what: string, cause?: unknown) => new ModelRefusedError(origin, field, what, cause);
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | flags).catch((error: unknown) => {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ENOENT') return undefined;
    throw refuse(code === 'ELOOP' ? 'is a symbolic link' : messageOf(error), error);
  });
  if (!handle) return undefined;
  try {
    const found = await handle.stat();
    if (!found.isFile()) throw refuse('is not a plain file');
    if (found.size > most) throw tooLarge(origin, field, found.size);
    return await handle.readFile();
  } finally {
    await handle.close();
  }
}

async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}
