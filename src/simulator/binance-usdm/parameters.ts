import { isTimeframe, type Timeframe } from '../../core/index.ts';
import { type Query, VenueError } from '../dialect.ts';
import type { ListedInstrument, Venue } from '../venue.ts';

/** A parameter that is missing or malformed. */
export const mandatory = (name: string) =>
  new VenueError(-1102, `Mandatory parameter '${name}' was not sent, was empty/null, or malformed.`);

/** The instrument the request names. */
export function requiredInstrument(query: Query, venue: Venue): ListedInstrument {
  if (!query.symbol) throw mandatory('symbol');
  const listed = venue.find(query.symbol);
  if (!listed) throw new VenueError(-1121, 'Invalid symbol.');
  return listed;
}

/** The instrument the request names, or every listed one. */
export function instrumentsOf(query: Query, venue: Venue): { readonly one: boolean; readonly all: ListedInstrument[] } {
  return query.symbol === undefined
    ? { one: false, all: venue.listed() }
    : { one: true, all: [requiredInstrument(query, venue)] };
}

export function requiredInterval(query: Query): Timeframe {
  const interval = query.interval;
  if (!interval) throw mandatory('interval');
  if (!isTimeframe(interval)) throw new VenueError(-1120, 'Invalid interval.');
  return interval;
}

/** A whole number in the query, or undefined where it is absent. */
export function integer(query: Query, name: string): number | undefined {
  const text = query[name];
  if (text === undefined) return undefined;
  if (text === '') throw mandatory(name);
  if (!/^[0-9]{1,20}$/.test(text)) {
    throw new VenueError(-1100, `Illegal characters found in parameter '${name}'; legal range is '^[0-9]{1,20}$'.`);
  }
  return Number(text);
}

export function limitOf(query: Query, byDefault: number, most: number): number {
  const limit = integer(query, 'limit') ?? byDefault;
  if (limit < 1 || limit > most) throw new VenueError(-1130, "Data sent for parameter 'limit' is not valid.");
  return limit;
}

/** startTime and endTime, in order. */
export function timeRange(query: Query): { startTime: number | undefined; endTime: number | undefined } {
  const startTime = integer(query, 'startTime');
  const endTime = integer(query, 'endTime');
  if (startTime !== undefined && endTime !== undefined && startTime > endTime) {
    throw new VenueError(-1023, 'Start time is greater than end time.');
  }
  return { startTime, endTime };
}
