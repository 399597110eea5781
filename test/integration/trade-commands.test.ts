import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parquetReadObjects } from 'hyparquet';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DAY_MS, epochMs, type Journal, MINUTE_MS, milliseconds, systemClock } from '../../src/core/index.ts';
import { SOME_MINUTE, someCycle, someFill, someIntent, someOrder, somePosition } from '../../src/database/fixtures.ts';
import {
  acquireLease,
  createPostgresJournal,
  createTestDatabase,
  saveRun,
  saveUniverse,
  type TestDatabase,
} from '../../src/database/index.ts';
import { initialBookState } from '../../src/engine/book-state.ts';
import { encodeBookState } from '../../src/engine/book-state-text.ts';
import { DEFAULT_RISK_SETTINGS } from '../../src/trading/index.ts';
import { runCommand } from '../support/command-line.ts';
import { temporaryDirectory } from '../support/minutehand.ts';

let store: TestDatabase;
let folder: ReturnType<typeof temporaryDirectory>;
let journal: Journal;
const [first, second] = ['AUSDT', 'BUSDT'];
const bookState = encodeBookState(initialBookState(DEFAULT_RISK_SETTINGS));
const lease = (duration: number) =>
  acquireLease(store.database, {
    book: 'main',
    holder: 'test',
    now: systemClock.now(),
    duration: milliseconds(duration),
  });

beforeAll(async () => {
  store = await createTestDatabase();
  folder = temporaryDirectory();
  const held = await lease(0);
  if (!held.acquired) throw new Error('the lease is held');
  journal = createPostgresJournal({ database: store.database, venue: 'binanceusdm', lease: held.lease });
  await journal.commitCycle(
    someCycle(SOME_MINUTE, { intents: [someIntent(first, SOME_MINUTE), someIntent(second, SOME_MINUTE)], bookState }),
  );
  const next = epochMs(SOME_MINUTE + MINUTE_MS);
  await journal.commitCycle(
    someCycle(next, {
      orders: [someOrder(first, SOME_MINUTE, { reason: 'RISK_CLOSE_ALL' })],
      fills: [someFill(first, SOME_MINUTE)],
      positions: [somePosition(first, next)],
      bookState,
    }),
  );
  await saveUniverse(store.database, { book: 'main', fromMinute: SOME_MINUTE, symbols: [first, second] });
});
afterAll(async () => {
  await store?.drop();
  folder?.remove();
});

/** With an answer, somebody sits at the terminal and gives it. */
const trade = (args: readonly string[], answer?: string) =>
  runCommand(['trade', ...args, '--data-dir', join(folder.path, 'data')], {
    folder: folder.path,
    databaseUrl: store.url,
    answer,
  });

const json = async (...args: string[]) => {
  const { code, stdout } = await trade([...args, '--json']);
  return { code, ...(JSON.parse(stdout) as Record<string, unknown>) };
};

describe('minutehand trade', () => {
  it('lists positions, orders and fills, of a symbol, open ones, the newest', async () => {
    expect((await trade(['positions'])).stdout).toMatch(/^symbol +strategy +quantity .*\nAUSDT +ml +-0\.015/);
    expect(await json('positions', '--symbol', 'busdt')).toEqual({
      code: 0,
      positions: [],
      strategies: [{ strategy: 'ml', fills: 1, realizedPnl: expect.any(String), fees: expect.any(String) }],
    });
    expect(await json('orders', '--open')).toMatchObject({ orders: [{ symbol: second, status: 'SUBMITTING' }] });
    expect(await json('orders', '--limit', '1')).toMatchObject({ orders: [{ symbol: second }] });
    expect((await trade(['orders', '--symbol', 'AUSDT'])).stdout).toMatch(/FILLED +RISK_CLOSE_ALL\n$/);
    expect(await json('fills')).toMatchObject({ fills: [{ symbol: first, price: '100.15' }] });
    expect((await trade(['fills', '--symbol', 'BUSDT'])).stdout).toBe('no fills\n');
    expect(await json('fills', '--limit', 'x')).toMatchObject({ code: 2, error: { code: 'USAGE_INVALID' } });
  });

  it('exports orders, fills and equity as CSV of a range, to stdout or into a file', async () => {
    const { stdout } = await trade(['export', '--kind', 'fills']);
    expect(stdout).toBe(
      'time,fillId,clientOrderId,strategy,symbol,side,quantity,price,fee,realizedPnl\n' +
        `2025-06-20T12:01:00Z,fill-AUSDT-${SOME_MINUTE},main-ml-AUSDT-${SOME_MINUTE},ml,AUSDT,buy,0.0150,100.15,0.00075,0\n`,
    );
    expect(await json('export', '--kind', 'orders', '--output', 'orders.csv')).toMatchObject({ code: 0, rows: 2 });
    const orders = readFileSync(join(folder.path, 'orders.csv'), 'utf8').trimEnd().split('\n');
    expect(orders).toHaveLength(3);
    expect(new Set(orders.map((line) => line.split(',').length))).toEqual(new Set([18]));
    const range = ['--from', '2025-06-20T12:01:00Z', '--until', '2025-06-20T12:02:00Z'];
    const equity = await trade(['export', '--kind', 'equity', ...range]);
    expect(equity.stdout.trimEnd().split('\n')).toHaveLength(2);
    for (const wrong of [
      ['--kind', 'ticks'],
      ['--kind', 'fills', '--format', 'parquet'],
      ['--kind', 'fills', '--format', 'xlsx', '--output', 'fills.xlsx'],
      ['--kind', 'equity', '--symbol', 'AUSDT', '--output', 'x'],
      ['--kind', 'fills', '--json'],
    ]) {
      expect((await trade(['export', ...wrong])).code, wrong.join(' ')).toBe(2);
    }
  });

  it('exports the same as Parquet, with times and exact amounts', async () => {
    const rowsOf = async (kind: string) => {
      const output = `${kind}.parquet`;
      expect(await json('export', '--kind', kind, '--output', output)).toMatchObject({ code: 0, format: 'parquet' });
      const bytes = readFileSync(join(folder.path, output));
      return parquetReadObjects({ file: bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) });
    };
    expect(await rowsOf('fills')).toEqual([
      {
        time: new Date('2025-06-20T12:01:00Z'),
        fillId: `fill-AUSDT-${SOME_MINUTE}`,
        clientOrderId: `main-ml-AUSDT-${SOME_MINUTE}`,
        strategy: 'ml',
        symbol: first,
        side: 'buy',
        quantity: 0.015,
        price: expect.closeTo(100.15, 9),
        fee: 0.00075,
        realizedPnl: 0,
      },
    ]);
    expect(await rowsOf('orders')).toMatchObject([{ symbol: first, reduceOnly: false }, { symbol: second }]);
    expect((await rowsOf('equity')).map(({ minute }) => minute)).toEqual([
      new Date(SOME_MINUTE),
      new Date(SOME_MINUTE + MINUTE_MS),
    ]);
  });

  it('keeps a command for the next start where no engine runs', async () => {
    const halted = await json('halt', '--reason', 'maintenance');
    expect(halted).toMatchObject({ code: 0, ok: true, command: 'halt', state: 'pending', engine: 'stopped' });
    expect(await journal.pendingCommands('main')).toMatchObject([
      { command: 'halt', actor: expect.stringMatching(/^cli:./), reason: 'maintenance' },
    ]);
    expect((await trade(['resume'])).stdout).toBe(
      'resume: no engine runs; it takes effect at the next start, before any order\n',
    );
  });

  it('closes everything only when that is confirmed', async () => {
    const before = (await journal.pendingCommands('main')).length;
    expect(await json('close-all')).toMatchObject({ code: 3, ok: false, error: { code: 'CONFIRMATION_MISSING' } });
    expect((await trade(['close-all'])).code).toBe(3);
    const doubted = await trade(['close-all'], 'yes');
    expect(doubted).toMatchObject({ code: 3, asked: [expect.stringContaining('closes 1 open positions')] });
    expect(await journal.pendingCommands('main')).toHaveLength(before);
    expect((await trade(['close-all'], 'close-all')).code).toBe(0);
    expect((await trade(['close-all', '--yes'])).code).toBe(0);
    expect(await journal.pendingCommands('main')).toHaveLength(before + 2);
  });

  it('arms only a live book, and only when the phrase that names book and cap is typed', async () => {
    const terms = ['arm', '--capital', '500', '--for', '7d'];
    const live = ['--set', 'mode=live'];
    expect(await json(...terms)).toMatchObject({ code: 2, error: { code: 'ARMING_NOT_NEEDED' } });
    expect(await json(...terms, ...live)).toMatchObject({ code: 3, error: { code: 'CONFIRMATION_MISSING' } });
    const doubted = await trade([...terms, ...live], 'yes');
    expect(doubted).toMatchObject({ code: 3, asked: [expect.stringContaining('Type "arm main for 500 USDT"')] });
    expect(doubted.asked[0]).toMatch(/cap +500 USDT.*\n.*gross exposure +50 USDT at most .*\n.*one position +75 USDT/);
    for (const wrong of [
      ['arm', '--capital', '-5', '--for', '7d'],
      ['arm', '--capital', '500', '--for', '99d'],
      ['arm', '--capital', '500', '--for', 'soon'],
    ]) {
      expect((await trade([...wrong, ...live])).code, wrong.join(' ')).toBe(2);
    }
    expect(await journal.pendingCommands('main')).not.toContainEqual(expect.objectContaining({ command: 'arm' }));
    const armed = await json(...terms, ...live, '--confirm', 'arm main for 500 USDT');
    // No run was entered: this counts as a rehearsal, in the market's time.
    const expiresAt = SOME_MINUTE + MINUTE_MS + 7 * DAY_MS;
    expect(armed).toMatchObject({ code: 0, command: 'arm', state: 'pending', terms: { cap: '500', rehearsal: true } });
    expect((await trade(['disarm'])).code).toBe(0);
    expect((await journal.pendingCommands('main')).slice(-2)).toMatchObject([
      { command: 'arm', terms: { cap: '500', expiresAt } },
      { command: 'disarm' },
    ]);
    const market = { kind: 'real', identity: 'real: binanceusdm' };
    const run = { runId: 'paper', book: 'main', fromMinute: SOME_MINUTE, status: 'running', market } as const;
    await saveRun(store.database, { ...run, startedAt: SOME_MINUTE });
    expect(await json(...terms, ...live)).toMatchObject({ code: 2, error: { code: 'MODE_DIFFERS' } });
  });
});
