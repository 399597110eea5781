import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ParityReport, proveParity } from '../../src/backtest/index.ts';
import { type EpochMs, epochMs, formatTime, MINUTE_MS, silentLog } from '../../src/core/index.ts';
import { createTestDatabase, type TestDatabase } from '../../src/database/index.ts';
import { runCommand } from '../support/command-line.ts';
import { temporaryDirectory } from '../support/minutehand.ts';
import { FIRST, LAST, type RecordedBook, RUN_ID, recordBook } from '../support/recorded-book.ts';

let store: TestDatabase;
let book: RecordedBook;
beforeAll(async () => {
  store = await createTestDatabase();
  book = await recordBook(store.database);
});
afterAll(async () => {
  book?.remove();
  await store?.drop();
});

const MINUTES = (LAST - FIRST) / MINUTE_MS + 1;

const prove = (from: EpochMs = FIRST, to: EpochMs = LAST): Promise<ParityReport> =>
  proveParity({
    database: store.database,
    book: 'main',
    venue: book.config.exchange.id,
    from,
    to,
    modelsFolder: book.modelsFolder,
    log: silentLog,
    signal: new AbortController().signal,
  });

describe('the proof of parity', () => {
  it('finds nothing in the past of a book, whatever happened to it', async () => {
    const report = await prove();
    expect(report.firstDivergence).toBeNull();
    expect(report).toMatchObject({ ok: true, minutes: MINUTES, from: formatTime(FIRST), to: formatTime(LAST) });
    const { features, forecasts, orders, signals, decisions } = report.stages;
    expect(features.compared).toBe(4 * MINUTES - 1);
    expect(forecasts.compared).toBe(4 * MINUTES - 1);
    expect(signals.compared).toBeGreaterThan(0);
    expect(orders.compared).toBeGreaterThan(MINUTES + 20);
    expect(decisions.compared).toBeGreaterThan(2 * MINUTES);
    const { rows } = await store.database.pool.query('SELECT cause FROM cash_flows');
    expect(rows.length).toBeGreaterThan(0);
  });

  it('begins at a state that was stored meanwhile, as near as there is one', async () => {
    const from = epochMs(FIRST + 20 * MINUTE_MS);
    expect(await prove(from)).toMatchObject({ ok: true, minutes: MINUTES - 20, from: formatTime(from) });
  });

  const planted = [
    {
      what: 'a stored feature',
      stage: 'features',
      sql: `UPDATE processed_market_data SET features[1] = features[1] + 1 WHERE minute = $1 AND instrument_id =
        (SELECT instrument_id FROM instruments WHERE symbol = 'ETHUSDT')`,
    },
    {
      what: 'a forecast',
      stage: 'forecasts',
      sql: 'UPDATE predictions SET outputs[2] = outputs[2] + 0.0001 WHERE minute = $1',
    },
    {
      what: 'a number of a signal',
      stage: 'signals',
      sql: 'UPDATE signals SET net_edge = net_edge * 2 WHERE minute = $1',
    },
    {
      what: 'the quantity of an intent',
      stage: 'decisions',
      sql: 'UPDATE orders SET quantity = quantity + 0.001 WHERE decided_at = $1',
    },
    { what: 'the price of a fill', stage: 'orders', sql: 'UPDATE fills SET price = price + 0.01 WHERE time = $1' },
    {
      what: 'the price that a broker reported',
      stage: 'orders',
      sql: `UPDATE book_steps SET inputs = regexp_replace(inputs, '"price":"[0-9.]+"', '"price":"1"') WHERE minute = $1::int8 + 60000`,
    },
    {
      what: 'the equity',
      stage: 'decisions',
      sql: 'UPDATE equity SET cash = cash + 0.01 WHERE minute = $1',
    },
  ] as const;

  // Each lies before those that were planted already, so that it is the first.
  it.each(planted.map((each, index) => ({ ...each, index })))(
    'finds $what that was changed, at its stage',
    async ({ stage, sql, index }) => {
      const { database } = store;
      const { rows } = await database.pool.query<{ minute: number }>(
        `SELECT DISTINCT time AS minute FROM fills JOIN orders USING (client_order_id) WHERE time = decided_at AND purpose = 'entry'
         ORDER BY time DESC OFFSET $1`,
        [index],
      );
      const minute = epochMs(rows[0]?.minute ?? 0);
      expect((await database.pool.query(sql, [minute])).rowCount).toBeGreaterThan(0);
      const { ok, firstDivergence } = await prove(FIRST, epochMs(minute + MINUTE_MS));
      expect(ok).toBe(false);
      expect(firstDivergence).toMatchObject({ stage });
      expect(firstDivergence?.recorded).not.toEqual(firstDivergence?.replayed);
    },
  );

  it('is a command that says what it found, and ends with 1', async () => {
    const folder = temporaryDirectory();
    const parity = (...args: string[]) =>
      runCommand(['backtest', 'parity', ...args, '--set', `ml_integration.model.directory=${book.modelsFolder}`], {
        folder: folder.path,
        databaseUrl: store.url,
      });
    const { code, stdout } = await parity('--json', '--to', formatTime(epochMs(FIRST + MINUTE_MS)));
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ ok: true, run: RUN_ID, minutes: 2, firstDivergence: null });
    const found = await parity('--run', RUN_ID);
    expect(found.code).toBe(1);
    expect(found.stdout).toMatch(/^run main\/some\/run: 43 minutes from .*\nstage +compared +diverged/);
    expect(found.stdout).toMatch(/first divergence: \w+ 2025-06-.*recorded .*, replayed/);
    expect(await parity('--run', 'other')).toMatchObject({ code: 2, stderr: expect.stringContaining(RUN_ID) });
    folder.remove();
  });
});
