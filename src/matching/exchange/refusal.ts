/** Why a venue refuses a command. A dialect turns it into its own code and words. */
export type RefusalReason =
  | 'NO_PRICE'
  | 'CLIENT_ID_INVALID'
  | 'CLIENT_ID_DUPLICATE'
  | 'QUANTITY_NOT_POSITIVE'
  | 'QUANTITY_BELOW_MINIMUM'
  | 'QUANTITY_OFF_STEP'
  | 'PRICE_NOT_POSITIVE'
  | 'PRICE_OFF_TICK'
  | 'PRICE_ABOVE_BAND'
  | 'PRICE_BELOW_BAND'
  | 'NOTIONAL_BELOW_MINIMUM'
  | 'MARGIN_INSUFFICIENT'
  | 'REDUCE_ONLY_REJECTED'
  | 'REDUCE_ONLY_IN_HEDGE_MODE'
  | 'POSITION_SIDE_MISMATCH'
  | 'POST_ONLY_WOULD_TAKE'
  | 'FILL_OR_KILL_UNFILLABLE'
  | 'WOULD_TRIGGER_AT_ONCE'
  | 'CALLBACK_RATE_INVALID'
  | 'TOO_MANY_ORDERS'
  | 'TOO_MANY_CONDITIONAL_ORDERS'
  | 'ORDER_UNKNOWN'
  | 'LEVERAGE_OUT_OF_RANGE'
  | 'LEVERAGE_NEEDS_MARGIN'
  | 'LEVERAGE_REDUCED_WHILE_ISOLATED'
  | 'MARGIN_MODE_UNCHANGED'
  | 'MARGIN_MODE_WITH_ORDERS'
  | 'MARGIN_MODE_WITH_POSITION'
  | 'POSITION_MODE_UNCHANGED'
  | 'POSITION_MODE_WITH_ORDERS'
  | 'POSITION_MODE_WITH_POSITIONS';

/** A command the venue did not carry out. Nothing has changed. */
export class Refusal extends Error {
  readonly reason: RefusalReason;

  constructor(reason: RefusalReason) {
    super(reason);
    this.name = 'Refusal';
    this.reason = reason;
  }
}
