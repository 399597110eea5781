import { describe, expect, it } from 'vitest';
import {
  type BookCommand,
  type BookCommandKind,
  type BrokerEvent,
  type EpochMs,
  epochMs,
  MINUTE_MS,
  type OrderIntent,
  type Regime,
  type Signal,
} from '../core/index.ts';
import { DEFAULT_STRATEGY_SETTINGS, MLStrategyAdapter, type Strategy } from '../strategies/index.ts';

import { DEFAULT_RISK_SETTINGS } from '../trading/index.ts';
import { type BookState, initialBookState } from './book-state.ts';
import { decodeBookState, encodeBookState } from './book-state-text.ts';
import { type DecideInput, type DecideSettings, type Decision, decide } from './decide.ts';
import { START, testCandle, testForecast, testInput, testInstrument, testSettings } from './decide-fixtures.ts';

const SYMBOLS = ['AUSDT', 'BUSDT', 'CUSDT'];
const minutesLater = (minutes: number): EpochMs => epochMs(START + minutes * MINUTE_MS);
const settings = testSettings();

/** A minute with candles of all symbols at `prices`, and forecasts of the given 4 h returns. */
function minuteOf(
  minute: EpochMs,
  returns: Record<string, number>,
  changes: Partial<DecideInput> = {},
  prices: Record<string, number> = {},
): DecideInput {
  const symbols = Object.keys(returns).length > 0 ? Object.keys(returns) : SYMBOLS;
  return testInput(minute, {
    candles: new Map(
      symbols.map((symbol) => {
        const close = prices[symbol] ?? 100;
        return [symbol, testCandle(symbol, minute, { open: close, high: close, low: close, close })];
      }),
    ),
    forecasts: Object.entries(returns).map(([symbol, value]) => testForecast(symbol, minute, value)),
    ...changes,
  });
}

const fill = (intent: OrderIntent, price: string, quantity = intent.quantity): BrokerEvent => ({
  kind: 'fill',
  fillId: `${intent.clientOrderId}/${quantity}`,
  clientOrderId: intent.clientOrderId,
  quantity,
  price,
  fee: '0.1',
  time: intent.decidedAt,
});

const acceptance = (intent: OrderIntent): BrokerEvent => ({
  kind: 'status',
  clientOrderId: intent.clientOrderId,
  status: 'ACCEPTED',
  time: intent.decidedAt,
});

/** Entries and exits: what a strategy wants, without the legs that protect it. */
const chosen = ({ intents }: Decision): OrderIntent[] =>
  intents.filter(({ purpose }) => purpose === 'entry' || purpose === 'exit');

const expiry = (intent: OrderIntent, minute: EpochMs): BrokerEvent => ({
  kind: 'status',
  clientOrderId: intent.clientOrderId,
  status: 'EXPIRED',
  time: minute,
  reason: 'ORDER_NO_LIQUIDITY',
});

let commandIds = 0;
const commandOf = (command: Exclude<BookCommandKind, 'arm'>, reason?: string): BookCommand => ({
  id: ++commandIds,
  command,
  actor: 'cli:test',
  ...(reason === undefined ? {} : { reason }),
});

/** A book that entered the symbols at `START` and got its fills, and the acceptance of the stops they brought. */
function heldBook(returns: Record<string, number> = { AUSDT: 0.01 }, changes: Partial<DecideSettings> = {}): BookState {
  const all = testSettings(changes);
  const entered = decide(initialBookState(all.risk), minuteOf(START, returns), all);
  const fills = entered.intents.map((intent) => fill(intent, '100'));
  const bookedWith = (brokerEvents: BrokerEvent[]) =>
    decide(entered.state, minuteOf(minutesLater(1), {}, { brokerEvents }), all);
  return bookedWith([...fills, ...bookedWith(fills).intents.map(acceptance)]).state;
}

describe('an entry', () => {
  it('follows from an accepted signal at the strategy’s cadence, committed as SUBMITTING with a reference and a validity', () => {
    const { intents, orderEvents, state, status, signals } = decide(
      initialBookState(settings.risk),
      minuteOf(START, { AUSDT: 0.01, BUSDT: -0.012, CUSDT: 0.0001 }),
      settings,
    );
    expect(status).toBe('DECIDED');
    expect(signals.map((signal) => signal.accepted)).toEqual([true, true, false]);
    expect(intents).toMatchObject([
      { symbol: 'BUSDT', side: 'sell', purpose: 'entry', reduceOnly: false, referencePrice: '100' },
      { symbol: 'AUSDT', side: 'buy', validUntil: minutesLater(15), decidedAt: START, signalId: `main/${START}/AUSDT` },
    ]);
    expect(orderEvents.map((event) => [event.sequence, event.status])).toEqual([
      [1, 'SUBMITTING'],
      [1, 'SUBMITTING'],
    ]);
    expect([...state.ledger.orders.keys()]).toEqual(intents.map((intent) => intent.clientOrderId));
  });

  it('counts the funding that its side is expected to pay or get', () => {
    const { signals, intents } = decide(
      initialBookState(settings.risk),
      minuteOf(
        START,
        { AUSDT: 0.01, BUSDT: -0.012, CUSDT: 0.01, DUSDT: 0.01 },
        { fundingRates: new Map(Object.entries({ AUSDT: 0.02, BUSDT: 0.0002, CUSDT: -0.0002 })) },
      ),
      settings,
    );
    // Half a period of 8 hours is the horizon.
    expect(signals.map(({ costs }) => costs?.funding)).toEqual([0.01, -0.0001, -0.0001, null]);
    expect(signals.map(({ accepted }) => accepted)).toEqual([false, true, true, true]);
    expect(intents.map(({ symbol }) => symbol).sort()).toEqual(['BUSDT', 'CUSDT', 'DUSDT']);
  });

  it('is blocked or made smaller by the regime the book knows', () => {
    const inRegime = (regime: Regime): BookState => ({
      ...initialBookState(settings.risk),
      regimes: { market: { regime, since: START, bar: START }, bySymbol: new Map() },
    });
    const enter = (regime: Regime) =>
      decide(inRegime(regime), minuteOf(START, { AUSDT: 0.01, BUSDT: -0.012 }), settings);
    const quantities = (regime: Regime) =>
      new Map(enter(regime).intents.map(({ symbol, quantity }) => [symbol, Number(quantity)]));
    const usual = quantities('range');
    expect([...usual.keys()]).toEqual(['BUSDT', 'AUSDT']);
    expect(quantities('high-volatility').get('AUSDT')).toBeCloseTo((usual.get('AUSDT') ?? 0) / 2, 2);
    expect([...quantities('crash').keys()]).toEqual(['BUSDT']);
    expect(enter('crash').reasonCounts).toMatchObject({ SIGNAL_REGIME_BLOCKED: 1, SIZE_REDUCED_REGIME: 1 });
    expect(enter('crash').state.regimes.market?.regime).toBe('crash');
  });

  it('does not follow from a signal that has expired or knows no expiry', () => {
    const following = (change: (signal: Signal) => Signal) => {
      const strategy: Strategy = {
        name: 'late',
        decideEvery: '1m',
        holdFor: '4h',
        cooldownMinutes: 0,
        protection: DEFAULT_STRATEGY_SETTINGS.protection,
        decide: ({ signals, minute }) => ({
          targets: signals.map((signal) => ({
            kind: 'enter',
            symbol: signal.symbol,
            side: signal.side,
            signal: change(signal),
            holdUntil: minute,
          })),
          refusals: [],
        }),
      };
      const all = testSettings({ strategies: [strategy] });
      return decide(initialBookState(all.risk), minuteOf(START, { AUSDT: 0.01 }), all);
    };
    expect(following((signal) => signal).intents).toMatchObject([{ validUntil: minutesLater(15) }]);
    const expired = following((signal) => ({ ...signal, expiresAt: START }));
    expect([expired.intents, expired.notes.map(({ reason }) => reason)]).toEqual([[], ['SIGNAL_EXPIRED']]);
    const { intents } = following(({ expiresAt: _, ...signal }) => signal);
    expect(intents).toEqual([]);
  });

  it('does not come between decisions', () => {
    const between = decide(initialBookState(settings.risk), minuteOf(minutesLater(7), { AUSDT: 0.01 }), settings);
    expect(between.intents).toEqual([]);
    expect(between.reasonCounts).toEqual({ STRATEGY_NOT_DUE: 1 });
  });

  it('no five identical orders: it is one order while it is working and while it is held', () => {
    const quick = testSettings({
      strategies: [
        new MLStrategyAdapter({ ...DEFAULT_STRATEGY_SETTINGS, holdFor: '4h', decideEvery: '1m', cooldownMinutes: 0 }),
      ],
    });
    let state = initialBookState(quick.risk);
    const intents: OrderIntent[] = [];
    const reasons: string[] = [];
    let legs: OrderIntent[] = [];
    for (let index = 0; index < 10; index++) {
      const first = intents[0];
      const brokerEvents = index === 5 && first ? [fill(first, '100')] : legs.map(acceptance);
      const decision = decide(state, minuteOf(minutesLater(index), { AUSDT: 0.01 }, { brokerEvents }), quick);
      state = decision.state;
      intents.push(...chosen(decision));
      legs = decision.intents.filter(({ purpose }) => purpose === 'stop');
      reasons.push(...decision.notes.map((note) => note.reason));
    }
    expect(intents).toHaveLength(1);
    expect(new Set(reasons)).toEqual(new Set(['STRATEGY_INTENT_PENDING', 'STRATEGY_POSITION_HELD']));
  });

  it('of a coin below one dollar has a sensible quantity, price and side', () => {
    const instruments = new Map([
      ['PUSDT', testInstrument('PUSDT', { tickSize: '0.00000001', stepSize: '1', minQuantity: '1' })],
    ]);
    const candles = new Map([
      ['PUSDT', testCandle('PUSDT', START, { open: 0.0000114, close: 0.0000114, volume: 4e9 })],
    ]);
    const input = testInput(START, { candles, instruments, forecasts: [testForecast('PUSDT', START, 0.02)] });
    const [intent] = decide(initialBookState(settings.risk), input, settings).intents;
    expect(intent).toMatchObject({ side: 'buy', referencePrice: '0.0000114' });
    expect(intent?.quantity).toMatch(/^\d+$/);
    expect(Number(intent?.quantity) * 0.0000114).toBeGreaterThan(100);
    expect(Number(intent?.quantity) * 0.0000114).toBeLessThanOrEqual(1500);
  });

  it.each([
    ['CYCLE_PAST_DEADLINE', { late: 'CYCLE_PAST_DEADLINE' }],
    ['CLOCK_SKEWED', { entriesBlocked: 'CLOCK_SKEWED' }],
    ['PANEL_BELOW_COVERAGE', { coverage: 0.5 }],
    ['PANEL_REFERENCE_MISSING', { referencesPresent: false }],
    ['HISTORY_INCOMPLETE', { incomplete: new Set(['AUSDT']) }],
    ['INSTRUMENT_NOT_TRADING', { instruments: new Map() }],
  ] as const)('is refused with %s, and that is counted', (reason, changes) => {
    const decision = decide(initialBookState(settings.risk), minuteOf(START, { AUSDT: 0.01 }, changes), settings);
    expect(decision.intents).toEqual([]);
    expect(decision.reasonCounts).toEqual({ [reason]: 1 });
    expect(decision.status).toBe(reason === 'CYCLE_PAST_DEADLINE' ? 'MISSED' : 'DECIDED');
  });

  it('is refused on a price that is not of this minute', () => {
    const warm = decide(initialBookState(settings.risk), minuteOf(minutesLater(-1), { AUSDT: 0.01 }), settings).state;
    const stale = testInput(START, { forecasts: [testForecast('AUSDT', START, 0.01)] });
    const decision = decide(warm, stale, settings);
    expect(decision.notes).toMatchObject([{ symbol: 'AUSDT', reason: 'RISK_STALE_PRICE' }]);
  });

  it('counts what is pending against the limits: eight slots are not overrun by nine signals', () => {
    const many = Object.fromEntries(Array.from({ length: 12 }, (_, i) => [`S${i}USDT`, 0.01 + i * 1e-4]));
    const two = testSettings({ risk: { ...DEFAULT_RISK_SETTINGS, maxPositions: 2 } });
    const first = decide(initialBookState(two.risk), minuteOf(START, many), two);
    expect(first.intents.map((intent) => intent.symbol)).toEqual(['S11USDT', 'S10USDT']);
    expect(first.reasonCounts.RISK_MAX_POSITIONS).toBe(10);
    const second = decide(first.state, minuteOf(minutesLater(60), many), two);
    expect(second.intents).toEqual([]);
  });

  it('stops at the gross exposure, pending entries included', () => {
    const many = Object.fromEntries(Array.from({ length: 12 }, (_, i) => [`S${i}USDT`, 0.01]));
    const tight = testSettings({ risk: { ...DEFAULT_RISK_SETTINGS, maxGrossExposure: 0.2 } });
    const { intents, reasonCounts } = decide(initialBookState(tight.risk), minuteOf(START, many), tight);
    const gross = intents.reduce((sum, intent) => sum + Number(intent.quantity) * 100, 0);
    expect(gross).toBeGreaterThan(1900);
    expect(gross).toBeLessThanOrEqual(2000 + 1e-9);
    expect(reasonCounts.SIZE_REDUCED_EXPOSURE ?? reasonCounts.RISK_MAX_EXPOSURE).toBeGreaterThan(0);
  });
});

describe('an exit', () => {
  it('is a reduce-only market order of exactly the position’s quantity on the other side', () => {
    const state = heldBook({ AUSDT: 0.01, BUSDT: -0.01 });
    const { intents, notes } = decide(state, minuteOf(minutesLater(240), {}), settings);
    const positions = [...state.ledger.positions.values()];
    expect(positions).toHaveLength(2);
    expect(intents).toMatchObject([
      { symbol: 'AUSDT', side: 'sell', purpose: 'exit', reduceOnly: true, reason: 'STRATEGY_HOLDING_ENDED' },
      { symbol: 'BUSDT', side: 'buy', purpose: 'exit', reduceOnly: true, reason: 'STRATEGY_HOLDING_ENDED' },
    ]);
    expect(notes).toEqual([]);
    const brokerEvents = intents.map((intent) => fill(intent, '100'));
    const closed = decide(
      decide(state, minuteOf(minutesLater(240), {}), settings).state,
      minuteOf(minutesLater(241), {}, { brokerEvents }),
      settings,
    );
    expect(closed.positions).toEqual([]);
    expect(closed.state.holdUntil.size).toBe(0);
  });

  it('is one order while it works, and is decided anew for what was left when it expired', () => {
    let decision = decide(heldBook(), minuteOf(minutesLater(240), {}), settings);
    const [exit] = decision.intents;
    if (!exit) throw new Error('no exit');
    expect(decide(decision.state, minuteOf(minutesLater(241), {}), settings).intents).toEqual([]);
    const brokerEvents = [fill(exit, '100', '0.5'), expiry(exit, minutesLater(255))];
    decision = decide(decision.state, minuteOf(minutesLater(255), {}, { brokerEvents }), settings);
    const [next, ...further] = chosen(decision);
    expect(further).toEqual([]);
    expect(Number(next?.quantity)).toBeCloseTo(Number(exit.quantity) - 0.5, 9);
    expect(next?.clientOrderId).not.toBe(exit.clientOrderId);
  });

  it('follows a reversed forecast, and the symbol then rests for the cooldown', () => {
    const state = heldBook();
    const reversed = decide(state, minuteOf(minutesLater(60), { AUSDT: -0.02 }), settings);
    expect(reversed.intents).toMatchObject([{ side: 'sell', reason: 'STRATEGY_SIGNAL_REVERSED' }]);
    const brokerEvents = reversed.intents.map((intent) => fill(intent, '100'));
    const longRest = testSettings({
      strategies: [new MLStrategyAdapter({ ...DEFAULT_STRATEGY_SETTINGS, holdFor: '4h', cooldownMinutes: 90 })],
    });
    const closing = decide(state, minuteOf(minutesLater(60), { AUSDT: -0.02 }), longRest).state;
    const resting = decide(closing, minuteOf(minutesLater(120), { AUSDT: -0.02 }, { brokerEvents }), longRest);
    expect(resting.notes).toMatchObject([{ reason: 'STRATEGY_COOLDOWN' }]);
    const rested = decide(reversed.state, minuteOf(minutesLater(120), { AUSDT: -0.02 }, { brokerEvents }), settings);
    expect(rested.intents).toMatchObject([{ side: 'sell', purpose: 'entry' }]);
  });

  it('passes while trading is halted, when entries do not', () => {
    const commands = [commandOf('halt')];
    const halted = decide(heldBook(), minuteOf(minutesLater(240), { AUSDT: 0.0, BUSDT: 0.01 }, { commands }), settings);
    expect(halted.intents.map((intent) => intent.purpose)).toEqual(['exit']);
    expect(halted.reason).toBe('RISK_HALTED');
  });

  it('closes what a strategy left behind that is no longer configured', () => {
    const others = testSettings({
      strategies: [new MLStrategyAdapter({ ...DEFAULT_STRATEGY_SETTINGS, holdFor: '4h', name: 'new' })],
    });
    const { intents } = decide(heldBook(), minuteOf(minutesLater(2), {}), others);
    expect(intents).toMatchObject([{ strategy: 'ml', side: 'sell', reduceOnly: true, reason: 'STRATEGY_REMOVED' }]);
  });

  it('waits for a partly filled entry that still works, and asks for its end', () => {
    const entered = decide(initialBookState(settings.risk), minuteOf(START, { AUSDT: 0.01 }), settings);
    const [entry] = entered.intents;
    if (!entry) throw new Error('no entry');
    const partly = minuteOf(minutesLater(60), { AUSDT: -0.02 }, { brokerEvents: [fill(entry, '100', '0.5')] });
    const waiting = decide(entered.state, partly, settings);
    expect(chosen(waiting)).toEqual([]);
    expect(waiting.notes).toMatchObject([{ reason: 'STRATEGY_INTENT_PENDING' }]);
    expect(waiting.cancels).toEqual([entry.clientOrderId]);
    expect(decide(waiting.state, minuteOf(minutesLater(61), {}), settings).cancels).toEqual([entry.clientOrderId]);
    const brokerEvents = [...waiting.intents.map(acceptance), expiry(entry, minutesLater(61))];
    const ended = minuteOf(minutesLater(61), {}, { brokerEvents });
    expect(decide(waiting.state, ended, settings).intents).toMatchObject([{ quantity: '0.5', purpose: 'exit' }]);
  });

  it('is not sent in a missed minute; fills and marks are booked all the same', () => {
    const entered = decide(initialBookState(settings.risk), minuteOf(START, { AUSDT: 0.01 }), settings);
    const brokerEvents = entered.intents.map((intent) => fill(intent, '100'));
    const changes = { brokerEvents, late: 'CYCLE_NOT_RUN' as const };
    const missed = decide(
      entered.state,
      minuteOf(minutesLater(300), { AUSDT: 0.01 }, changes, { AUSDT: 110 }),
      settings,
    );
    expect(missed).toMatchObject({ status: 'MISSED', reason: 'CYCLE_NOT_RUN' });
    expect(missed.intents.map(({ purpose }) => purpose)).toEqual(['stop']);
    expect(missed.fills).toHaveLength(1);
    expect(missed.positions[0]?.markPrice).toBe('110');
    expect(Number(missed.equity.unrealizedPnl)).toBeGreaterThan(0);
    expect(decide(missed.state, minuteOf(minutesLater(301), {}), settings).intents).toMatchObject([
      { purpose: 'exit' },
    ]);
  });
});

describe('a model whose outcomes speak against it', () => {
  const evidence = (isDegraded: boolean, from: EpochMs) => ({
    modelEvidence: {
      modelId: 'model-1',
      from,
      days: 30,
      informationCoefficient: { value: -0.1, low: -0.12, high: -0.08 },
      isDegraded,
    },
  });

  it('enters nothing, also after a restart, until trading is resumed or they no longer do', () => {
    const from = minutesLater(-30 * 24 * 60);
    const degraded = decide(
      initialBookState(settings.risk),
      minuteOf(START, { AUSDT: 0.01 }, evidence(true, from)),
      settings,
    );
    expect(degraded).toMatchObject({
      intents: [],
      reason: 'RISK_MODEL_DEGRADED',
      riskEvents: [{ action: 'risk.latch', mode: 'REDUCING', reason: 'RISK_MODEL_DEGRADED', actor: 'engine' }],
    });
    const stored = decodeBookState(encodeBookState(degraded.state));
    const later = minuteOf(minutesLater(60), { AUSDT: 0.01 });
    expect(decide(stored, later, settings)).toMatchObject({ intents: [], reason: 'RISK_MODEL_DEGRADED' });
    const recovered = decide(stored, { ...later, ...evidence(false, from) }, settings);
    expect(recovered.intents).toMatchObject([{ symbol: 'AUSDT' }]);
    const resumed = decide(stored, { ...later, ...evidence(true, from), commands: [commandOf('resume')] }, settings);
    expect(resumed.intents).toMatchObject([{ symbol: 'AUSDT' }]);
    const restored = decodeBookState(encodeBookState(resumed.state));
    expect(restored).toEqual(resumed.state);
    const after = decide(restored, minuteOf(minutesLater(61), {}, evidence(true, from)), settings);
    expect(after.state.risk.latches).toEqual([]);
  });
});

describe('a command', () => {
  const stored = (state: BookState): BookState => decodeBookState(encodeBookState(state));

  it('a halt survives a restart and only resume lifts it', () => {
    const halt = [commandOf('halt', 'maintenance')];
    const halted = decide(
      initialBookState(settings.risk),
      minuteOf(START, { AUSDT: 0.01 }, { commands: halt }),
      settings,
    );
    expect(halted).toMatchObject({
      intents: [],
      reason: 'RISK_HALTED',
      commands: [{ id: halt[0]?.id, appliedAt: START, outcome: 'HALTED' }],
      riskEvents: [
        { action: 'risk.latch', mode: 'HALTED', reason: 'RISK_HALTED', actor: 'cli:test', text: 'maintenance' },
      ],
    });
    let state = halted.state;
    for (const days of [1, 2, 30]) {
      const later = decide(stored(state), minuteOf(minutesLater(days * 24 * 60), { AUSDT: 0.01 }), settings);
      expect(later).toMatchObject({ intents: [], reason: 'RISK_HALTED', riskEvents: [] });
      state = later.state;
    }
    const commands = [commandOf('resume')];
    const resumed = decide(
      stored(state),
      minuteOf(minutesLater(31 * 24 * 60), { AUSDT: 0.01 }, { commands }),
      settings,
    );
    expect(resumed.commands).toMatchObject([{ outcome: 'ACTIVE' }]);
    expect(resumed.riskEvents).toMatchObject([{ action: 'risk.lift', reason: 'RISK_HALTED', actor: 'cli:test' }]);
    expect(resumed.intents).toMatchObject([{ symbol: 'AUSDT', purpose: 'entry' }]);
  });

  it('cancel and close pass while halted: entries that work are cancelled, positions closed when they are due', () => {
    const held = heldBook({ AUSDT: 0.01 });
    const entered = decide(held, minuteOf(minutesLater(60), { AUSDT: 0.01, BUSDT: 0.01 }), settings);
    const [entry] = entered.intents;
    const commands = [commandOf('halt')];
    const halted = decide(entered.state, minuteOf(minutesLater(61), {}, { commands }), settings);
    expect(halted.cancels).toEqual([entry?.clientOrderId]);
    // It is asked for until the broker reports the end, also after a restart.
    const unanswered = decide(stored(halted.state), minuteOf(minutesLater(62), {}), settings);
    expect(unanswered.cancels).toEqual([entry?.clientOrderId]);
    const cancelled: BrokerEvent = {
      kind: 'status',
      clientOrderId: entry?.clientOrderId ?? '',
      status: 'CANCELLED',
      time: minutesLater(63),
      reason: 'RISK_HALTED',
    };
    const ended = decide(unanswered.state, minuteOf(minutesLater(63), {}, { brokerEvents: [cancelled] }), settings);
    expect(ended).toMatchObject({ orders: [{ status: 'CANCELLED' }] });
    expect(ended.cancels).toEqual([]);
    const due = decide(ended.state, minuteOf(minutesLater(400), {}), settings);
    expect(due.intents).toMatchObject([{ symbol: 'AUSDT', reduceOnly: true, reason: 'STRATEGY_HOLDING_ENDED' }]);
  });

  it('to reduce stops entries, and lets what works go on', () => {
    const entered = decide(initialBookState(settings.risk), minuteOf(START, { AUSDT: 0.01 }), settings);
    const commands = [commandOf('reduce')];
    const later = minuteOf(minutesLater(60), { AUSDT: 0.01, BUSDT: 0.01 }, { commands });
    const reducing = decide(entered.state, later, settings);
    expect(reducing).toMatchObject({ intents: [], reason: 'RISK_REDUCING' });
    expect(reducing.cancels).toEqual([]);
  });

  it('to close all closes every position at market until nothing is left, in a missed minute once it is over', () => {
    const state = heldBook({ AUSDT: 0.01, BUSDT: -0.01 });
    const commands = [commandOf('close-all')];
    const late = 'CYCLE_PAST_DEADLINE' as const;
    const missed = decide(state, minuteOf(minutesLater(5), {}, { commands, late }), settings);
    expect(missed).toMatchObject({ intents: [], commands: [{ outcome: 'HALTED' }] });
    const closing = decide(stored(missed.state), minuteOf(minutesLater(6), { AUSDT: 0.01 }), settings);
    expect(closing.intents).toMatchObject([
      { symbol: 'AUSDT', side: 'sell', reduceOnly: true, type: 'market', reason: 'RISK_CLOSE_ALL' },
      { symbol: 'BUSDT', side: 'buy', reduceOnly: true, type: 'market', reason: 'RISK_CLOSE_ALL' },
    ]);
    const [first, second] = closing.intents;
    if (!first || !second) throw new Error('no exits');
    const brokerEvents = [fill(first, '100'), fill(second, '100', '0.5'), expiry(second, minutesLater(21))];
    const again = decide(closing.state, minuteOf(minutesLater(21), {}, { brokerEvents }), settings);
    const exits = again.intents.filter(({ purpose }) => purpose === 'exit');
    expect(exits).toMatchObject([{ symbol: 'BUSDT', reason: 'RISK_CLOSE_ALL' }]);
    const flat = minuteOf(minutesLater(22), {}, { brokerEvents: exits.map((intent) => fill(intent, '100')) });
    expect(decide(again.state, flat, settings)).toMatchObject({ positions: [], reason: 'RISK_CLOSE_ALL' });
  });

  it('limits under concurrency: many signals of one minute, from two strategies, exceed no limit', () => {
    const many = Object.fromEntries(
      Array.from({ length: 60 }, (_, i) => [`S${i}USDT`, (i % 3 === 0 ? -1 : 1) * (0.01 + i * 1e-4)]),
    );
    const risk = {
      ...DEFAULT_RISK_SETTINGS,
      maxGrossExposure: 0.9,
      maxSideExposure: 0.55,
      maxNetExposure: 0.3,
      maxSectorExposure: 0.25,
      maxPositions: 25,
      maxOrdersPerMinute: 18,
    };
    const sectorOf = (symbol: string) => Number(symbol.slice(1, -4)) % 5;
    const strategies = ['one', 'two'].map(
      (name) => new MLStrategyAdapter({ ...DEFAULT_STRATEGY_SETTINGS, holdFor: '4h', name }),
    );
    const all = testSettings({ risk, sectorOf, strategies });
    const { intents, reasonCounts, state } = decide(initialBookState(risk), minuteOf(START, many), all);
    const sum = (belongs: (intent: OrderIntent) => boolean) =>
      intents.filter(belongs).reduce((total, { quantity }) => total + Number(quantity) * 100, 0);
    const [longs, shorts] = [sum(({ side }) => side === 'buy'), sum(({ side }) => side === 'sell')];
    expect(intents.length).toBeGreaterThan(5);
    expect(intents.length).toBeLessThanOrEqual(18);
    expect(Math.max(longs, shorts)).toBeLessThanOrEqual(5500);
    expect(Math.abs(longs - shorts)).toBeLessThanOrEqual(3000);
    expect(longs + shorts).toBeLessThanOrEqual(9000);
    for (const sector of [1, 2, 3, 4])
      expect(sum(({ symbol }) => sectorOf(symbol) === sector)).toBeLessThanOrEqual(2500);
    const stopped = Object.keys(reasonCounts).filter(
      (reason) => reason.startsWith('RISK_MAX') || reason.startsWith('SIZE'),
    );
    expect(stopped.length).toBeGreaterThan(0);
    expect(state.risk.ordersOfDay).toBe(intents.length);
  });
});

describe('the book', () => {
  it('closes a delisted symbol at its last price, reports it, and never sends that order', () => {
    const state = heldBook();
    const prices = { AUSDT: 90 };
    const marked = decide(state, minuteOf(minutesLater(2), {}, {}, prices), settings).state;
    const ended = decide(marked, testInput(minutesLater(3), { ended: new Set(['AUSDT']) }), settings);
    expect(ended.intents).toEqual([]);
    expect(ended.positions).toEqual([]);
    expect(ended.orders).toMatchObject([
      { purpose: 'stop', status: 'EXPIRED' },
      { symbol: 'AUSDT', side: 'sell', status: 'FILLED', reason: 'INSTRUMENT_DELISTED', averagePrice: '90' },
    ]);
    expect(Number(ended.fills[0]?.realizedPnl)).toBeLessThan(0);
    expect(ended.reasonCounts.INSTRUMENT_DELISTED).toBe(2);
    expect(decide(ended.state, testInput(minutesLater(4), { ended: new Set(['AUSDT']) }), settings).fills).toEqual([]);
  });

  it('expires what still works for a delisted symbol', () => {
    const entered = decide(initialBookState(settings.risk), minuteOf(START, { AUSDT: 0.01 }), settings);
    const ended = decide(entered.state, testInput(minutesLater(1), { ended: new Set(['AUSDT']) }), settings);
    expect(ended.orders).toMatchObject([{ status: 'EXPIRED' }]);
    expect(ended.fills).toEqual([]);
  });

  it('daily loss latched over a restart, open again the next UTC day', () => {
    const state = heldBook({ AUSDT: 0.01, BUSDT: 0.01, CUSDT: 0.01 });
    const crash = { AUSDT: 50, BUSDT: 50, CUSDT: 50 };
    const fallen = decide(state, minuteOf(minutesLater(2), {}, {}, crash), settings).state;
    const restarted = decodeBookState(encodeBookState(fallen));
    const all = { AUSDT: 0, BUSDT: 0, CUSDT: 0, DUSDT: 0.01 };
    const recovered = decide(restarted, minuteOf(minutesLater(60), all), settings);
    expect(recovered).toMatchObject({ reason: 'RISK_DAILY_LOSS', riskEvents: [] });
    expect(recovered.intents.filter((intent) => intent.purpose === 'entry')).toEqual([]);
    const commands = [commandOf('resume')];
    const resumed = decide(recovered.state, minuteOf(minutesLater(120), all, { commands }), settings);
    expect(resumed).toMatchObject({ reason: 'RISK_DAILY_LOSS', commands: [{ outcome: 'REDUCING' }] });
    const nextDay = decide(recovered.state, minuteOf(minutesLater(24 * 60), all), settings);
    expect(nextDay.intents.filter((intent) => intent.purpose === 'entry')).toMatchObject([{ symbol: 'DUSDT' }]);
  });

  it('reports, counts and does not book events of unknown orders', () => {
    const brokerEvents: BrokerEvent[] = [
      { kind: 'fill', fillId: 'x', clientOrderId: 'stranger', quantity: '1', price: '1', fee: '0', time: START },
    ];
    const decision = decide(initialBookState(settings.risk), minuteOf(START, {}, { brokerEvents }), settings);
    expect(decision.reasonCounts).toEqual({ ORDER_EVENT_UNKNOWN: 1 });
    expect(decision.unknownEvents).toEqual(brokerEvents);
    expect(decision.positions).toEqual([]);
  });

  it('counts exclusions and why there are no forecasts', () => {
    const decision = decide(
      initialBookState(settings.risk),
      testInput(START, {
        excluded: [{ symbol: 'AUSDT', reason: 'CANDLE_MISSING' }],
        modelReason: 'MODEL_NOT_READY',
      }),
      settings,
    );
    expect(decision.reasonCounts).toEqual({ CANDLE_MISSING: 1, MODEL_NOT_READY: 1 });
  });

  it('refuses to decide a minute twice', () => {
    const { state } = decide(initialBookState(settings.risk), testInput(START), settings);
    expect(() => decide(state, testInput(START), settings)).toThrow(RangeError);
  });
});
