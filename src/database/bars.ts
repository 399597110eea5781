import { to as copyTo } from 'pg-copy-streams';
import {
  type BarColumns,
  durationOf,
  type EpochMs,
  epochMs,
  isTimeframe,
  MinutehandError,
  type SymbolId,
  type Timeframe,
} from '../core/index.ts';
import type { Database } from './connection.ts';
import { inLanes } from './lanes.ts';

export interface BarRange {
  readonly venue: string;
  readonly timeframe: Timeframe;
  /** Bars that open in `[from, until)`. */
  readonly from: EpochMs;
  readonly until: EpochMs;
}

/**
 * The stored bars of each symbol as columns, oldest first; a symbol without any has columns of length 0. Minutes the venue confirmed as
 * empty are among them: flat, volume 0.
 */
export async function readBars(
  database: Database,
  symbols: readonly SymbolId[],
  range: BarRange,
): Promise<Map<SymbolId, BarColumns>> {
  const ids = await knownIds(database, range.venue, symbols);
  const bars = new Map<SymbolId, BarColumns>(symbols.map((symbol) => [symbol, decodeColumns(undefined)]));
  await inLanes([...ids], READ_LANES, async ([symbol, id]) => {
    bars.set(symbol, await readColumns(database, id, range));
  });
  return bars;
}

export interface Coverage {
  readonly symbol: SymbolId;
  readonly bars: number;
  /** Opening times of the first and the last stored bar. */
  readonly earliest: EpochMs;
  readonly latest: EpochMs;
}

/** How many bars of each symbol are stored and from when until when, in the order of the symbols' names; those without are left out. */
export async function listCoverage(database: Database, venue: string, timeframe: Timeframe): Promise<Coverage[]> {
  const { rows } = await database.pool.query<{ symbol: string; bars: number; earliest: number; latest: number }>(
    `SELECT symbol, count(*) AS bars, min(open_time) AS earliest, max(open_time) AS latest
     FROM raw_market_data JOIN instruments USING (instrument_id)
     WHERE venue = $1 AND timeframe = $2 GROUP BY symbol ORDER BY symbol`,
    [venue, timeframe],
  );
  return rows.map((row) => ({ ...row, earliest: epochMs(row.earliest), latest: epochMs(row.latest) }));
}

/** The opening time of each symbol's newest stored bar; a look into the index per symbol, however many bars there are. */
export async function latestOpenTimes(
  database: Database,
  venue: string,
  timeframe: Timeframe,
): Promise<Map<SymbolId, EpochMs>> {
  const { rows } = await database.pool.query<{ symbol: string; latest: number }>(
    `SELECT symbol, latest.open_time AS latest FROM instruments,
       LATERAL (SELECT open_time FROM raw_market_data bar
         WHERE bar.instrument_id = instruments.instrument_id AND timeframe = $2 ORDER BY open_time DESC LIMIT 1) latest
     WHERE venue = $1 ORDER BY symbol`,
    [venue, timeframe],
  );
  return new Map(rows.map(({ symbol, latest }) => [symbol, epochMs(latest)]));
}

/** Opening times of the first and the last stored bar. */
export interface StoredSpan {
  readonly earliest: EpochMs;
  readonly latest: EpochMs;
}

/** The span of each symbol's stored bars, holes included; two looks into the index per symbol, however many bars there are. */
export async function storedSpans(
  database: Database,
  venue: string,
  timeframe: Timeframe,
): Promise<Map<SymbolId, StoredSpan>> {
  const bar = (order: 'ASC' | 'DESC') => `LATERAL (SELECT open_time FROM raw_market_data bar
    WHERE bar.instrument_id = instruments.instrument_id AND timeframe = $2 ORDER BY open_time ${order} LIMIT 1)`;
  const { rows } = await database.pool.query<{ symbol: string; earliest: number; latest: number }>(
    `SELECT symbol, first.open_time AS earliest, last.open_time AS latest
     FROM instruments, ${bar('ASC')} first, ${bar('DESC')} last WHERE venue = $1 ORDER BY symbol`,
    [venue, timeframe],
  );
  return new Map(
    rows.map(({ symbol, earliest, latest }) => [symbol, { earliest: epochMs(earliest), latest: epochMs(latest) }]),
  );
}

/** How many bars that open in the range are stored, over all symbols of the venue. */
export async function countBars(database: Database, { venue, timeframe, from, until }: BarRange): Promise<number> {
  const { rows } = await database.pool.query<{ bars: number }>(
    `SELECT count(*) AS bars FROM raw_market_data JOIN instruments USING (instrument_id)
     WHERE venue = $1 AND timeframe = $2 AND open_time >= $3 AND open_time < $4`,
    [venue, timeframe, from, until],
  );
  return rows[0]?.bars ?? 0;
}

/** Bars that are not stored: the first and the past-the-last opening time. */
export interface Gap {
  readonly symbol: SymbolId;
  readonly from: EpochMs;
  readonly until: EpochMs;
  readonly bars: number;
}

/** The holes of each symbol in the range, its edges included, oldest first; a symbol without a bar is one hole. */
export async function findGaps(database: Database, symbols: readonly SymbolId[], range: BarRange): Promise<Gap[]> {
  const step = durationOf(range.timeframe);
  const first = Math.ceil(range.from / step) * step;
  const end = Math.ceil(range.until / step) * step;
  if (first >= end) return [];
  const ids = await knownIds(database, range.venue, symbols);
  const holes = new Map<SymbolId, [from: number, until: number][]>(symbols.map((symbol) => [symbol, [[first, end]]]));
  await inLanes([...ids], READ_LANES, async ([symbol, id]) => {
    const { rows } = await database.pool.query<{ hole_from: number; hole_until: number | null }>({
      name: 'bars-gaps',
      text: GAPS,
      values: [id, range.timeframe, first, end, step],
    });
    const found = rows.map((row): [number, number] => [row.hole_from, row.hole_until ?? end]);
    holes.set(
      symbol,
      found.filter(([from, until]) => from < until),
    );
  });
  return symbols.flatMap((symbol) =>
    (holes.get(symbol) ?? []).map(([from, until]) => ({
      symbol,
      from: epochMs(from),
      until: epochMs(until),
      bars: (until - from) / step,
    })),
  );
}

// The hole before the first bar (all of the range when there is no bar), then those after a bar whose successor is not the next.
const GAPS = `SELECT $3::int8 AS hole_from, min(open_time) AS hole_until FROM raw_market_data
  WHERE instrument_id = $1 AND timeframe = $2 AND open_time >= $3 AND open_time < $4
  UNION ALL
  SELECT open_time + $5, successor FROM (
    SELECT open_time, lead(open_time, 1, $4::int8) OVER (ORDER BY open_time) AS successor FROM raw_market_data
    WHERE instrument_id = $1 AND timeframe = $2 AND open_time >= $3 AND open_time < $4
  ) bars WHERE successor - open_time > $5
  ORDER BY hole_from`;

/** Symbols read at once: one per core of a small machine. */
const READ_LANES = 2;
/** In the order of the columns of a bar. */
const COLUMNS = ['open_time::float8', 'open', 'high', 'low', 'close', 'volume', 'quote_volume', 'taker_buy_volume'];

/**
 * Each column becomes one bytea of big-endian doubles, aggregated by the server and sent by COPY in binary: five times as fast as
 * rows. (pg cannot receive binary results otherwise.) COPY takes no parameters: what goes into its text are numbers and a timeframe.
 */
async function readColumns(database: Database, id: number, range: BarRange): Promise<BarColumns> {
  if (!isTimeframe(range.timeframe)) throw new RangeError(`"${range.timeframe}" is not a timeframe`);
  const columns = COLUMNS.map((column) => `string_agg(float8send(coalesce(${column}, 'NaN')), '')`);
  const statement = `COPY (SELECT ${columns.join(', ')} FROM (
    SELECT * FROM raw_market_data WHERE instrument_id = ${Number(id)} AND timeframe = '${range.timeframe}'
      AND open_time >= ${Number(range.from)} AND open_time < ${Number(range.until)} ORDER BY open_time) bars) TO STDOUT (FORMAT binary)`;
  const client = await database.pool.connect();
  let failure: Error | undefined;
  try {
    const chunks: Buffer[] = [];
    for await (const chunk of client.query(copyTo(statement))) chunks.push(chunk);
    return decodeColumns(Buffer.concat(chunks));
  } catch (error) {
    failure = error instanceof Error ? error : new Error(String(error));
    throw failure;
  } finally {
    client.release(failure);
  }
}

/** "PGCOPY\n\377\r\n\0", flags and the length of an extension that does not exist. */
const COPY_HEADER = 19;

/** One row of eight fields, each its length (-1 = null: no bars) and its bytes. */
function decodeColumns(copy: Buffer | undefined): BarColumns {
  let offset = COPY_HEADER + 2;
  const next = (): Float64Array<ArrayBuffer> => {
    const bytes = copy?.readInt32BE(offset) ?? -1;
    offset += 4;
    if (copy === undefined || bytes < 0) return new Float64Array(0);
    if (offset + bytes > copy.length) {
      throw new MinutehandError('DATABASE_READ_FAILED', 'The database ended a read of bars too early.', 'Try again.');
    }
    const column = new Float64Array(bytes / 8);
    const target = Buffer.from(column.buffer);
    copy.copy(target, 0, offset, offset + bytes);
    target.swap64();
    offset += bytes;
    return column;
  };
  const openTime = next();
  return {
    length: openTime.length,
    openTime,
    open: next(),
    high: next(),
    low: next(),
    close: next(),
    volume: next(),
    quoteVolume: next(),
    takerBuyVolume: next(),
  };
}

async function knownIds(
  database: Database,
  venue: string,
  symbols: readonly SymbolId[],
): Promise<Map<SymbolId, number>> {
  const { rows } = await database.pool.query<{ symbol: string; instrument_id: number }>(
    'SELECT symbol, instrument_id FROM instruments WHERE venue = $1 AND symbol = ANY ($2)',
    [venue, symbols],
  );
  return new Map(rows.map((row) => [row.symbol, row.instrument_id]));
}
