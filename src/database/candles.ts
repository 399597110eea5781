import type pg from 'pg';
import type {
  CandleCommit,
  CandleCorrection,
  EpochMs,
  FinalCandle,
  Finality,
  SymbolId,
  Timeframe,
} from '../core/index.ts';
import { epochMs, TIMEFRAMES } from '../core/index.ts';
import { float8Array, int4Array, int8Array, nullableFloat8Array, nullableInt4Array } from './binary-arrays.ts';
import type { Database } from './connection.ts';
import { inTransaction } from './connection.ts';
import { instrumentIds } from './instruments.ts';
import { inLanes } from './lanes.ts';
import { RAW_MARKET_DATA, withPartitions } from './partitions.ts';

/**
 * Stores closed candles of any symbols and timeframes. The first values win: a candle already stored with other values stays, and the
 * difference is recorded and returned; an optional column that one side lacks is no difference. Repeating a call changes nothing.
 */
export async function upsertCandles(
  database: Database,
  venue: string,
  candles: readonly FinalCandle[],
  recordedAt: EpochMs,
): Promise<CandleCommit> {
  const ids = await instrumentIds(database, venue, symbolsOf(candles));
  const corrections: CandleCorrection[] = [];
  let inserted = 0;
  await inLanes(batchesOf(candles, ids), WRITE_LANES, async (batch) => {
    const written = await withPartitions(database, RAW_MARKET_DATA, batch.openTimes, () =>
      database.pool.query({ name: 'candles-insert', text: INSERT, values: batch.parameters() }),
    );
    const count = written.rowCount ?? 0;
    inserted += count;
    // Only where something was there already is there anything to compare.
    if (count < batch.candles.length) corrections.push(...(await findDifferences(database.pool, batch)));
  });
  await recordCorrections(database.pool, ids, 'reported', corrections, recordedAt);
  return { inserted, unchanged: candles.length - inserted - corrections.length, corrections };
}

/**
 * Puts other values in the place of stored ones, deliberately; the old ones are kept in `candle_corrections`. Candles not stored yet are
 * stored. Returns what was replaced.
 */
export async function repairCandles(
  database: Database,
  venue: string,
  candles: readonly FinalCandle[],
  recordedAt: EpochMs,
): Promise<CandleCorrection[]> {
  const ids = await instrumentIds(database, venue, symbolsOf(candles));
  const replaced: CandleCorrection[] = [];
  for (const batch of batchesOf(candles, ids)) {
    replaced.push(
      ...(await withPartitions(database, RAW_MARKET_DATA, batch.openTimes, () =>
        inTransaction(database, async (client) => {
          await client.query(INSERT, batch.parameters());
          const differences = await findDifferences(client, batch);
          await recordCorrections(client, ids, 'repaired', differences, recordedAt);
          if (differences.length > 0) await client.query(REPLACE, batch.parameters());
          return differences;
        }),
      )),
    );
  }
  return replaced;
}

/** A correction as recorded, newest last. */
export interface RecordedCorrection extends CandleCorrection {
  /** `reported`: the stored values stayed. `repaired`: they were replaced. */
  readonly kind: 'reported' | 'repaired';
  readonly recordedAt: EpochMs;
}

/** The corrections recorded for bars that open in `[from, until)`, of one symbol or of all. */
export async function listCorrections(
  database: Database,
  filter: { venue: string; symbol?: SymbolId; from: EpochMs; until: EpochMs },
): Promise<RecordedCorrection[]> {
  const { rows } = await database.pool.query<CorrectionRow>(
    `SELECT symbol, timeframe, open_time, kind, stored, reported, recorded_at
     FROM candle_corrections JOIN instruments USING (instrument_id)
     WHERE venue = $1 AND ($2::text IS NULL OR symbol = $2) AND open_time >= $3 AND open_time < $4 ORDER BY correction_id`,
    [filter.venue, filter.symbol ?? null, filter.from, filter.until],
  );
  return rows.map((row) => {
    const key = {
      state: 'final',
      symbol: row.symbol,
      timeframe: row.timeframe,
      openTime: epochMs(row.open_time),
    } as const;
    return {
      kind: row.kind,
      recordedAt: epochMs(row.recorded_at),
      stored: { ...key, ...row.stored },
      reported: { ...key, ...row.reported },
    };
  });
}

type CandleNumbers = Omit<FinalCandle, 'state' | 'symbol' | 'timeframe' | 'openTime'>;

interface CorrectionRow {
  readonly symbol: SymbolId;
  readonly timeframe: Timeframe;
  readonly open_time: number;
  readonly kind: 'reported' | 'repaired';
  readonly stored: CandleNumbers;
  readonly reported: CandleNumbers;
  readonly recorded_at: number;
}

const FINALITIES: readonly Finality[] = ['venue-flag', 'successor', 'rest', 'archive', 'confirmed-empty'];
/** 1-based, as PostgreSQL counts array elements. */
const FINALITY_CODES: Readonly<Record<Finality, number>> = {
  'venue-flag': 1,
  successor: 2,
  rest: 3,
  archive: 4,
  'confirmed-empty': 5,
};

const INCOMING = `unnest($2::int4[], $3::int8[], $4::float8[], $5::float8[], $6::float8[], $7::float8[], $8::float8[],
    $9::float8[], $10::float8[], $11::int4[], $12::int4[])
  AS incoming (instrument_id, open_time, open, high, low, close, volume, quote_volume, taker_buy_volume, trades, finality)`;
const FINALITY = `(ARRAY['${FINALITIES.join("','")}']::candle_finality[])[incoming.finality]`;

const INSERT = `INSERT INTO raw_market_data (instrument_id, timeframe, open_time, open, high, low, close, volume, quote_volume,
    taker_buy_volume, trades, finality)
  SELECT instrument_id, $1, open_time, open, high, low, close, volume, quote_volume, taker_buy_volume, trades, ${FINALITY}
  FROM ${INCOMING} ON CONFLICT DO NOTHING`;

const DIFFERS = `stored.instrument_id = incoming.instrument_id AND stored.timeframe = $1 AND stored.open_time = incoming.open_time
  AND ((stored.open, stored.high, stored.low, stored.close, stored.volume)
      IS DISTINCT FROM (incoming.open, incoming.high, incoming.low, incoming.close, incoming.volume)
    OR stored.quote_volume <> incoming.quote_volume OR stored.taker_buy_volume <> incoming.taker_buy_volume
    OR stored.trades <> incoming.trades)`;

// The bounds keep the search to the partitions concerned.
const DIFFERENCES = `SELECT stored.instrument_id, stored.open_time, stored.open, stored.high, stored.low, stored.close,
    stored.volume, stored.quote_volume, stored.taker_buy_volume, stored.trades, stored.finality
  FROM ${INCOMING} JOIN raw_market_data stored ON ${DIFFERS}
  WHERE stored.open_time BETWEEN $13 AND $14`;

const REPLACE = `UPDATE raw_market_data AS stored SET open = incoming.open, high = incoming.high, low = incoming.low,
    close = incoming.close, volume = incoming.volume, quote_volume = incoming.quote_volume,
    taker_buy_volume = incoming.taker_buy_volume, trades = incoming.trades, finality = ${FINALITY}
  FROM ${INCOMING} WHERE ${DIFFERS}`;

/** Rows per statement: larger ones are not faster, and hold the event loop while they are encoded. */
const BATCH_ROWS = 10_000;
/** Batches under way at once: while one is encoded here, the other is written there. */
const WRITE_LANES = 2;

interface Batch {
  readonly timeframe: Timeframe;
  readonly candles: readonly FinalCandle[];
  readonly openTimes: readonly number[];
  readonly ids: ReadonlyMap<SymbolId, number>;
  parameters(): unknown[];
}

/** Candles of one timeframe each, in the order of the key: two programs that write the same ones cannot block each other. */
function batchesOf(candles: readonly FinalCandle[], ids: ReadonlyMap<SymbolId, number>): Batch[] {
  const batches: Batch[] = [];
  for (const timeframe of TIMEFRAMES) {
    const rows = candles.filter((candle) => candle.timeframe === timeframe);
    const idOf = ({ symbol }: FinalCandle) => ids.get(symbol) ?? 0;
    const inOrder = (a: FinalCandle, b: FinalCandle) =>
      a.symbol === b.symbol ? a.openTime - b.openTime : idOf(a) - idOf(b);
    rows.sort(inOrder);
    for (let from = 0; from < rows.length; from += BATCH_ROWS) {
      batches.push(createBatch(timeframe, rows.slice(from, from + BATCH_ROWS), ids));
    }
  }
  return batches;
}

function createBatch(timeframe: Timeframe, candles: readonly FinalCandle[], ids: ReadonlyMap<SymbolId, number>): Batch {
  const openTimes = candles.map(({ openTime }) => openTime);
  return {
    timeframe,
    candles,
    openTimes,
    ids,
    parameters: () => [
      timeframe,
      int4Array(candles.map(({ symbol }) => ids.get(symbol) ?? 0)),
      int8Array(openTimes),
      float8Array(candles.map(({ open }) => open)),
      float8Array(candles.map(({ high }) => high)),
      float8Array(candles.map(({ low }) => low)),
      float8Array(candles.map(({ close }) => close)),
      float8Array(candles.map(({ volume }) => volume)),
      nullableFloat8Array(candles.map(({ quoteVolume }) => quoteVolume)),
      nullableFloat8Array(candles.map(({ takerBuyVolume }) => takerBuyVolume)),
      nullableInt4Array(candles.map(({ trades }) => trades)),
      int4Array(candles.map(({ finality }) => FINALITY_CODES[finality])),
    ],
  };
}

interface StoredRow {
  readonly instrument_id: number;
  readonly open_time: number;
  readonly open: number;
  readonly high: number;
  readonly low: number;
  readonly close: number;
  readonly volume: number;
  readonly quote_volume: number | null;
  readonly taker_buy_volume: number | null;
  readonly trades: number | null;
  readonly finality: Finality;
}

/** The batch's candles that are stored with other values, each with the last values the batch has for it. */
async function findDifferences(queryable: Pick<pg.ClientBase, 'query'>, batch: Batch): Promise<CandleCorrection[]> {
  const bounds = [Math.min(...batch.openTimes), Math.max(...batch.openTimes)];
  const { rows } = await queryable.query<StoredRow>(DIFFERENCES, [...batch.parameters(), ...bounds]);
  if (rows.length === 0) return [];
  const stored = new Map(rows.map((row) => [`${row.instrument_id}/${row.open_time}`, row]));
  const corrections = new Map<string, CandleCorrection>();
  for (const reported of batch.candles) {
    const key = `${batch.ids.get(reported.symbol)}/${reported.openTime}`;
    const row = stored.get(key);
    if (row && differs(row, reported))
      corrections.set(key, { stored: candleOf(reported.symbol, batch.timeframe, row), reported });
  }
  return [...corrections.values()];
}

/** As DIFFERS has it: a batch may hold a bar twice, once as stored and once not. */
function differs(row: StoredRow, candle: FinalCandle): boolean {
  const otherwise = (stored: number | null, reported: number | undefined) =>
    stored !== null && reported !== undefined && stored !== reported;
  return (
    row.open !== candle.open ||
    row.high !== candle.high ||
    row.low !== candle.low ||
    row.close !== candle.close ||
    row.volume !== candle.volume ||
    otherwise(row.quote_volume, candle.quoteVolume) ||
    otherwise(row.taker_buy_volume, candle.takerBuyVolume) ||
    otherwise(row.trades, candle.trades)
  );
}

async function recordCorrections(
  queryable: Pick<pg.ClientBase, 'query'>,
  ids: ReadonlyMap<SymbolId, number>,
  kind: 'reported' | 'repaired',
  corrections: readonly CandleCorrection[],
  recordedAt: EpochMs,
): Promise<void> {
  if (corrections.length === 0) return;
  await queryable.query(
    `INSERT INTO candle_corrections (instrument_id, timeframe, open_time, kind, stored, reported, recorded_at)
     SELECT instrument_id, timeframe, open_time, $5, stored, reported, $7
     FROM unnest($1::int4[], $2::text[], $3::int8[], $4::jsonb[], $6::jsonb[])
       AS correction (instrument_id, timeframe, open_time, stored, reported)
     ON CONFLICT DO NOTHING`,
    [
      int4Array(corrections.map(({ stored }) => ids.get(stored.symbol) ?? 0)),
      corrections.map(({ stored }) => stored.timeframe),
      int8Array(corrections.map(({ stored }) => stored.openTime)),
      corrections.map(({ stored }) => numbersOf(stored)),
      kind,
      corrections.map(({ reported }) => numbersOf(reported)),
      recordedAt,
    ],
  );
}

function candleOf(symbol: SymbolId, timeframe: Timeframe, row: StoredRow): FinalCandle {
  return {
    state: 'final',
    symbol,
    timeframe,
    openTime: epochMs(row.open_time),
    open: row.open,
    high: row.high,
    low: row.low,
    close: row.close,
    volume: row.volume,
    ...(row.quote_volume === null ? {} : { quoteVolume: row.quote_volume }),
    ...(row.trades === null ? {} : { trades: row.trades }),
    ...(row.taker_buy_volume === null ? {} : { takerBuyVolume: row.taker_buy_volume }),
    finality: row.finality,
  };
}

function numbersOf({
  state: _state,
  symbol: _symbol,
  timeframe: _timeframe,
  openTime: _openTime,
  ...numbers
}: FinalCandle) {
  return JSON.stringify(numbers satisfies CandleNumbers);
}

const symbolsOf = (candles: readonly FinalCandle[]): SymbolId[] => [...new Set(candles.map(({ symbol }) => symbol))];
