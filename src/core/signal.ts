import type { SymbolId } from './candle.ts';
import type { Horizon } from './forecast.ts';
import type { ReasonCode } from './reason-codes.ts';
import type { EpochMs } from './units.ts';

export type SignalSide = 'long' | 'short';

/** States of a market, the calmest first. */
export const REGIMES = ['range', 'trend', 'high-volatility', 'crash'] as const;
export type Regime = (typeof REGIMES)[number];

/** What entering and leaving is expected to cost, fractions of the notional. */
export interface CostSplit {
  readonly fees: number;
  readonly spread: number;
  readonly impact: number;
  /** Over the horizon, in the direction of the side: negative where the position is paid; null where no rate is known, which counts as 0. */
  readonly funding: number | null;
}

/** What one gate said of a candidate. */
export interface GateVerdict {
  readonly gate: string;
  readonly passed: boolean;
  /** Present when the gate stopped the candidate. */
  readonly reason?: ReasonCode;
  /** The value judged and the threshold it was held against, where the gate compares numbers. */
  readonly value?: number;
  readonly threshold?: number;
}

/** One symbol's forecast as a possible trade; a signal if every gate passed. What is optional, candidates of older versions lack. */
export interface Signal {
  /** `book/minute/symbol`; the same step gives the same id. */
  readonly id: string;
  readonly symbol: SymbolId;
  readonly minute: EpochMs;
  readonly modelId: string;
  readonly side: SignalSide;
  readonly horizon: Horizon;
  /** Forecast return over the horizon in the direction of the side, a fraction before costs. */
  readonly expectedReturn: number;
  /** Round-trip fees, spread, impact and known funding, a fraction. */
  readonly expectedCost: number;
  readonly costs?: CostSplit;
  /** expectedReturn - expectedCost. */
  readonly netEdge: number;
  /** Calibrated probability that the direction of the side comes true. */
  readonly probability: number;
  /** Percentile of the net edge in the symbol's own trailing out-of-sample distribution, 0 to 1. */
  readonly confidence: number;
  /** Share of the horizons with a forecast return whose sign is the side's, 0 to 1. */
  readonly agreement?: number;
  /** Entropy of the horizon's direction probabilities over that of three equal ones, 0 to 1. */
  readonly uncertainty?: number;
  /** How far against the side the price may go, and how far with it, positive fractions of the reference price. */
  readonly stopDistance?: number;
  readonly targetDistance?: number;
  /** targetDistance / stopDistance. */
  readonly rewardToRisk?: number;
  /** From here on it is not acted upon. */
  readonly expiresAt?: EpochMs;
  /** Absent until a market has shown enough bars. */
  readonly marketRegime?: Regime;
  readonly symbolRegime?: Regime;
  /** What the regimes leave of an entry's size, 0 to 1. */
  readonly sizeScale?: number;
  /** Close of the newest candle: what the decision was based on. */
  readonly referencePrice: number;
  /** In the order the gates ran; all are evaluated. */
  readonly verdicts: readonly GateVerdict[];
  readonly accepted: boolean;
}
