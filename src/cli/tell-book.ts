import type { Config } from '../config/index.ts';
import { type BookInstruction, systemClock } from '../core/index.ts';
import type { Database } from '../database/index.ts';
import { BOOK, commandBook, describeRisk, readBookOverview } from '../engine/index.ts';
import { actorOf, type CliContext, type Report } from './context.ts';

/** How long a running engine is waited for. */
const WAIT_MS = 5_000;

/** Gives the book a command and reports what came of it: exit 1 where a running engine has not answered. */
export async function tellBook(
  context: CliContext,
  parts: { readonly config: Config; readonly database: Database; readonly reason: string | undefined },
  instruction: BookInstruction,
): Promise<Report> {
  const { config, database, reason } = parts;
  const { command } = instruction;
  const { id, outcome, isEngineRunning } = await commandBook(
    database,
    {
      book: BOOK,
      ...instruction,
      actor: actorOf(context),
      time: systemClock.now(),
      ...(reason === undefined ? {} : { reason }),
    },
    { waitMs: WAIT_MS, clock: systemClock, signal: context.signal },
  );
  const overview = await readBookOverview(database, config, BOOK);
  const engine = isEngineRunning ? 'running' : 'stopped';
  const isLate = outcome === undefined && isEngineRunning;
  return {
    result: {
      ok: !isLate,
      id,
      command,
      state: outcome === undefined ? 'pending' : 'applied',
      engine,
      ...(outcome === undefined ? {} : { outcome }),
      risk: overview?.risk ?? null,
    },
    exitCode: isLate ? 1 : 0,
    lines: () => [
      outcome !== undefined
        ? `${command}: done${command === 'close-all' ? ', positions are closed from the next minute on' : ''}; ${overview ? describeRisk(overview.risk) : outcome}`
        : isEngineRunning
          ? `${command}: the engine has not answered within ${WAIT_MS / 1_000} s; it takes effect with its next minute (see "minutehand status")`
          : `${command}: no engine runs; it takes effect at the next start, before any order`,
    ],
  };
}
