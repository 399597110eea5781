import { type FailureExitCode, MinutehandError, messageOf } from '../core/index.ts';
import type { Terminal } from './terminal.ts';

/** What a command that reports hands back: camelCase keys, units in their names. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** An error as `--json` reports it. */
export interface FailureReport {
  readonly ok: false;
  readonly error: { readonly code: string; readonly message: string; readonly remedy: string };
}

/**
 * Writes a command's result: with `--json` one line with one object, which is then all that stands on stdout; else the lines for people.
 * Resolves when the text has left the process, so that exiting right afterwards cuts nothing off.
 */
export async function reportResult(
  terminal: Terminal,
  options: { readonly json: boolean },
  result: JsonObject,
  lines: () => readonly string[],
): Promise<void> {
  const text = options.json ? toJsonLine(result) : lines().join('\n');
  if (text !== '') await writeOut(terminal, `${text}\n`);
}

/**
 * Reports a failure: `error: …` and `remedy: …` on stderr; with `--json` also `{ok:false,error}` on stdout. A stack trace only under
 * MINUTEHAND_DEBUG=1.
 * @returns the code to exit with
 */
export async function reportFailure(
  terminal: Terminal,
  options: { readonly json: boolean },
  thrown: unknown,
): Promise<FailureExitCode> {
  const error = asMinutehandError(thrown);
  const [first = '', ...details] = error.message.split('\n');
  const lines = [`error: ${first}`, ...details.map((line) => `  ${line}`), `remedy: ${error.remedy}`];
  terminal.stderr.write(`${lines.join('\n')}\n`);
  if (terminal.env.MINUTEHAND_DEBUG === '1') terminal.stderr.write(`${stackOf(thrown)}\n`);
  if (options.json) await writeOut(terminal, `${toJsonLine({ ...failureReport(error) })}\n`);
  return error.exitCode;
}

/** The `--json` form of an error. */
export function failureReport({ code, message, remedy }: MinutehandError): FailureReport {
  return { ok: false, error: { code, message, remedy } };
}

/** Wrong usage of the command line: exit code 2. */
export function usageError(message: string, remedy: string): MinutehandError {
  return new MinutehandError('USAGE_INVALID', message, remedy, { exitCode: 2 });
}

/** One line of JSON; bigints as decimal strings, maps as objects, typed arrays and sets as lists. */
export function toJsonLine(value: JsonObject): string {
  return JSON.stringify(value, (_, item: unknown) => {
    if (typeof item === 'bigint') return item.toString();
    if (item instanceof Map) return Object.fromEntries(item);
    if (item instanceof Set) return [...item];
    if (ArrayBuffer.isView(item) && !(item instanceof DataView))
      return Array.from(item as unknown as ArrayLike<number>);
    return item;
  });
}

/** What is known about failures of the system around us: port, disk, network. */
const SYSTEM_FAILURES: Readonly<Record<string, { code: string; remedy: string }>> = {
  EADDRINUSE: {
    code: 'PORT_IN_USE',
    remedy: 'Choose another port with --port (0 takes a free one), or stop what uses it.',
  },
  EACCES: { code: 'PERMISSION_DENIED', remedy: 'Give this user access, or choose another place.' },
  EPERM: { code: 'PERMISSION_DENIED', remedy: 'Give this user access, or choose another place.' },
  EROFS: { code: 'PERMISSION_DENIED', remedy: 'Choose a folder that can be written to, for example with --data-dir.' },
  ENOENT: { code: 'FILE_NOT_FOUND', remedy: 'Check the path.' },
  ENOTDIR: { code: 'FILE_NOT_FOUND', remedy: 'Check the path: a part of it is no folder.' },
  EISDIR: { code: 'FILE_UNREADABLE', remedy: 'Name a file instead of a folder.' },
  ENOSPC: { code: 'DISK_FULL', remedy: 'Free some space, or choose another disk with --data-dir.' },
  EMFILE: { code: 'FILES_EXHAUSTED', remedy: 'Raise the limit of open files (ulimit -n).' },
  ECONNREFUSED: { code: 'CONNECTION_REFUSED', remedy: 'Start what should listen there, or correct the address.' },
  ECONNRESET: { code: 'CONNECTION_LOST', remedy: 'Try again; look at the log of the other side.' },
  ENOTFOUND: { code: 'HOST_UNKNOWN', remedy: 'Check the name of the host and the network.' },
  EAI_AGAIN: { code: 'HOST_UNKNOWN', remedy: 'Check the network and its name service.' },
  ETIMEDOUT: { code: 'CONNECTION_TIMED_OUT', remedy: 'Check the address and the network.' },
};

/** Anything thrown as an error a user can act on; what nobody foresaw is INTERNAL_ERROR. */
export function asMinutehandError(thrown: unknown): MinutehandError {
  if (thrown instanceof MinutehandError) return thrown;
  const known = SYSTEM_FAILURES[systemCodeOf(thrown)];
  if (known) return new MinutehandError(known.code, messageOf(thrown), known.remedy, { cause: thrown });
  return new MinutehandError(
    'INTERNAL_ERROR',
    messageOf(thrown),
    'This is a fault of the program: run it again with MINUTEHAND_DEBUG=1 and report what it prints.',
    { cause: thrown },
  );
}

function systemCodeOf(thrown: unknown): string {
  return thrown instanceof Error && 'code' in thrown ? String(thrown.code) : '';
}

function stackOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  const cause = thrown.cause === undefined ? '' : `\ncaused by: ${stackOf(thrown.cause)}`;
  return (thrown.stack ?? thrown.message) + cause;
}

/** Resolves when the stream has taken the text; a reader that has gone away (`| head`) is no failure. */
function writeOut(terminal: Terminal, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    terminal.stdout.write(text, (error) => {
      if (!error || systemCodeOf(error) === 'EPIPE') resolve();
      else reject(error);
    });
  });
}
