import {
  type AppliedCommand,
  type BookCommand,
  DAY_MS,
  type EpochMs,
  epochMs,
  type Fill,
  MINUTE_MS,
  type ReasonCode,
  type RiskEvent,
  type RiskMode,
} from '../../core/index.ts';
import { parseCash } from '../../matching/index.ts';
import { positionKey } from '../ledger/ledger.ts';
import type { RiskSettings } from '../settings.ts';
import { shareOfEquity } from './limits.ts';

/** Something that restricts what a book may do, for as long as it lasts. */
export interface RiskLatch {
  readonly mode: Exclude<RiskMode, 'ACTIVE'>;
  /** At most one latch per reason. */
  readonly reason: ReasonCode;
  /** Who set it: "engine", or a person. */
  readonly actor: string;
  /** Market time. */
  readonly since: EpochMs;
  /** When it ends by itself; without it only `resume` ends it, or the condition it names. */
  readonly until?: EpochMs;
  /** What its actor said. */
  readonly text?: string;
}

/** What limits a book beside its positions: part of the book's state, so that it survives a restart. Amounts in cash units. */
export interface RiskState {
  /** UTC day number the daily figures belong to; -1 before the first minute. */
  readonly day: number;
  /** Equity at the first minute of the day. */
  readonly dayStartEquity: bigint;
  /** Orders decided on that day. */
  readonly ordersOfDay: number;
  /** Largest equity since the start, or since trading was resumed. */
  readonly peakEquity: bigint;
  /** Closed trades in a row that lost, after fees. */
  readonly losingStreak: number;
  /** What each open position has realised so far, after fees, by `positionKey`. */
  readonly openResults: ReadonlyMap<string, bigint>;
  /** Grows by one with each minute of insufficient data, falls by one with each other. */
  readonly staleMinutes: number;
  readonly latches: readonly RiskLatch[];
}

export const initialRiskState = (initialEquity: bigint): RiskState => ({
  day: -1,
  dayStartEquity: initialEquity,
  ordersOfDay: 0,
  peakEquity: initialEquity,
  losingStreak: 0,
  openResults: new Map(),
  staleMinutes: 0,
  latches: [],
});

/** The latch that restricts most, the oldest of several. */
export const decisiveLatch = ({ latches }: Pick<RiskState, 'latches'>): RiskLatch | undefined =>
  latches.find(({ mode }) => mode === 'HALTED') ?? latches[0];

export const riskModeOf = (risk: Pick<RiskState, 'latches'>): RiskMode => decisiveLatch(risk)?.mode ?? 'ACTIVE';

/** Whether every position is to be closed. */
export const isClosingAll = ({ latches }: Pick<RiskState, 'latches'>): boolean =>
  latches.some(({ reason }) => reason === 'RISK_CLOSE_ALL');

/** What a minute brought, after its fills are booked and its prices marked. */
export interface RiskFacts {
  readonly minute: EpochMs;
  readonly equity: bigint;
  readonly fills: readonly Fill[];
  /** Whether a position is open, by `positionKey`. */
  readonly isOpen: (key: string) => boolean;
  /** Whether enough symbols, and the references, have their candles. */
  readonly isDataSufficient: boolean;
}

export interface RiskChange {
  readonly risk: RiskState;
  readonly events: readonly RiskEvent[];
}

const ENGINE = 'engine';

/** The state after a minute: figures brought up to date, latches whose time is over lifted, breakers that tripped latched. */
export function updateRisk(risk: RiskState, facts: RiskFacts, settings: RiskSettings): RiskChange {
  const measured = measure(risk, facts, settings);
  const kept = measured.latches.filter((latch) => !isOver(latch, measured, facts.minute));
  const lifted = measured.latches.filter((latch) => !kept.includes(latch));
  const held = new Set(kept.map(({ reason }) => reason));
  const tripped = BREAKERS.flatMap((breaker) => breaker(measured, facts, settings) ?? []).filter(
    ({ reason }) => !held.has(reason),
  );
  const events = [
    ...lifted.map((latch) => eventOf('risk.lift', latch, facts.minute, ENGINE)),
    ...tripped.map((latch) => eventOf('risk.latch', latch, facts.minute, ENGINE)),
  ];
  const isStreakOver = tripped.some(({ reason }) => reason === 'RISK_LOSING_STREAK');
  return {
    risk: { ...measured, latches: [...kept, ...tripped], ...(isStreakOver ? { losingStreak: 0 } : {}) },
    events,
  };
}

/** The state after a position was found without a confirmed stop whose strategy halts trading then. */
export function haltUnprotected(risk: RiskState, minute: EpochMs): RiskChange {
  const latch = latchOf('HALTED', 'PROTECTION_UNCONFIRMED', minute);
  if (risk.latches.some(({ reason }) => reason === latch.reason)) return { risk, events: [] };
  return {
    risk: { ...risk, latches: [...risk.latches, latch] },
    events: [eventOf('risk.latch', latch, minute, ENGINE)],
  };
}

/** Trips on what was measured: what to latch, or nothing. */
type Breaker = (risk: RiskState, facts: RiskFacts, settings: RiskSettings) => RiskLatch | undefined;

const BREAKERS: readonly Breaker[] = [dailyLoss, drawdown, losingStreak, staleData];

function dailyLoss({ day, dayStartEquity }: RiskState, { minute, equity }: RiskFacts, { maxDailyLoss }: RiskSettings) {
  return dayStartEquity - equity >= shareOfEquity(dayStartEquity, maxDailyLoss)
    ? latchOf('REDUCING', 'RISK_DAILY_LOSS', minute, epochMs((day + 1) * DAY_MS))
    : undefined;
}

function drawdown({ peakEquity }: RiskState, { minute, equity }: RiskFacts, { maxDrawdown }: RiskSettings) {
  return peakEquity - equity >= shareOfEquity(peakEquity, maxDrawdown)
    ? latchOf('HALTED', 'RISK_DRAWDOWN', minute)
    : undefined;
}

function losingStreak(risk: RiskState, { minute }: RiskFacts, settings: RiskSettings) {
  const { maxLosingStreak, losingPauseMinutes } = settings;
  if (maxLosingStreak === null || risk.losingStreak < maxLosingStreak) return undefined;
  const until = losingPauseMinutes === null ? undefined : epochMs(minute + losingPauseMinutes * MINUTE_MS);
  return latchOf('REDUCING', 'RISK_LOSING_STREAK', minute, until);
}

function staleData({ staleMinutes }: RiskState, { minute }: RiskFacts, { maxStaleMinutes }: RiskSettings) {
  return staleMinutes >= maxStaleMinutes ? latchOf('REDUCING', 'RISK_STALE_DATA', minute) : undefined;
}

function latchOf(mode: RiskLatch['mode'], reason: ReasonCode, since: EpochMs, until?: EpochMs): RiskLatch {
  return { mode, reason, actor: ENGINE, since, ...(until === undefined ? {} : { until }) };
}

const isOver = ({ reason, until }: RiskLatch, { staleMinutes }: RiskState, minute: EpochMs): boolean =>
  (until !== undefined && minute >= until) || (reason === 'RISK_STALE_DATA' && staleMinutes === 0);

function measure(risk: RiskState, facts: RiskFacts, settings: RiskSettings): RiskState {
  const { minute, equity } = facts;
  const day = Math.floor(minute / DAY_MS);
  const isNewDay = day !== risk.day;
  const { losingStreak, openResults } = withFills(risk, facts);
  const stale = risk.staleMinutes + (facts.isDataSufficient ? -1 : 1);
  return {
    day,
    // The very first day starts from the initial equity, so that a loss before the first mark counts.
    dayStartEquity: isNewDay && risk.day >= 0 ? equity : risk.dayStartEquity,
    ordersOfDay: isNewDay ? 0 : risk.ordersOfDay,
    peakEquity: equity > risk.peakEquity ? equity : risk.peakEquity,
    losingStreak,
    openResults,
    staleMinutes: Math.max(0, Math.min(settings.maxStaleMinutes, stale)),
    latches: risk.latches,
  };
}

/** Adds fills to the results of their positions; a position that is closed counts as a trade. */
function withFills(risk: RiskState, { fills, isOpen }: RiskFacts): Pick<RiskState, 'losingStreak' | 'openResults'> {
  if (fills.length === 0) return risk;
  const results = new Map(risk.openResults);
  for (const fill of fills) {
    const key = positionKey(fill.strategy, fill.symbol);
    results.set(key, (results.get(key) ?? 0n) + parseCash(fill.realizedPnl) - parseCash(fill.fee));
  }
  let streak = risk.losingStreak;
  for (const [key, result] of results) {
    if (isOpen(key)) continue;
    streak = result < 0n ? streak + 1 : 0;
    results.delete(key);
  }
  return { losingStreak: streak, openResults: results };
}

/** Latches that no command ends: the loss of a day counts until the day is over. */
const UNTIL_EXPIRY: ReadonlySet<ReasonCode> = new Set(['RISK_DAILY_LOSS']);

const LATCH_OF_COMMAND = {
  halt: { mode: 'HALTED', reason: 'RISK_HALTED' },
  reduce: { mode: 'REDUCING', reason: 'RISK_REDUCING' },
  'close-all': { mode: 'HALTED', reason: 'RISK_CLOSE_ALL' },
} as const;

/**
 * The state after commands, in their order. A latch that is there already stays as it is. `resume` lifts every latch but that of the
 * daily loss, and measures drawdown, streak and stale data anew.
 */
export function applyCommands(
  risk: RiskState,
  commands: readonly BookCommand[],
  { at, equity }: { readonly at: EpochMs; readonly equity: bigint },
): RiskChange & { readonly applied: readonly AppliedCommand[] } {
  let state = risk;
  const events: RiskEvent[] = [];
  const applied: AppliedCommand[] = [];
  for (const { id, command, actor, reason: text } of commands) {
    if (command === 'resume') {
      const kept = state.latches.filter(({ reason }) => UNTIL_EXPIRY.has(reason));
      const lifted = state.latches.filter((latch) => !kept.includes(latch));
      events.push(...lifted.map((latch) => eventOf('risk.lift', latch, at, actor, text)));
      state = { ...state, latches: kept, peakEquity: equity, losingStreak: 0, staleMinutes: 0 };
    } else if (!state.latches.some(({ reason }) => reason === LATCH_OF_COMMAND[command].reason)) {
      const latch: RiskLatch = {
        ...LATCH_OF_COMMAND[command],
        actor,
        since: at,
        ...(text === undefined ? {} : { text }),
      };
      events.push(eventOf('risk.latch', latch, at, actor, text));
      state = { ...state, latches: [...state.latches, latch] };
    }
    applied.push({ id, appliedAt: at, outcome: riskModeOf(state) });
  }
  return { risk: state, events, applied };
}

function eventOf(
  action: RiskEvent['action'],
  { mode, reason }: RiskLatch,
  time: EpochMs,
  actor: string,
  text?: string,
): RiskEvent {
  return { time, actor, action, mode, reason, ...(text === undefined ? {} : { text }) };
}
