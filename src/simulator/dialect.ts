import type { EpochMs, SymbolId, Timeframe } from '../core/index.ts';
import type { AccountEvent, ExchangeSettings, Refusal } from '../matching/index.ts';
import type { Bar } from './bar.ts';
import type { RequestPurpose } from './fault-board.ts';
import type { PrivateVenue, VenueAccount } from './private-venue.ts';
import type { UserStreams } from './user-streams.ts';
import type { Book, Venue } from './venue.ts';

/** Parameters of a request; of repeated ones the first. */
export type Query = Readonly<Record<string, string | undefined>>;

/** An answer in the venue's own form. */
export interface VenueReply {
  readonly status: number;
  /** JSON text. */
  readonly body: string;
}

/** A refusal of one request, in the venue's words. */
export class VenueError extends Error {
  readonly status: number;
  readonly code: number;

  constructor(code: number, message: string, status = 400) {
    super(message);
    this.name = 'VenueError';
    this.code = code;
    this.status = status;
  }
}

export interface RestContext {
  readonly venue: Venue;
  /** Request weight allowed per real minute. */
  readonly weightLimit: number;
  /** What the venue asks of orders and charges for them. */
  readonly settings: ExchangeSettings;
}

export interface RestRoute {
  readonly path: string;
  weight(query: Query): number;
  /** JSON text. @throws VenueError */
  answer(query: Query, context: RestContext): string | Promise<string>;
}

/** What a request of an account is answered from. */
export interface PrivateContext extends RestContext {
  readonly account: VenueAccount;
  readonly accounts: PrivateVenue;
  readonly userStreams: UserStreams;
}

/** A request that acts for an account. */
export interface PrivateRoute {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly path: string;
  readonly purpose: Exclude<RequestPurpose, 'market'>;
  /** Whether the request has to be signed, or names its account by key alone. */
  readonly isSigned: boolean;
  weight(query: Query): number;
  /** JSON text. @throws VenueError, Refusal */
  answer(query: Query, context: PrivateContext): string;
}

/** A request as it came, for the check of its signature. */
export interface SignedRequest {
  readonly query: Query;
  /** Query string and body as sent. */
  readonly queryText: string;
  readonly bodyText: string;
}

/** What a stream is about. `symbol` undefined: every symbol in one message. */
export type Topic =
  | { readonly kind: 'kline'; readonly symbol: SymbolId; readonly timeframe: Timeframe }
  | { readonly kind: 'mark'; readonly symbol: SymbolId | undefined; readonly everyMs: number }
  | { readonly kind: 'book'; readonly symbol: SymbolId | undefined }
  /** An account's own events; the stream's name is the secret that admits to it. */
  | { readonly kind: 'user'; readonly symbol: undefined };

export interface KlineEvent {
  readonly eventTime: EpochMs;
  readonly symbol: SymbolId;
  readonly timeframe: Timeframe;
  readonly bar: Bar;
  readonly closed: boolean;
  /** Decimal places of quantities. */
  readonly quantityDecimals: number;
}

export interface MarkEvent {
  readonly eventTime: EpochMs;
  readonly symbol: SymbolId;
  readonly price: number;
  readonly fundingRate: number;
  readonly nextFundingTime: EpochMs;
}

export interface BookEvent extends Book {
  readonly eventTime: EpochMs;
}

/** One client's subscriptions, as control messages see and change them. */
export interface StreamSession {
  /** Whether payloads are wrapped with their stream's name. */
  combined: boolean;
  names(): readonly string[];
  subscribe(names: readonly string[]): void;
  unsubscribe(names: readonly string[]): void;
}

/** An exchange's way of speaking, on top of what its {@link Venue} knows. */
export interface Dialect {
  /** Venue id, as the instruments carry it. */
  readonly venue: string;
  readonly rest: {
    readonly routes: readonly RestRoute[];
    readonly usedWeightHeader: string;
    unknownPath(method: string, path: string): VenueReply;
    failure(error: VenueError): VenueReply;
    limited(weightLimit: number): VenueReply;
    banned(until: EpochMs): VenueReply;
    serverError(status: number): VenueReply;
  };
  readonly privateSide: {
    readonly routes: readonly PrivateRoute[];
    /** Header with an account's key, in lower case. */
    readonly keyHeader: string;
    /** A request whose key is missing or of no account. */
    unknownKey(key: string | undefined): VenueError;
    /** @throws VenueError where the signature, or the time it was made at, is not right. */
    checkSignature(request: SignedRequest, secret: string, clock: EpochMs): void;
    refusal(refusal: Refusal): VenueError;
    /** What a venue under maintenance answers. */
    maintenance(): VenueReply;
    /** The message of an event. */
    userEvent(event: AccountEvent, account: VenueAccount, eventTime: EpochMs): string;
    listenKeyExpired(listenKey: string, eventTime: EpochMs): string;
  };
  readonly streams: {
    /** Route patterns of the sockets. */
    readonly paths: readonly string[];
    /** What a connection's URL alone asks for. */
    connect(path: string, query: Query): { readonly names: readonly string[]; readonly combined: boolean };
    /** Carries out a control message and returns the reply. */
    receive(session: StreamSession, text: string): string;
    /** What a stream's name means; undefined where this venue has no such stream. */
    topic(name: string): Topic | undefined;
    kline(event: KlineEvent): string;
    mark(event: MarkEvent): string;
    marks(events: readonly MarkEvent[]): string;
    book(event: BookEvent): string;
    wrap(name: string, payload: string): string;
  };
}
