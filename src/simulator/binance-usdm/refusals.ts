import type { Refusal, RefusalReason } from '../../matching/index.ts';
import { VenueError } from '../dialect.ts';

/** The venue's codes and words. */
const WORDS: Readonly<Record<RefusalReason, readonly [code: number, message: string]>> = {
  NO_PRICE: [-1121, 'Invalid symbol.'],
  CLIENT_ID_INVALID: [-4015, 'Client order id is not valid.'],
  CLIENT_ID_DUPLICATE: [-4116, 'ClientOrderId is duplicated.'],
  QUANTITY_NOT_POSITIVE: [-4003, 'Quantity less than or equal to zero.'],
  QUANTITY_BELOW_MINIMUM: [-4004, 'Quantity less than min quantity.'],
  QUANTITY_OFF_STEP: [-4023, 'Qty not increased by step size.'],
  PRICE_NOT_POSITIVE: [-4001, 'Price less than 0.'],
  PRICE_OFF_TICK: [-4014, 'Price not increased by tick size.'],
  PRICE_ABOVE_BAND: [-4016, "Limit price can't be higher than the cap."],
  PRICE_BELOW_BAND: [-4024, "Limit price can't be lower than the floor."],
  NOTIONAL_BELOW_MINIMUM: [
    -4164,
    "Order's notional must be no smaller than the minimum (unless you choose reduce only).",
  ],
  MARGIN_INSUFFICIENT: [-2019, 'Margin is insufficient.'],
  REDUCE_ONLY_REJECTED: [-2022, 'ReduceOnly Order is rejected.'],
  REDUCE_ONLY_IN_HEDGE_MODE: [-1106, "Parameter 'reduceonly' sent when not required."],
  POSITION_SIDE_MISMATCH: [-4061, "Order's position side does not match user's setting."],
  POST_ONLY_WOULD_TAKE: [
    -5022,
    'Due to the order could not be executed as maker, the Post Only order will be rejected. The order will not be recorded in the order history',
  ],
  FILL_OR_KILL_UNFILLABLE: [
    -5021,
    'Due to the order could not be filled immediately, the FOK order has been rejected. The order will not be recorded in the order history',
  ],
  WOULD_TRIGGER_AT_ONCE: [-2021, 'Order would immediately trigger.'],
  CALLBACK_RATE_INVALID: [-2007, 'Invalid callBack rate.'],
  TOO_MANY_ORDERS: [-2025, 'Reach max open order limit.'],
  TOO_MANY_CONDITIONAL_ORDERS: [-4045, 'Reach max stop order limit.'],
  ORDER_UNKNOWN: [-2011, 'Unknown order sent.'],
  LEVERAGE_OUT_OF_RANGE: [-4028, 'Leverage is not valid.'],
  LEVERAGE_NEEDS_MARGIN: [-2028, 'Leverage is smaller than permitted: insufficient margin balance.'],
  LEVERAGE_REDUCED_WHILE_ISOLATED: [
    -4161,
    'Leverage reduction is not supported in Isolated Margin Mode with open positions.',
  ],
  MARGIN_MODE_UNCHANGED: [-4046, 'No need to change margin type.'],
  MARGIN_MODE_WITH_ORDERS: [-4047, 'Margin type cannot be changed if there exists open orders.'],
  MARGIN_MODE_WITH_POSITION: [-4048, 'Margin type cannot be changed if there exists position.'],
  POSITION_MODE_UNCHANGED: [-4059, 'No need to change position side.'],
  POSITION_MODE_WITH_ORDERS: [-4067, 'Position side cannot be changed if there exists open orders.'],
  POSITION_MODE_WITH_POSITIONS: [-4068, 'Position side cannot be changed if there exists position.'],
};

export function refusalError({ reason }: Refusal): VenueError {
  const [code, message] = WORDS[reason];
  return new VenueError(code, message);
}
