import { DAY_MS, type EpochMs, MINUTE_MS, type ReasonCode } from '../core/index.ts';
import { shareDown } from '../matching/index.ts';
import { type MarketState, priceAge } from './market-state.ts';
import type { Exposure } from './portfolio.ts';
import type { RiskSettings } from './settings.ts';

/** Latches that survive a restart, as part of the book's state. */
export interface RiskState {
  /** UTC day number the daily figures belong to; -1 before the first minute. */
  readonly day: number;
  /** Equity at the first minute of the day, cash units. */
  readonly dayStartEquity: bigint;
  /** Set once the day's loss reached its limit; cleared only by the next day. */
  readonly dailyLossReached: boolean;
  /** Set and cleared by explicit command only. */
  readonly halted: boolean;
}

export const initialRiskState = (initialEquity: bigint): RiskState => ({
  day: -1,
  dayStartEquity: initialEquity,
  dailyLossReached: false,
  halted: false,
});

/** The latches after a minute's marks. A new UTC day starts at 00:00 with the equity at that close. */
export function updateRisk(risk: RiskState, minute: EpochMs, equity: bigint, settings: RiskSettings): RiskState {
  const day = Math.floor(minute / DAY_MS);
  if (day !== risk.day) {
    // The very first day starts from the initial equity, so that a loss before the first mark counts.
    const dayStartEquity = risk.day < 0 ? risk.dayStartEquity : equity;
    return { ...risk, day, dayStartEquity, dailyLossReached: isLossReached(dayStartEquity, equity, settings) };
  }
  if (risk.dailyLossReached || !isLossReached(risk.dayStartEquity, equity, settings)) return risk;
  return { ...risk, dailyLossReached: true };
}

/** What a strategy with a book stop remembers of the book's equity. */
export interface DrawdownState {
  /** Highest equity since the strategy began, or since its stop was lifted; cash units. */
  readonly peak: bigint;
  /** Set once the drawdown reached the limit; cleared by explicit command only. */
  readonly isStopped: boolean;
}

/** @param limit drawdown from the peak, a fraction */
export function updateDrawdown(known: DrawdownState | undefined, equity: bigint, limit: number): DrawdownState {
  if (known === undefined) return { peak: equity, isStopped: false };
  if (known.isStopped) return known;
  const peak = equity > known.peak ? equity : known.peak;
  return { peak, isStopped: peak - equity >= shareOfEquity(peak, limit) };
}

/** What an order would meet. */
export interface PreTradeContext {
  readonly minute: EpochMs;
  readonly risk: RiskState;
  readonly exposure: Exposure;
  readonly equity: bigint;
  readonly market: MarketState | undefined;
}

/**
 * Why an order must not be placed, or undefined. An order that only reduces always passes; for an entry halt, daily loss, price age,
 * number of positions and gross exposure are checked in that order. The size limits themselves are sizing's.
 */
export function refuseOrder(
  order: { readonly reduceOnly: boolean },
  context: PreTradeContext,
  settings: RiskSettings,
): ReasonCode | undefined {
  if (order.reduceOnly) return undefined;
  const { risk, market, exposure } = context;
  if (risk.halted) return 'RISK_HALTED';
  if (risk.dailyLossReached) return 'RISK_DAILY_LOSS';
  if (market === undefined || priceAge(market, context.minute) >= settings.maxPriceAgeMinutes * MINUTE_MS) {
    return 'RISK_STALE_PRICE';
  }
  if (exposure.positions >= settings.maxPositions) return 'RISK_MAX_POSITIONS';
  if (exposure.gross >= shareOfEquity(context.equity, settings.maxGrossExposure)) return 'RISK_MAX_EXPOSURE';
  return undefined;
}

/** A share of the equity, rounded down; nothing of an equity that is used up. */
export const shareOfEquity = (equity: bigint, share: number): bigint => (equity > 0n ? shareDown(equity, share) : 0n);

function isLossReached(start: bigint, equity: bigint, settings: RiskSettings): boolean {
  return start - equity >= shareOfEquity(start, settings.maxDailyLoss);
}
