import pg from 'pg';
import {
  type CommandRecord,
  type CycleRecord,
  type EpochMs,
  type EventRecord,
  type Forecast,
  MinutehandError,
  type Order,
  type StepRecord,
  type SymbolId,
} from '../core/index.ts';
import { float4Array, float8Array, int4Array } from './binary-arrays.ts';
import { commandStatements } from './book-commands.ts';
import { type Database, inPipeline, type Statement } from './connection.ts';
import { instrumentIds } from './instruments.ts';
import { ensurePartitions, PREDICTIONS, SIGNALS, withPartitions } from './partitions.ts';

/** The right to write a book. */
interface Lease {
  readonly book: string;
  readonly epoch: number;
}

/**
 * Commits everything one minute decided, or nothing. The cycle's row is the key: if it is there, so is all the rest, and a repetition
 * changes nothing. The lease is held by a row lock until the commit, so that no other process takes the book in between.
 * @throws MinutehandError LEASE_LOST, CYCLE_OUT_OF_ORDER, ORDER_ENTRY_PENDING
 */
export async function commitCycle(database: Database, venue: string, lease: Lease, record: CycleRecord): Promise<void> {
  const ids = await instrumentIds(database, venue, symbolsOf(record));
  await ensurePartitions(database, PREDICTIONS, [record.minute]);
  await ensurePartitions(database, SIGNALS, [record.minute]);
  const statements = [statement('cycle', CYCLE, cycleParameters(venue, record))];
  if (record.forecasts.length > 0) {
    statements.push(statement('forecasts', FORECASTS, forecastParameters(ids, lease, record)));
  }
  if (record.signals.length > 0) {
    statements.push(statement('signals', SIGNAL_ROWS, [record.book, withIds(ids, record.signals)]));
  }
  statements.push(...ledgerStatements(ids, record), ...commandStatements(record.book, record));
  statements.push(...stepStatements(record));
  try {
    await inPipeline<GuardRow>(database, statements, {
      statement: statement('guard', GUARD, [record.book, record.minute]),
      proceed: (rows) => mayCommit(lease, record, rows[0]),
    });
  } catch (error) {
    if (error instanceof pg.DatabaseError && error.constraint === 'orders_one_open_entry') {
      throw new MinutehandError(
        'ORDER_ENTRY_PENDING',
        `Minute ${record.minute} of book ${record.book} holds an entry for a symbol that has one open: ${error.detail}`,
        'Nothing of the minute was stored; report this with the log.',
        { cause: error },
      );
    }
    throw error;
  }
}

/** What happened to orders, money and positions, in an order in which each row finds what it names. */
function ledgerStatements(
  ids: ReadonlyMap<SymbolId, number>,
  record: Pick<CycleRecord, 'book' | 'orders' | 'intents' | 'orderEvents' | 'fills' | 'cashFlows' | 'positions'>,
): Statement[] {
  const statements: Statement[] = [];
  const add = (rows: readonly unknown[], name: string, text: string, values: () => unknown[]) => {
    if (rows.length > 0) statements.push(statement(name, text, values()));
  };
  // Ended orders first: only then is there room for a new entry of the same symbol.
  add(record.orders, 'orders', ORDERS, () => [withIds(ids, record.orders)]);
  add(record.intents, 'intents', INTENTS, () => [withIds(ids, record.intents.map(submitting))]);
  add(record.orderEvents, 'order-events', EVENTS, () => [JSON.stringify(record.orderEvents)]);
  add(record.fills, 'fills', FILLS, () => [withIds(ids, record.fills)]);
  add(record.cashFlows, 'cash-flows', CASH_FLOWS, () => [record.book, JSON.stringify(record.cashFlows)]);
  statements.push(statement('positions', POSITIONS, [record.book, withIds(ids, record.positions)]));
  return statements;
}

const withIds = <T extends { symbol: SymbolId }>(ids: ReadonlyMap<SymbolId, number>, rows: readonly T[]): string =>
  JSON.stringify(rows.map((row) => ({ ...row, instrumentId: ids.get(row.symbol) })));

/**
 * Commits what a broker reported between two minutes and what follows from it, or nothing.
 * @throws MinutehandError LEASE_LOST, CYCLE_OUT_OF_ORDER when the book has gone on
 */
export async function commitEvents(
  database: Database,
  venue: string,
  lease: Lease,
  record: EventRecord,
): Promise<void> {
  const { book, minute, bookState } = record;
  const ids = await instrumentIds(database, venue, symbolsOf(record));
  const statements = [
    statement('state', STATE, [book, bookState]),
    ...ledgerStatements(ids, record),
    ...commandStatements(book, { commands: [], riskEvents: record.riskEvents }),
    ...stepStatements(record),
  ];
  await betweenMinutes(database, lease, book, minute, statements);
}

/**
 * Commits what commands changed between two minutes, or nothing.
 * @throws MinutehandError LEASE_LOST, CYCLE_OUT_OF_ORDER when the book has gone on
 */
export async function commitCommands(database: Database, lease: Lease, record: CommandRecord): Promise<void> {
  const { book, minute, bookState } = record;
  const statements = [
    statement('state', STATE, [book, bookState]),
    ...commandStatements(book, record),
    ...stepStatements(record),
  ];
  await betweenMinutes(database, lease, book, minute, statements);
}

/** Commits statements that belong after `minute` and before the next. */
async function betweenMinutes(
  database: Database,
  lease: Lease,
  book: string,
  minute: EpochMs,
  statements: Statement[],
): Promise<void> {
  await inPipeline<GuardRow>(database, statements, {
    statement: statement('guard', GUARD, [book, minute]),
    proceed: (rows) => {
      requireLease(lease, book, rows[0]);
      if (rows[0]?.last_minute === minute) return true;
      throw outOfOrder(book, minute, rows[0]?.last_minute);
    },
  });
}

/** The step, behind those that the minute has. */
function stepStatements({ book, minute, step }: { book: string; minute: EpochMs; step: StepRecord }): Statement[] {
  const { inputs, stateDigest, texts } = step;
  const own = statement('step', STEP, [book, minute, inputs, stateDigest]);
  if (texts.size === 0) return [own];
  return [statement('step-texts', STEP_TEXTS, [[...texts.keys()], [...texts.values()], minute]), own];
}

const STEP = `INSERT INTO book_steps (book, minute, step, inputs, state_digest)
  SELECT $1, $2, (SELECT coalesce(max(step) + 1, 0) FROM book_steps WHERE book = $1 AND minute = $2), $3, $4`;

const STEP_TEXTS = `INSERT INTO step_texts AS known (digest, content, used_at)
  SELECT digest, content, $3 FROM unnest($1::text[], $2::text[]) AS text (digest, content)
  ON CONFLICT (digest) DO UPDATE SET used_at = greatest(known.used_at, excluded.used_at)`;

const STATE = 'UPDATE books SET state = $2 WHERE book = $1';

/**
 * Stores the forecasts of a model beside the one that serves: of a committed minute, by whoever holds the lease, else nothing is stored.
 * A repetition changes nothing.
 */
export async function insertForecasts(
  database: Database,
  venue: string,
  lease: Lease,
  minute: EpochMs,
  forecasts: readonly Forecast[],
): Promise<void> {
  if (forecasts.length === 0) return;
  const { book } = lease;
  const ids = await instrumentIds(
    database,
    venue,
    forecasts.map(({ symbol }) => symbol),
  );
  await withPartitions(database, PREDICTIONS, [minute], () =>
    database.pool.query({
      name: 'forecasts-beside',
      text: FORECASTS,
      values: forecastParameters(ids, lease, { book, minute, forecasts }),
    }),
  );
}

interface GuardRow {
  readonly epoch: number | null;
  readonly last_minute: number | null;
  readonly committed: boolean;
}

const GUARD = `SELECT (SELECT epoch FROM leases WHERE book = $1 FOR SHARE) AS epoch,
  (SELECT last_minute FROM books WHERE book = $1) AS last_minute,
  EXISTS (SELECT FROM cycles WHERE book = $1 AND minute = $2) AS committed`;

/** False when the minute is there already. */
function mayCommit(lease: Lease, record: CycleRecord, found: GuardRow | undefined): boolean {
  requireLease(lease, record.book, found);
  if (found?.committed) return false;
  const last = found?.last_minute ?? null;
  if (last !== null && record.minute <= last) throw outOfOrder(record.book, record.minute, last);
  return true;
}

function requireLease(lease: Lease, book: string, found: GuardRow | undefined): void {
  if (book === lease.book && found?.epoch === lease.epoch) return;
  throw new MinutehandError(
    'LEASE_LOST',
    `Another process owns the book ${book}: its lease has epoch ${found?.epoch ?? 'none'}, this process holds ${lease.epoch}.`,
    'This process stops; see which one runs with "minutehand status".',
    { exitCode: 3 },
  );
}

const outOfOrder = (book: string, minute: EpochMs, last: number | null | undefined): MinutehandError =>
  new MinutehandError(
    'CYCLE_OUT_OF_ORDER',
    `Minute ${minute} of book ${book} comes after minute ${last} was committed.`,
    'Restart: the engine goes on after the last committed minute.',
  );

const CYCLE = `WITH cycle AS (
    INSERT INTO cycles (book, minute, status, reason, model_id, members, excluded, candles, predictions, candidates, signals,
      intents, fills, reason_counts, stage_ms, started_at, notes)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $26)
  ), point AS (
    INSERT INTO equity (book, minute, equity, cash, unrealized_pnl, realized_pnl, fees, gross_exposure, open_positions,
      funding, transfers)
    VALUES ($1, $2, $17, $18, $19, $20, $21, $22, $23, $27, $28)
  )
  INSERT INTO books AS known (book, venue, last_minute, state) VALUES ($1, $24, $2, $25)
  ON CONFLICT (book) DO UPDATE SET last_minute = excluded.last_minute, state = excluded.state`;

function cycleParameters(venue: string, record: CycleRecord): unknown[] {
  const { equity } = record;
  return [
    record.book,
    record.minute,
    record.status,
    record.reason ?? null,
    record.modelId ?? null,
    record.members,
    JSON.stringify(record.excluded),
    record.candles,
    record.forecasts.length,
    record.signals.length,
    record.signals.filter(({ accepted }) => accepted).length,
    record.intents.length,
    record.fills.length,
    JSON.stringify(record.reasonCounts),
    JSON.stringify(record.stageMs),
    record.startedAt,
    equity.equity,
    equity.cash,
    equity.unrealizedPnl,
    equity.realizedPnl,
    equity.fees,
    equity.grossExposure,
    equity.openPositions,
    venue,
    record.bookState,
    JSON.stringify(record.notes),
    equity.funding,
    equity.transfers,
  ];
}

// The outputs travel as one long array, of which each row takes its share. The minute is there already, or in this transaction.
const FORECASTS = `INSERT INTO predictions (book, instrument_id, minute, model_id, masked_share, outputs)
  SELECT $1, instrument_id, $2, model_id, masked_share, ($6::real[])[(row - 1) * $7 + 1 : row * $7]
  FROM unnest($3::int4[], $4::text[], $5::float8[]) WITH ORDINALITY
    AS forecast (instrument_id, model_id, masked_share, row)
  WHERE EXISTS (SELECT FROM leases WHERE book = $1 AND epoch = $8)
    AND EXISTS (SELECT FROM cycles WHERE book = $1 AND minute = $2)
  ON CONFLICT DO NOTHING`;

function forecastParameters(
  ids: ReadonlyMap<SymbolId, number>,
  { epoch }: Lease,
  { book, minute, forecasts }: Pick<CycleRecord, 'book' | 'minute' | 'forecasts'>,
): unknown[] {
  const width = forecasts[0]?.values.length ?? 0;
  return [
    book,
    minute,
    int4Array(forecasts.map(({ symbol }) => ids.get(symbol) ?? 0)),
    forecasts.map(({ modelId }) => modelId),
    float8Array(forecasts.map(({ maskedShare }) => maskedShare)),
    float4Array(concatenate(forecasts, width)),
    width,
    epoch,
  ];
}

function concatenate(forecasts: readonly Forecast[], width: number): Float32Array {
  const all = new Float32Array(forecasts.length * width);
  forecasts.forEach(({ symbol, values }, row) => {
    if (values.length !== width)
      throw new RangeError(`the forecast of ${symbol} has ${values.length} values, not ${width}`);
    all.set(values, row * width);
  });
  return all;
}

// The few rows of the ledger come as JSON: its keys are the domain's, its strings become numeric without passing through a float.
const SIGNAL_ROWS = `INSERT INTO signals (book, minute, signal_id, instrument_id, model_id, side, horizon, expected_return,
    expected_cost, net_edge, probability, confidence, reference_price, verdicts, accepted, costs, agreement, uncertainty,
    stop_distance, target_distance, reward_to_risk, expires_at, market_regime, symbol_regime, size_scale)
  SELECT $1, minute, id, "instrumentId", "modelId", side, horizon, "expectedReturn", "expectedCost", "netEdge", probability,
    confidence, "referencePrice", verdicts, accepted, costs, agreement, uncertainty, "stopDistance", "targetDistance",
    "rewardToRisk", "expiresAt", "marketRegime", "symbolRegime", "sizeScale"
  FROM json_to_recordset($2) AS signal (minute int8, id text, "instrumentId" int4, "modelId" text, side text, horizon text,
    "expectedReturn" float8, "expectedCost" float8, "netEdge" float8, probability float8, confidence float8,
    "referencePrice" float8, verdicts jsonb, accepted boolean, costs jsonb, agreement float8, uncertainty float8,
    "stopDistance" float8, "targetDistance" float8, "rewardToRisk" float8, "expiresAt" int8, "marketRegime" text,
    "symbolRegime" text, "sizeScale" float8)
  ON CONFLICT DO NOTHING`;

const ORDER_ROWS = `INSERT INTO orders (client_order_id, book, strategy, instrument_id, side, purpose, type, quantity, reduce_only,
    decided_at, valid_until, signal_id, reason, reference_price, status, filled_quantity, average_price, trigger_price, limit_price,
    parent_order_id, protection)
  SELECT "clientOrderId", book, strategy, "instrumentId", side, purpose, type, quantity, "reduceOnly", "decidedAt", "validUntil",
    "signalId", reason, "referencePrice", status, "filledQuantity", "averagePrice", "triggerPrice", "limitPrice", parent, protection
  FROM json_to_recordset($1) AS item ("clientOrderId" text, book text, strategy text, "instrumentId" int4, side text,
    purpose text, type text, quantity numeric, "reduceOnly" boolean, "decidedAt" int8, "validUntil" int8, "signalId" text,
    reason text, "referencePrice" numeric, status text, "filledQuantity" numeric, "averagePrice" numeric, "triggerPrice" numeric,
    "limitPrice" numeric, parent text, protection jsonb)`;
const ORDERS = `${ORDER_ROWS} ON CONFLICT (client_order_id) DO UPDATE SET status = excluded.status,
    filled_quantity = excluded.filled_quantity, average_price = excluded.average_price, reason = excluded.reason`;
const INTENTS = `${ORDER_ROWS} ON CONFLICT (client_order_id) DO NOTHING`;

const submitting = (intent: CycleRecord['intents'][number]): Order => ({
  ...intent,
  status: 'SUBMITTING',
  filledQuantity: '0',
});

const EVENTS = `INSERT INTO order_events (client_order_id, sequence, time, status, reason)
  SELECT "clientOrderId", sequence, time, status, reason
  FROM json_to_recordset($1) AS event ("clientOrderId" text, sequence int4, time int8, status text, reason text)
  ON CONFLICT DO NOTHING`;

const FILLS = `INSERT INTO fills (book, fill_id, client_order_id, strategy, instrument_id, side, quantity, price, fee, realized_pnl,
    time)
  SELECT book, "fillId", "clientOrderId", strategy, "instrumentId", side, quantity, price, fee, "realizedPnl", time
  FROM json_to_recordset($1) AS fill (book text, "fillId" text, "clientOrderId" text, strategy text, "instrumentId" int4,
    side text, quantity numeric, price numeric, fee numeric, "realizedPnl" numeric, time int8)
  ON CONFLICT DO NOTHING`;

const CASH_FLOWS = `INSERT INTO cash_flows (book, flow_id, cause, symbol, amount, time)
  SELECT $1, "flowId", cause, symbol, amount, time
  FROM json_to_recordset($2) AS flow ("flowId" text, cause text, symbol text, amount numeric, time int8)
  ON CONFLICT DO NOTHING`;

const POSITIONS = `WITH open AS (
    SELECT * FROM json_to_recordset($2) AS position (strategy text, "instrumentId" int4, quantity numeric,
      "averagePrice" numeric, "openedAt" int8, "markPrice" numeric, "unrealizedPnl" numeric, "stopPrice" numeric, "stopState" text,
      "targetPrices" text[])
  ), closed AS (
    DELETE FROM positions WHERE book = $1
      AND (strategy, instrument_id) NOT IN (SELECT strategy, "instrumentId" FROM open)
  )
  INSERT INTO positions (book, strategy, instrument_id, quantity, average_price, opened_at, mark_price, unrealized_pnl,
    stop_price, stop_state, target_prices)
  SELECT $1, strategy, "instrumentId", quantity, "averagePrice", "openedAt", "markPrice", "unrealizedPnl", "stopPrice", "stopState",
    "targetPrices" FROM open
  ON CONFLICT (book, strategy, instrument_id) DO UPDATE SET quantity = excluded.quantity,
    average_price = excluded.average_price, opened_at = excluded.opened_at, mark_price = excluded.mark_price,
    unrealized_pnl = excluded.unrealized_pnl, stop_price = excluded.stop_price, stop_state = excluded.stop_state,
    target_prices = excluded.target_prices`;

const statement = (name: string, text: string, values: readonly unknown[]): Statement => ({
  name: `commit-${name}`,
  text,
  values,
});

function symbolsOf(
  record: Pick<CycleRecord, 'intents' | 'orders' | 'fills' | 'positions'> &
    Partial<Pick<CycleRecord, 'forecasts' | 'signals'>>,
): SymbolId[] {
  const { forecasts = [], signals = [], intents, orders, fills, positions } = record;
  return [forecasts, signals, intents, orders, fills, positions].flatMap((rows) => rows.map(({ symbol }) => symbol));
}
