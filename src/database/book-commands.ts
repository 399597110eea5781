import { and, asc, eq, isNull, sql } from 'drizzle-orm';
import {
  type AppliedCommand,
  type BookCommand,
  type BookInstruction,
  type EpochMs,
  epochMs,
  type RiskEvent,
} from '../core/index.ts';
import type { Database, Statement } from './connection.ts';
import { bookCommands, queries } from './tables.ts';

/** Notified with each command; the payload is the book. */
export const COMMANDS_CHANNEL = 'minutehand_commands';

export type CommandRequest = BookInstruction & {
  readonly book: string;
  readonly actor: string;
  readonly reason?: string;
  /** When it was asked for, real time. */
  readonly time: EpochMs;
};

/** A command with what came of it, once it has taken effect. */
export type RecordedCommand = BookCommand & {
  readonly time: EpochMs;
  readonly applied?: Omit<AppliedCommand, 'id'>;
};

/** Stores a command and wakes the engine of its book, if one runs; else its next start takes it. Returns its id. */
export async function requestCommand(database: Database, request: CommandRequest): Promise<number> {
  return queries(database).transaction(async (tx) => {
    const [row] = await tx.insert(bookCommands).values(request).returning({ id: bookCommands.commandId });
    await tx.execute(sql`SELECT pg_notify(${COMMANDS_CHANNEL}, ${request.book})`);
    if (!row) throw new Error('the command was not stored');
    return row.id;
  });
}

/** A command as it stands; undefined where there is none of this id. */
export async function readCommand(database: Database, id: number): Promise<RecordedCommand | undefined> {
  const [row] = await queries(database).select().from(bookCommands).where(eq(bookCommands.commandId, id));
  if (!row) return undefined;
  const { appliedAt, outcome } = row;
  const applied = appliedAt === null || outcome === null ? {} : { applied: { appliedAt: epochMs(appliedAt), outcome } };
  return { ...commandOf(row), time: epochMs(row.time), ...applied };
}

/** Commands of a book that have not taken effect, oldest first. */
export async function pendingCommands(database: Database, book: string): Promise<BookCommand[]> {
  const rows = await queries(database)
    .select()
    .from(bookCommands)
    .where(and(eq(bookCommands.book, book), isNull(bookCommands.appliedAt)))
    .orderBy(asc(bookCommands.commandId));
  return rows.map(commandOf);
}

function commandOf({ commandId, command, terms, actor, reason }: typeof bookCommands.$inferSelect): BookCommand {
  const asked = { id: commandId, actor, ...(reason === null ? {} : { reason }) };
  if (command !== 'arm') return { command, ...asked };
  if (terms === null) throw new Error(`command ${commandId} arms without terms`);
  return { command, terms, ...asked };
}

/** What marks commands as applied and keeps the history of risk: part of the transaction that has the effect. */
export function commandStatements(
  book: string,
  { commands, riskEvents }: { readonly commands: readonly AppliedCommand[]; readonly riskEvents: readonly RiskEvent[] },
): Statement[] {
  const applied = { name: 'commit-commands', text: APPLIED, values: [book, JSON.stringify(commands)] };
  const rows = riskEvents.map(({ time, actor, action, ...details }) => ({ time, actor, action, details }));
  const history = { name: 'commit-risk-events', text: RISK_EVENTS, values: [book, JSON.stringify(rows)] };
  return [...(commands.length > 0 ? [applied] : []), ...(riskEvents.length > 0 ? [history] : [])];
}

const APPLIED = `UPDATE book_commands SET applied_at = item."appliedAt", outcome = item.outcome
  FROM json_to_recordset($2) AS item (id int8, "appliedAt" int8, outcome text)
  WHERE book = $1 AND command_id = item.id AND applied_at IS NULL`;

const RISK_EVENTS = `INSERT INTO audit_log (time, actor, action, subject, details)
  SELECT time, actor, action, $1, details
  FROM json_to_recordset($2) AS event (time int8, actor text, action text, details jsonb)`;
