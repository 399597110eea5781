import { randomBytes } from 'node:crypto';
import {
  accessSync,
  chmodSync,
  chownSync,
  constants,
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { MinutehandError, messageOf } from '../../core/index.ts';
import type { Binaries } from './binaries.ts';
import { canReach, may, runAs, type ServerAccount } from './server-account.ts';

/** The name of the superuser and of the database. */
export const DATABASE_USER = 'minutehand';

/** Where the parts of an embedded server lie. */
export interface ClusterPlace {
  /** `DATA_DIR/database`: password, port, owner and locks; only this process's account reads them. */
  readonly folder: string;
  /** The folder of the server's own files: `folder`, or one that the server's account can reach. */
  readonly serverFolder: string;
  /** PGDATA. */
  readonly cluster: string;
  readonly serverLog: string;
}

/** The place of a data directory that has been used before; undefined for a new one. */
export function findPlace(dataDir: string): ClusterPlace | undefined {
  const folder = join(dataDir, 'database');
  if (!existsSync(folder)) return undefined;
  const serverFolder = readText(join(folder, 'server-folder')) ?? realpathSync(folder);
  return existsSync(join(serverFolder, 'cluster')) ? placeAt(folder, serverFolder) : undefined;
}

/**
 * The place for a data directory, made if it is new. Where the server's account cannot reach the data directory (root's, below a 0700
 * home), the server's files go to /var/lib/minutehand, or else /var/tmp; the data directory records where.
 * @throws MinutehandError DATA_DIRECTORY_UNWRITABLE
 */
export function preparePlace(dataDir: string, account: ServerAccount): ClusterPlace {
  const folder = join(dataDir, 'database');
  try {
    mkdirSync(folder, { recursive: true });
    accessSync(folder, constants.W_OK | constants.X_OK);
    chmodSync(folder, account.differs ? 0o711 : 0o700);
    if (account.differs && realpathSync(dataDir) !== realHome()) chmodSync(dataDir, statSync(dataDir).mode | 0o011);
    const recorded = findPlace(dataDir);
    if (recorded) return recorded;
    const real = realpathSync(folder);
    if (!account.differs || (canReach(account, join(real, 'cluster')) && may(account, real, 1))) {
      return placeAt(folder, real);
    }
    const serverFolder = reachableFolder(account);
    writePrivate(join(folder, 'server-folder'), serverFolder);
    return placeAt(folder, serverFolder);
  } catch (error) {
    throw unwritable(dataDir, error);
  }
}

/**
 * Makes the cluster unless it exists: UTF-8, locale C (byte order, the same everywhere), scram passwords.
 * @throws MinutehandError DATABASE_MAJOR_DIFFERS, DATABASE_INIT_FAILED
 */
export async function initializeCluster(
  place: ClusterPlace,
  binaries: Binaries,
  account: ServerAccount,
  settings: Readonly<Record<string, string>>,
): Promise<void> {
  const major = readText(join(place.cluster, 'PG_VERSION'));
  if (major !== undefined) {
    if (Number(major) === binaries.major) return;
    throw new MinutehandError(
      'DATABASE_MAJOR_DIFFERS',
      `The database in ${place.cluster} was made by PostgreSQL ${major}; this version brings ${binaries.major}.`,
      'Run the version of Minutehand that made it, take a backup there and restore it here, or choose another --data-dir.',
    );
  }
  const password = randomBytes(24).toString('base64url');
  const passwordFile = join(place.folder, 'password');
  // initdb reads the password as the server's account, and wants a directory of its own that is complete or absent.
  const draft = join(place.serverFolder, 'cluster.draft');
  const draftPassword = join(place.serverFolder, 'password.draft');
  rmSync(draft, { recursive: true, force: true });
  try {
    mkdirSync(draft, { mode: 0o700 });
    chmodSync(draft, 0o700);
    writePrivate(draftPassword, password);
    writePrivate(passwordFile, password);
    if (account.differs) {
      chownSync(draft, account.uid, account.gid);
      chownSync(draftPassword, account.uid, account.gid);
    }
    const { code, output } = await runAs(account, binaries.initdb, [
      `--pgdata=${draft}`,
      `--username=${DATABASE_USER}`,
      `--pwfile=${draftPassword}`,
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      '--locale=C',
      ...(settings.fsync === 'off' ? ['--no-sync'] : []),
    ]);
    if (code !== 0) throw initFailed(place, output);
    const main = join(draft, 'postgresql.conf');
    writeFileSync(main, `${readFileSync(main, 'utf8')}\ninclude 'minutehand.conf'\n`);
    renameSync(draft, place.cluster);
  } catch (error) {
    if (error instanceof MinutehandError) throw error;
    if (isCode(error, 'EACCES', 'EROFS')) throw unwritable(place.serverFolder, error);
    throw initFailed(place, messageOf(error));
  } finally {
    rmSync(draftPassword, { force: true });
    rmSync(draft, { recursive: true, force: true });
  }
}

/** Writes the settings of the next start: loopback only, no socket file, sized for a machine shared with the engine. */
export function writeSettings(
  place: ClusterPlace,
  account: ServerAccount,
  port: number,
  extra: Readonly<Record<string, string>>,
): void {
  const settings: Record<string, string> = {
    port: String(port),
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    max_connections: '100',
    shared_buffers: '128MB',
    max_wal_size: '2GB',
    // Compilation and parallel workers cost the minute's short statements more than they give.
    jit: 'off',
    max_parallel_workers_per_gather: '0',
    max_parallel_maintenance_workers: '0',
    timezone: 'UTC',
    log_timezone: 'UTC',
    log_line_prefix: '%m [%p] ',
    ...extra,
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name} = '${value.replaceAll("'", "''")}'\n`);
  const path = join(place.cluster, 'minutehand.conf');
  writePrivate(path, lines.join(''));
  if (account.differs) chownSync(path, account.uid, account.gid);
  writePrivate(join(place.folder, 'port'), String(port));
}

/** The connection string of a place, without saying that a server answers there; undefined before the first start. */
export function connectionString(place: ClusterPlace, database: string): string | undefined {
  const port = recordedPort(place);
  const password = readText(join(place.folder, 'password'));
  if (port === undefined || password === undefined) return undefined;
  return `postgresql://${DATABASE_USER}:${password}@127.0.0.1:${port}/${database}`;
}

/** The port recorded in the data directory if nothing listens there, else a free one. */
export async function choosePort(place: ClusterPlace): Promise<number> {
  const recorded = recordedPort(place);
  return (recorded !== undefined && (await bindable(recorded))) || (await bindable(0)) || 0;
}

function recordedPort(place: ClusterPlace): number | undefined {
  const port = Number(readText(join(place.folder, 'port')));
  return Number.isInteger(port) && port > 0 && port < 65_536 ? port : undefined;
}

/** The port that could be bound on loopback, or 0. */
function bindable(port: number): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer();
    server.on('error', () => resolve(0));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}

const placeAt = (folder: string, serverFolder: string): ClusterPlace => ({
  folder,
  serverFolder,
  cluster: join(serverFolder, 'cluster'),
  serverLog: join(serverFolder, 'server.log'),
});

function reachableFolder(account: ServerAccount): string {
  const name = randomBytes(8).toString('hex');
  let refusal: unknown;
  for (const parent of ['/var/lib/minutehand', '/var/tmp/minutehand', join(tmpdir(), 'minutehand')]) {
    try {
      mkdirSync(parent, { recursive: true });
      if (statSync(parent).uid !== process.geteuid?.()) continue;
      chmodSync(parent, 0o711);
      const folder = join(parent, name);
      mkdirSync(folder);
      chmodSync(folder, 0o711);
      if (canReach(account, join(folder, 'cluster'))) return folder;
    } catch (error) {
      refusal = error;
    }
  }
  throw refusal ?? new Error('no folder can be reached by the account "nobody"');
}

function realHome(): string {
  try {
    return realpathSync(homedir());
  } catch {
    return '/root';
  }
}

function unwritable(directory: string, cause: unknown): MinutehandError {
  return new MinutehandError(
    'DATA_DIRECTORY_UNWRITABLE',
    `The database cannot be kept in ${directory}: ${messageOf(cause)}.`,
    'Make the directory writable for this account (and check that the disk has room), or choose another with --data-dir.',
    { cause },
  );
}

function initFailed(place: ClusterPlace, output: string): MinutehandError {
  const line = output
    .trim()
    .split('\n')
    .findLast((text) => /error|fatal|could not|cannot/i.test(text));
  return new MinutehandError(
    'DATABASE_INIT_FAILED',
    `PostgreSQL could not create a database in ${place.cluster}: ${(line ?? output).trim() || 'no reason given'}`,
    'Check that the disk has room (50 MB at least) and that the directory is on a local file system, or set DATABASE_URL.',
  );
}

export function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (error) {
    if (isCode(error, 'ENOENT', 'ENOTDIR')) return undefined;
    throw error;
  }
}

/** Writes a file that only its owner reads, whole or not at all. */
function writePrivate(path: string, text: string): void {
  const draft = `${path}.${process.pid}`;
  writeFileSync(draft, text, { mode: 0o600 });
  chmodSync(draft, 0o600);
  renameSync(draft, path);
}

const isCode = (error: unknown, ...codes: string[]): boolean =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' && codes.includes(error.code);
