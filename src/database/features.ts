import { type EpochMs, epochMs, type FeaturePanel, type FeatureRows, phaseOf, type SymbolId } from '../core/index.ts';
import { float4Array, int4Array } from './binary-arrays.ts';
import { type Database, inPipeline } from './connection.ts';
import { instrumentIds } from './instruments.ts';
import { FEATURES_KEPT, FEATURES_RECENT, INDICATORS_KEPT, INDICATORS_RECENT, withPartitions } from './partitions.ts';

/** Stores the features and indicators of one minute; what is stored already stays. */
export const insertFeatures = (database: Database, venue: string, rows: FeatureRows): Promise<void> =>
  writeFeatures(database, venue, rows, {
    features: { name: 'features-insert', text: `${FEATURES} DO NOTHING` },
    indicators: { name: 'indicators-insert', text: `${INDICATORS} DO NOTHING` },
  });

/** Stores the features and indicators of one minute in the place of what is stored. */
export const replaceFeatures = (database: Database, venue: string, rows: FeatureRows): Promise<void> =>
  writeFeatures(database, venue, rows, {
    features: { name: 'features-replace', text: `${FEATURES} DO UPDATE SET features = excluded.features` },
    indicators: { name: 'indicators-replace', text: `${INDICATORS} DO UPDATE SET indicators = excluded.indicators` },
  });

export interface StoredFeatures {
  readonly symbol: SymbolId;
  readonly minute: EpochMs;
  /** In the order of the feature set's names; NaN where masked. */
  readonly features: Float32Array;
}

/** The stored features of one symbol for minutes in `[from, until)`, oldest first. */
export async function readFeatures(
  database: Database,
  query: { venue: string; symbol: SymbolId; featureSetHash: string; from: EpochMs; until: EpochMs },
): Promise<StoredFeatures[]> {
  const { rows } = await database.pool.query<{ minute: number; features: number[] }>(
    `SELECT minute, features FROM processed_market_data
     JOIN instruments USING (instrument_id) JOIN feature_sets USING (feature_set_id)
     WHERE venue = $1 AND symbol = $2 AND feature_set_hash = $3 AND minute >= $4 AND minute < $5 ORDER BY minute`,
    [query.venue, query.symbol, query.featureSetHash, query.from, query.until],
  );
  return rows.map(({ minute, features }) => ({
    symbol: query.symbol,
    minute: epochMs(minute),
    features: Float32Array.from(features),
  }));
}

/** What is stored of one symbol at one minute; a part that is not stored is absent. */
export interface StoredFeatureRow {
  readonly symbol: SymbolId;
  readonly minute: EpochMs;
  /** In the order of the feature set's names; NaN where masked. */
  readonly features?: Float32Array;
  readonly indicators?: Readonly<Record<string, number>>;
}

/** The stored features of one set, and the indicators, of some symbols at some minutes; in no order. */
export async function readFeatureRows(
  database: Database,
  query: { venue: string; symbols: readonly SymbolId[]; featureSetHash: string; minutes: readonly EpochMs[] },
): Promise<StoredFeatureRow[]> {
  const { venue, symbols, featureSetHash, minutes } = query;
  const [features, indicators] = await Promise.all([
    database.pool.query<{ symbol: string; minute: number; features: Buffer }>(
      `SELECT symbol, minute, array_send(features) AS features FROM processed_market_data
       JOIN instruments USING (instrument_id) JOIN feature_sets USING (feature_set_id)
       WHERE venue = $1 AND symbol = ANY ($2) AND minute = ANY ($3::int8[]) AND feature_set_hash = $4`,
      [venue, symbols, minutes, featureSetHash],
    ),
    database.pool.query<{ symbol: string; minute: number; indicators: Record<string, number> }>(
      `SELECT symbol, minute, indicators FROM technical_indicators JOIN instruments USING (instrument_id)
       WHERE venue = $1 AND symbol = ANY ($2) AND minute = ANY ($3::int8[])`,
      [venue, symbols, minutes],
    ),
  ]);
  const found = new Map<string, StoredFeatureRow>();
  const keyOf = (row: { symbol: string; minute: number }) => `${row.symbol} ${row.minute}`;
  for (const { symbol, minute, features: bytes } of features.rows) {
    found.set(keyOf({ symbol, minute }), { symbol, minute: epochMs(minute), features: decodeReals(bytes) });
  }
  for (const row of indicators.rows) {
    const { symbol, minute } = row;
    found.set(keyOf(row), { ...found.get(keyOf(row)), symbol, minute: epochMs(minute), indicators: row.indicators });
  }
  return [...found.values()];
}

/** The stored features of one set as panels, for minutes `from` to `to` that have any; oldest first, symbols in the order given. */
export async function readFeaturePanels(
  database: Database,
  query: { venue: string; symbols: readonly SymbolId[]; featureSetHash: string; from: EpochMs; to: EpochMs },
): Promise<FeaturePanel[]> {
  const { venue, symbols, featureSetHash, from, to } = query;
  const { rows } = await database.pool.query<{ symbol: string; minute: number; features: Buffer }>(
    `SELECT symbol, minute, array_send(features) AS features FROM processed_market_data
     JOIN instruments USING (instrument_id) JOIN feature_sets USING (feature_set_id)
     WHERE venue = $1 AND symbol = ANY ($2) AND minute BETWEEN $3 AND $4 AND feature_set_hash = $5
     ORDER BY minute, array_position($2, symbol)`,
    [venue, symbols, from, to, featureSetHash],
  );
  const minutes = new Map<number, { symbol: string; features: Float32Array }[]>();
  for (const { symbol, minute, features } of rows) {
    const own = minutes.get(minute) ?? [];
    own.push({ symbol, features: decodeReals(features) });
    minutes.set(minute, own);
  }
  return [...minutes].map(([minute, own]) => {
    const width = own[0]?.features.length ?? 0;
    const values = new Float32Array(own.length * width);
    own.forEach(({ features }, index) => {
      values.set(features, index * width);
    });
    const masked = Uint8Array.from(values, (value) => (Number.isNaN(value) ? 1 : 0));
    return { minute: epochMs(minute), symbols: own.map(({ symbol }) => symbol), width, featureSetHash, values, masked };
  });
}

/** Minutes from `from` to `to` for which features of a set are stored, of whichever symbol. */
export async function storedFeatureMinutes(
  database: Database,
  query: { venue: string; featureSetHash: string; from: EpochMs; to: EpochMs },
): Promise<EpochMs[]> {
  const { rows } = await database.pool.query<{ minute: number }>(
    `SELECT DISTINCT minute FROM processed_market_data
     JOIN instruments USING (instrument_id) JOIN feature_sets USING (feature_set_id)
     WHERE venue = $1 AND feature_set_hash = $2 AND minute BETWEEN $3 AND $4 ORDER BY minute`,
    [query.venue, query.featureSetHash, query.from, query.to],
  );
  return rows.map(({ minute }) => epochMs(minute));
}

/** The names of a stored feature set, in the order of its values; undefined for a hash never seen. */
export async function featureNamesOf(database: Database, featureSetHash: string): Promise<string[] | undefined> {
  const { rows } = await database.pool.query<{ feature_names: string[] }>(
    'SELECT feature_names FROM feature_sets WHERE feature_set_hash = $1',
    [featureSetHash],
  );
  return rows[0]?.feature_names;
}

/** How many states of a feature set are kept: the newest may have been written in the moment of a crash. */
const KEPT_STATES = 3;

/** A state that a replay can begin with: the first of a history, and that of each midnight. */
export const IS_REPLAYED = `EXISTS (SELECT FROM replay_states AS replayed
  WHERE replayed.book = feature_states.book AND replayed.feature_set_hash = feature_states.feature_set_hash
    AND ((place = 'before' AND replayed.minute = feature_states.minute + 60000)
      OR (place = 'after' AND replayed.minute = feature_states.minute AND feature_states.minute % 86400000 = 0)))`;

/** Stores the streaming state of the features; of each book and feature set remain the newest three, and those that replays begin with. */
export async function saveFeatureState(
  database: Database,
  state: { book: string; minute: EpochMs; featureSetHash: string; bytes: Uint8Array },
): Promise<void> {
  const { buffer, byteOffset, byteLength } = state.bytes;
  await database.pool.query({
    name: 'feature-state-save',
    text: `WITH saved AS (
        INSERT INTO feature_states (book, feature_set_hash, minute, state) VALUES ($1, $2, $3, $4)
        ON CONFLICT (book, feature_set_hash, minute) DO UPDATE SET state = excluded.state
      )
      DELETE FROM feature_states WHERE book = $1 AND feature_set_hash = $2 AND minute <> $3 AND NOT ${IS_REPLAYED} AND minute NOT IN (
        SELECT minute FROM feature_states WHERE book = $1 AND feature_set_hash = $2 AND minute <> $3
        ORDER BY minute DESC LIMIT ${KEPT_STATES - 1})`,
    values: [state.book, state.featureSetHash, state.minute, Buffer.from(buffer, byteOffset, byteLength)],
  });
}

/** The newest stored state of a book's features, if there is one for this feature set. */
export async function loadFeatureState(
  database: Database,
  book: string,
  featureSetHash: string,
): Promise<{ minute: EpochMs; bytes: Uint8Array } | undefined> {
  const { rows } = await database.pool.query<{ minute: number; state: Buffer }>(
    `SELECT minute, state FROM feature_states WHERE book = $1 AND feature_set_hash = $2 ORDER BY minute DESC LIMIT 1`,
    [book, featureSetHash],
  );
  return rows[0] && { minute: epochMs(rows[0].minute), bytes: rows[0].state };
}

const FEATURES = `INSERT INTO processed_market_data (instrument_id, minute, feature_set_id, phase, features)
  SELECT instrument_id, $2, $3, $4, ($5::real[])[(row - 1) * $6 + 1 : row * $6]
  FROM unnest($1::int4[]) WITH ORDINALITY AS panel (instrument_id, row)
  ON CONFLICT (instrument_id, minute, feature_set_id, phase)`;

const INDICATORS = `INSERT INTO technical_indicators (instrument_id, minute, phase, indicators)
  SELECT instrument_id, $2, $3, indicators FROM unnest($1::int4[], $4::jsonb[]) AS panel (instrument_id, indicators)
  ON CONFLICT (instrument_id, minute, phase)`;

async function writeFeatures(
  database: Database,
  venue: string,
  rows: FeatureRows,
  statements: Readonly<Record<'features' | 'indicators', { readonly name: string; readonly text: string }>>,
): Promise<void> {
  const { panel } = rows;
  const ids = await instrumentIds(database, venue, panel.symbols);
  const featureSet = await featureSetId(database, panel.featureSetHash, rows.featureNames);
  const instruments = int4Array(panel.symbols.map((symbol) => ids.get(symbol) ?? 0));
  const phase = phaseOf(panel.minute);
  const kept = phase === 0;
  const times = [panel.minute];
  await withPartitions(database, kept ? FEATURES_KEPT : FEATURES_RECENT, times, () =>
    withPartitions(database, kept ? INDICATORS_KEPT : INDICATORS_RECENT, times, () =>
      inPipeline(database, [
        {
          ...statements.features,
          values: [instruments, panel.minute, featureSet, phase, float4Array(panel.values), panel.width],
        },
        {
          ...statements.indicators,
          values: [instruments, panel.minute, phase, rows.indicators.map((values) => JSON.stringify(values))],
        },
      ]),
    ),
  );
}

/** Dimensions, flags, type, length and lower bound precede the elements, each behind its own length. */
const ARRAY_HEADER = 20;

/** A one-dimensional array of reals without nulls as the server sends it: a tenth of the time that its text takes. */
function decodeReals(bytes: Buffer): Float32Array {
  const values = new Float32Array(Math.max(0, (bytes.length - ARRAY_HEADER) / 8));
  for (let i = 0; i < values.length; i++) values[i] = bytes.readFloatBE(ARRAY_HEADER + 8 * i + 4);
  return values;
}

const featureSets = new WeakMap<Database, Map<string, number>>();

async function featureSetId(database: Database, hash: string, names: readonly string[]): Promise<number> {
  const known = featureSets.get(database) ?? new Map<string, number>();
  featureSets.set(database, known);
  const id = known.get(hash);
  if (id !== undefined) return id;
  await database.pool.query(
    'INSERT INTO feature_sets (feature_set_hash, feature_names) VALUES ($1, $2) ON CONFLICT DO NOTHING',
    [hash, names],
  );
  const { rows } = await database.pool.query<{ feature_set_id: number }>(
    'SELECT feature_set_id FROM feature_sets WHERE feature_set_hash = $1',
    [hash],
  );
  const created = rows[0]?.feature_set_id ?? 0;
  known.set(hash, created);
  return created;
}
