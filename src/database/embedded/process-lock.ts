import {
  closeSync,
  linkSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { milliseconds, systemClock, waitReal } from '../../core/index.ts';

/** A process that a recycled process id cannot be mistaken for. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks from boot to its start (field 22 of /proc/PID/stat), with the boot's id. */
  readonly started: string;
}

/** Who this process is. */
export const thisProcess = (): ProcessIdentity => ({ pid: process.pid, started: startOf(process.pid) ?? '' });

/** Whether that very process still runs (a zombie does not). */
export function isAlive(identity: ProcessIdentity): boolean {
  return startOf(identity.pid) === identity.started;
}

/** Ids of the processes whose working directory is `directory`: a PostgreSQL server and its backends live in their cluster. */
export function processesIn(directory: string): number[] {
  const found: number[] = [];
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      if (readlinkSync(`/proc/${entry}/cwd`) === directory) found.push(Number(entry));
    } catch {
      // It has ended, or it is another user's and so none of ours.
    }
  }
  return found;
}

/** The identity written in a file; undefined when it is absent or unreadable. */
export function readIdentity(path: string): ProcessIdentity | undefined {
  try {
    const value: unknown = JSON.parse(readFileSync(path, 'utf8'));
    if (typeof value !== 'object' || value === null || !('pid' in value) || !('started' in value)) return undefined;
    return typeof value.pid === 'number' && typeof value.started === 'string'
      ? { pid: value.pid, started: value.started }
      : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Runs `work` while holding the lock file `path`; waits for a living holder and removes a dead one's lock.
 * @throws Error when a living process holds it for longer than `patienceMs`.
 */
export async function withProcessLock<T>(path: string, patienceMs: number, work: () => Promise<T>): Promise<T> {
  const deadline = systemClock.elapsed() + patienceMs;
  while (!tryLock(path)) {
    if (systemClock.elapsed() > deadline) {
      throw new Error(`process ${readIdentity(path)?.pid ?? 'unknown'} holds ${path}`);
    }
    await waitReal(milliseconds(25));
  }
  try {
    return await work();
  } finally {
    rmSync(path, { force: true });
  }
}

function tryLock(path: string): boolean {
  // Written elsewhere and linked into place, so that nobody ever reads a lock without its holder.
  const draft = `${path}.${process.pid}.${drafts++}`;
  const handle = openSync(draft, 'w', 0o600);
  writeSync(handle, JSON.stringify(thisProcess()));
  closeSync(handle);
  try {
    linkSync(draft, path);
    return true;
  } catch (error) {
    if (!isCode(error, 'EEXIST')) throw error;
    removeIfDead(path);
    return false;
  } finally {
    rmSync(draft, { force: true });
  }
}

let drafts = 0;

function removeIfDead(path: string): void {
  const holder = readIdentity(path);
  if (holder && isAlive(holder)) return;
  // Whoever renames it has it alone; if it has meanwhile become a living process's lock, it goes back.
  const aside = `${path}.stale.${process.pid}.${drafts++}`;
  try {
    renameSync(path, aside);
  } catch {
    return;
  }
  const moved = readIdentity(aside);
  if (moved && isAlive(moved)) {
    try {
      linkSync(aside, path);
    } catch {
      // Two processes cleared the same dead lock within microseconds and a third has it now: it keeps it.
    }
  }
  rmSync(aside, { force: true });
}

function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The command name in parentheses may hold spaces: the fields after it count from the third.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (fields[0] === 'Z' || fields[0] === 'X') return undefined;
    return `${bootId()}/${fields[19]}`;
  } catch {
    return undefined;
  }
}

let boot: string | undefined;

function bootId(): string {
  boot ??= readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  return boot;
}

const isCode = (error: unknown, code: string): boolean =>
  error instanceof Error && 'code' in error && error.code === code;
