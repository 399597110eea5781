import type {
  EpochMs,
  Milliseconds,
  OrderSide,
  OrderStatus,
  OrderType,
  ReasonCode,
  SignalSide,
  SymbolId,
} from '../../../core/index.ts';

/**
 * Bounds a request in time: the venue refuses it once `receiveWindow` has passed since `signedAt`. Whoever was stopped between the two
 * and goes on later sends something void.
 */
export interface RequestStamp {
  /** Venue time. */
  readonly signedAt: EpochMs;
  readonly receiveWindow: Milliseconds;
}

/** An order as it is asked of the venue. Amounts are decimal strings, base units and quote currency. */
export interface VenueOrderRequest {
  readonly clientOrderId: string;
  readonly symbol: SymbolId;
  readonly side: OrderSide;
  readonly type: OrderType;
  readonly quantity: string;
  /** Of the conditional types. */
  readonly triggerPrice?: string;
  /** Of a limit order. */
  readonly limitPrice?: string;
  /** A limit order that would take liquidity is refused instead. */
  readonly postOnly?: boolean;
  /** The leg it opens or closes; in one-way mode the two are one position. */
  readonly leg: SignalSide;
  /** Whether it closes the leg: it never opens or turns a position. */
  readonly isClosing: boolean;
}

/** Names an order towards the venue: conditional orders live at endpoints of their own. */
export interface VenueOrderKey {
  readonly clientOrderId: string;
  readonly symbol: SymbolId;
  readonly isConditional: boolean;
}

/** An order as the venue says it stands. */
export interface VenueOrder extends VenueOrderKey {
  /** The venue's own id; of a triggered conditional order that of the order it became. */
  readonly venueId: string;
  readonly side: OrderSide;
  readonly leg: SignalSide;
  readonly status: Exclude<OrderStatus, 'SUBMITTING' | 'UNKNOWN'>;
  readonly quantity: string;
  /** What has filled, base units; of a conditional order what the order it became has filled, 0 where the venue does not say. */
  readonly filledQuantity: string;
  readonly updatedAt: EpochMs;
}

/** One execution as the venue reports it. */
export interface VenueFill {
  /** Unique within the account, across symbols. */
  readonly fillId: string;
  /** The venue's id of the order that filled. */
  readonly venueId: string;
  /** Where the venue says it. */
  readonly clientOrderId?: string;
  readonly symbol: SymbolId;
  readonly side: OrderSide;
  readonly leg: SignalSide;
  readonly quantity: string;
  readonly price: string;
  /** Quote currency, positive = paid. */
  readonly fee: string;
  readonly time: EpochMs;
}

/** What the account holds of one symbol on one leg; never 0. */
export interface VenuePosition {
  readonly symbol: SymbolId;
  readonly leg: SignalSide;
  /** Base units, positive on both legs. */
  readonly quantity: string;
  /** Average, of at most 12 decimals. */
  readonly entryPrice: string;
}

/** Money that came or went other than by trading: executions and their fees are not among them. */
export interface VenueCashFlow {
  readonly flowId: string;
  readonly cause: 'funding' | 'transfer' | 'other';
  readonly symbol?: SymbolId;
  /** Quote currency, positive = received. */
  readonly amount: string;
  readonly time: EpochMs;
}

export interface VenueWallet {
  /** Quote currency, without unrealised profit. */
  readonly balance: string;
  readonly available: string;
  /** Whether a symbol has a long and a short position of its own. */
  readonly isHedgeMode: boolean;
}

/** What the account's own stream tells. It may come late, twice, out of order or not at all. */
export type VenueEvent =
  | { readonly kind: 'order'; readonly order: VenueOrder }
  | { readonly kind: 'fill'; readonly fill: VenueFill }
  /** The stream is there, for the first time or again: what happened meanwhile must be asked for. */
  | { readonly kind: 'connected' }
  | { readonly kind: 'disconnected'; readonly cause: string };

/**
 * One account at one venue: each call is one question or one order. A definite no of the venue is a {@link VenueRefusal}; every other
 * error leaves open whether the venue has acted.
 */
export interface AccountClient {
  readonly address: string;
  place(request: VenueOrderRequest, stamp: RequestStamp): Promise<VenueOrder>;
  /** @throws VenueRefusal ORDER_NOT_FOUND where there is nothing to cancel. */
  cancel(key: VenueOrderKey, stamp: RequestStamp): Promise<void>;
  /** The order, open or ended; undefined where the venue knows none of that id. */
  find(key: VenueOrderKey): Promise<VenueOrder | undefined>;
  /** Every open order of the account, of both kinds. */
  openOrders(): Promise<VenueOrder[]>;
  /** The executions of one order, oldest first. */
  fillsOf(order: VenueOrder): Promise<VenueFill[]>;
  /** The executions of a symbol at or after a time, oldest first, whoever ordered them. */
  fillsSince(symbol: SymbolId, since: EpochMs): Promise<VenueFill[]>;
  positions(): Promise<VenuePosition[]>;
  wallet(): Promise<VenueWallet>;
  /** At or after a time, oldest first. */
  cashFlowsSince(since: EpochMs): Promise<VenueCashFlow[]>;
  /** Prepares a symbol before its first order: margin mode and leverage. Repeating it changes nothing. */
  prepare(symbol: SymbolId): Promise<void>;
  /** Opens the account's stream and keeps it open until {@link close}. Called once. */
  watch(listener: (event: VenueEvent) => void): Promise<void>;
  close(): Promise<void>;
}

/** The venue's definite no: what was asked for has not happened and will not. */
export class VenueRefusal extends Error {
  override readonly name = 'VenueRefusal';
  readonly reason: ReasonCode;
  /** The venue's own code and words, without anything secret. */
  readonly detail: string;

  constructor(reason: ReasonCode, detail: string) {
    super(`${reason}: ${detail}`);
    this.reason = reason;
    this.detail = detail;
  }
}
