import { withinCap } from './arming.ts';
import { isUnarmed, type RiskState } from './risk/latches.ts';
import { shareOfEquity } from './risk/limits.ts';
import { rampFraction } from './risk/ramp.ts';
import type { RiskSettings } from './settings.ts';

/** What a book may trade with, cash units. */
export interface Capital {
  /** What sizes and limits are shares of. */
  readonly equity: bigint;
  /** Largest gross exposure; undefined where only the limits of the equity bound it. */
  readonly grossCap: bigint | undefined;
}

/** What of the equity a book may trade with: all of it on paper, what is armed at an exchange. */
export function capitalOf(risk: RiskState, equity: bigint, { isArmingRequired, ramp }: RiskSettings): Capital {
  const { arming } = risk;
  const fraction = ramp === null ? 1 : rampFraction(risk.ramp ?? { stage: 0 }, ramp);
  if (!isArmingRequired) return { equity, grossCap: ramp === null ? undefined : shareOfEquity(equity, fraction) };
  return {
    equity: withinCap(equity, arming),
    grossCap: arming === undefined || isUnarmed(risk) ? 0n : shareOfEquity(arming.cap, fraction),
  };
}
