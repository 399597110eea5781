import { randomBytes, timingSafeEqual } from 'node:crypto';
import { closeSync, constants, fstatSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Environment variable that sets the token of both sides. */
const TOKEN_VARIABLE = 'MINUTEHAND_SIM_TOKEN';

const userId = (): number => process.getuid?.() ?? 0;
type SecretKind = 'token' | 'account';
const pathOf = (port: number, kind: SecretKind): string => join(tmpdir(), `minutehand-sim-${userId()}-${port}.${kind}`);

/** The token from the environment, or a new one. */
export function makeToken(environment: NodeJS.ProcessEnv = process.env): string {
  return environment[TOKEN_VARIABLE] || randomBytes(24).toString('hex');
}

/** Leaves a secret where a client of the same user finds it. The file is new, mode 0600, and never follows a link. */
export function publishSecret(port: number, kind: SecretKind, secret: string): void {
  const path = pathOf(port, kind);
  rmSync(path, { force: true });
  const file = openSync(path, constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY | constants.O_NOFOLLOW, 0o600);
  try {
    writeSync(file, `${secret}\n`);
  } finally {
    closeSync(file);
  }
}

/** Removes a secret's file, unless another simulator has since put its own there. */
export function withdrawSecret(port: number, kind: SecretKind, secret: string): void {
  if (readSecret(port, kind) === secret) rmSync(pathOf(port, kind), { force: true });
}

/**
 * The admin token of the simulator on `port` of this machine: from MINUTEHAND_SIM_TOKEN, else from the file that a simulator
 * of the same user left. Undefined where there is none, or where the file is not this user's alone.
 */
export function readSimulatorToken(port: number, environment: NodeJS.ProcessEnv = process.env): string | undefined {
  return environment[TOKEN_VARIABLE] || readSecret(port, 'token');
}

/** A secret that a simulator on `port` of the same user left; undefined where the file is missing or not this user's alone. */
export function readSecret(port: number, kind: SecretKind): string | undefined {
  let file: number;
  try {
    file = openSync(pathOf(port, kind), constants.O_RDONLY | constants.O_NOFOLLOW);
  } catch {
    return undefined;
  }
  try {
    const { uid, mode } = fstatSync(file);
    return uid === userId() && (mode & 0o077) === 0 ? readFileSync(file, 'utf8').trim() : undefined;
  } finally {
    closeSync(file);
  }
}

/** Compares an Authorization header with the token in constant time. */
export function bearsToken(header: string | undefined, token: string): boolean {
  const given = Buffer.from(header ?? '');
  const expected = Buffer.from(`Bearer ${token}`);
  return given.length === expected.length && timingSafeEqual(given, expected);
}
