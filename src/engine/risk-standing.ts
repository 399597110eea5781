import { type EpochMs, formatTime, type RiskMode } from '../core/index.ts';
import { formatCash } from '../matching/index.ts';
import {
  decisiveLatch,
  isUnarmed,
  type RampSettings,
  type RampState,
  type RiskLatch,
  type RiskSettings,
  type RiskState,
  rampFraction,
  rampStatistic,
  riskModeOf,
} from '../trading/index.ts';

/** What a book may do, and why: its latches, the decisive one first. */
export interface RiskStanding {
  readonly mode: RiskMode;
  readonly latches: readonly RiskLatch[];
  /** Of a book that trades at an exchange, while an arming is in force. */
  readonly arming?: ArmingStanding;
  /** Of a book that steps its capital up. */
  readonly ramp?: RampStanding;
}

export interface ArmingStanding {
  /** Decimal string, quote currency. */
  readonly cap: string;
  readonly since: EpochMs;
  readonly expiresAt: EpochMs;
  readonly actor: string;
}

export interface RampStanding {
  /** The first is 1. */
  readonly stage: number;
  readonly stages: number;
  /** Share of the capital that may be held. */
  readonly fraction: number;
  readonly since: EpochMs;
  /** Closed trades of the stage, UTC days over that had any, and what they made: decimal string, quote currency. */
  readonly trades: number;
  readonly days: number;
  readonly result: string;
  /** Mean result of a day over its standard error; null below two days, or where all days made the same. */
  readonly tStatistic: number | null;
}

export function riskStandingOf({ risk }: { readonly risk: RiskState }, settings: RiskSettings): RiskStanding {
  const decisive = decisiveLatch(risk);
  const others = risk.latches.filter((latch) => latch !== decisive);
  const { arming } = risk;
  const isArmed = settings.isArmingRequired && arming !== undefined && !isUnarmed(risk);
  return {
    mode: riskModeOf(risk),
    latches: decisive ? [decisive, ...others] : [],
    ...(isArmed ? { arming: { ...arming, cap: formatCash(arming.cap) } } : {}),
    ...(settings.ramp === null || risk.ramp === undefined ? {} : { ramp: rampStandingOf(risk.ramp, settings.ramp) }),
  };
}

function rampStandingOf(ramp: RampState, settings: RampSettings): RampStanding {
  const statistic = rampStatistic(ramp);
  return {
    stage: Math.min(ramp.stage, settings.stageFractions.length - 1) + 1,
    stages: settings.stageFractions.length,
    fraction: rampFraction(ramp, settings),
    since: ramp.since,
    trades: ramp.trades,
    days: ramp.days,
    result: formatCash(ramp.result),
    tStatistic: statistic === undefined || !Number.isFinite(statistic) ? null : statistic,
  };
}

/** In one line: "HALTED: RISK_HALTED since 2025-06-19T21:00:00Z by cli:alice (maintenance)". */
export function describeRisk({ mode, latches, arming, ramp }: RiskStanding): string {
  const reasons = latches.map(({ reason, actor, since, until, text }) =>
    [
      `${reason} since ${formatTime(since)} by ${actor}`,
      ...(text === undefined ? [] : [`(${text})`]),
      ...(until === undefined ? [] : [`until ${formatTime(until)}`]),
    ].join(' '),
  );
  const standing = [
    mode,
    ...(arming === undefined
      ? []
      : [`armed for ${arming.cap} until ${formatTime(arming.expiresAt)} by ${arming.actor}`]),
    ...(ramp === undefined ? [] : [describeRamp(ramp)]),
  ].join(', ');
  return reasons.length === 0 ? standing : `${standing}: ${reasons.join('; ')}`;
}

const describeRamp = ({ stage, stages, fraction, trades, days, result }: RampStanding): string =>
  `stage ${stage} of ${stages} (${Number((fraction * 100).toFixed(2))} % of the capital; ${result} of ${trades} trades on ${days} days)`;
