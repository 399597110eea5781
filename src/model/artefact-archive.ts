import { type UnzipFileInfo, unzipSync, zipSync } from 'fflate';
import { messageOf } from '../core/index.ts';
import { CARD_FILE, MANIFEST_FILE, MODEL_FILE, ModelRefusedError } from './artefact.ts';

const MIB = 2 ** 20;

/** Most bytes each file of an artefact may have: far above any model here, far below what would fill a disk or the memory. */
export const MOST_BYTES: ReadonlyMap<string, number> = new Map([
  [MODEL_FILE, 512 * MIB],
  [MANIFEST_FILE, 16 * MIB],
  [CARD_FILE, MIB],
]);
export const MOST_ARCHIVE_BYTES = 544 * MIB;

/** A date that every archive carries, read as local time, in which archives keep it: equal files give equal archives. */
const ARCHIVE_TIME = '1980-01-01T00:00:00';

/** A zip archive of an artefact's files, in the order given. Weights do not shrink and are stored as they are. */
export function packArtefact(files: ReadonlyMap<string, Uint8Array>): Uint8Array {
  const entries = [...files].map(
    ([name, bytes]) => [name, [bytes, { level: name === MODEL_FILE ? 0 : 6, mtime: ARCHIVE_TIME }]] as const,
  );
  return zipSync(Object.fromEntries(entries) as Parameters<typeof zipSync>[0]);
}

/**
 * The files of an artefact in a zip archive, at its top or in one folder. Names serve to tell the files apart and never become paths.
 * @throws ModelRefusedError with the field `archive` for what is no archive of an artefact, or the name of a file that is too large
 */
export function unpackArtefact(origin: string, archive: Uint8Array): Map<string, Uint8Array> {
  const refuse = (what: string, cause?: unknown) => new ModelRefusedError(origin, 'archive', what, cause);
  const places = new Map<string, string>();
  let folder: string | undefined;
  const choose = ({ name, originalSize }: UnzipFileInfo): boolean => {
    const [, parent = '', file = ''] = /^(?:([^/\\]+)\/)?([^/\\]*)$/.exec(name) ?? [];
    const most = MOST_BYTES.get(file);
    const isFolder = parent !== '' && file === '';
    if (parent === '..' || parent === '.' || (most === undefined && !isFolder)) {
      throw refuse(`holds ${JSON.stringify(name.slice(0, 100))}, which is no file of an artefact`);
    }
    folder ??= parent;
    if (parent !== folder) throw refuse('holds files in more than one folder');
    if (isFolder) return false;
    if (places.has(file)) throw refuse(`holds ${file} twice`);
    if (most !== undefined && originalSize > most) throw tooLarge(origin, file, originalSize);
    places.set(file, name);
    return true;
  };
  let unpacked: Record<string, Uint8Array>;
  try {
    unpacked = unzipSync(archive, { filter: choose });
  } catch (error) {
    if (error instanceof ModelRefusedError) throw error;
    throw refuse(`cannot be unpacked, it is no zip archive or not a whole one: ${messageOf(error)}`, error);
  }
  return new Map([...places].map(([file, name]) => [file, unpacked[name] ?? new Uint8Array()]));
}

/** @returns the refusal of a file by its name */
export function tooLarge(origin: string, file: string, bytes: number): ModelRefusedError {
  return new ModelRefusedError(
    origin,
    file,
    `has ${bytes} bytes; the most is ${MOST_BYTES.get(file) ?? MOST_ARCHIVE_BYTES}`,
  );
}
