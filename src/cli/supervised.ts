import { MinutehandError } from '../core/index.ts';
import type { ChildMessage, SupervisorMessage } from '../engine/index.ts';
import { asMinutehandError } from './output.ts';

/** The other side of a supervisor: what a child process says and hears. */
export interface Supervisor<Options> {
  /** What this process was started with. */
  readonly options: Promise<Options>;
  /** Aborts when the supervisor asks to stop, or is gone. */
  readonly signal: AbortSignal;
  report(report: unknown): void;
  ready(detail: Readonly<Record<string, unknown>>): void;
}

/**
 * Runs `work` as a supervised child: tells the supervisor how it ended, and ends the process. Signals of the terminal are left to the
 * supervisor. A program error ends the process at once: what was committed is what counts.
 */
export async function runSupervised<Options>(
  work: (supervisor: Supervisor<Options>) => Promise<unknown>,
): Promise<void> {
  const stopping = new AbortController();
  process.on('SIGINT', () => undefined);
  process.on('SIGTERM', () => stopping.abort());
  process.on('disconnect', () => stopping.abort());
  const options = new Promise<Options>((resolve) => {
    process.on('message', (message: SupervisorMessage) => {
      if (message.type === 'stop') stopping.abort();
      else resolve(message.options as Options);
    });
  });
  const supervisor: Supervisor<Options> = {
    options,
    signal: stopping.signal,
    report: (report) => void tell({ type: 'report', report }),
    ready: (detail) => void tell({ type: 'ready', detail }),
  };
  try {
    const result = await work(supervisor);
    await tell({ type: 'finished', result });
    process.exit(0);
  } catch (thrown) {
    const error = thrown instanceof MinutehandError ? thrown : crashed(thrown);
    const { code, message, remedy, exitCode } = error;
    await tell({ type: 'failed', error: { code, message, remedy, exitCode } });
    process.exit(exitCode);
  }
}

export const isSupervised = (): boolean => process.env.MINUTEHAND_SUPERVISED === '1' && process.send !== undefined;

/** An error nobody expected: it goes to the output file with its trace, and to the supervisor as a crash. */
function crashed(thrown: unknown): MinutehandError {
  console.error(thrown);
  const known = asMinutehandError(thrown);
  return new MinutehandError('ENGINE_CRASHED', known.message, known.remedy);
}

function tell(message: ChildMessage): Promise<void> {
  return new Promise((resolve) => {
    if (!process.connected || !process.send) return resolve();
    process.send(message, undefined, undefined, () => resolve());
  });
}
