import { drizzle, type NodePgDatabase } from 'drizzle-orm/node-postgres';
import { bigint, boolean, doublePrecision, integer, jsonb, numeric, pgTable, text } from 'drizzle-orm/pg-core';
import type {
  ArmingTerms,
  BookCommandKind,
  CostSplit,
  CycleStage,
  CycleStatus,
  DecisionNote,
  EntryProtection,
  Exclusion,
  GateVerdict,
  Horizon,
  InstrumentStatus,
  OrderPurpose,
  OrderSide,
  OrderStatus,
  OrderType,
  ReasonCode,
  Regime,
  RiskMode,
  SignalSide,
  StopState,
} from '../core/index.ts';
import type { Database } from './connection.ts';

/**
 * The tables that ordinary queries read and write, typed. The migrations define them; a test holds the two together. What is written every
 * minute or read by the million has statements of its own in `candles`, `bars`, `cycle-commit` and `features`.
 */

/** What a model of a book can be called: the one that serves, and the one that is to be held against it. */
export const MODEL_ALIASES = ['champion', 'challenger'] as const;
export type ModelAlias = (typeof MODEL_ALIASES)[number];

/** Epoch milliseconds. */
const instant = (name: string) => bigint(name, { mode: 'number' });

export const instruments = pgTable('instruments', {
  instrumentId: integer('instrument_id').generatedAlwaysAsIdentity().primaryKey(),
  venue: text('venue').notNull(),
  symbol: text('symbol').notNull(),
  base: text('base'),
  quote: text('quote'),
  tickSize: numeric('tick_size'),
  stepSize: numeric('step_size'),
  minQuantity: numeric('min_quantity'),
  minNotional: numeric('min_notional'),
  status: text('status').$type<InstrumentStatus>(),
  listedAt: instant('listed_at'),
  delistedAt: instant('delisted_at'),
});

export const models = pgTable('models', {
  modelId: text('model_id').primaryKey(),
  kind: text('kind').notNull(),
  featureSetHash: text('feature_set_hash').notNull(),
  manifest: jsonb('manifest').$type<Readonly<Record<string, unknown>>>().notNull(),
  createdAt: instant('created_at').notNull(),
});

export const modelAliases = pgTable('model_aliases', {
  book: text('book').notNull(),
  alias: text('alias').$type<ModelAlias>().notNull(),
  modelId: text('model_id').notNull(),
});

export const modelPromotions = pgTable('model_promotions', {
  promotionId: bigint('promotion_id', { mode: 'number' }).generatedAlwaysAsIdentity().primaryKey(),
  book: text('book').notNull(),
  alias: text('alias').$type<ModelAlias>().notNull(),
  modelId: text('model_id').notNull(),
  time: instant('time').notNull(),
  actor: text('actor').notNull(),
  takenBackAt: instant('taken_back_at'),
});

export const cycles = pgTable('cycles', {
  book: text('book').notNull(),
  minute: instant('minute').notNull(),
  status: text('status').$type<CycleStatus>().notNull(),
  reason: text('reason').$type<ReasonCode>(),
  modelId: text('model_id'),
  members: text('members').array().notNull(),
  excluded: jsonb('excluded').$type<readonly Exclusion[]>().notNull(),
  candles: integer('candles').notNull(),
  predictions: integer('predictions').notNull(),
  candidates: integer('candidates').notNull(),
  signals: integer('signals').notNull(),
  intents: integer('intents').notNull(),
  fills: integer('fills').notNull(),
  reasonCounts: jsonb('reason_counts').$type<Partial<Record<ReasonCode, number>>>().notNull(),
  stageMs: jsonb('stage_ms').$type<Partial<Record<CycleStage, number>>>().notNull(),
  startedAt: instant('started_at').notNull(),
  notes: jsonb('notes').$type<readonly DecisionNote[]>(),
});

export const signals = pgTable('signals', {
  minute: instant('minute').notNull(),
  instrumentId: integer('instrument_id').notNull(),
  accepted: boolean('accepted').notNull(),
  book: text('book').notNull(),
  signalId: text('signal_id').notNull(),
  modelId: text('model_id').notNull(),
  side: text('side').$type<SignalSide>().notNull(),
  horizon: text('horizon').$type<Horizon>().notNull(),
  expectedReturn: doublePrecision('expected_return').notNull(),
  expectedCost: doublePrecision('expected_cost').notNull(),
  netEdge: doublePrecision('net_edge').notNull(),
  probability: doublePrecision('probability').notNull(),
  confidence: doublePrecision('confidence').notNull(),
  referencePrice: doublePrecision('reference_price').notNull(),
  verdicts: jsonb('verdicts').$type<readonly GateVerdict[]>().notNull(),
  costs: jsonb('costs').$type<CostSplit>(),
  agreement: doublePrecision('agreement'),
  uncertainty: doublePrecision('uncertainty'),
  stopDistance: doublePrecision('stop_distance'),
  targetDistance: doublePrecision('target_distance'),
  rewardToRisk: doublePrecision('reward_to_risk'),
  expiresAt: instant('expires_at'),
  marketRegime: text('market_regime').$type<Regime>(),
  symbolRegime: text('symbol_regime').$type<Regime>(),
  sizeScale: doublePrecision('size_scale'),
});

export const orders = pgTable('orders', {
  clientOrderId: text('client_order_id').primaryKey(),
  book: text('book').notNull(),
  strategy: text('strategy').notNull(),
  instrumentId: integer('instrument_id').notNull(),
  side: text('side').$type<OrderSide>().notNull(),
  purpose: text('purpose').$type<OrderPurpose>().notNull(),
  type: text('type').$type<OrderType>().notNull(),
  triggerPrice: numeric('trigger_price'),
  limitPrice: numeric('limit_price'),
  parent: text('parent_order_id'),
  protection: jsonb('protection').$type<EntryProtection>(),
  quantity: numeric('quantity').notNull(),
  reduceOnly: boolean('reduce_only').notNull(),
  decidedAt: instant('decided_at').notNull(),
  validUntil: instant('valid_until').notNull(),
  signalId: text('signal_id'),
  reason: text('reason').$type<ReasonCode>(),
  referencePrice: numeric('reference_price').notNull(),
  status: text('status').$type<OrderStatus>().notNull(),
  filledQuantity: numeric('filled_quantity').notNull(),
  averagePrice: numeric('average_price'),
});

export const orderEvents = pgTable('order_events', {
  clientOrderId: text('client_order_id').notNull(),
  sequence: integer('sequence').notNull(),
  time: instant('time').notNull(),
  status: text('status').$type<OrderStatus>().notNull(),
  reason: text('reason').$type<ReasonCode>(),
});

export const fills = pgTable('fills', {
  book: text('book').notNull(),
  fillId: text('fill_id').notNull(),
  clientOrderId: text('client_order_id').notNull(),
  strategy: text('strategy').notNull(),
  instrumentId: integer('instrument_id').notNull(),
  side: text('side').$type<OrderSide>().notNull(),
  quantity: numeric('quantity').notNull(),
  price: numeric('price').notNull(),
  fee: numeric('fee').notNull(),
  realizedPnl: numeric('realized_pnl').notNull(),
  time: instant('time').notNull(),
});

export const positions = pgTable('positions', {
  book: text('book').notNull(),
  strategy: text('strategy').notNull(),
  instrumentId: integer('instrument_id').notNull(),
  quantity: numeric('quantity').notNull(),
  averagePrice: numeric('average_price').notNull(),
  openedAt: instant('opened_at').notNull(),
  markPrice: numeric('mark_price').notNull(),
  unrealizedPnl: numeric('unrealized_pnl').notNull(),
  stopPrice: numeric('stop_price'),
  stopState: text('stop_state').$type<StopState>(),
  targetPrices: text('target_prices').array(),
});

export const equity = pgTable('equity', {
  book: text('book').notNull(),
  minute: instant('minute').notNull(),
  equity: numeric('equity').notNull(),
  cash: numeric('cash').notNull(),
  unrealizedPnl: numeric('unrealized_pnl').notNull(),
  realizedPnl: numeric('realized_pnl').notNull(),
  fees: numeric('fees').notNull(),
  grossExposure: numeric('gross_exposure').notNull(),
  openPositions: integer('open_positions').notNull(),
  funding: numeric('funding').notNull(),
  transfers: numeric('transfers').notNull(),
});

export const runs = pgTable('runs', {
  runId: text('run_id').primaryKey(),
  book: text('book').notNull(),
  fromMinute: instant('from_minute').notNull(),
  untilMinute: instant('until_minute'),
  requestedMinutes: integer('requested_minutes'),
  status: text('status').$type<'running' | 'finished' | 'failed' | 'interrupted'>().notNull(),
  market: jsonb('market').$type<Readonly<Record<string, unknown>>>().notNull(),
  startedAt: instant('started_at').notNull(),
  endedAt: instant('ended_at'),
});

export const auditLog = pgTable('audit_log', {
  auditId: bigint('audit_id', { mode: 'number' }).generatedAlwaysAsIdentity().primaryKey(),
  time: instant('time').notNull(),
  actor: text('actor').notNull(),
  action: text('action').notNull(),
  subject: text('subject').notNull(),
  details: jsonb('details').$type<Readonly<Record<string, unknown>>>().notNull(),
});

export const bookCommands = pgTable('book_commands', {
  commandId: bigint('command_id', { mode: 'number' }).generatedAlwaysAsIdentity().primaryKey(),
  book: text('book').notNull(),
  command: text('command').$type<BookCommandKind>().notNull(),
  terms: jsonb('terms').$type<ArmingTerms>(),
  actor: text('actor').notNull(),
  reason: text('reason'),
  time: instant('time').notNull(),
  appliedAt: instant('applied_at'),
  outcome: text('outcome').$type<RiskMode>(),
});

const builders = new WeakMap<Database, NodePgDatabase>();

/** The query builder on a database's pool. */
export function queries(database: Database): NodePgDatabase {
  const builder = builders.get(database) ?? drizzle(database.pool);
  builders.set(database, builder);
  return builder;
}
