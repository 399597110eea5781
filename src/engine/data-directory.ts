import { chmodSync, closeSync, mkdirSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { MinutehandError, messageOf } from '../core/index.ts';
import { isAlive, readIdentity, thisProcess } from '../database/index.ts';

export interface DataDirectory {
  readonly path: string;
  readonly logs: string;
  readonly models: string;
  /** Gives the directory back; a later start may take it. */
  release(): void;
}

/**
 * Takes a data directory for this process: creates it, checks that it can be written to, and locks it. The lock of a process that
 * no longer lives is taken over.
 * @throws MinutehandError DATA_DIRECTORY_IN_USE naming the owner's process id, DATA_DIRECTORY_UNWRITABLE.
 */
export function takeDataDirectory(path: string): DataDirectory {
  const logs = join(path, 'logs');
  const models = join(path, 'models');
  const lock = join(path, 'minutehand.pid');
  try {
    mkdirSync(path, { recursive: true, mode: 0o711 });
    mkdirSync(logs, { recursive: true, mode: 0o700 });
    mkdirSync(models, { recursive: true, mode: 0o700 });
    chmodSync(logs, 0o700);
    const probe = join(path, `.write-${process.pid}`);
    writeFileSync(probe, '');
    rmSync(probe);
  } catch (error) {
    throw new MinutehandError(
      'DATA_DIRECTORY_UNWRITABLE',
      `the data directory ${path} cannot be written to: ${messageOf(error)}`,
      'Choose another with --data-dir, or give this user write access to it.',
      { cause: error },
    );
  }
  for (let attempt = 0; ; attempt++) {
    try {
      const handle = openSync(lock, 'wx', 0o600);
      writeSync(handle, JSON.stringify(thisProcess()));
      closeSync(handle);
      break;
    } catch (error) {
      const owner = readOwner(lock);
      if (owner !== undefined || attempt >= 3) {
        throw new MinutehandError(
          'DATA_DIRECTORY_IN_USE',
          `process ${owner ?? '(unknown)'} already runs on the data directory ${path}`,
          `Stop it first (kill -INT ${owner ?? 'PID'}), or choose another directory with --data-dir.`,
          { cause: error },
        );
      }
      rmSync(lock, { force: true });
    }
  }
  return { path, logs, models, release: () => rmSync(lock, { force: true }) };
}

/** Process id of the live owner of a data directory, if one runs. */
export function ownerOf(path: string): number | undefined {
  return readOwner(join(path, 'minutehand.pid'));
}

function readOwner(lock: string): number | undefined {
  const owner = readIdentity(lock);
  return owner && isAlive(owner) ? owner.pid : undefined;
}
