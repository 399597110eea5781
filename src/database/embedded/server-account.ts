import { spawn } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

/** The account a server runs as. PostgreSQL refuses root, so root gives it to `nobody`; no account is added. */
export interface ServerAccount {
  readonly uid: number;
  readonly gid: number;
  /** Whether it differs from this process's account. */
  readonly differs: boolean;
}

/** As whom the server of this process is to run. */
export function serverAccount(): ServerAccount {
  const uid = process.geteuid?.() ?? 0;
  if (uid !== 0) return { uid, gid: process.getegid?.() ?? uid, differs: false };
  const [, , nobodyUid, nobodyGid] = /^nobody:.*$/m.exec(readOr('/etc/passwd', ''))?.[0].split(':') ?? [];
  return { uid: Number(nobodyUid ?? 65_534), gid: Number(nobodyGid ?? 65_534), differs: true };
}

/** Whether `account` may pass through every directory above `path` (the path itself is not judged). */
export function canReach(account: ServerAccount, path: string): boolean {
  for (let directory = dirname(path); ; directory = dirname(directory)) {
    if (!may(account, directory, 1)) return false;
    if (directory === dirname(directory)) return true;
  }
}

/** Whether the mode of `path` grants `account` the given rights (4 read, 2 write, 1 execute or pass). */
export function may(account: ServerAccount, path: string, rights: number): boolean {
  const { mode, uid, gid } = statSync(path);
  const granted = uid === account.uid ? mode >> 6 : gid === account.gid ? mode >> 3 : mode;
  return (granted & rights) === rights;
}

export interface CommandResult {
  readonly code: number | null;
  /** Standard output and standard error together. */
  readonly output: string;
}

/**
 * Runs a program as `account` in a session of its own, so that no signal of the terminal (Ctrl-C) reaches it or what it
 * starts, and with an environment of its own: no PG* variable, no locale, UTC.
 */
export function runAs(account: ServerAccount, program: string, args: readonly string[]): Promise<CommandResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      ...(account.differs ? { uid: account.uid, gid: account.gid } : {}),
      cwd: '/',
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: '/usr/local/bin:/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' },
    });
    let output = '';
    const collect = (chunk: Buffer) => {
      output += chunk.toString();
    };
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, output }));
  });
}

function readOr(path: string, otherwise: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return otherwise;
  }
}
