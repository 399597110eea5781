import type { EpochMs, FundingRate, FundingRates, SymbolId } from '../core/index.ts';
import { float8Array, int4Array, int8Array } from './binary-arrays.ts';
import type { Database } from './connection.ts';
import { instrumentIds } from './instruments.ts';

/** Stores settled funding rates. Of two of one symbol and time the first stored stays. */
export async function saveFundingRates(
  database: Database,
  venue: string,
  rates: readonly FundingRate[],
): Promise<void> {
  if (rates.length === 0) return;
  const ids = await instrumentIds(
    database,
    venue,
    rates.map(({ symbol }) => symbol),
  );
  await database.pool.query(
    `INSERT INTO funding_rates (instrument_id, time, rate) SELECT * FROM unnest($1::int4[], $2::int8[], $3::float8[])
     ON CONFLICT (instrument_id, time) DO NOTHING`,
    [
      int4Array(rates.map(({ symbol }) => ids.get(symbol) ?? 0)),
      int8Array(rates.map(({ time }) => time)),
      float8Array(rates.map(({ rate }) => rate)),
    ],
  );
}

/** The stored funding rates settled in `[from, until)`, by symbol; a symbol without any is left out. */
export async function readFundingRates(
  database: Database,
  symbols: readonly SymbolId[],
  { venue, from, until }: { readonly venue: string; readonly from: EpochMs; readonly until: EpochMs },
): Promise<Map<SymbolId, FundingRates>> {
  const { rows } = await database.pool.query<{ symbol: SymbolId; times: number[]; rates: number[] }>(
    `SELECT symbol, array_agg(time::float8 ORDER BY time) AS times, array_agg(rate ORDER BY time) AS rates
     FROM funding_rates JOIN instruments USING (instrument_id)
     WHERE venue = $1 AND symbol = ANY ($2) AND time >= $3 AND time < $4 GROUP BY symbol`,
    [venue, symbols, from, until],
  );
  return new Map(
    rows.map(({ symbol, times, rates }) => [
      symbol,
      { times: Float64Array.from(times), rates: Float64Array.from(rates) },
    ]),
  );
}
