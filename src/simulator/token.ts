import { randomBytes, timingSafeEqual } from 'node:crypto';
import { closeSync, constants, fstatSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Environment variable that sets the token of both sides. */
const TOKEN_VARIABLE = 'MINUTEHAND_SIM_TOKEN';

const userId = (): number => process.getuid?.() ?? 0;
const pathOf = (port: number): string => join(tmpdir(), `minutehand-sim-${userId()}-${port}.token`);

/** The token from the environment, or a new one. */
export function makeToken(environment: NodeJS.ProcessEnv = process.env): string {
  return environment[TOKEN_VARIABLE] || randomBytes(24).toString('hex');
}

/** Leaves the token where a client of the same user finds it. The file is new, mode 0600, and never follows a link. */
export function publishToken(port: number, token: string): void {
  const path = pathOf(port);
  rmSync(path, { force: true });
  const file = openSync(path, constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY | constants.O_NOFOLLOW, 0o600);
  try {
    writeSync(file, `${token}\n`);
  } finally {
    closeSync(file);
  }
}

/** Removes the token's file, unless another simulator has since put its own there. */
export function withdrawToken(port: number, token: string): void {
  if (readSimulatorToken(port, {}) === token) rmSync(pathOf(port), { force: true });
}

/**
 * The admin token of the simulator on `port` of this machine: from MINUTEHAND_SIM_TOKEN, else from the file that a simulator
 * of the same user left. Undefined where there is none, or where the file is not this user's alone.
 */
export function readSimulatorToken(port: number, environment: NodeJS.ProcessEnv = process.env): string | undefined {
  const given = environment[TOKEN_VARIABLE];
  if (given) return given;
  let file: number;
  try {
    file = openSync(pathOf(port), constants.O_RDONLY | constants.O_NOFOLLOW);
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
