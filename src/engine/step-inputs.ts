import { z } from 'zod';
import {
  BOOK_COMMANDS,
  type BookCommand,
  type BrokerEvent,
  CASH_FLOW_CAUSES,
  type EpochMs,
  epochMs,
  type FinalCandle,
  isReasonCode,
  MinutehandError,
  messageOf,
  ORDER_STATUSES,
  type ReasonCode,
  type SymbolId,
  TIMEFRAMES,
} from '../core/index.ts';

/** A settlement that came to hand: symbol, time, rate. */
export type KnownRate = readonly [SymbolId, EpochMs, number];

/** What a minute was decided on, as far as no other row holds it. Digests name texts. */
export interface MinuteInputs {
  readonly kind: 'minute';
  /** The first minute of a process: the broker was told what the book holds. */
  readonly isFirst?: true;
  /** The features go on from a state of their own, which is stored with the minute before. */
  readonly isOrigin?: true;
  readonly settings: string;
  readonly instruments: string;
  readonly fundingRates?: string;
  readonly evidence?: string;
  readonly edgeReference?: string;
  /** Funding rates that the features were given since the minute before. */
  readonly funding?: readonly KnownRate[];
  /** Whose candles of the minute arrived, in order, where it is not the whole universe in canonical order. */
  readonly arrived?: readonly SymbolId[];
  /** Candles that arrived with other values than were stored before. */
  readonly corrected?: readonly FinalCandle[];
  /** Symbols and open times of what the features were given, in order, where it is not what arrived of the minute, in canonical order. */
  readonly pushed?: readonly (readonly [SymbolId, EpochMs])[];
  readonly incomplete?: readonly SymbolId[];
  readonly ended?: readonly SymbolId[];
  readonly coverage: number;
  readonly referencesPresent: boolean;
  /** Of the rows of features, where forecasts were due. */
  readonly panel?: string;
  /** The model that served. */
  readonly model?: string;
  readonly modelReason?: ReasonCode;
  readonly withheld?: readonly (readonly [SymbolId, ReasonCode])[];
  readonly events?: readonly BrokerEvent[];
  /** How many of the events are of orders that were never sent. */
  readonly unsent?: number;
  readonly late?: ReasonCode;
  readonly entriesBlocked?: ReasonCode;
  readonly commands?: readonly BookCommand[];
}

/** What changed a book between two minutes. */
export type BetweenInputs = { readonly settings: string } & (
  | { readonly kind: 'events'; readonly events: readonly BrokerEvent[]; readonly instruments: string }
  | { readonly kind: 'commands'; readonly at: EpochMs; readonly commands: readonly BookCommand[] }
  | { readonly kind: 'unreconciled'; readonly at: EpochMs; readonly text: string }
  | { readonly kind: 'unprotected'; readonly at: EpochMs; readonly keys: readonly string[] }
  | { readonly kind: 'close'; readonly at: EpochMs; readonly keys: readonly string[]; readonly reason: ReasonCode }
);

export type StepInputs = MinuteInputs | BetweenInputs;

const time = z.number().int().transform(epochMs);
const reason = z.string().refine((value): value is ReasonCode => isReasonCode(value), 'no reason code');
const symbol = z.string();

const status = z.strictObject({
  kind: z.literal('status'),
  clientOrderId: z.string(),
  status: z.enum(ORDER_STATUSES),
  time,
  reason: reason.exactOptional(),
});
const execution = { fillId: z.string(), quantity: z.string(), price: z.string(), fee: z.string(), time };
const brokerEvent: z.ZodType<BrokerEvent> = z.discriminatedUnion('kind', [
  status,
  z.strictObject({ kind: z.literal('fill'), clientOrderId: z.string(), ...execution }),
  z.strictObject({
    kind: z.literal('cash'),
    flowId: z.string(),
    cause: z.enum(CASH_FLOW_CAUSES),
    symbol: symbol.exactOptional(),
    amount: z.string(),
    time,
  }),
  z.strictObject({
    kind: z.literal('external'),
    book: z.string(),
    symbol,
    side: z.enum(['buy', 'sell']),
    reason,
    ...execution,
  }),
]);

const asked = { id: z.number().int(), actor: z.string(), reason: z.string().exactOptional() };
const command: z.ZodType<BookCommand> = z.discriminatedUnion('command', [
  z.strictObject({
    command: z.literal('arm'),
    terms: z.strictObject({ cap: z.string(), expiresAt: time }),
    ...asked,
  }),
  z.strictObject({ command: z.enum(BOOK_COMMANDS).exclude(['arm']), ...asked }),
]);

const candle: z.ZodType<FinalCandle> = z.strictObject({
  state: z.literal('final'),
  finality: z.enum(['venue-flag', 'successor', 'rest', 'archive', 'confirmed-empty']),
  symbol,
  timeframe: z.enum(TIMEFRAMES),
  openTime: time,
  open: z.number(),
  high: z.number(),
  low: z.number(),
  close: z.number(),
  volume: z.number(),
  quoteVolume: z.number().exactOptional(),
  trades: z.number().exactOptional(),
  takerBuyVolume: z.number().exactOptional(),
});

const minuteInputs = z.strictObject({
  kind: z.literal('minute'),
  isFirst: z.literal(true).exactOptional(),
  isOrigin: z.literal(true).exactOptional(),
  settings: z.string(),
  instruments: z.string(),
  fundingRates: z.string().exactOptional(),
  evidence: z.string().exactOptional(),
  edgeReference: z.string().exactOptional(),
  funding: z.array(z.tuple([symbol, time, z.number()])).exactOptional(),
  arrived: z.array(symbol).exactOptional(),
  corrected: z.array(candle).exactOptional(),
  pushed: z.array(z.tuple([symbol, time])).exactOptional(),
  incomplete: z.array(symbol).exactOptional(),
  ended: z.array(symbol).exactOptional(),
  coverage: z.number(),
  referencesPresent: z.boolean(),
  panel: z.string().exactOptional(),
  model: z.string().exactOptional(),
  modelReason: reason.exactOptional(),
  withheld: z.array(z.tuple([symbol, reason])).exactOptional(),
  events: z.array(brokerEvent).exactOptional(),
  unsent: z.number().int().exactOptional(),
  late: reason.exactOptional(),
  entriesBlocked: reason.exactOptional(),
  commands: z.array(command).exactOptional(),
});

const common = { settings: z.string() };
const at = { at: time, keys: z.array(z.string()) };
const SCHEMA: z.ZodType<StepInputs> = z.discriminatedUnion('kind', [
  minuteInputs,
  z.strictObject({ kind: z.literal('events'), events: z.array(brokerEvent), instruments: z.string(), ...common }),
  z.strictObject({ kind: z.literal('commands'), at: time, commands: z.array(command), ...common }),
  z.strictObject({ kind: z.literal('unreconciled'), at: time, text: z.string(), ...common }),
  z.strictObject({ kind: z.literal('unprotected'), ...at, ...common }),
  z.strictObject({ kind: z.literal('close'), ...at, reason, ...common }),
]);

/** The text of a step's inputs, as {@link parseStepInputs} reads it. */
export const encodeStepInputs = (inputs: StepInputs): string => JSON.stringify(inputs);

/** @throws MinutehandError REPLAY_UNREADABLE */
export function parseStepInputs(text: string): StepInputs {
  try {
    return SCHEMA.parse(JSON.parse(text));
  } catch (error) {
    throw unreadable('a step', messageOf(error));
  }
}

const RATES: z.ZodType<KnownRate[]> = z.array(z.tuple([symbol, time, z.number()]));

/** The funding rates that a state to begin a replay at was stored with. @throws MinutehandError REPLAY_UNREADABLE */
export function parseKnownRates(text: string): readonly KnownRate[] {
  try {
    return RATES.parse(JSON.parse(text));
  } catch (error) {
    throw unreadable('what was known of funding', messageOf(error));
  }
}

export const unreadable = (what: string, why: string): MinutehandError =>
  new MinutehandError(
    'REPLAY_UNREADABLE',
    `${what} of the book's past cannot be read: ${why}`,
    'It was recorded by another version of Minutehand: replay what this version has recorded, with --from.',
  );
