import pg from 'pg';
import { silentLog } from '../../src/core/index.ts';
import { type Database, findRunningServer, openDatabase, startEmbeddedServer } from '../../src/database/index.ts';

/** Runs `work` on the store of a data directory on which nothing runs. */
export async function onStoreOf<T>(dataDir: string, work: (database: Database) => Promise<T>): Promise<T> {
  const server = await startEmbeddedServer({ dataDir, log: silentLog });
  try {
    const database = await openDatabase({ url: server.url, applicationName: 'minutehand-test', log: silentLog });
    try {
      return await work(database);
    } finally {
      await database.close();
    }
  } finally {
    await server.stop();
  }
}

/** Newest minute decided by the system that runs on a data directory; undefined while there is none. */
export async function newestMinute(dataDir: string): Promise<number | undefined> {
  const server = await findRunningServer(dataDir).catch(() => undefined);
  if (!server) return undefined;
  const client = new pg.Client({ connectionString: server.url });
  try {
    await client.connect();
    const { rows } = await client.query<{ minute: string | null }>('SELECT max(minute) AS minute FROM cycles');
    return rows[0]?.minute == null ? undefined : Number(rows[0].minute);
  } catch {
    return undefined;
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** What must be equal however often a run was cut off; the clock on the wall is left out. */
const QUERIES = {
  candles: `SELECT symbol, open_time, open, high, low, close, volume FROM raw_market_data JOIN instruments USING (instrument_id)
    WHERE timeframe = '1m' AND open_time >= $1::int8 - 60000 AND open_time < $2::int8 ORDER BY 1, 2`,
  forecasts: `SELECT symbol, minute, model_id, outputs, masked_share FROM predictions JOIN instruments USING (instrument_id)
    WHERE minute BETWEEN $1 AND $2 ORDER BY 1, 2`,
  features: `SELECT symbol, minute, features FROM processed_market_data JOIN instruments USING (instrument_id)
    WHERE minute BETWEEN $1 AND $2 ORDER BY 1, 2`,
  signals: `SELECT signal_id, accepted, side, expected_return, confidence, verdicts, stop_distance, market_regime, symbol_regime, size_scale
    FROM signals WHERE minute BETWEEN $1 AND $2 ORDER BY 1`,
  cycles: `SELECT minute, status, reason, model_id, members, excluded, candles, predictions, signals, intents, fills, reason_counts, notes
    FROM cycles WHERE minute BETWEEN $1 AND $2 ORDER BY 1`,
  orders: `SELECT client_order_id, decided_at, purpose, side, quantity, trigger_price, status, filled_quantity FROM orders
    WHERE decided_at BETWEEN $1 AND $2 ORDER BY 1`,
  orderEvents: `SELECT client_order_id, sequence, e.status, e.reason FROM order_events e JOIN orders USING (client_order_id)
    WHERE decided_at BETWEEN $1 AND $2 ORDER BY 1, 2`,
  fills: 'SELECT fill_id, quantity, price, fee, realized_pnl, time FROM fills WHERE time BETWEEN $1 AND $2 ORDER BY 1',
  cashFlows: 'SELECT flow_id, cause, symbol, amount, time FROM cash_flows WHERE time BETWEEN $1 AND $2 ORDER BY 1',
  equity: 'SELECT minute, equity, cash, fees, funding FROM equity WHERE minute BETWEEN $1 AND $2 ORDER BY 1',
} as const;

export type Kind = keyof typeof QUERIES;
export type BookContents = Record<Kind, Record<string, unknown>[]>;

/** Everything a book holds of the minutes from `from` to `to`. */
export async function readBook(database: Database, from: number, to: number): Promise<BookContents> {
  const contents = {} as BookContents;
  for (const kind of Object.keys(QUERIES) as Kind[]) {
    contents[kind] = (await database.pool.query(QUERIES[kind], [from, to])).rows as Record<string, unknown>[];
  }
  return contents;
}
