import type { SymbolId } from './candle.ts';
import type { ReasonCode } from './reason-codes.ts';
import { type EpochMs, epochMs } from './units.ts';

export type OrderSide = 'buy' | 'sell';

/** `stop` and `target` are the legs that protect a position: conditional, reduce-only, on the venue until they end. */
export const ORDER_PURPOSES = ['entry', 'exit', 'stop', 'target'] as const;
export type OrderPurpose = (typeof ORDER_PURPOSES)[number];

/** The conditional types become market orders once the price reaches `triggerPrice`. */
export const ORDER_TYPES = ['market', 'limit', 'stopMarket', 'takeProfitMarket'] as const;
export type OrderType = (typeof ORDER_TYPES)[number];

/**
 * Where an order stands. `TRIGGERED`: a conditional order whose price was reached; it works at market from then on. `UNKNOWN`: sent,
 * and nobody can yet say whether it was accepted.
 */
export const ORDER_STATUSES = [
  'SUBMITTING',
  'ACCEPTED',
  'TRIGGERED',
  'PARTIALLY_FILLED',
  'FILLED',
  'CANCELLED',
  'REJECTED',
  'EXPIRED',
  'UNKNOWN',
] as const;
export type OrderStatus = (typeof ORDER_STATUSES)[number];

export const isTerminal = (status: OrderStatus): boolean =>
  status === 'FILLED' || status === 'CANCELLED' || status === 'REJECTED' || status === 'EXPIRED';

/** `validUntil` of an order that works until it fills or is cancelled. */
export const UNTIL_CANCELLED: EpochMs = epochMs(Date.UTC(9999, 11, 31));

/** What protects the position an entry opens, decided with the entry. Prices are absolute, on the tick; decimal strings. */
export interface EntryProtection {
  readonly stopPrice: string;
  /** Nearest first. */
  readonly targets: readonly ProtectionTarget[];
  /** Base units: the quantities of targets are multiples of it. */
  readonly quantityStep: string;
  /** Base units that the strategy got inside the book before this entry was sent: the legs protect them, too. */
  readonly nettedQuantity?: string;
}

export interface ProtectionTarget {
  readonly price: string;
  /** Share of what the entry filled, a fraction. */
  readonly share: number;
}

/** What is to be sent. Committed as SUBMITTING before it leaves. All amounts are decimal strings. */
export interface OrderIntent {
  /** Deterministic: the same step gives the same id. At most 36 characters of [A-Za-z0-9_-]. */
  readonly clientOrderId: string;
  readonly book: string;
  readonly strategy: string;
  readonly symbol: SymbolId;
  readonly side: OrderSide;
  readonly purpose: OrderPurpose;
  readonly type: OrderType;
  /** Of the conditional types. */
  readonly triggerPrice?: string;
  /** Of a limit order. */
  readonly limitPrice?: string;
  /** Of a leg: the entry it protects. */
  readonly parent?: string;
  /** Of an entry: each fill of it brings the legs that follow from this. */
  readonly protection?: EntryProtection;
  /** Base units. */
  readonly quantity: string;
  readonly reduceOnly: boolean;
  /** The minute that decided it. */
  readonly decidedAt: EpochMs;
  /** Not to be sent or kept working after this market time. */
  readonly validUntil: EpochMs;
  /** The signal it follows from, or the reason for an exit. */
  readonly signalId?: string;
  readonly reason?: ReasonCode;
  readonly referencePrice: string;
}

/** An order as last known: its intent and the sum of its events. */
export interface Order extends OrderIntent {
  readonly status: OrderStatus;
  readonly filledQuantity: string;
  /** Volume-weighted; absent before the first fill. */
  readonly averagePrice?: string;
}

/** One fact about an order, in the order it became known. `sequence` counts from 1 per order. */
export interface OrderEvent {
  readonly clientOrderId: string;
  readonly sequence: number;
  readonly time: EpochMs;
  readonly status: OrderStatus;
  readonly reason?: ReasonCode;
}

/** One execution. `fillId` is unique per book; a repeated one changes nothing. Decimal strings; cash in quote currency. */
export interface Fill {
  readonly fillId: string;
  readonly clientOrderId: string;
  readonly book: string;
  readonly strategy: string;
  readonly symbol: SymbolId;
  readonly side: OrderSide;
  readonly quantity: string;
  readonly price: string;
  readonly fee: string;
  /** Profit or loss this fill realised, before its fee. */
  readonly realizedPnl: string;
  readonly time: EpochMs;
}

/** An open position of one strategy in one symbol; `quantity` is signed (negative = short). Decimal strings. */
export interface Position {
  readonly book: string;
  readonly strategy: string;
  readonly symbol: SymbolId;
  readonly quantity: string;
  readonly averagePrice: string;
  readonly openedAt: EpochMs;
  /** Last price it was marked at, and the unrealised profit there. */
  readonly markPrice: string;
  readonly unrealizedPnl: string;
  /** Trigger of the stop that works or is being placed, and how it stands. */
  readonly stopPrice?: string;
  readonly stopState?: StopState;
  /** Triggers of the targets that work, nearest first. */
  readonly targetPrices?: readonly string[];
}

/**
 * `working`: confirmed for the whole position. `triggered`: closing it at market. `placing`: sent, not confirmed. `missing`: there is
 * none.
 */
export type StopState = 'working' | 'triggered' | 'placing' | 'missing';

/** The account at a minute's close. Decimal strings in quote currency. */
export interface EquityPoint {
  readonly minute: EpochMs;
  /** cash + unrealised profit. */
  readonly equity: string;
  readonly cash: string;
  readonly unrealizedPnl: string;
  readonly realizedPnl: string;
  readonly fees: string;
  /** Received less paid. */
  readonly funding: string;
  /** What else came in less what went out. */
  readonly transfers: string;
  /** Sum of absolute position values. */
  readonly grossExposure: string;
  readonly openPositions: number;
}

/** Why money came or went other than by an execution or its fee. */
export const CASH_FLOW_CAUSES = ['funding', 'transfer', 'other'] as const;
export type CashFlowCause = (typeof CASH_FLOW_CAUSES)[number];

/** Money that came or went other than by trading. `flowId` is unique per book; a repeated one changes nothing. */
export interface CashFlow {
  readonly flowId: string;
  readonly cause: CashFlowCause;
  readonly symbol?: SymbolId;
  /** Quote currency, decimal string; positive = received. */
  readonly amount: string;
  readonly time: EpochMs;
}

/** What a broker reports of an order of this book. */
export type OrderReport = Extract<BrokerEvent, { readonly kind: 'status' | 'fill' }>;

export const isOrderReport = (event: BrokerEvent): event is OrderReport =>
  event.kind === 'status' || event.kind === 'fill';

/** What a broker reports: acceptance, executions, ends, money. `realizedPnl` is the ledger's to compute. */
export type BrokerEvent =
  | {
      readonly kind: 'status';
      readonly clientOrderId: string;
      readonly status: OrderStatus;
      readonly time: EpochMs;
      readonly reason?: ReasonCode;
    }
  | {
      readonly kind: 'fill';
      readonly fillId: string;
      readonly clientOrderId: string;
      readonly quantity: string;
      readonly price: string;
      readonly fee: string;
      readonly time: EpochMs;
    }
  | (CashFlow & { readonly kind: 'cash' })
  /** An execution that nobody here ordered and that reduced what is held: a liquidation, or somebody at the venue's own screen. */
  | {
      readonly kind: 'external';
      readonly book: string;
      readonly fillId: string;
      readonly symbol: SymbolId;
      readonly side: OrderSide;
      readonly quantity: string;
      readonly price: string;
      readonly fee: string;
      readonly time: EpochMs;
      readonly reason: ReasonCode;
    };
