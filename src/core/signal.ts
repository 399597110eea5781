import type { SymbolId } from './candle.ts';
import type { Horizon } from './forecast.ts';
import type { ReasonCode } from './reason-codes.ts';
import type { EpochMs } from './units.ts';

export type SignalSide = 'long' | 'short';

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

/** One symbol's forecast as a possible trade; a signal if every gate passed. */
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
  /** Round-trip fees, spread and impact, a fraction. */
  readonly expectedCost: number;
  /** expectedReturn - expectedCost. */
  readonly netEdge: number;
  /** Calibrated probability that the direction of the side comes true. */
  readonly probability: number;
  /** Percentile of the net edge in the symbol's own trailing out-of-sample distribution, 0 to 1. */
  readonly confidence: number;
  /** Close of the newest candle: what the decision was based on. */
  readonly referencePrice: number;
  /** How far the price may go against the position, and with it, where the model says so: positive fractions of the price. */
  readonly stopDistance?: number;
  readonly targetDistance?: number;
  /** In the order the gates ran; all are evaluated. */
  readonly verdicts: readonly GateVerdict[];
  readonly accepted: boolean;
}
