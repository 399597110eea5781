import { type CashFlow, type EpochMs, epochMs, type Fill, type OrderEvent, type ReplayState } from '../core/index.ts';
import type { Database } from './connection.ts';

/** Stores where a replay can begin; of one book, minute and place the newest remains. */
export async function saveReplayState(database: Database, state: ReplayState): Promise<void> {
  await database.pool.query({
    name: 'replay-state-save',
    text: `INSERT INTO replay_states (book, minute, place, state, feature_set_hash, funding) VALUES ($1, $2, $3, $4, $5, $6)
      ON CONFLICT (book, minute, place) DO UPDATE SET state = excluded.state, feature_set_hash = excluded.feature_set_hash,
        funding = excluded.funding`,
    values: [state.book, state.minute, state.place, state.bookState, state.featureSetHash, state.funding],
  });
}

/** A stored place to begin a replay at, and whether the state of the features is stored that belongs to it. */
export interface StoredReplayState extends ReplayState {
  readonly hasFeatures: boolean;
}

const STATES = `SELECT book, minute, place, state AS "bookState", feature_set_hash AS "featureSetHash", funding,
    EXISTS (SELECT FROM feature_states AS features WHERE features.book = replay_states.book
      AND features.feature_set_hash = replay_states.feature_set_hash
      AND features.minute = replay_states.minute - CASE place WHEN 'before' THEN 60000 ELSE 0 END) AS "hasFeatures"
  FROM replay_states WHERE book = $1`;

/** Places to begin a replay at from `from` to `to`, both included, oldest first. */
export async function listReplayStates(
  database: Database,
  range: { book: string; from: EpochMs; to: EpochMs },
): Promise<StoredReplayState[]> {
  const { rows } = await database.pool.query<StoredReplayState>(
    `${STATES} AND minute BETWEEN $2 AND $3 ORDER BY minute, place DESC`,
    [range.book, range.from, range.to],
  );
  return rows.map((row) => ({ ...row, minute: epochMs(row.minute) }));
}

/**
 * The newest place with a state of the features from which `minute` can be reached, else the first after it; undefined where there is none.
 */
export async function findReplayStart(
  database: Database,
  range: { book: string; minute: EpochMs; to: EpochMs },
): Promise<StoredReplayState | undefined> {
  const { rows } = await database.pool.query<StoredReplayState>(
    `SELECT * FROM (${STATES}) AS found WHERE "hasFeatures" AND minute <= $3
     ORDER BY (minute < $2 OR (minute = $2 AND place = 'before')) DESC,
       CASE WHEN minute <= $2 THEN -minute ELSE minute END, place DESC LIMIT 1`,
    [range.book, range.minute, range.to],
  );
  return rows[0] && { ...rows[0], minute: epochMs(rows[0].minute) };
}

/** The stored state of the features of a book at a minute. */
export async function readFeatureState(
  database: Database,
  state: { book: string; featureSetHash: string; minute: EpochMs },
): Promise<Uint8Array | undefined> {
  const { rows } = await database.pool.query<{ state: Buffer }>(
    'SELECT state FROM feature_states WHERE book = $1 AND feature_set_hash = $2 AND minute = $3',
    [state.book, state.featureSetHash, state.minute],
  );
  return rows[0]?.state;
}

/** A step of a book: 0 is the minute itself, the others came between it and the next. */
export interface StoredStep {
  readonly minute: EpochMs;
  readonly step: number;
  readonly inputs: string;
  readonly stateDigest: string;
}

/** Steps of the minutes from `from` to `to`, both included, in order. */
export async function listSteps(
  database: Database,
  range: { book: string; from: EpochMs; to: EpochMs },
): Promise<StoredStep[]> {
  const { rows } = await database.pool.query<StoredStep>(
    `SELECT minute, step, inputs, state_digest AS "stateDigest" FROM book_steps
     WHERE book = $1 AND minute BETWEEN $2 AND $3 ORDER BY minute, step`,
    [range.book, range.from, range.to],
  );
  return rows.map((row) => ({ ...row, minute: epochMs(row.minute) }));
}

/** A text that steps name; undefined where it is not stored. */
export async function readStepText(database: Database, digest: string): Promise<string | undefined> {
  const { rows } = await database.pool.query<{ content: string }>('SELECT content FROM step_texts WHERE digest = $1', [
    digest,
  ]);
  return rows[0]?.content;
}

/** What is stored of orders, executions and money, by their keys. */
export interface BookedFacts {
  readonly orderEvents: readonly OrderEvent[];
  readonly fills: readonly Fill[];
  readonly cashFlows: readonly CashFlow[];
}

/** The stored facts with these keys, in no order. */
export async function readBookedFacts(
  database: Database,
  keys: {
    readonly book: string;
    readonly clientOrderIds: readonly string[];
    readonly fillIds: readonly string[];
    readonly flowIds: readonly string[];
  },
): Promise<BookedFacts> {
  const [events, fills, flows] = await Promise.all([
    database.pool.query<Nullable<OrderEvent>>(
      `SELECT client_order_id AS "clientOrderId", sequence, time, status, reason FROM order_events
       WHERE client_order_id = ANY ($1)`,
      [keys.clientOrderIds],
    ),
    database.pool.query<Fill>(
      `SELECT fill_id AS "fillId", client_order_id AS "clientOrderId", book, strategy, symbol, side, quantity, price, fee,
         realized_pnl AS "realizedPnl", time
       FROM fills JOIN instruments USING (instrument_id) WHERE book = $1 AND fill_id = ANY ($2)`,
      [keys.book, keys.fillIds],
    ),
    database.pool.query<Nullable<CashFlow>>(
      `SELECT flow_id AS "flowId", cause, symbol, amount, time FROM cash_flows WHERE book = $1 AND flow_id = ANY ($2)`,
      [keys.book, keys.flowIds],
    ),
  ]);
  return {
    orderEvents: events.rows.map(({ reason, ...row }) => ({ ...row, ...(reason === null ? {} : { reason }) })),
    fills: fills.rows,
    cashFlows: flows.rows.map(({ symbol, ...row }) => ({ ...row, ...(symbol === null ? {} : { symbol }) })),
  };
}

/** A row of a query, in which what a type lets be absent is null. */
type Nullable<Row> = {
  [Key in keyof Row]-?: undefined extends Row[Key] ? Exclude<Row[Key], undefined> | null : Row[Key];
};

/** What changed in what a book may do, as the audit log has it, for times in `[from, until)`; oldest first. */
export async function readRiskEvents(
  database: Database,
  range: { book: string; from: EpochMs; until: EpochMs },
): Promise<Readonly<Record<string, unknown>>[]> {
  const { rows } = await database.pool.query<{
    time: number;
    actor: string;
    action: string;
    details: Readonly<Record<string, unknown>>;
  }>(
    `SELECT time, actor, action, details FROM audit_log
     WHERE subject = $1 AND time >= $2 AND time < $3 AND action LIKE 'risk.%' ORDER BY audit_id`,
    [range.book, range.from, range.until],
  );
  return rows.map(({ details, ...row }) => ({ ...row, ...details }));
}
