import { type Clock, milliseconds, type RiskMode } from '../core/index.ts';
import { type CommandRequest, type Database, readCommand, readLease, requestCommand } from '../database/index.ts';

/** What became of a command: it has taken effect, or waits for the engine. */
export interface CommandResult {
  readonly id: number;
  /** Where the book stands since; undefined while it is pending. */
  readonly outcome?: RiskMode;
  /** Whether an engine holds the book: without one a command takes effect at its next start, before any order. */
  readonly isEngineRunning: boolean;
}

const LOOK_EVERY = milliseconds(100);

/** Gives a book a command, and waits until a running engine has let it take effect, or until `waitMs` are over. */
export async function commandBook(
  database: Database,
  request: CommandRequest,
  { waitMs, clock, signal }: { readonly waitMs: number; readonly clock: Clock; readonly signal: AbortSignal },
): Promise<CommandResult> {
  const id = await requestCommand(database, request);
  const end = clock.elapsed() + waitMs;
  for (;;) {
    const outcome = (await readCommand(database, id))?.applied?.outcome;
    const lease = await readLease(database, request.book);
    const isEngineRunning = lease !== undefined && lease.expiresAt > clock.now();
    if (outcome !== undefined) return { id, outcome, isEngineRunning };
    if (!isEngineRunning || signal.aborted || clock.elapsed() >= end) return { id, isEngineRunning };
    await clock.sleep(LOOK_EVERY, signal);
  }
}
