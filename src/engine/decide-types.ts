import type {
  BookCommand,
  BrokerEvent,
  CycleRecord,
  EpochMs,
  Exclusion,
  Fill,
  FinalCandle,
  Forecast,
  Horizon,
  Instrument,
  ReasonCode,
  SymbolId,
} from '../core/index.ts';
import type { CostSettings } from '../matching/index.ts';
import type { ModelEvidence, SignalSettings } from '../signals/index.ts';
import type { Strategy } from '../strategies/index.ts';
import type { RiskSettings, SizingSettings } from '../trading/index.ts';
import type { BookState } from './book-state.ts';

/** What decisions of one book are made with; none of it changes while the book runs. */
export interface DecideSettings {
  readonly book: string;
  readonly signals: SignalSettings;
  readonly costs: CostSettings;
  readonly sizing: SizingSettings;
  readonly risk: RiskSettings;
  readonly strategies: readonly Strategy[];
  /** Whether opposite orders of strategies in one symbol and minute cross inside the book. */
  readonly areStrategiesNetted: boolean;
  /** Whether a symbol has a long and a short position of its own at the venue. */
  readonly areLegsSeparate: boolean;
  /** Number of a symbol's sector; 0 where none is known. */
  readonly sectorOf: (symbol: SymbolId) => number;
}

/** What became known by the close of one minute. */
export interface DecideInput {
  readonly minute: EpochMs;
  /** The panel: forecasts of other symbols are not looked at. */
  readonly members: readonly SymbolId[];
  /** Symbols left out of the panel, and why: counted. */
  readonly excluded: readonly Exclusion[];
  /** Final candles of this very minute. */
  readonly candles: ReadonlyMap<SymbolId, FinalCandle>;
  /** Share of the universe with a final candle, 0 to 1. */
  readonly coverage: number;
  /** Whether every reference symbol has its candle. */
  readonly referencesPresent: boolean;
  /** Empty in a minute in which none are due. */
  readonly forecasts: readonly Forecast[];
  /** The serving model's reference distribution of expected returns. */
  readonly edgeReference?: Readonly<Partial<Record<Horizon, readonly number[]>>> | undefined;
  /** Why there are no forecasts: counted. */
  readonly modelReason?: ReasonCode | undefined;
  /** Members that the model cannot forecast yet, and why: counted. */
  readonly withheld?: ReadonlyMap<SymbolId, ReasonCode> | undefined;
  /** What a long last paid a short, a share of the notional per 8 hours; symbols of which nobody knows are absent. */
  readonly fundingRates?: ReadonlyMap<SymbolId, number>;
  readonly brokerEvents: readonly BrokerEvent[];
  readonly instruments: ReadonlyMap<SymbolId, Instrument>;
  /** Symbols with an unknown earlier minute. */
  readonly incomplete: ReadonlySet<SymbolId>;
  /** Symbols whose instrument has ended. */
  readonly ended: ReadonlySet<SymbolId>;
  /** Set when the minute is decided too late: everything is booked and forecast, nothing is ordered, exits neither. */
  readonly late?: ReasonCode | undefined;
  /** Set when no new entries are allowed although the minute is in time, such as CLOCK_SKEWED. */
  readonly entriesBlocked?: ReasonCode | undefined;
  /** What the outcomes of the serving model's forecasts say; undefined while nothing is known of it. */
  readonly modelEvidence?: ModelEvidence | undefined;
  /** Commands that take effect with this minute, oldest first. */
  readonly commands?: readonly BookCommand[];
}

/** What of the cycle's record is decided. */
export type DecidedParts = Pick<
  CycleRecord,
  | 'status'
  | 'reason'
  | 'signals'
  | 'notes'
  | 'intents'
  | 'orders'
  | 'orderEvents'
  | 'fills'
  | 'cashFlows'
  | 'positions'
  | 'equity'
  | 'commands'
  | 'riskEvents'
  | 'reasonCounts'
>;

/**
 * The parts of the cycle's record that are decided here, and the state to go on from. Some are made when they are first read: a copy by
 * spreading lacks them, {@link decidedPartsOf} has all.
 */
export interface Decision extends DecidedParts {
  readonly state: BookState;
  /** Client order ids of working orders whose end is asked for: until it is reported, in every minute's decision anew. */
  readonly cancels: readonly string[];
  /** Fills inside the book: of orders that are not sent. */
  readonly netted: readonly Fill[];
  /** Broker events of orders the book does not know; each is counted as ORDER_EVENT_UNKNOWN. */
  readonly unknownEvents: readonly BrokerEvent[];
}

/** As plain data, everything made. */
export function decidedPartsOf(decision: Decision): DecidedParts {
  return {
    status: decision.status,
    ...(decision.reason === undefined ? {} : { reason: decision.reason }),
    signals: decision.signals,
    notes: decision.notes,
    intents: decision.intents,
    orders: decision.orders,
    orderEvents: decision.orderEvents,
    fills: decision.fills,
    cashFlows: decision.cashFlows,
    positions: decision.positions,
    equity: decision.equity,
    commands: decision.commands,
    riskEvents: decision.riskEvents,
    reasonCounts: decision.reasonCounts,
  };
}
