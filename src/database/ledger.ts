import { and, asc, desc, eq, gte, inArray, lt, notInArray } from 'drizzle-orm';
import {
  type EpochMs,
  type EquityPoint,
  epochMs,
  type Fill,
  isTerminal,
  ORDER_STATUSES,
  type Order,
  type OrderEvent,
  type Position,
  type SymbolId,
} from '../core/index.ts';
import type { Database } from './connection.ts';
import { equity, fills, instruments, orderEvents, orders, positions, queries } from './tables.ts';

export interface LedgerFilter {
  readonly book: string;
  readonly symbol?: SymbolId;
  /** Only facts at or after, and before, these times. */
  readonly from?: EpochMs;
  readonly until?: EpochMs;
  /** The newest so many; all when absent. */
  readonly limit?: number;
}

/** Orders by the time of their decision, oldest first. `open`: only those that have not ended, or only those that have. */
export async function listOrders(
  database: Database,
  filter: LedgerFilter & { readonly open?: boolean },
): Promise<Order[]> {
  const ended = ORDER_STATUSES.filter(isTerminal);
  const query = queries(database)
    .select({ order: orders, symbol: instruments.symbol })
    .from(orders)
    .innerJoin(instruments, eq(orders.instrumentId, instruments.instrumentId))
    .where(
      and(
        eq(orders.book, filter.book),
        filter.symbol === undefined ? undefined : eq(instruments.symbol, filter.symbol),
        filter.from === undefined ? undefined : gte(orders.decidedAt, filter.from),
        filter.until === undefined ? undefined : lt(orders.decidedAt, filter.until),
        filter.open === undefined
          ? undefined
          : filter.open
            ? notInArray(orders.status, ended)
            : inArray(orders.status, ended),
      ),
    )
    .orderBy(desc(orders.decidedAt), desc(orders.clientOrderId));
  const rows = await (filter.limit === undefined ? query : query.limit(filter.limit));
  return rows.reverse().map(({ order, symbol }) => orderOf(order, symbol));
}

/** The events of one order, in sequence. */
export async function listOrderEvents(database: Database, clientOrderId: string): Promise<OrderEvent[]> {
  const rows = await queries(database)
    .select()
    .from(orderEvents)
    .where(eq(orderEvents.clientOrderId, clientOrderId))
    .orderBy(asc(orderEvents.sequence));
  return rows.map(({ reason, ...event }) => ({ ...event, time: epochMs(event.time), ...(reason ? { reason } : {}) }));
}

/** Fills by time, oldest first. */
export async function listFills(database: Database, filter: LedgerFilter): Promise<Fill[]> {
  const query = queries(database)
    .select({ fill: fills, symbol: instruments.symbol })
    .from(fills)
    .innerJoin(instruments, eq(fills.instrumentId, instruments.instrumentId))
    .where(
      and(
        eq(fills.book, filter.book),
        filter.symbol === undefined ? undefined : eq(instruments.symbol, filter.symbol),
        filter.from === undefined ? undefined : gte(fills.time, filter.from),
        filter.until === undefined ? undefined : lt(fills.time, filter.until),
      ),
    )
    .orderBy(desc(fills.time), desc(fills.fillId));
  const rows = await (filter.limit === undefined ? query : query.limit(filter.limit));
  return rows.reverse().map(({ fill: { instrumentId: _id, ...fill }, symbol }) => ({
    ...fill,
    symbol,
    time: epochMs(fill.time),
  }));
}

/** The open positions of a book, by strategy and symbol. */
export async function listPositions(database: Database, book: string): Promise<Position[]> {
  const rows = await queries(database)
    .select({ position: positions, symbol: instruments.symbol })
    .from(positions)
    .innerJoin(instruments, eq(positions.instrumentId, instruments.instrumentId))
    .where(eq(positions.book, book))
    .orderBy(asc(positions.strategy), asc(instruments.symbol));
  return rows.map(({ position: { instrumentId: _id, stopPrice, stopState, targetPrices, ...position }, symbol }) => ({
    ...position,
    symbol,
    openedAt: epochMs(position.openedAt),
    ...(stopPrice === null ? {} : { stopPrice }),
    ...(stopState === null ? {} : { stopState }),
    ...(targetPrices === null ? {} : { targetPrices }),
  }));
}

/** What the fills of one strategy came to; amounts are decimal strings in quote currency. */
export interface StrategyResult {
  readonly strategy: string;
  readonly fills: number;
  /** Before fees. */
  readonly realizedPnl: string;
  readonly fees: string;
}

/** The results of a book's strategies from all their fills, by name. */
export async function listStrategyResults(database: Database, book: string): Promise<StrategyResult[]> {
  const { rows } = await database.pool.query<StrategyResult>(
    `SELECT strategy, count(*)::int AS fills, trim_scale(sum(realized_pnl)) AS "realizedPnl", trim_scale(sum(fee)) AS fees
     FROM fills WHERE book = $1 GROUP BY strategy ORDER BY strategy`,
    [book],
  );
  return rows;
}

/** The equity curve of a book, oldest first. */
export async function listEquity(database: Database, filter: Omit<LedgerFilter, 'symbol'>): Promise<EquityPoint[]> {
  const query = queries(database)
    .select()
    .from(equity)
    .where(
      and(
        eq(equity.book, filter.book),
        filter.from === undefined ? undefined : gte(equity.minute, filter.from),
        filter.until === undefined ? undefined : lt(equity.minute, filter.until),
      ),
    )
    .orderBy(desc(equity.minute));
  const rows = await (filter.limit === undefined ? query : query.limit(filter.limit));
  return rows.reverse().map(({ book: _book, ...point }) => ({ ...point, minute: epochMs(point.minute) }));
}

function orderOf(row: typeof orders.$inferSelect, symbol: SymbolId): Order {
  const {
    instrumentId: _id,
    signalId,
    reason,
    averagePrice,
    triggerPrice,
    limitPrice,
    parent,
    protection,
    ...order
  } = row;
  return {
    ...order,
    symbol,
    decidedAt: epochMs(order.decidedAt),
    validUntil: epochMs(order.validUntil),
    ...(signalId === null ? {} : { signalId }),
    ...(reason === null ? {} : { reason }),
    ...(averagePrice === null ? {} : { averagePrice }),
    ...(triggerPrice === null ? {} : { triggerPrice }),
    ...(limitPrice === null ? {} : { limitPrice }),
    ...(parent === null ? {} : { parent }),
    ...(protection === null ? {} : { protection }),
  };
}
