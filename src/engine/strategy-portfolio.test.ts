import { describe, expect, it } from 'vitest';
import { type BrokerEvent, type EpochMs, MINUTE_MS, type ReasonCode } from '../core/index.ts';
import type { Strategy, StrategyInput, Target } from '../strategies/index.ts';
import { DEFAULT_PROTECTION_SETTINGS } from '../trading/index.ts';
import { initialBookState } from './book-state.ts';
import { type DecideInput, decide } from './decide.ts';
import { minuteAt, testCandle, testInput, testSettings } from './decide-fixtures.ts';

/** A strategy of the tests: what it wants in a minute is given, what it was shown is kept. */
function scripted(name: string, wants: (minute: EpochMs) => Target[]) {
  const seen: StrategyInput[] = [];
  const strategy: Strategy = {
    name,
    decideEvery: '1m',
    holdFor: '4h',
    cooldownMinutes: 30,
    protection: { ...DEFAULT_PROTECTION_SETTINGS, fromSignal: false },
    decide: (input) => {
      seen.push(input);
      return { targets: wants(input.minute), refusals: [] };
    },
  };
  return { strategy, seen };
}

const pricesOf = (minute: EpochMs, prices: Record<string, number>) =>
  new Map(
    Object.entries(prices).map(([symbol, close]) => [
      symbol,
      testCandle(symbol, minute, { open: close, high: close, low: close, close }),
    ]),
  );

const holdUntil = minuteAt(600);
const enter = (symbol: string, side: 'long' | 'short'): Target => ({
  kind: 'enter',
  symbol,
  side,
  holdUntil,
  weight: 0.1,
});

describe('the portfolio a strategy is shown', () => {
  it('holds its own positions and pending entries only, valued at the last price, and those of a named other on demand', () => {
    const a = scripted('a', (minute) =>
      minute === minuteAt(1) ? [enter('AUSDT', 'long'), enter('BUSDT', 'short')] : [],
    );
    const b = scripted('b', () => []);
    const settings = testSettings({ strategies: [a.strategy, b.strategy] });
    const first = decide(
      initialBookState(settings.risk),
      testInput(minuteAt(1), { candles: pricesOf(minuteAt(1), { AUSDT: 100, BUSDT: 50 }) }),
      settings,
    );
    const [entry] = first.intents;
    const fill: BrokerEvent = {
      kind: 'fill',
      fillId: 'fill',
      clientOrderId: entry?.clientOrderId ?? '',
      quantity: entry?.quantity ?? '',
      price: '101',
      fee: '0',
      time: minuteAt(1),
    };
    decide(
      first.state,
      testInput(minuteAt(2), { candles: pricesOf(minuteAt(2), { AUSDT: 110, BUSDT: 50 }), brokerEvents: [fill] }),
      settings,
    );
    const shown = a.seen[1]?.portfolio.holdings;
    expect(shown?.get('AUSDT')).toMatchObject({
      side: 'long',
      isPending: false,
      quantity: 10,
      entryPrice: 101,
      openedAt: minuteAt(1),
      holdUntil,
    });
    // 10 at 110 of 10,000 + 10 * 9
    expect(shown?.get('AUSDT')?.weight).toBeCloseTo(1100 / 10_090, 12);
    expect(shown?.get('BUSDT')).toMatchObject({ side: 'short', isPending: true, quantity: 20, entryPrice: 50 });
    expect([...(b.seen[1]?.portfolio.holdings ?? [])]).toEqual([]);
    expect([...(b.seen[1]?.holdingsOf('a').keys() ?? [])].sort()).toEqual(['AUSDT', 'BUSDT']);
    expect(b.seen[1]?.holdingsOf('nobody').size).toBe(0);
  });

  it('knows prices and past returns of the panel without a model', () => {
    const a = scripted('a', () => []);
    const settings = testSettings({ strategies: [a.strategy] });
    let state = initialBookState(settings.risk);
    for (let index = 1; index <= 61; index++) {
      const candles = pricesOf(minuteAt(index), { AUSDT: 100 + index });
      state = decide(state, testInput(minuteAt(index), { candles }), settings).state;
    }
    const view = a.seen.at(-1)?.portfolio.markets.get('AUSDT');
    expect(view?.price).toBe(161);
    expect(view?.returnOver(60)).toBeCloseTo(161 / 101 - 1, 4);
    expect(view?.returnOver(90)).toBeUndefined();
    expect(view?.volatilityOver(240)).toBeGreaterThan(0);
  });
});

describe('an entry without a signal', () => {
  const outcome = (changes: Partial<DecideInput>) => {
    const minute = minuteAt(1);
    const settings = testSettings({ strategies: [scripted('a', () => [enter('AUSDT', 'long')]).strategy] });
    const input = testInput(minute, { candles: pricesOf(minute, { AUSDT: 100 }), ...changes });
    return decide(initialBookState(settings.risk), input, settings);
  };

  it('rests on the panel: price and validity of the minute, size by its weight, a stop by volatility', () => {
    const { intents, reasonCounts } = outcome({});
    expect(intents).toMatchObject([
      { symbol: 'AUSDT', quantity: '10', referencePrice: '100', validUntil: minuteAt(1) + 15 * MINUTE_MS },
    ]);
    expect(intents[0]?.signalId).toBeUndefined();
    expect(Number(intents[0]?.protection?.stopPrice)).toBeLessThan(100);
    expect(reasonCounts).toEqual({});
  });

  it.each<[ReasonCode, Partial<DecideInput>]>([
    ['CLOCK_SKEWED', { entriesBlocked: 'CLOCK_SKEWED' }],
    ['PANEL_BELOW_COVERAGE', { coverage: 0.5 }],
    ['PANEL_REFERENCE_MISSING', { referencesPresent: false }],
    ['HISTORY_INCOMPLETE', { incomplete: new Set(['AUSDT']) }],
    ['INSTRUMENT_NOT_TRADING', { instruments: new Map() }],
  ])('is refused with %s as one with a signal', (reason, changes) => {
    const { intents, notes } = outcome(changes);
    expect(intents).toEqual([]);
    expect(notes).toEqual([{ strategy: 'a', symbol: 'AUSDT', reason }]);
  });
});
