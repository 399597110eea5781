import { type BookSnapshot, type EpochMs, epochMs, type SymbolId } from '../core/index.ts';
import type { Database } from './connection.ts';
import { listOrders } from './ledger.ts';

/** What a restart of a book goes on from; undefined for a book without a committed minute. */
export async function loadBook(database: Database, book: string): Promise<BookSnapshot | undefined> {
  const { rows } = await database.pool.query<{ last_minute: number; state: string }>(
    'SELECT last_minute, state FROM books WHERE book = $1',
    [book],
  );
  if (!rows[0]) return undefined;
  const openOrders = await listOrders(database, { book, open: true });
  return { lastMinute: epochMs(rows[0].last_minute), bookState: rows[0].state, openOrders };
}

/** Records which symbols a book trades from a minute on, in canonical order. */
export async function saveUniverse(
  database: Database,
  universe: { book: string; fromMinute: EpochMs; symbols: readonly SymbolId[] },
): Promise<void> {
  await database.pool.query(
    `INSERT INTO universes (book, from_minute, symbols) VALUES ($1, $2, $3)
     ON CONFLICT (book, from_minute) DO UPDATE SET symbols = excluded.symbols`,
    [universe.book, universe.fromMinute, universe.symbols],
  );
}

/** The symbols of a book at a minute, in canonical order; undefined before its first universe. */
export async function universeAt(database: Database, book: string, minute: EpochMs): Promise<SymbolId[] | undefined> {
  const { rows } = await database.pool.query<{ symbols: string[] }>(
    'SELECT symbols FROM universes WHERE book = $1 AND from_minute <= $2 ORDER BY from_minute DESC LIMIT 1',
    [book, minute],
  );
  return rows[0]?.symbols;
}
