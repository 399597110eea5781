import { type ChildProcess, fork } from 'node:child_process';
import { openSync } from 'node:fs';
import { type Clock, type Log, milliseconds } from '../core/index.ts';

/** What a child tells its supervisor. */
export type ChildMessage<Report = unknown> =
  | { readonly type: 'ready'; readonly detail: Readonly<Record<string, unknown>> }
  | { readonly type: 'report'; readonly report: Report }
  | { readonly type: 'finished'; readonly result: unknown }
  | { readonly type: 'failed'; readonly error: { code: string; message: string; remedy: string; exitCode: number } };

/** What a supervisor tells its child. */
export type SupervisorMessage = { readonly type: 'start'; readonly options: unknown } | { readonly type: 'stop' };

export interface SupervisedProcess {
  readonly pid: number | undefined;
  /** How it ended: its exit code, or the signal that ended it. */
  readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  /** Asks it to stop, and kills it after `graceMs` of real time. Resolves when it has ended. */
  stop(graceMs: number): Promise<void>;
}

export interface SpawnOptions {
  readonly name: string;
  readonly binary: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Sent as the `start` message, so that secrets stand in no argument list. */
  readonly start?: unknown;
  /** Receives what the child writes to stdout and stderr. */
  readonly outputFile: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly onMessage: (message: ChildMessage) => void;
}

/** Starts `minutehand ARGS` as a child that ends when its supervisor does. */
export function superviseProcess(options: SpawnOptions): SupervisedProcess {
  const output = openSync(options.outputFile, 'a', 0o600);
  const child: ChildProcess = fork(options.binary, [...options.args], {
    stdio: ['ignore', output, output, 'ipc'],
    env: { ...process.env, ...options.env, MINUTEHAND_SUPERVISED: '1' },
    execArgv: process.execArgv.filter((argument) => !argument.startsWith('--inspect')),
  });
  let alive = true;
  const exited = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.once('error', (error) => {
      options.log.error({ process: options.name, error: error.message }, 'process could not be started');
      alive = false;
      resolve({ code: 1, signal: null });
    });
    child.once('exit', (code, signal) => {
      alive = false;
      options.log.info({ process: options.name, code, signal }, 'process ended');
      resolve({ code, signal });
    });
  });
  child.on('message', (message) => options.onMessage(message as ChildMessage));
  if (options.start !== undefined) send(child, { type: 'start', options: options.start });
  return {
    pid: child.pid,
    exited,
    async stop(graceMs) {
      if (!alive) return;
      send(child, { type: 'stop' });
      const patience = new AbortController();
      await Promise.race([exited, options.clock.sleep(milliseconds(graceMs), patience.signal)]);
      patience.abort();
      if (alive) {
        options.log.warn({ process: options.name, graceMs }, 'process did not stop in time and is killed');
        child.kill('SIGKILL');
        await exited;
      }
    },
  };
}

function send(child: ChildProcess, message: SupervisorMessage): void {
  if (child.connected) child.send(message, () => undefined);
}
