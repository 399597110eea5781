import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const BINARY = join(ROOT, 'bin', 'minutehand.js');

export interface Finished {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  readonly process: ChildProcess;
  readonly finished: Promise<Finished>;
  /** Everything written to stdout so far. */
  stdout(): string;
  stderr(): string;
}

/** Starts the built binary, or `npm start` with `npm: true`. */
export function startMinutehand(
  args: readonly string[],
  options: { npm?: boolean; cwd?: string; env?: Record<string, string> } = {},
): Running {
  const [command, all] = options.npm
    ? ['npm', ['--prefix', ROOT, 'start', '--silent', '--', ...args]]
    : [process.execPath, [BINARY, ...args]];
  const child = spawn(command, all, {
    cwd: options.cwd ?? tmpdir(),
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NO_COLOR: '1', ...options.env },
  });
  let stdout = '';
  let stderr = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    stdout += chunk.toString();
  });
  child.stderr?.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const finished = new Promise<Finished>((resolve) => {
    child.once('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
  return { process: child, finished, stdout: () => stdout, stderr: () => stderr };
}

export const runMinutehand = (args: readonly string[], options: Parameters<typeof startMinutehand>[1] = {}) =>
  startMinutehand(args, options).finished;

/** The JSON object on the last line of stdout. */
export function lastLine(finished: Finished): Record<string, unknown> {
  const line = finished.stdout.trimEnd().split('\n').at(-1) ?? '';
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    throw new Error(
      `no JSON on the last line of stdout (exit ${finished.code})\n${finished.stdout}\n${finished.stderr}`,
    );
  }
}

/** Polls until `condition` holds. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  what: string,
  patienceMs = 60_000,
): Promise<void> {
  const end = Date.now() + patienceMs;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`waited ${patienceMs} ms in vain for: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

export function temporaryDirectory(): { path: string; remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), 'minutehand-e2e-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** A small system that is up in seconds: four generated symbols, a model fitted on twenty days. */
export const SMALL_SYMBOLS = 4;
export const SMALL = [
  '--generate',
  '7',
  '--set',
  `universe.size=${SMALL_SYMBOLS}`,
  '--set',
  'ml_integration.model.training_days=20',
  '--no-ui',
] as const;
