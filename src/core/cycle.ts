import type { AppliedCommand, BookCommand, CommandRecord, RiskEvent } from './book-command.ts';
import type { FinalCandle, SymbolId } from './candle.ts';
import type { FeaturePanel, Forecast } from './forecast.ts';
import type { BrokerEvent, CashFlow, EquityPoint, Fill, Order, OrderEvent, OrderIntent, Position } from './order.ts';
import type { ReasonCode } from './reason-codes.ts';
import type { ReplayState, StepRecord } from './replay.ts';
import type { Signal } from './signal.ts';
import type { EpochMs } from './units.ts';

/** Stages of a minute, in order. `candles` waits for nothing: it is reading and committing what has arrived (T1). */
export const CYCLE_STAGES = ['candles', 'features', 'forecasts', 'decision', 'commit', 'send'] as const;
export type CycleStage = (typeof CYCLE_STAGES)[number];

/** `DECIDED`: within the deadline. `MISSED`: forecasts caught up, no orders. */
export type CycleStatus = 'DECIDED' | 'MISSED';

export interface Exclusion {
  readonly symbol: SymbolId;
  readonly reason: ReasonCode;
}

/** Why something a strategy wanted was not done, or not in full. */
export interface DecisionNote {
  readonly strategy: string;
  readonly symbol: SymbolId;
  readonly reason: ReasonCode;
  readonly signalId?: string;
}

/** Everything that one minute decided: committed at once (T2), before anything is sent. */
export interface CycleRecord {
  readonly book: string;
  /** The close of the minute decided on. */
  readonly minute: EpochMs;
  readonly status: CycleStatus;
  /** Why it is MISSED, or why no new entries were allowed. */
  readonly reason?: ReasonCode;
  readonly modelId?: string;
  /** Symbols with a final candle at the minute, in canonical order. */
  readonly members: readonly SymbolId[];
  readonly excluded: readonly Exclusion[];
  /** Final 1m candles of this very minute. */
  readonly candles: number;
  readonly forecasts: readonly Forecast[];
  /** Every candidate with its verdicts; those with `accepted` are signals. */
  readonly signals: readonly Signal[];
  readonly notes: readonly DecisionNote[];
  /** Intents decided this minute, to be stored as SUBMITTING orders. */
  readonly intents: readonly OrderIntent[];
  /** Orders whose state changed through broker events, as they stand after. */
  readonly orders: readonly Order[];
  readonly orderEvents: readonly OrderEvent[];
  readonly fills: readonly Fill[];
  readonly cashFlows: readonly CashFlow[];
  /** All open positions after the minute. */
  readonly positions: readonly Position[];
  readonly equity: EquityPoint;
  /** Commands that took effect with this minute. */
  readonly commands: readonly AppliedCommand[];
  /** What changed in what the book may do. */
  readonly riskEvents: readonly RiskEvent[];
  /** How often each reason occurred. */
  readonly reasonCounts: Readonly<Partial<Record<ReasonCode, number>>>;
  /** Real milliseconds per stage as measured before the commit; `commit` and `send` follow in the next record. */
  readonly stageMs: Readonly<Partial<Record<CycleStage, number>>>;
  /** Market time at which the cycle began. */
  readonly startedAt: EpochMs;
  /** The book's state after the minute, as JSON text: what a restart goes on from. */
  readonly bookState: string;
  readonly step: StepRecord;
}

/** What a broker reported between two minutes and what follows from it: committed at once, before anything is sent. */
export interface EventRecord
  extends Pick<
    CycleRecord,
    | 'book'
    | 'orders'
    | 'orderEvents'
    | 'fills'
    | 'cashFlows'
    | 'intents'
    | 'positions'
    | 'riskEvents'
    | 'bookState'
    | 'step'
  > {
  /** The last minute committed. */
  readonly minute: EpochMs;
}

/** What is stored of the features of one minute, after the commit (T3). */
export interface FeatureRows {
  readonly panel: FeaturePanel;
  readonly featureNames: readonly string[];
  /** Named indicator values per symbol, in the panel's order. */
  readonly indicators: readonly Readonly<Record<string, number>>[];
}

/** A closed candle whose stored values differ from what the venue says later. */
export interface CandleCorrection {
  readonly stored: FinalCandle;
  readonly reported: FinalCandle;
}

export interface CandleCommit {
  readonly inserted: number;
  readonly unchanged: number;
  readonly corrections: readonly CandleCorrection[];
}

/** What a restart goes on from. */
export interface BookSnapshot {
  readonly lastMinute: EpochMs;
  readonly bookState: string;
  readonly openOrders: readonly Order[];
}

/** Where a book's facts are kept. Postgres in truth, memory in backtests. Every write is idempotent by its keys. */
export interface Journal {
  /** T1. First values win: a later, different candle is recorded as a correction and returned. */
  commitCandles(candles: readonly FinalCandle[]): Promise<CandleCommit>;
  /** T2. @throws MinutehandError LEASE_LOST when another process owns the book. */
  commitCycle(record: CycleRecord): Promise<void>;
  /** Commands of the book that have not taken effect, oldest first. */
  pendingCommands(book: string): Promise<BookCommand[]>;
  /** Commands between two minutes, with the state they lead to. @throws MinutehandError LEASE_LOST, CYCLE_OUT_OF_ORDER */
  commitCommands(record: CommandRecord): Promise<void>;
  /** What a broker reported between two minutes. @throws MinutehandError LEASE_LOST, CYCLE_OUT_OF_ORDER */
  commitEvents(record: EventRecord): Promise<void>;
  /** T2's own duration and that of sending, known only afterwards. */
  commitTimings(book: string, minute: EpochMs, stageMs: Readonly<Partial<Record<CycleStage, number>>>): Promise<void>;
  /** What the challenger says of a committed minute: stored under its own model, beside the champion's. Nothing is traded on it. */
  commitChallengerForecasts(minute: EpochMs, forecasts: readonly Forecast[]): Promise<void>;
  /** T3. */
  commitFeatures(rows: FeatureRows): Promise<void>;
  /** The latest streaming state of the features, opaque bytes. */
  saveFeatureState(state: { book: string; minute: EpochMs; featureSetHash: string; bytes: Uint8Array }): Promise<void>;
  /** T3, before the state of the features that belongs to it: that is kept as long as this is. */
  saveReplayState(state: ReplayState): Promise<void>;
  loadFeatureState(book: string, featureSetHash: string): Promise<{ minute: EpochMs; bytes: Uint8Array } | undefined>;
  loadBook(book: string): Promise<BookSnapshot | undefined>;
}

/** What a book holds when its broker starts. */
export interface BrokerStart {
  /** All orders of the ledger that have not ended. */
  readonly openOrders: readonly Order[];
  /** Ids of the executions that are booked of them, by client order id. */
  readonly bookedFills: ReadonlyMap<string, readonly string[]>;
  readonly positions: readonly Position[];
  /** Quote currency, decimal string. */
  readonly cash: string;
  /** Of the newest money that came or went other than by trading. */
  readonly lastCashFlowAt?: EpochMs;
  /** The newest minute decided; of a new book absent. */
  readonly minute?: EpochMs;
  /** Fills of the day before that minute. */
  readonly recentFills?: readonly Fill[];
}

/** What may be there at once, and is waited for where it is not. */
export type Awaitable<Value> = Value | Promise<Value>;

/** Sends orders and reports what became of them. */
export interface Broker {
  /** Told once at start. */
  restore(start: BrokerStart): Promise<void>;
  /** Called after the intents are committed. Never throws for a single order: its fate comes as an event. */
  submit(intents: readonly OrderIntent[]): Awaitable<void>;
  /**
   * Asks for the end of working orders, by client order id. Called after it is committed, and again every minute until the end is
   * reported as an event; repeating it, or naming an order that has ended, changes nothing.
   */
  cancel(clientOrderIds: readonly string[]): Awaitable<void>;
  /**
   * Told, before the intents of a minute, of fills inside the book: strategies exchanged what they hold, nothing goes to the venue. Only a
   * broker that itself keeps what each strategy holds needs it.
   */
  settle?(fills: readonly Fill[]): Awaitable<void>;
  /** Everything that happened up to the close of `minute` and was not reported before, in order. */
  events(minute: EpochMs, candles: ReadonlyMap<SymbolId, FinalCandle>): Awaitable<BrokerEvent[]>;
  /** Of a broker that works at a real account; on paper nothing happens between two minutes. */
  readonly account?: BrokerAccount;
}

/** What an account at a venue tells between two minutes, and how it stands. */
export interface BrokerAccount {
  /** Why nothing may be entered: the account is not known to agree with the book. */
  readonly blocked: ReasonCode | undefined;
  /** Called when {@link take} has something. */
  onChange(listener: () => void): void;
  /** What was reported and not taken before, in order. */
  take(): BrokerEvent[];
  /**
   * Resolves when nothing that was sent is still on its way: each order has its answer, and each fill that an answer tells of is here; or
   * when that does not come about for long, and then nothing is current.
   */
  settled(): Promise<void>;
  /** Asks for everything that may have been missed. @throws what the venue's connection throws */
  poll(): Promise<void>;
  /** Asks for executions of these symbols since a time: what nobody here ordered is reported as such. */
  explain(symbols: readonly SymbolId[], since: EpochMs): Promise<void>;
  /** Asks the venue how the account stands. @throws what the venue's connection throws */
  snapshot(): Promise<AccountSnapshot>;
  /** Whether nothing has been reported since the snapshot was asked for: an older one says nothing of the present. */
  isCurrent(snapshot: AccountSnapshot): boolean;
  /** Told whether the last current snapshot agreed with the book. */
  agreed(isInAgreement: boolean): void;
}

/** An account as the venue says it stands. Amounts are decimal strings. */
export interface AccountSnapshot {
  readonly takenAt: EpochMs;
  /** Grows with everything that is reported. */
  readonly version: number;
  /** Signed base units, by symbol: what is held on the long and on the short leg; in one-way mode the two are one. */
  readonly positions: ReadonlyMap<SymbolId, { readonly long: string; readonly short: string }>;
  readonly isHedgeMode: boolean;
  /** Quote currency, without unrealised profit. */
  readonly balance: string;
  /** What the positions were traded for, quote currency, negative for shorts: the venue averages over all that share a leg. */
  readonly positionsCost: string;
  /** Client order ids of open orders that this book did not send. */
  readonly foreignOrders: readonly string[];
}

/** The candles of one closed minute, as far as they are known. */
export interface MinuteCandles {
  readonly minute: EpochMs;
  readonly candles: readonly FinalCandle[];
  readonly missing: readonly Exclusion[];
  /** Candles of earlier minutes that have become known since the last call, oldest first. */
  readonly repaired: readonly FinalCandle[];
}

/** Closed one-minute candles as they become final. */
export interface MarketFeed {
  /** Opens the streams. Candles from `firstMinute` (close time) on will be asked for. */
  start(symbols: readonly SymbolId[], firstMinute: EpochMs): Promise<void>;
  /**
   * Resolves when every symbol has its final candle of the minute that ends at `minute`, or when `graceMs` of market time after
   * its close have passed and a REST audit has been tried; what is missing then carries its reason.
   */
  awaitMinute(minute: EpochMs, graceMs: number, signal: AbortSignal): Promise<MinuteCandles>;
  stop(): Promise<void>;
}
