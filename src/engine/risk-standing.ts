import { formatTime, type RiskMode } from '../core/index.ts';
import { decisiveLatch, type RiskLatch, type RiskState, riskModeOf } from '../trading/index.ts';

/** What a book may do, and why: its latches, the decisive one first. */
export interface RiskStanding {
  readonly mode: RiskMode;
  readonly latches: readonly RiskLatch[];
}

export function riskStandingOf({ risk }: { readonly risk: RiskState }): RiskStanding {
  const decisive = decisiveLatch(risk);
  const others = risk.latches.filter((latch) => latch !== decisive);
  return { mode: riskModeOf(risk), latches: decisive ? [decisive, ...others] : [] };
}

/** In one line: "HALTED: RISK_HALTED since 2025-06-19T21:00:00Z by cli:alice (maintenance)". */
export function describeRisk({ mode, latches }: RiskStanding): string {
  const reasons = latches.map(({ reason, actor, since, until, text }) =>
    [
      `${reason} since ${formatTime(since)} by ${actor}`,
      ...(text === undefined ? [] : [`(${text})`]),
      ...(until === undefined ? [] : [`until ${formatTime(until)}`]),
    ].join(' '),
  );
  return reasons.length === 0 ? mode : `${mode}: ${reasons.join('; ')}`;
}
