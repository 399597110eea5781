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
import { ARMING_REASONS, type Arming, armingOf, armingRestriction, withinCap } from '../arming.ts';
import { positionKey } from '../ledger/ledger-order.ts';
import type { RiskSettings } from '../settings.ts';
import { shareOfEquity } from './limits.ts';
import { beginStage, type RampChange, type RampState, rampFraction, rampUnderCap, updateRamp } from './ramp.ts';

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
  /** What had come in less what had gone out as the equities above were measured; unknown in states from before accounts. */
  readonly transfers?: bigint | undefined;
  /** Closed trades in a row that lost, after fees. */
  readonly losingStreak: number;
  /** What each open position has realised so far, after fees, by `positionKey`. */
  readonly openResults: ReadonlyMap<string, bigint>;
  /** Grows by one with each minute of insufficient data, falls by one with each other. */
  readonly staleMinutes: number;
  /** When trading was last resumed: what speaks against a model is counted from then on. */
  readonly resumedAt?: EpochMs | undefined;
  readonly latches: readonly RiskLatch[];
  readonly arming?: Arming | undefined;
  /** Of a book that steps its capital up. */
  readonly ramp?: RampState | undefined;
}

export const initialRiskState = (initialEquity: bigint): RiskState => ({
  day: -1,
  dayStartEquity: initialEquity,
  ordersOfDay: 0,
  peakEquity: initialEquity,
  transfers: 0n,
  losingStreak: 0,
  openResults: new Map(),
  staleMinutes: 0,
  latches: [],
});

/** The latch that restricts most, the oldest of several. */
export const decisiveLatch = ({ latches }: Pick<RiskState, 'latches'>): RiskLatch | undefined =>
  latches.length === 0 ? undefined : (latches.find(({ mode }) => mode === 'HALTED') ?? latches[0]);

export const riskModeOf = (risk: Pick<RiskState, 'latches'>): RiskMode => decisiveLatch(risk)?.mode ?? 'ACTIVE';

/** Whether an arming is required and there is none in force. */
export const isUnarmed = ({ latches }: Pick<RiskState, 'latches'>): boolean =>
  latches.some(({ reason }) => ARMING_REASONS.has(reason));

/** Whether every position is to be closed. */
export const isClosingAll = ({ latches }: Pick<RiskState, 'latches'>): boolean =>
  latches.length > 0 && latches.some(({ reason }) => reason === 'RISK_CLOSE_ALL');

/** What a minute brought, after its fills are booked and its prices marked. */
export interface RiskFacts {
  readonly minute: EpochMs;
  readonly equity: bigint;
  /** Of the ledger: money that came in less what went out, since the book began. */
  readonly transfers: bigint;
  readonly fills: readonly Fill[];
  /** Whether a position is open, by `positionKey`. */
  readonly isOpen: (key: string) => boolean;
  /** Whether enough symbols, and the references, have their candles. */
  readonly isDataSufficient: boolean;
  /** What the outcomes of the serving model's forecasts say, from `from` on; undefined while nothing is known. */
  readonly model?: { readonly isDegraded: boolean; readonly from: EpochMs } | undefined;
}

/** Deposits and withdrawals are no profit and no loss: what equity is held against moves with them. */
function withTransfers(risk: RiskState, transfers: bigint): RiskState {
  const moved = transfers - (risk.transfers ?? transfers);
  return {
    ...risk,
    transfers,
    dayStartEquity: risk.dayStartEquity + moved,
    peakEquity: risk.peakEquity + moved,
  };
}

/** After so many orders of a minute. */
export function withOrders(risk: RiskState, orders: number): RiskState {
  if (orders === 0) return risk;
  const { day, dayStartEquity, peakEquity, transfers, losingStreak, openResults, staleMinutes } = risk;
  const { resumedAt, latches, arming, ramp } = risk;
  return {
    day,
    dayStartEquity,
    ordersOfDay: risk.ordersOfDay + orders,
    peakEquity,
    transfers,
    losingStreak,
    openResults,
    staleMinutes,
    resumedAt,
    latches,
    arming,
    ramp,
  };
}

export interface RiskChange {
  readonly risk: RiskState;
  readonly events: readonly RiskEvent[];
}

const ENGINE = 'engine';

/** The state after a minute: figures brought up to date, latches whose time is over lifted, breakers that tripped latched. */
export function updateRisk(risk: RiskState, facts: RiskFacts, settings: RiskSettings): RiskChange {
  const { risk: measured, closed } = measure(risk, facts, settings);
  const tripping = trippedBreakers(measured, facts, settings);
  // As in nearly every minute.
  const isQuiet = tripping.length === 0 && measured.latches.length === 0;
  if (isQuiet && !settings.isArmingRequired && settings.ramp === null) return { risk: measured, events: NO_EVENTS };
  const kept = measured.latches.filter((latch) => !isOver(latch, measured, facts));
  const lifted = measured.latches.filter((latch) => !kept.includes(latch));
  const held = new Set(kept.map(({ reason }) => reason));
  const tripped = tripping.filter(({ reason }) => !held.has(reason));
  const isStreakOver = tripped.some(({ reason }) => reason === 'RISK_LOSING_STREAK');
  const followed = followArming(
    { ...measured, latches: [...kept, ...tripped], ...(isStreakOver ? { losingStreak: 0 } : {}) },
    facts.minute,
    ENGINE,
    settings,
  );
  const ramped = followRamp(followed.risk, facts, closed, settings);
  return {
    risk: ramped.risk,
    events: [
      ...lifted.map((latch) => eventOf('risk.lift', latch, facts.minute, ENGINE)),
      ...tripped.map((latch) => eventOf('risk.latch', latch, facts.minute, ENGINE)),
      ...followed.events,
      ...ramped.events,
    ],
  };
}

/** Lets the ramp see what the minute realised. */
function followRamp(
  risk: RiskState,
  { minute, equity }: RiskFacts,
  closed: readonly bigint[],
  settings: RiskSettings,
): RiskChange {
  if (settings.ramp === null) return { risk, events: [] };
  const ramp = risk.ramp ?? beginStage(0, minute, risk.arming?.cap ?? 0n);
  const capital = settings.isArmingRequired ? ramp.cap : equity;
  return ramped(
    risk,
    updateRamp(ramp, { minute, closed, capital }, settings.ramp),
    { minute, actor: ENGINE },
    settings,
  );
}

function ramped(
  risk: RiskState,
  { ramp, step }: RampChange,
  { minute, actor }: { readonly minute: EpochMs; readonly actor: string },
  { ramp: settings }: RiskSettings,
): RiskChange {
  const fraction = settings === null ? 1 : rampFraction(ramp, settings);
  return {
    risk: { ...risk, ramp },
    events: step === undefined ? [] : [{ time: minute, actor, action: 'risk.ramp', ...step, fraction }],
  };
}

/** Latches what a missing or ended arming restricts, and lifts what no longer holds. */
function followArming(risk: RiskState, at: EpochMs, actor: string, settings: RiskSettings): RiskChange {
  const reason = settings.isArmingRequired ? armingRestriction(risk.arming, at) : undefined;
  const lifted = risk.latches.filter((latch) => ARMING_REASONS.has(latch.reason) && latch.reason !== reason);
  const isNew = reason !== undefined && !risk.latches.some((latch) => latch.reason === reason);
  if (lifted.length === 0 && !isNew) return { risk, events: [] };
  const latched = isNew ? [{ ...latchOf('REDUCING', reason, at), actor }] : [];
  return {
    risk: { ...risk, latches: [...risk.latches.filter((latch) => !lifted.includes(latch)), ...latched] },
    events: [
      ...lifted.map((latch) => eventOf('risk.lift', latch, at, actor)),
      ...latched.map((latch) => eventOf('risk.latch', latch, at, actor)),
    ],
  };
}

/** The state after the engine found something that halts trading until somebody resumes it. */
export function haltFor(risk: RiskState, at: EpochMs, reason: ReasonCode, text?: string): RiskChange {
  const latch: RiskLatch = { ...latchOf('HALTED', reason, at), ...(text === undefined ? {} : { text }) };
  if (risk.latches.some(({ reason }) => reason === latch.reason)) return { risk, events: [] };
  return {
    risk: { ...risk, latches: [...risk.latches, latch] },
    events: [eventOf('risk.latch', latch, at, ENGINE, text)],
  };
}

const NO_EVENTS: readonly RiskEvent[] = [];
const NONE_CLOSED: readonly bigint[] = [];
const NO_LATCHES: readonly RiskLatch[] = [];
const NONE_APPLIED: readonly AppliedCommand[] = [];

function trippedBreakers(risk: RiskState, facts: RiskFacts, settings: RiskSettings): readonly RiskLatch[] {
  let tripped: RiskLatch[] | undefined;
  for (const breaker of BREAKERS) {
    const latch = breaker(risk, facts, settings);
    if (latch === undefined) continue;
    tripped ??= [];
    tripped.push(latch);
  }
  return tripped ?? NO_LATCHES;
}

/** Trips on what was measured: what to latch, or nothing. */
type Breaker = (risk: RiskState, facts: RiskFacts, settings: RiskSettings) => RiskLatch | undefined;

const BREAKERS: readonly Breaker[] = [dailyLoss, drawdown, losingStreak, staleData, degradedModel];

// Shares are of what an arming allows: of a large wallet it may be a small part.

function dailyLoss(risk: RiskState, { minute, equity }: RiskFacts, settings: RiskSettings) {
  return equity <= boundsOf(risk, settings).dailyLoss
    ? latchOf('REDUCING', 'RISK_DAILY_LOSS', minute, epochMs((risk.day + 1) * DAY_MS))
    : undefined;
}

function drawdown(risk: RiskState, { minute, equity }: RiskFacts, settings: RiskSettings) {
  return equity <= boundsOf(risk, settings).drawdown ? latchOf('HALTED', 'RISK_DRAWDOWN', minute) : undefined;
}

/** The equities that trip, cash units. */
interface LossBounds {
  readonly settings: RiskSettings;
  readonly dailyLoss: bigint;
  readonly drawdown: bigint;
}

const lossBounds = new WeakMap<RiskState, LossBounds>();

/** Found once for as long as the state stays the same, as it does in most minutes. */
function boundsOf(risk: RiskState, settings: RiskSettings): LossBounds {
  const known = lossBounds.get(risk);
  if (known !== undefined && known.settings === settings) return known;
  const { dayStartEquity, peakEquity, arming } = risk;
  const bounds = {
    settings,
    dailyLoss: dayStartEquity - shareOfEquity(withinCap(dayStartEquity, arming), settings.maxDailyLoss),
    drawdown: peakEquity - shareOfEquity(withinCap(peakEquity, arming), settings.maxDrawdown),
  };
  lossBounds.set(risk, bounds);
  return bounds;
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

function degradedModel({ resumedAt = epochMs(0) }: RiskState, { minute, model }: RiskFacts) {
  return model?.isDegraded && model.from >= resumedAt ? latchOf('REDUCING', 'RISK_MODEL_DEGRADED', minute) : undefined;
}

function latchOf(mode: RiskLatch['mode'], reason: ReasonCode, since: EpochMs, until?: EpochMs): RiskLatch {
  return { mode, reason, actor: ENGINE, since, ...(until === undefined ? {} : { until }) };
}

const isOver = ({ reason, until }: RiskLatch, { staleMinutes }: RiskState, { minute, model }: RiskFacts): boolean =>
  (until !== undefined && minute >= until) ||
  (reason === 'RISK_STALE_DATA' && staleMinutes === 0) ||
  (reason === 'RISK_MODEL_DEGRADED' && model?.isDegraded === false);

function measure(known: RiskState, facts: RiskFacts, settings: RiskSettings): Measured {
  const { minute, equity } = facts;
  const risk = known.transfers === facts.transfers ? known : withTransfers(known, facts.transfers);
  const day = Math.floor(minute / DAY_MS);
  const isNewDay = day !== risk.day;
  const stale = risk.staleMinutes + (facts.isDataSufficient ? -1 : 1);
  const staleMinutes = Math.max(0, Math.min(settings.maxStaleMinutes, stale));
  const isSame = !isNewDay && staleMinutes === risk.staleMinutes && facts.fills.length === 0;
  if (isSame && equity <= risk.peakEquity) return { risk, closed: NONE_CLOSED };
  const { losingStreak, openResults, closed } = withFills(risk, facts);
  const { transfers, resumedAt, latches, arming, ramp } = risk;
  const measured: RiskState = {
    day,
    // The very first day starts from the initial equity, so that a loss before the first mark counts.
    dayStartEquity: isNewDay && risk.day >= 0 ? equity : risk.dayStartEquity,
    ordersOfDay: isNewDay ? 0 : risk.ordersOfDay,
    peakEquity: equity > risk.peakEquity ? equity : risk.peakEquity,
    transfers,
    losingStreak,
    openResults,
    staleMinutes,
    resumedAt,
    latches,
    arming,
    ramp,
  };
  return { risk: measured, closed };
}

interface Measured {
  readonly risk: RiskState;
  /** Results of the trades that closed, in their order. */
  readonly closed: readonly bigint[];
}

/** Adds fills to the results of their positions; a position that is closed counts as a trade. */
function withFills(
  { losingStreak, openResults }: RiskState,
  { fills, isOpen }: Pick<RiskFacts, 'fills' | 'isOpen'>,
): Pick<RiskState, 'losingStreak' | 'openResults'> & Pick<Measured, 'closed'> {
  if (fills.length === 0) return { losingStreak, openResults, closed: NONE_CLOSED };
  const results = new Map(openResults);
  const closed: bigint[] = [];
  for (const fill of fills) {
    const key = positionKey(fill.strategy, fill.symbol);
    results.set(key, (results.get(key) ?? 0n) + parseCash(fill.realizedPnl) - parseCash(fill.fee));
  }
  let streak = losingStreak;
  for (const [key, result] of results) {
    if (isOpen(key)) continue;
    streak = result < 0n ? streak + 1 : 0;
    closed.push(result);
    results.delete(key);
  }
  return { losingStreak: streak, openResults: results, closed };
}

/** Latches that `resume` leaves: the loss of a day counts until the day is over, and what is not armed must be armed. */
const BEYOND_RESUME: ReadonlySet<ReasonCode> = new Set(['RISK_DAILY_LOSS', ...ARMING_REASONS]);

const LATCH_OF_COMMAND = {
  halt: { mode: 'HALTED', reason: 'RISK_HALTED' },
  reduce: { mode: 'REDUCING', reason: 'RISK_REDUCING' },
  'close-all': { mode: 'HALTED', reason: 'RISK_CLOSE_ALL' },
} as const;

/**
 * The state after commands, in their order. A latch that is there already stays as it is. `resume` lifts every latch but those of the
 * daily loss and of arming, and measures drawdown, streak, stale data and the model anew.
 */
export function applyCommands(
  risk: RiskState,
  commands: readonly BookCommand[],
  { at, equity, transfers }: Standing,
  settings: RiskSettings,
): RiskChange & { readonly applied: readonly AppliedCommand[] } {
  if (commands.length === 0) return { risk, events: NO_EVENTS, applied: NONE_APPLIED };
  let state = risk;
  const events: RiskEvent[] = [];
  const applied: AppliedCommand[] = [];
  const take = (change: RiskChange) => {
    state = change.risk;
    events.push(...change.events);
  };
  for (const command of commands) {
    switch (command.command) {
      case 'resume':
        take(resume(state, command, { at, equity, transfers }));
        break;
      case 'arm':
        take(arm(state, command, at, settings));
        take(followArming(state, at, command.actor, settings));
        break;
      case 'disarm':
        take(disarm(state, command, at));
        take(followArming(state, at, command.actor, settings));
        break;
      default:
        take(restrict(state, command, at, LATCH_OF_COMMAND[command.command]));
    }
    applied.push({ id: command.id, appliedAt: at, outcome: riskModeOf(state) });
  }
  return { risk: state, events, applied };
}

const textOf = ({ reason }: BookCommand) => (reason === undefined ? {} : { text: reason });

interface Standing {
  readonly at: EpochMs;
  readonly equity: bigint;
  /** Of the ledger. */
  readonly transfers: bigint;
}

function resume(
  known: RiskState,
  { actor, reason: text }: BookCommand,
  { at, equity, transfers }: Standing,
): RiskChange {
  const risk = withTransfers(known, transfers);
  const kept = risk.latches.filter(({ reason }) => BEYOND_RESUME.has(reason));
  const lifted = risk.latches.filter((latch) => !kept.includes(latch));
  return {
    risk: { ...risk, latches: kept, peakEquity: equity, losingStreak: 0, staleMinutes: 0, resumedAt: at },
    events: lifted.map((latch) => eventOf('risk.lift', latch, at, actor, text)),
  };
}

function arm(
  risk: RiskState,
  command: Extract<BookCommand, { command: 'arm' }>,
  at: EpochMs,
  settings: RiskSettings,
): RiskChange {
  const { actor, terms } = command;
  const arming = armingOf(terms, actor, at);
  const armed: RiskChange = {
    risk: { ...risk, arming },
    events: [{ time: at, actor, action: 'risk.arm', ...terms, expiresAt: arming.expiresAt, ...textOf(command) }],
  };
  if (risk.ramp === undefined || settings.ramp === null) return armed;
  const change = ramped(
    armed.risk,
    rampUnderCap(risk.ramp, arming.cap, at, settings.ramp),
    { minute: at, actor },
    settings,
  );
  return { risk: change.risk, events: [...armed.events, ...change.events] };
}

function disarm(risk: RiskState, command: BookCommand, at: EpochMs): RiskChange {
  const { arming, ...unarmed } = risk;
  if (arming === undefined) return { risk, events: [] };
  return {
    risk: unarmed,
    events: [{ time: at, actor: command.actor, action: 'risk.disarm', ...textOf(command) }],
  };
}

function restrict(
  risk: RiskState,
  command: BookCommand,
  since: EpochMs,
  kind: (typeof LATCH_OF_COMMAND)[keyof typeof LATCH_OF_COMMAND],
): RiskChange {
  if (risk.latches.some(({ reason }) => reason === kind.reason)) return { risk, events: [] };
  const latch: RiskLatch = { ...kind, actor: command.actor, since, ...textOf(command) };
  return {
    risk: { ...risk, latches: [...risk.latches, latch] },
    events: [eventOf('risk.latch', latch, since, command.actor, command.reason)],
  };
}

function eventOf(
  action: 'risk.latch' | 'risk.lift',
  { mode, reason }: RiskLatch,
  time: EpochMs,
  actor: string,
  text?: string,
): RiskEvent {
  return { time, actor, action, mode, reason, ...(text === undefined ? {} : { text }) };
}
