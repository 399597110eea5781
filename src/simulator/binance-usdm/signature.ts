import { createHmac, timingSafeEqual } from 'node:crypto';
import type { EpochMs } from '../../core/index.ts';
import { type SignedRequest, VenueError } from '../dialect.ts';
import { integer, mandatory } from './parameters.ts';

const DEFAULT_WINDOW_MS = 5_000;
const WIDEST_WINDOW_MS = 60_000;
/** How far a request's time may lie ahead of the venue's. */
const AHEAD_MS = 1_000;

/** @throws VenueError -2014 for a missing key, -2015 for one of no account. */
export const unknownKey = (key: string | undefined): VenueError =>
  key === undefined || key === ''
    ? new VenueError(-2014, 'API-key format invalid.', 401)
    : new VenueError(-2015, 'Invalid API-key, IP, or permissions for action.', 401);

/**
 * HMAC-SHA256 over everything sent but the signature itself, and the time it was signed at.
 * @throws VenueError -1102, -1131, -1021, -1022
 */
export function checkSignature({ query, queryText, bodyText }: SignedRequest, secret: string, clock: EpochMs): void {
  const { signature } = query;
  if (!signature) throw mandatory('signature');
  const timestamp = integer(query, 'timestamp');
  if (timestamp === undefined) throw mandatory('timestamp');
  const window = integer(query, 'recvWindow') ?? DEFAULT_WINDOW_MS;
  if (window > WIDEST_WINDOW_MS) throw new VenueError(-1131, 'recvWindow must be less than 60000.');
  if (timestamp >= clock + AHEAD_MS) {
    throw new VenueError(-1021, "Timestamp for this request was 1000ms ahead of the server's time.");
  }
  if (clock - timestamp > window) {
    throw new VenueError(-1021, 'Timestamp for this request is outside of the recvWindow.');
  }
  const signed = [queryText, bodyText].map((text) => text.replace(/(^|&)signature=[^&]*/, '')).join('');
  const expected = createHmac('sha256', secret).update(signed).digest();
  const given = Buffer.from(signature, 'hex');
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
    throw new VenueError(-1022, 'Signature for this request is not valid.');
  }
}
