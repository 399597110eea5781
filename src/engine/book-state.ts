import { type EpochMs, epochMs, type Fill, type FinalCandle } from '../core/index.ts';
import { parseCash } from '../matching/index.ts';
import {
  type EdgeHistories,
  noEdgeHistories,
  noRegimes,
  type RegimeSettings,
  type Regimes,
  updateRegimes,
} from '../signals/index.ts';
import {
  type DrawdownState,
  initialRiskState,
  isUnarmed,
  type Ledger,
  MarketStates,
  openLedger,
  type PositionProtection,
  type RiskSettings,
  type RiskState,
  requestCancels,
  riskModeOf,
  type SizingSettings,
  workingOrders,
} from '../trading/index.ts';

/**
 * Everything a book must remember from one minute to the next. Immutable; stored as text each minute, and the stored text is the
 * whole of it: going on from it gives the same bits as not having stopped.
 */
export interface BookState {
  /** The last minute decided; 0 before the first. */
  readonly minute: EpochMs;
  readonly ledger: Ledger;
  readonly risk: RiskState;
  readonly markets: MarketStates;
  readonly regimes: Regimes;
  readonly edges: EdgeHistories;
  /** When a strategy gives a position up, by `positionKey`. */
  readonly holdUntil: ReadonlyMap<string, EpochMs>;
  /** Until when a strategy does not enter a symbol again, by `positionKey`. */
  readonly cooldowns: ReadonlyMap<string, EpochMs>;
  /** Of every open position, by `positionKey`. */
  readonly protections: ReadonlyMap<string, PositionProtection>;
  /** Of the strategies with a book stop, by name. */
  readonly drawdowns: ReadonlyMap<string, DrawdownState>;
  /** Booked since the last minute: the next one looks at them. */
  readonly unseenFills: readonly Fill[];
}

/** @throws RangeError if the initial equity is not a decimal of at most 8 places. */
export function initialBookState(risk: RiskSettings): BookState {
  const cash = parseCash(risk.initialEquity);
  return {
    minute: epochMs(0),
    ledger: openLedger(cash),
    risk: initialRiskState(cash),
    markets: new MarketStates(),
    regimes: noRegimes,
    edges: noEdgeHistories,
    holdUntil: new Map(),
    cooldowns: new Map(),
    protections: new Map(),
    drawdowns: new Map(),
    unseenFills: [],
  };
}

/**
 * The state after looking at candles of minutes that were not decided on, oldest first: gives a new book its volatilities, volumes and
 * regimes. A day of one-minute candles fills what is asked for.
 */
export function warmBookState(
  state: BookState,
  candles: Iterable<FinalCandle>,
  sizing: SizingSettings,
  regimeSettings: RegimeSettings,
): BookState {
  let { markets, regimes } = state;
  let minute: FinalCandle[] = [];
  const take = () => {
    markets = observeCandles(markets, minute, sizing);
    regimes = updateRegimes(regimes, markets, regimeSettings);
    minute = [];
  };
  for (const candle of candles) {
    if (minute[0] !== undefined && candle.openTime !== minute[0].openTime) take();
    minute.push(candle);
  }
  take();
  return { ...state, markets, regimes };
}

export function observeCandles(
  markets: BookState['markets'],
  candles: Iterable<FinalCandle>,
  sizing: SizingSettings,
): BookState['markets'] {
  const next = new MarketStates(markets);
  for (const candle of candles) next.observe(candle, sizing);
  return next;
}

/** Where trading is halted or not armed, the end of entries asked for that still work. */
export function withEntriesCancelled(state: BookState): BookState {
  const ledger = entriesCancelled(state.ledger, state.risk);
  return ledger === state.ledger ? state : { ...state, ledger };
}

export function entriesCancelled(ledger: Ledger, risk: RiskState): Ledger {
  if (risk.latches.length === 0 || (riskModeOf(risk) !== 'HALTED' && !isUnarmed(risk))) return ledger;
  const entries = workingOrders(ledger).filter(({ intent }) => intent.purpose === 'entry');
  return requestCancels(
    ledger,
    entries.map(({ intent }) => intent.clientOrderId),
  );
}
