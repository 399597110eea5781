import { describe, expect, it } from 'vitest';
import {
  type BookCommand,
  type BrokerEvent,
  type EpochMs,
  epochMs,
  MINUTE_MS,
  type OrderIntent,
} from '../core/index.ts';
import { DEFAULT_RAMP_SETTINGS, DEFAULT_RISK_SETTINGS } from '../trading/index.ts';
import { type BookState, initialBookState } from './book-state.ts';
import { decodeBookState, encodeBookState } from './book-state-text.ts';
import { decide } from './decide.ts';
import { START, testCandle, testForecast, testInput, testSettings } from './decide-fixtures.ts';
import { describeRisk, riskStandingOf } from './risk-standing.ts';

const minutesLater = (minutes: number): EpochMs => epochMs(START + minutes * MINUTE_MS);
const live = testSettings({ risk: { ...DEFAULT_RISK_SETTINGS, isArmingRequired: true, maxDailyLoss: 1 } });

const arm = (cap: string, expiresAt: EpochMs): BookCommand => ({
  id: 1,
  actor: 'cli:test',
  command: 'arm',
  terms: { cap, expiresAt },
});

function minuteOf(minute: EpochMs, returns: Record<string, number>, commands: BookCommand[] = []) {
  const candles = new Map(
    ['AUSDT', 'BUSDT'].map((symbol) => [
      symbol,
      testCandle(symbol, minute, { open: 100, high: 100, low: 100, close: 100 }),
    ]),
  );
  const forecasts = Object.entries(returns).map(([symbol, value]) => testForecast(symbol, minute, value));
  return testInput(minute, { candles, forecasts, commands });
}

const fillOf = (intent: OrderIntent): BrokerEvent => ({
  kind: 'fill',
  fillId: intent.clientOrderId,
  clientOrderId: intent.clientOrderId,
  quantity: intent.quantity,
  price: '100',
  fee: '0.1',
  time: intent.decidedAt,
});

const acceptance = (intent: OrderIntent): BrokerEvent => ({
  kind: 'status',
  clientOrderId: intent.clientOrderId,
  status: 'ACCEPTED',
  time: intent.decidedAt,
});

const WANTED = { AUSDT: 0.02, BUSDT: 0.02 };
/** As a restart would find it. */
const restarted = (state: BookState) => decodeBookState(encodeBookState(state));

describe('a live book', () => {
  it('enters nothing until it is armed, and then within the cap', () => {
    const fresh = initialBookState(live.risk);
    const unarmed = decide(fresh, minuteOf(START, WANTED), live);
    expect(unarmed).toMatchObject({ intents: [], reason: 'RISK_NOT_ARMED', reasonCounts: { RISK_NOT_ARMED: 3 } });
    const armed = decide(
      restarted(unarmed.state),
      minuteOf(minutesLater(60), WANTED, [arm('500', minutesLater(300))]),
      live,
    );
    expect(armed.reason).toBeUndefined();
    expect(armed.riskEvents).toMatchObject([
      { action: 'risk.arm', actor: 'cli:test', cap: '500', expiresAt: minutesLater(300) },
      { action: 'risk.lift', actor: 'cli:test', reason: 'RISK_NOT_ARMED' },
    ]);
    const notional = armed.intents.map(({ quantity }) => Number(quantity) * 100);
    expect(notional).toHaveLength(2);
    for (const each of notional) expect(each).toBeLessThanOrEqual(500 * live.risk.maxPositionFraction);
    // A paper book of this equity enters more.
    const paper = decide(fresh, minuteOf(minutesLater(60), WANTED), testSettings());
    expect(Number(paper.intents[0]?.quantity) * 100).toBeGreaterThan(notional[0] ?? 0);
  });

  it('is not restricted for what the wallet holds at its start, more or less than configured', () => {
    const opening: BrokerEvent = {
      kind: 'cash',
      flowId: 'opening',
      cause: 'transfer',
      amount: '-9500',
      time: START,
    };
    const minute = minuteOf(START, WANTED, [arm('500', minutesLater(300))]);
    const { state, equity } = decide(initialBookState(live.risk), { ...minute, brokerEvents: [opening] }, live);
    expect(Number(equity.equity)).toBe(500);
    expect(state.risk.latches).toEqual([]);
  });

  it('counts as a loss what the venue takes beside executions, such as the clearance fee of a liquidation', () => {
    const settings = testSettings();
    const { state } = decide(initialBookState(settings.risk), minuteOf(START, {}), settings);
    const takenAs = (cause: 'other' | 'transfer') => {
      const flow: BrokerEvent = { kind: 'cash', flowId: 'flow', cause, amount: '-400', time: START };
      return decide(state, { ...minuteOf(minutesLater(1), {}), brokerEvents: [flow] }, settings);
    };
    expect(takenAs('transfer').state.risk.latches).toEqual([]);
    const { state: after, equity } = takenAs('other');
    expect(after.risk.latches).toMatchObject([{ reason: 'RISK_DAILY_LOSS', mode: 'REDUCING' }]);
    expect(equity).toMatchObject({ equity: '9600', fees: '400', transfers: '0' });
  });

  it('holds no more than the cap, whatever multiple of the equity it may hold', () => {
    const risk = {
      ...live.risk,
      maxGrossExposure: 5,
      maxPositionFraction: 5,
      maxSectorExposure: 5,
      maxCorrelatedExposure: 5,
    };
    const bold = testSettings({ risk, sizing: { ...live.sizing, positionVolatilityTarget: 0.2, kellyFraction: 1 } });
    const { intents, notes } = decide(
      initialBookState(risk),
      minuteOf(START, WANTED, [arm('500', minutesLater(300))]),
      bold,
    );
    const gross = intents.reduce((sum, { quantity }) => sum + Number(quantity) * 100, 0);
    expect(gross).toBeGreaterThan(400);
    expect(gross).toBeLessThanOrEqual(500);
    const reasons = new Set(notes.map(({ reason }) => reason));
    expect(reasons).toEqual(new Set(['SIZE_REDUCED_CAPITAL', 'RISK_MAX_CAPITAL']));
  });

  it('inherits its arming over a restart and only reduces once it is over: entries end, positions close', () => {
    const first = decide(
      initialBookState(live.risk),
      minuteOf(START, { AUSDT: 0.02 }, [arm('500', minutesLater(90))]),
      live,
    );
    const [entry] = first.intents;
    const fills = entry ? [fillOf(entry)] : [];
    const heldWith = (brokerEvents: BrokerEvent[]) =>
      decide(
        restarted(first.state),
        testInput(minutesLater(1), { ...minuteOf(minutesLater(1), {}), brokerEvents }),
        live,
      );
    const held = heldWith([...fills, ...heldWith(fills).intents.map(acceptance)]);
    expect(describeRisk(riskStandingOf(held.state, live.risk))).toBe(
      'ACTIVE, armed for 500 until 2025-06-19T01:30:00Z by cli:test',
    );
    const second = decide(restarted(held.state), minuteOf(minutesLater(60), { BUSDT: 0.02 }), live);
    expect(second.intents).toMatchObject([{ symbol: 'BUSDT', purpose: 'entry' }]);
    const over = decide(restarted(second.state), minuteOf(minutesLater(90), {}), live);
    expect(over).toMatchObject({ reason: 'RISK_ARMING_EXPIRED', cancels: [second.intents[0]?.clientOrderId] });
    expect(riskStandingOf(over.state, live.risk)).toMatchObject({ mode: 'REDUCING' });
    const later = decide(restarted(over.state), minuteOf(minutesLater(24 * 60), WANTED), live);
    expect(later.intents).toMatchObject([{ symbol: 'AUSDT', purpose: 'exit' }]);
  });

  it('holds what its stage of the ramp allows, from one restart to the next', () => {
    const ramp = { ...DEFAULT_RAMP_SETTINGS, stageFractions: [0.1, 1] };
    const risk = { ...live.risk, ramp };
    const settings = testSettings({ risk });
    const first = decide(initialBookState(risk), minuteOf(START, WANTED, [arm('500', minutesLater(600))]), settings);
    const gross = first.intents.reduce((sum, { quantity }) => sum + Number(quantity) * 100, 0);
    expect(gross).toBeGreaterThan(40);
    expect(gross).toBeLessThanOrEqual(50);
    const { state } = decide(restarted(first.state), minuteOf(minutesLater(1), {}), settings);
    expect(restarted(state)).toEqual(state);
    expect(riskStandingOf(state, risk).ramp).toMatchObject({ stage: 1, stages: 2, fraction: 0.1, trades: 0 });
    expect(describeRisk(riskStandingOf(state, risk))).toContain(
      'stage 1 of 2 (10 % of the capital; 0 of 0 trades on 0 days)',
    );
    // A state of before there was a ramp begins at the first stage.
    const older = restarted(initialBookState(live.risk));
    expect(decide(older, minuteOf(START, {}), settings).state.risk.ramp).toMatchObject({ stage: 0, since: START });
  });
});
