import { describe, expect, it } from 'vitest';
import { type BrokerEvent, type FinalCandle, isOrderReport, MINUTE_MS, type OrderIntent } from '../core/index.ts';
import { DEFAULT_STRATEGY_SETTINGS, MLStrategyAdapter } from '../strategies/index.ts';
import {
  coverOf,
  DEFAULT_PROTECTION_SETTINGS,
  isConfirmed,
  magnitude,
  type PositionProtectionSettings,
  type ProtectionSettings,
  workingLegsOf,
} from '../trading/index.ts';
import type { BookState } from './book-state.ts';
import { decodeBookState, encodeBookState } from './book-state-text.ts';
import { type DecideInput, type Decision, decide } from './decide.ts';
import {
  dataOf,
  minuteAt,
  type RunHooks,
  runBook,
  testCandle,
  testForecast,
  testInput,
  testInstrument,
  testSettings,
} from './decide-fixtures.ts';

const SYMBOL = 'AUSDT';
const KEY = `ml/${SYMBOL}`;

/** A stop 2 % away, whatever the volatility, unless told otherwise. */
const position = (changes: Partial<PositionProtectionSettings> = {}): PositionProtectionSettings => ({
  ...DEFAULT_PROTECTION_SETTINGS,
  fromSignal: false,
  minStopFraction: 0.02,
  maxStopFraction: 0.02,
  ...changes,
});

const settingsOf = (protection: ProtectionSettings) =>
  testSettings({
    strategies: [
      new MLStrategyAdapter({ ...DEFAULT_STRATEGY_SETTINGS, decideEvery: '1m', cooldownMinutes: 600, protection }),
    ],
  });

/** A market that trades at these prices: a close, or a whole candle, per minute. The forecast of the first says which way. */
function marketOf(candles: readonly (number | Partial<FinalCandle>)[], forecast: number, tickSize = '0.01') {
  const closeOf = (index: number): number => {
    const candle = candles[Math.max(0, index)];
    return typeof candle === 'number' ? candle : (candle?.close ?? closeOf(index - 1));
  };
  return {
    instruments: new Map([[SYMBOL, testInstrument(SYMBOL, { tickSize })]]),
    at: (index: number) => {
      const minute = minuteAt(index + 1);
      const open = closeOf(index - 1);
      const close = closeOf(index);
      const given = candles[index];
      const shape = typeof given === 'object' ? given : {};
      const candle = testCandle(SYMBOL, minute, {
        open,
        close,
        high: Math.max(open, close),
        low: Math.min(open, close),
        ...shape,
      });
      const forecasts = index === 0 ? [testForecast(SYMBOL, minute, forecast)] : [];
      return { candles: new Map([[SYMBOL, candle]]), forecasts };
    },
  };
}

const play = (
  candles: readonly (number | Partial<FinalCandle>)[],
  protection: ProtectionSettings,
  hooks: RunHooks = {},
  forecast = 0.01,
) => runBook(marketOf(candles, forecast), candles.length, settingsOf(protection), hooks);

const stopsOf = ({ state }: Pick<Decision, 'state'>) => workingLegsOf(state.ledger)(KEY).stops;
const triggersOf = (decision: Decision) => stopsOf(decision).map(({ intent }) => intent.triggerPrice);
/** Whether the whole position is under stops that are confirmed and stay: one whose end is asked for may be gone at any moment. */
const isCovered = ({ state }: Pick<Decision, 'state'>): boolean => {
  const held = state.ledger.positions.get(KEY);
  const staying = stopsOf({ state }).filter((stop) => isConfirmed(stop) && !stop.isCancelRequested);
  return held === undefined || coverOf(staying) >= magnitude(held.quantity);
};
const fillsOf = (decisions: readonly Decision[]) =>
  decisions.flatMap(({ fills, state }) =>
    fills.map((fill) => ({ ...fill, purpose: state.ledger.orders.get(fill.clientOrderId)?.intent.purpose })),
  );
const recordOf = (decisions: readonly Decision[]) =>
  decisions.map((decision) => [dataOf(decision), encodeBookState(decision.state)]);
const at = <T>(list: readonly T[], index: number): T => {
  const item = list.at(index);
  if (item === undefined) throw new RangeError(`no item ${index}`);
  return item;
};

const reload = (state: BookState): BookState => decodeBookState(encodeBookState(state));

describe('the stop of a position', () => {
  it('is there, confirmed, in the minute in which the entry fills', async () => {
    const { decisions } = await play([100, 100], position());
    const [decided, filled] = decisions;
    expect(decided?.intents).toMatchObject([{ purpose: 'entry', protection: { stopPrice: '98', targets: [] } }]);
    expect(filled?.intents).toMatchObject([
      { purpose: 'stop', type: 'stopMarket', side: 'sell', triggerPrice: '98', reduceOnly: true },
    ]);
    expect(filled?.positions).toMatchObject([{ stopPrice: '98', stopState: 'working', targetPrices: [] }]);
    expect(filled?.intents[0]?.quantity).toBe(filled?.positions[0]?.quantity);
  });

  it('closes it in the first minute already when the price goes there at once', async () => {
    const { decisions } = await play([100, { low: 97, close: 99 }], position());
    expect(fillsOf(decisions).map(({ purpose, side }) => [purpose, side])).toEqual([
      ['entry', 'buy'],
      ['stop', 'sell'],
    ]);
    expect(at(decisions, 1)).toMatchObject({ positions: [], intents: [] });
    expect(at(decisions, 1).orders.map(({ purpose, status }) => [purpose, status])).toEqual([
      ['entry', 'FILLED'],
      ['stop', 'FILLED'],
    ]);
  });

  it('lets the symbol rest afterwards as after an exit', async () => {
    const { decisions } = await play([100, 100, { low: 97 }], position());
    expect(at(decisions, -1).state.cooldowns.get(KEY)).toBe(minuteAt(3) + 600 * MINUTE_MS);
  });

  it('of a short lies above, and closes it by buying', async () => {
    const { decisions } = await play([100, 100, { high: 103 }], position(), {}, -0.01);
    expect(triggersOf(at(decisions, 1))).toEqual(['102']);
    expect(fillsOf(decisions).at(-1)).toMatchObject({ purpose: 'stop', side: 'buy' });
    expect(Number(fillsOf(decisions).at(-1)?.price)).toBeGreaterThan(102);
  });

  it('stays while an exit works, and ends with it', async () => {
    const slow = { volume: 40 };
    const market = marketOf([100, 100, slow, slow, slow, slow, 100, 100, 100], 0.01);
    const settings = testSettings({
      strategies: [
        new MLStrategyAdapter({ ...DEFAULT_STRATEGY_SETTINGS, decideEvery: '1m', holdFor: '1m', cooldownMinutes: 600 }),
      ],
    });
    const { decisions } = await runBook(market, 9, settings);
    expect(fillsOf(decisions).filter(({ purpose }) => purpose === 'exit').length).toBeGreaterThan(1);
    expect(decisions.every(isCovered)).toBe(true);
    expect(at(decisions, -1).positions).toEqual([]);
    expect(stopsOf(at(decisions, -1))).toEqual([]);
  });
});

describe('accidents that must not happen', () => {
  it('stop present after a crash between fill and stop', async () => {
    const prices = [100, { volume: 60 }, { volume: 60 }, 100, 100];
    const unbroken = await play(prices, position());
    for (let index = 1; index < prices.length; index++) {
      const crashed = await play(prices, position(), { restartBefore: (each) => each === index, carry: reload });
      expect(recordOf(crashed.decisions)).toEqual(recordOf(unbroken.decisions));
      expect(crashed.decisions.every(isCovered)).toBe(true);
    }
    expect(at(unbroken.decisions, -1).positions).toMatchObject([{ stopState: 'working' }]);
  });

  it('no naked moment while trailing', async () => {
    const rising = [100, 100, ...Array.from({ length: 12 }, (_, index) => 101 + index), 113];
    const { decisions } = await play(rising, {
      ...position(),
      trailing: { activationFraction: 0.02, distance: { fraction: 0.01 } },
    });
    expect(decisions.slice(1).every((decision) => decision.positions.length === 1 && isCovered(decision))).toBe(true);
    expect(new Set(decisions.flatMap(triggersOf)).size).toBeGreaterThan(5);
    const moved = at(decisions, 5);
    // The new one is being placed while the old one works; then the old one is cancelled.
    expect(triggersOf(moved).length).toBeGreaterThan(1);
    expect(at(decisions, -1).positions).toMatchObject([{ stopPrice: '111.87' }]);
  });

  it('partial take-profits do not fire again after a restart', async () => {
    const protection = position({
      rewardToRisk: 2,
      targetLevels: [
        { at: 0.5, share: 0.25 },
        { at: 1, share: 0.25 },
      ],
    });
    const prices = [100, 100, 102.5, 100, 102.5, 100, 104.5, 100, 104.5, 100];
    const unbroken = await play(prices, protection);
    const taken = fillsOf(unbroken.decisions).filter(({ purpose }) => purpose === 'target');
    const quantity = Number(fillsOf(unbroken.decisions)[0]?.quantity);
    expect(taken).toHaveLength(2);
    for (const { quantity: part } of taken) expect(Number(part)).toBeCloseTo(quantity / 4, 2);
    expect(Number(at(unbroken.decisions, -1).positions[0]?.quantity)).toBeCloseTo(quantity / 2, 2);
    for (let index = 1; index < prices.length; index++) {
      const restarted = await play(prices, protection, { restartBefore: (each) => each >= index, carry: reload });
      expect(recordOf(restarted.decisions)).toEqual(recordOf(unbroken.decisions));
    }
  });

  it('coins below $1', async () => {
    const coin = { close: 0.0000114, volume: 4e9 };
    const market = marketOf([coin, coin], 0.02, '0.00000001');
    const { decisions } = await runBook(market, 2, settingsOf(position({ rewardToRisk: 2 })));
    const { protection } = at(at(decisions, 0).intents, 0);
    expect(protection).toMatchObject({ stopPrice: '0.00001117', targets: [{ price: '0.00001185', share: 1 }] });
    expect(at(decisions, 1).positions).toMatchObject([{ stopPrice: '0.00001117', stopState: 'working' }]);
  });
});

const orderIn = ({ state }: Decision, id: string) => {
  const order = state.ledger.orders.get(id);
  if (order === undefined) throw new RangeError(id);
  return order;
};

describe('moving the stop', () => {
  it('to break-even covers the costs, once the profit is there, and never goes back', async () => {
    const { decisions } = await play([100, 100, 101.5, 101.5, 100.5, 100.5], position({ breakEvenFraction: 0.01 }));
    const entry = Number(fillsOf(decisions)[0]?.price);
    const stop = Number(at(decisions, -1).positions[0]?.stopPrice);
    expect(stop).toBeGreaterThan(entry * 1.001);
    expect(stop).toBeLessThan(entry * 1.005);
    expect(triggersOf(at(decisions, -1))).toHaveLength(1);
  });

  it('adjusts its quantity after a target took a part', async () => {
    const { decisions } = await play(
      [100, 100, 102.5, 102.5, 102.5],
      position({ rewardToRisk: 1, targetLevels: [{ at: 1, share: 0.5 }] }),
    );
    const last = at(decisions, -1);
    expect(stopsOf(last).map(({ intent }) => intent.quantity)).toEqual([last.positions[0]?.quantity]);
    expect(decisions.every(isCovered)).toBe(true);
  });
});

describe('an entry', () => {
  it('is refused where its stop would lie within a few ticks, or its target too near', async () => {
    const coarse = await runBook(marketOf([100, 100], 0.05, '1'), 2, settingsOf(position()));
    expect(at(coarse.decisions, 0)).toMatchObject({ intents: [], reasonCounts: { PROTECTION_STOP_TOO_NEAR: 1 } });
    const poor = await play([100, 100], position({ rewardToRisk: 1, minRewardToRisk: 1.5 }));
    expect(at(poor.decisions, 0)).toMatchObject({ intents: [], reasonCounts: { PROTECTION_REWARD_LOW: 1 } });
  });

  it('is cancelled when its stop was hit while it still worked', async () => {
    const thin = { volume: 30 };
    const { decisions } = await play([100, thin, { ...thin, low: 97 }, 99, 99], position());
    const cancelled = decisions.findIndex(({ cancels }) => cancels.length > 0);
    const entry = at(at(decisions, 0).intents, 0);
    expect(at(decisions, cancelled).cancels).toContain(entry.clientOrderId);
    expect(orderIn(at(decisions, cancelled + 1), entry.clientOrderId).status).toBe('CANCELLED');
  });
});

describe('a stop that is not confirmed', () => {
  const withoutAcceptance = (events: BrokerEvent[], legs: ReadonlySet<string>) =>
    events.filter((event) => !isOrderReport(event) || !legs.has(event.clientOrderId));
  const playUnconfirmed = async (whenUnconfirmed: 'close' | 'halt') => {
    const legs = new Set<string>();
    const { decisions } = await play([100, 100, 100, 100], position({ whenUnconfirmed }), {
      events: (events) => {
        for (const { clientOrderId } of events.filter(isOrderReport))
          if (clientOrderId.startsWith('s-')) legs.add(clientOrderId);
        return withoutAcceptance(events, legs);
      },
    });
    return decisions;
  };

  it('within the minute after the fill closes the position', async () => {
    const decisions = await playUnconfirmed('close');
    expect(at(decisions, 1).reasonCounts.PROTECTION_UNCONFIRMED).toBeUndefined();
    expect(at(decisions, 2).reasonCounts.PROTECTION_UNCONFIRMED).toBe(2);
    expect(at(decisions, 2).intents).toMatchObject([{ purpose: 'exit', reason: 'PROTECTION_UNCONFIRMED' }]);
    expect(at(decisions, 3).positions).toEqual([]);
  });

  it('or halts trading, where that is the policy', async () => {
    const decisions = await playUnconfirmed('halt');
    expect(at(decisions, 2).intents).toEqual([]);
    expect(at(decisions, 2).state.risk.latches).toMatchObject([{ mode: 'HALTED', reason: 'PROTECTION_UNCONFIRMED' }]);
    expect(at(decisions, 2).reason).toBe('PROTECTION_UNCONFIRMED');
  });
});

describe('a position of before protection', () => {
  it('is adopted: it gets the catastrophe stop in the next minute', async () => {
    const { decisions } = await play([100, 100], position());
    const { state } = at(decisions, 1);
    const text = JSON.parse(encodeBookState(state));
    const isOld = ({ intent }: { intent: OrderIntent }) => intent.purpose === 'entry';
    const orders = text.ledger.orders.filter(isOld);
    for (const { intent } of orders) delete intent.protection;
    const { protections: _p, drawdowns: _d, ...before } = { ...text, version: 1, ledger: { ...text.ledger, orders } };
    const old = decodeBookState(JSON.stringify(before));
    const input = (index: number, changes: Partial<DecideInput> = {}) =>
      testInput(minuteAt(index), { candles: new Map([[SYMBOL, testCandle(SYMBOL, minuteAt(index))]]), ...changes });
    const settings = settingsOf(position());
    const adopted = decide(old, input(3), settings);
    expect(adopted.reasonCounts).toEqual({ PROTECTION_ADOPTED: 1 });
    expect(adopted.intents).toMatchObject([{ purpose: 'stop', side: 'sell', triggerPrice: '75' }]);
    expect(adopted.positions).toMatchObject([{ stopPrice: '75', stopState: 'placing' }]);
    const acceptance = { kind: 'status', status: 'ACCEPTED', time: minuteAt(3) } as const;
    const brokerEvents = adopted.intents.map(({ clientOrderId }) => ({ ...acceptance, clientOrderId }));
    const confirmed = decide(adopted.state, input(4, { brokerEvents }), settings);
    expect(confirmed.positions).toMatchObject([{ stopState: 'working' }]);
    expect(confirmed.reasonCounts).toEqual({});
  });
});

describe('a missed minute', () => {
  it('places a stop that is missing, and moves none', async () => {
    const trailing = { activationFraction: 0.02, distance: { fraction: 0.01 } };
    const prices = [100, 100, 105, 106, 107];
    const { decisions } = await play(prices, position({ trailing }), {
      input: (input, index) => (index > 0 ? { ...input, late: 'CYCLE_NOT_RUN' } : input),
    });
    expect(decisions.slice(1).map((decision) => triggersOf(decision))).toEqual(Array(4).fill(['98']));
    expect(decisions.slice(1).every(isCovered)).toBe(true);
  });
});

describe('a book stop', () => {
  const protection: ProtectionSettings = {
    kind: 'book',
    maxDrawdownFraction: 0.002,
    catastropheStopFraction: 0.25,
    whenUnconfirmed: 'close',
  };
  it('closes everything at its drawdown and blocks entries, over restarts, until it is lifted', async () => {
    const { decisions } = await play([100, 100, 94, 94, 94], protection, { restartBefore: () => true, carry: reload });
    expect(triggersOf(at(decisions, 1))).toEqual(['75']);
    const stopped = at(decisions, 2);
    expect(stopped.intents).toMatchObject([{ purpose: 'exit', reason: 'RISK_STRATEGY_DRAWDOWN' }]);
    const { state } = at(decisions, -1);
    expect(state.ledger.positions.size).toBe(0);
    const settings = settingsOf(protection);
    const minute = minuteAt(6);
    const again = testInput(minute, {
      candles: new Map([['BUSDT', testCandle('BUSDT', minute)]]),
      forecasts: [testForecast('BUSDT', minute, 0.01)],
    });
    expect(decide(state, again, settings)).toMatchObject({ intents: [], reasonCounts: { RISK_STRATEGY_DRAWDOWN: 1 } });
    const lifted = decide(state, { ...again, commands: [{ id: 1, command: 'resume', actor: 'cli:test' }] }, settings);
    expect(lifted.intents).toMatchObject([{ purpose: 'entry' }]);
  });
});
