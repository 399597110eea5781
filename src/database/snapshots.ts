import { type EpochMs, epochMs, type FinalCandle, type Finality, MINUTE_MS, type SymbolId } from '../core/index.ts';
import { float8Array, int4Array, int8Array } from './binary-arrays.ts';
import type { Database } from './connection.ts';
import { instrumentIds } from './instruments.ts';

/** The newest closed minute of a symbol. */
export interface MarketSnapshot {
  readonly symbol: SymbolId;
  /** Its close boundary. */
  readonly minute: EpochMs;
  readonly open: number;
  readonly high: number;
  readonly low: number;
  readonly close: number;
  readonly volume: number;
  readonly finality: Finality;
}

/** The current state of every symbol of a venue, by symbol. */
export async function listSnapshots(database: Database, venue: string): Promise<MarketSnapshot[]> {
  const { rows } = await database.pool.query<MarketSnapshot>(
    `SELECT symbol, minute, open, high, low, close, volume, finality
     FROM market_data_snapshots JOIN instruments USING (instrument_id) WHERE venue = $1 ORDER BY symbol`,
    [venue],
  );
  return rows.map((row) => ({ ...row, minute: epochMs(row.minute) }));
}

/** Takes the newest one-minute candle of each symbol into the snapshots, unless they hold a newer one. */
export async function updateSnapshots(
  database: Database,
  venue: string,
  candles: readonly FinalCandle[],
): Promise<void> {
  const newest = new Map<SymbolId, FinalCandle>();
  for (const candle of candles) {
    const known = newest.get(candle.symbol);
    if (candle.timeframe === '1m' && (!known || known.openTime < candle.openTime)) newest.set(candle.symbol, candle);
  }
  if (newest.size === 0) return;
  const ids = await instrumentIds(database, venue, [...newest.keys()]);
  // In the order of the key, so that two writers cannot block each other.
  const rows = [...newest.values()].sort((a, b) => (ids.get(a.symbol) ?? 0) - (ids.get(b.symbol) ?? 0));
  await database.pool.query({
    name: 'snapshots-update',
    text: `INSERT INTO market_data_snapshots AS known (instrument_id, minute, open, high, low, close, volume, finality)
      SELECT instrument_id, minute, open, high, low, close, volume, finality::candle_finality
      FROM unnest($1::int4[], $2::int8[], $3::float8[], $4::float8[], $5::float8[], $6::float8[], $7::float8[], $8::text[])
        AS incoming (instrument_id, minute, open, high, low, close, volume, finality)
      ON CONFLICT (instrument_id) DO UPDATE SET minute = excluded.minute, open = excluded.open, high = excluded.high,
        low = excluded.low, close = excluded.close, volume = excluded.volume, finality = excluded.finality
      WHERE known.minute < excluded.minute`,
    values: [
      int4Array(rows.map(({ symbol }) => ids.get(symbol) ?? 0)),
      int8Array(rows.map(({ openTime }) => openTime + MINUTE_MS)),
      float8Array(rows.map(({ open }) => open)),
      float8Array(rows.map(({ high }) => high)),
      float8Array(rows.map(({ low }) => low)),
      float8Array(rows.map(({ close }) => close)),
      float8Array(rows.map(({ volume }) => volume)),
      rows.map(({ finality }) => finality),
    ],
  });
}
