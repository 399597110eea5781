import { type EpochMs, epochMs, type OrderIntent, type OrderStatus, type ReasonCode } from '../../../core/index.ts';
import type { VenueOrder, VenueOrderKey, VenueOrderRequest } from './account-client.ts';

/** Of an order that has not left: that the venue does not know it says nothing. */
const NOT_SENT = epochMs(Number.MAX_SAFE_INTEGER);

/** An order as the broker follows it. */
export interface TrackedOrder {
  readonly intent: OrderIntent;
  readonly key: VenueOrderKey;
  /** What the book was told last. */
  status: OrderStatus;
  /** From this venue time on a "not found" is the truth. */
  conclusiveAt: EpochMs;
  /** Quantity units told as filled, and as the venue says. */
  filled: bigint;
  venueFilled: bigint;
  readonly fillIds: Set<string>;
  /** How the venue ended it: told once all its fills are. */
  ending: { readonly status: OrderStatus; readonly time: EpochMs } | undefined;
  isCancelWanted: boolean;
  /** Its validity is over: its end is told as such. */
  isExpiring: boolean;
  /** A request for its executions is under way, or waits for its turn. */
  asksForFills: boolean;
  endedAt: EpochMs | undefined;
}

/** An order that is about to be sent. */
export function trackedOrder(intent: OrderIntent): TrackedOrder {
  const { clientOrderId, symbol, type } = intent;
  return {
    intent,
    key: { clientOrderId, symbol, isConditional: type === 'stopMarket' || type === 'takeProfitMarket' },
    status: 'SUBMITTING',
    conclusiveAt: NOT_SENT,
    filled: 0n,
    venueFilled: 0n,
    fillIds: new Set(),
    ending: undefined,
    isCancelWanted: false,
    isExpiring: false,
    asksForFills: false,
    endedAt: undefined,
  };
}

/** Venues number the orders of each symbol by itself. */
export const placeOf = ({ symbol, venueId }: Pick<VenueOrder, 'symbol' | 'venueId'>): string => `${symbol}/${venueId}`;

/** Whether nobody can say if the venue has it. */
export const isInDoubt = ({ status }: TrackedOrder): boolean => status === 'SUBMITTING' || status === 'UNKNOWN';

/** Of an execution that nobody here ordered; Binance names the orders it makes by itself so. */
export function externalReason(clientOrderId: string | undefined): ReasonCode {
  if (clientOrderId?.startsWith('autoclose-')) return 'EXTERNAL_LIQUIDATION';
  if (clientOrderId?.startsWith('adl_autoclose')) return 'EXTERNAL_DELEVERAGING';
  if (clientOrderId?.startsWith('settlement_autoclose-')) return 'EXTERNAL_SETTLEMENT';
  return 'EXTERNAL_TRADE';
}

/** What is asked of the venue. */
export function requestOf(intent: OrderIntent): VenueOrderRequest {
  const { clientOrderId, symbol, side, type, quantity, triggerPrice, limitPrice, purpose } = intent;
  const isClosing = purpose !== 'entry';
  return {
    clientOrderId,
    symbol,
    side,
    type,
    quantity,
    ...(triggerPrice === undefined ? {} : { triggerPrice }),
    ...(limitPrice === undefined ? {} : { limitPrice }),
    leg: (side === 'buy') === isClosing ? ('short' as const) : ('long' as const),
    isClosing,
  };
}
