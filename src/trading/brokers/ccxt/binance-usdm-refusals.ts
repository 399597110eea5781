import type { ReasonCode } from '../../../core/index.ts';
import { VenueAnswerError } from '../../../data/index.ts';
import { VenueRefusal } from './account-client.ts';

/** What the venue's own codes mean to an order; every other definite no is ORDER_REFUSED. */
const REASONS: ReadonlyMap<number, ReasonCode> = new Map<number, ReasonCode>([
  [-1003, 'ORDER_RATE_LIMITED'],
  [-1008, 'ORDER_RATE_LIMITED'],
  [-1015, 'ORDER_RATE_LIMITED'],
  [-1021, 'ORDER_STALE'],
  [-2011, 'ORDER_NOT_FOUND'],
  [-2013, 'ORDER_NOT_FOUND'],
  [-2018, 'ORDER_MARGIN_INSUFFICIENT'],
  [-2019, 'ORDER_MARGIN_INSUFFICIENT'],
  [-2021, 'ORDER_WOULD_TRIGGER'],
  [-2022, 'ORDER_REDUCE_REFUSED'],
  [-4116, 'ORDER_ID_TAKEN'],
  [-4118, 'ORDER_REDUCE_REFUSED'],
  [-4142, 'ORDER_WOULD_TRIGGER'],
  [-5022, 'ORDER_WOULD_TAKE'],
  [-5028, 'ORDER_STALE'],
]);
/** Of a client order id: too long, of wrong characters, or there already; only its words tell. */
const CLIENT_ID_INVALID = -4015;

/** A definite no as the port has it; everything else as it came. */
export function asRefusal(error: unknown): unknown {
  return error instanceof VenueAnswerError ? new VenueRefusal(reasonOf(error), error.detail) : error;
}

function reasonOf({ status, venueCode, detail }: VenueAnswerError): ReasonCode {
  if (status === 418 || status === 429) return 'ORDER_RATE_LIMITED';
  if (venueCode === CLIENT_ID_INVALID && /duplicat/i.test(detail)) return 'ORDER_ID_TAKEN';
  return (venueCode === undefined ? undefined : REASONS.get(venueCode)) ?? 'ORDER_REFUSED';
}
