import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type AppliedCommand,
  type BookCommandKind,
  type EpochMs,
  epochMs,
  type Journal,
  MINUTE_MS,
  milliseconds,
  type RiskEvent,
  silentLog,
} from '../core/index.ts';
import { COMMANDS_CHANNEL, readCommand, requestCommand } from './book-commands.ts';
import { loadBook } from './books.ts';
import { SOME_MINUTE, SOME_STEP, someCycle } from './fixtures.ts';
import { createPostgresJournal } from './journal.ts';
import { acquireLease } from './leases.ts';
import { listen } from './listen.ts';
import { listAudit } from './operations.ts';
import { createTestDatabase, type TestDatabase } from './testing.ts';

let test: TestDatabase;
beforeAll(async () => {
  test = await createTestDatabase();
});
afterAll(() => test.drop());

const minuteAt = (index: number): EpochMs => epochMs(SOME_MINUTE + index * MINUTE_MS);
const ask = (book: string, command: Exclude<BookCommandKind, 'arm'>, reason?: string) =>
  requestCommand(test.database, {
    book,
    command,
    actor: 'cli:test',
    time: SOME_MINUTE,
    ...(reason === undefined ? {} : { reason }),
  });
const done = (id: number, index: number): AppliedCommand => ({ id, appliedAt: minuteAt(index), outcome: 'HALTED' });
const event: RiskEvent = {
  time: SOME_MINUTE,
  actor: 'cli:test',
  action: 'risk.latch',
  mode: 'HALTED',
  reason: 'RISK_HALTED',
  text: 'because',
};

let holders = 0;
async function journalFor(book: string): Promise<Journal> {
  const request = await acquireLease(test.database, {
    book,
    holder: `holder ${holders++}`,
    now: epochMs(holders * 1_000),
    duration: milliseconds(1),
  });
  if (!request.acquired) throw new Error('the lease is held');
  return createPostgresJournal({ database: test.database, venue: 'v', lease: request.lease });
}

describe('a command of a book', () => {
  it('is pending until the minute that lets it take effect is committed, and then once', async () => {
    const journal = await journalFor('minute');
    const [first, second, foreign] = [
      await ask('minute', 'reduce'),
      await ask('minute', 'halt', 'because'),
      await ask('other', 'halt'),
    ];
    expect(await journal.pendingCommands('minute')).toEqual([
      { id: first, command: 'reduce', actor: 'cli:test' },
      { id: second, command: 'halt', actor: 'cli:test', reason: 'because' },
    ]);
    const cycle = someCycle(SOME_MINUTE, {
      book: 'minute',
      commands: [done(first, 0), done(second, 0), done(foreign, 0)],
      riskEvents: [event],
    });
    await journal.commitCycle(cycle);
    await journal.commitCycle(cycle);
    expect(await journal.pendingCommands('minute')).toEqual([]);
    expect(await readCommand(test.database, second)).toMatchObject({
      applied: { appliedAt: SOME_MINUTE, outcome: 'HALTED' },
    });
    // A command of another book is not touched.
    expect(await readCommand(test.database, foreign)).not.toHaveProperty('applied');
    const history = await listAudit(test.database, { limit: 10, action: 'risk.latch' });
    expect(history.filter(({ subject }) => subject === 'minute')).toEqual([
      {
        time: SOME_MINUTE,
        actor: 'cli:test',
        action: 'risk.latch',
        subject: 'minute',
        details: { mode: 'HALTED', reason: 'RISK_HALTED', text: 'because' },
      },
    ]);
    await journal.commitCycle(someCycle(minuteAt(1), { book: 'minute', commands: [done(second, 1)] }));
    expect(await readCommand(test.database, second)).toMatchObject({ applied: { appliedAt: SOME_MINUTE } });
  });

  it('that arms has its terms, in the command and in the audit log', async () => {
    const journal = await journalFor('armed');
    const terms = { cap: '500', expiresAt: minuteAt(60) };
    const asked = { book: 'armed', actor: 'cli:test', time: SOME_MINUTE } as const;
    const id = await requestCommand(test.database, { ...asked, command: 'arm', terms });
    expect(await journal.pendingCommands('armed')).toEqual([{ id, command: 'arm', terms, actor: 'cli:test' }]);
    await journal.commitCycle(
      someCycle(SOME_MINUTE, {
        book: 'armed',
        commands: [done(id, 0)],
        riskEvents: [{ time: SOME_MINUTE, actor: 'cli:test', action: 'risk.arm', ...terms }],
      }),
    );
    expect(await listAudit(test.database, { limit: 10, action: 'risk.arm' })).toMatchObject([
      { subject: 'armed', actor: 'cli:test', details: terms },
    ]);
  });

  it('takes effect between two minutes with the state it leads to, or not at all', async () => {
    const journal = await journalFor('between');
    await journal.commitCycle(someCycle(SOME_MINUTE, { book: 'between' }));
    const id = await ask('between', 'halt');
    const record = {
      book: 'between',
      commands: [done(id, 0)],
      riskEvents: [event],
      bookState: '{"halted":1}',
      step: SOME_STEP,
    };
    await expect(journal.commitCommands({ ...record, minute: minuteAt(-1) })).rejects.toMatchObject({
      code: 'CYCLE_OUT_OF_ORDER',
    });
    expect(await journal.pendingCommands('between')).toHaveLength(1);
    await journal.commitCommands({ ...record, minute: SOME_MINUTE });
    expect(await journal.pendingCommands('between')).toEqual([]);
    expect(await loadBook(test.database, 'between')).toMatchObject({ bookState: '{"halted":1}' });
    const successor = await journalFor('between');
    await expect(journal.commitCommands({ ...record, minute: SOME_MINUTE })).rejects.toMatchObject({
      code: 'LEASE_LOST',
    });
    expect(await successor.pendingCommands('between')).toEqual([]);
  });

  it('wakes who listens, also to what was asked before, over a broken connection', async () => {
    const stopping = new AbortController();
    let notices = 0;
    let told: () => void = () => undefined;
    const next = () =>
      new Promise<void>((resolve) => {
        const known = notices;
        told = () => notices > known && resolve();
      });
    const beginning = next();
    const listening = listen(
      test.database,
      COMMANDS_CHANNEL,
      () => {
        notices++;
        told();
      },
      { log: silentLog, signal: stopping.signal },
    );
    await beginning;
    const notified = next();
    await ask('woken', 'halt');
    await notified;
    const renewed = next();
    await test.database.pool.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query = $1 AND datname = current_database()`,
      [`LISTEN ${COMMANDS_CHANNEL}`],
    );
    await renewed;
    stopping.abort();
    await listening;
  });
});
