import type { Instrument, SymbolId } from '../core/index.ts';
import { epochMs } from '../core/index.ts';
import { nullableInt8Array } from './binary-arrays.ts';
import type { Database } from './connection.ts';

/** Writes instruments and their rules; those known already take the new rules. */
export async function saveInstruments(database: Database, instruments: readonly Instrument[]): Promise<void> {
  const column = (pick: (instrument: Instrument) => string) => instruments.map(pick);
  await database.pool.query(
    `INSERT INTO instruments AS known (venue, symbol, base, quote, tick_size, step_size, min_quantity, min_notional, status,
       listed_at, delisted_at)
     SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::numeric[], $6::numeric[], $7::numeric[],
       $8::numeric[], $9::text[], $10::int8[], $11::int8[])
     ON CONFLICT (venue, symbol) DO UPDATE SET base = excluded.base, quote = excluded.quote, tick_size = excluded.tick_size,
       step_size = excluded.step_size, min_quantity = excluded.min_quantity, min_notional = excluded.min_notional,
       status = excluded.status, listed_at = coalesce(excluded.listed_at, known.listed_at),
       delisted_at = excluded.delisted_at`,
    [
      column(({ venue }) => venue),
      column(({ symbol }) => symbol),
      column(({ base }) => base),
      column(({ quote }) => quote),
      column(({ tickSize }) => tickSize),
      column(({ stepSize }) => stepSize),
      column(({ minQuantity }) => minQuantity),
      column(({ minNotional }) => minNotional),
      column(({ status }) => status),
      nullableInt8Array(instruments.map(({ listedAt }) => listedAt)),
      nullableInt8Array(instruments.map(({ delistedAt }) => delistedAt)),
    ],
  );
}

/** The instruments of a venue whose rules are known, by symbol. */
export async function listInstruments(database: Database, venue: string): Promise<Instrument[]> {
  const { rows } = await database.pool.query<InstrumentRow>(
    `SELECT venue, symbol, base, quote, tick_size, step_size, min_quantity, min_notional, status, listed_at, delisted_at
     FROM instruments WHERE venue = $1 AND status IS NOT NULL ORDER BY symbol`,
    [venue],
  );
  return rows.map((row) => ({
    venue: row.venue,
    symbol: row.symbol,
    base: row.base,
    quote: row.quote,
    tickSize: row.tick_size,
    stepSize: row.step_size,
    minQuantity: row.min_quantity,
    minNotional: row.min_notional,
    status: row.status,
    ...(row.listed_at === null ? {} : { listedAt: epochMs(row.listed_at) }),
    ...(row.delisted_at === null ? {} : { delistedAt: epochMs(row.delisted_at) }),
  }));
}

/**
 * The ids of a venue's symbols, in the order given; a symbol seen for the first time is entered without rules. Remembered per
 * database, as ids never change.
 */
export async function instrumentIds(
  database: Database,
  venue: string,
  symbols: readonly SymbolId[],
): Promise<ReadonlyMap<SymbolId, number>> {
  const ids = rememberedIds(database, venue);
  const unknown = [...new Set(symbols)].filter((symbol) => !ids.has(symbol));
  if (unknown.length > 0) {
    unknown.sort();
    await database.pool.query(
      'INSERT INTO instruments (venue, symbol) SELECT $1, unnest($2::text[]) ON CONFLICT (venue, symbol) DO NOTHING',
      [venue, unknown],
    );
    const { rows } = await database.pool.query<{ symbol: string; instrument_id: number }>(
      'SELECT symbol, instrument_id FROM instruments WHERE venue = $1 AND symbol = ANY ($2)',
      [venue, unknown],
    );
    for (const row of rows) ids.set(row.symbol, row.instrument_id);
  }
  return ids;
}

/** Forgets all ids: after the table was dropped. */
export function forgetInstrumentIds(database: Database): void {
  remembered.delete(database);
}

interface InstrumentRow {
  readonly venue: string;
  readonly symbol: string;
  readonly base: string;
  readonly quote: string;
  readonly tick_size: string;
  readonly step_size: string;
  readonly min_quantity: string;
  readonly min_notional: string;
  readonly status: Instrument['status'];
  readonly listed_at: number | null;
  readonly delisted_at: number | null;
}

const remembered = new WeakMap<Database, Map<string, Map<SymbolId, number>>>();

function rememberedIds(database: Database, venue: string): Map<SymbolId, number> {
  const venues = remembered.get(database) ?? new Map<string, Map<SymbolId, number>>();
  remembered.set(database, venues);
  const ids = venues.get(venue) ?? new Map<SymbolId, number>();
  venues.set(venue, ids);
  return ids;
}
