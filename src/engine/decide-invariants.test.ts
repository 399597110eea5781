import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type BrokerEvent, MINUTE_MS, type OrderIntent, UNTIL_CANCELLED } from '../core/index.ts';
import { notionalOf, parseCash, parsePrice, parseQuantity } from '../matching/index.ts';
import { DEFAULT_STRATEGY_SETTINGS, MLStrategyAdapter } from '../strategies/index.ts';
import {
  coverOf,
  DEFAULT_PROTECTION_SETTINGS,
  DEFAULT_RISK_SETTINGS,
  exposureOf,
  isConfirmed,
  isStopOf,
  isTriggered,
  magnitude,
  shareOfEquity,
  workingLegsOf,
} from '../trading/index.ts';
import { decodeBookState, encodeBookState } from './book-state-text.ts';
import type { DecideInput } from './decide.ts';
import { type BookRun, dataOf, minuteAt, runBook, TestMarket, testSettings } from './decide-fixtures.ts';

const MINUTES = 150;
/**
 * Decides often and holds briefly, so that a short run trades a lot; limits tight enough to bind; protection near enough for every part
 * of it to act.
 */
const settings = testSettings({
  strategies: [
    new MLStrategyAdapter({
      ...DEFAULT_STRATEGY_SETTINGS,
      decideEvery: '15m',
      holdFor: '30m',
      cooldownMinutes: 15,
      protection: {
        ...DEFAULT_PROTECTION_SETTINGS,
        stopVolatilities: 0.6,
        rewardToRisk: 1.5,
        targetLevels: [
          { at: 0.5, share: 0.4 },
          { at: 1, share: 0.4 },
        ],
        trailing: { activationFraction: 0.004, distance: { volatilities: 0.4 } },
        breakEvenFraction: 0.003,
      },
    }),
    new MLStrategyAdapter({
      ...DEFAULT_STRATEGY_SETTINGS,
      name: 'slow',
      decideEvery: '30m',
      holdFor: '1h',
      protection: {
        kind: 'book',
        maxDrawdownFraction: 0.03,
        catastropheStopFraction: 0.01,
        whenUnconfirmed: 'close',
      },
    }),
  ],
  sectorOf: (symbol) => Number(symbol.replace(/\D/g, '')) % 3,
  risk: {
    ...DEFAULT_RISK_SETTINGS,
    maxGrossExposure: 0.5,
    maxSideExposure: 0.3,
    maxNetExposure: 0.25,
    maxSectorExposure: 0.2,
    maxPositions: 5,
    maxPositionFraction: 0.12,
    maxOrdersPerMinute: 4,
  },
});

const initial = parseCash(settings.risk.initialEquity);
const seeds = fc.integer({ min: 1, max: 1_000_000 });
const runs = { numRuns: 8 };

const isChosen = ({ purpose }: OrderIntent) => purpose === 'entry' || purpose === 'exit';

/** What a journal would hold after the run. */
const recordOf = ({ decisions, state }: BookRun) => ({
  minutes: decisions.map(dataOf),
  end: encodeBookState(state),
});

/** Halts, closings and their end at minutes that follow from the seed. */
const commanded = (seed: number) => (input: DecideInput, index: number) => {
  const command = ({ 0: 'halt', 10: 'resume', 60: 'close-all', 75: 'resume' } as const)[(index + seed) % 90];
  return command ? { ...input, commands: [{ id: index, command, actor: 'cli:test' }] } : input;
};

describe('a book over random markets', () => {
  it('accounts for every unit of money in every minute', async () => {
    await fc.assert(
      fc.asyncProperty(seeds, async (seed) => {
        const { decisions } = await runBook(new TestMarket(8, seed), MINUTES, settings);
        let cashFlow = 0n;
        let fees = 0n;
        let realized = 0n;
        for (const { fills, equity, positions } of decisions) {
          for (const fill of fills) {
            const notional = notionalOf(parsePrice(fill.price), parseQuantity(fill.quantity));
            cashFlow += fill.side === 'buy' ? -notional : notional;
            fees += parseCash(fill.fee);
            realized += parseCash(fill.realizedPnl);
          }
          const value = positions.reduce(
            (sum, position) => sum + notionalOf(parsePrice(position.markPrice), parseQuantity(position.quantity)),
            0n,
          );
          expect(parseCash(equity.equity)).toBe(initial + cashFlow - fees + value);
          expect(parseCash(equity.equity)).toBe(initial + realized + parseCash(equity.unrealizedPnl) - fees);
          expect(parseCash(equity.cash)).toBe(initial + realized - fees);
        }
        expect(decisions.flatMap((decision) => decision.fills).length).toBeGreaterThan(0);
      }),
      runs,
    );
  });

  it('is never above a limit when it decides on entries, pending ones included', async () => {
    await fc.assert(
      fc.asyncProperty(seeds, async (seed) => {
        const { decisions } = await runBook(new TestMarket(12, seed), MINUTES, settings);
        for (const { intents, state, equity } of decisions) {
          const entries = intents.filter((intent) => intent.purpose === 'entry');
          if (entries.length === 0) continue;
          const exposure = exposureOf(state.ledger, state.markets);
          const total = parseCash(equity.equity);
          expect(exposure.gross <= shareOfEquity(total, settings.risk.maxGrossExposure)).toBe(true);
          expect(exposure.positions).toBeLessThanOrEqual(settings.risk.maxPositions);
          const { long, short, bySymbol } = exposure;
          const net = long > short ? long - short : short - long;
          for (const { side } of entries) {
            const held = side === 'buy' ? long : short;
            expect(held <= shareOfEquity(total, settings.risk.maxSideExposure ?? 0)).toBe(true);
            const grows = side === 'buy' ? long > short : short > long;
            // The last entry may have been one that brought the two sides nearer.
            if (grows && entries.length === 1) {
              expect(net <= shareOfEquity(total, settings.risk.maxNetExposure ?? 0)).toBe(true);
            }
          }
          for (const sector of new Set(entries.map(({ symbol }) => settings.sectorOf(symbol)))) {
            const held = [...bySymbol].filter(([symbol]) => settings.sectorOf(symbol) === sector);
            const sum = held.reduce((total, [, value]) => total + value, 0n);
            const share = sector === 0 ? settings.risk.maxGrossExposure : settings.risk.maxSectorExposure;
            expect(sum <= shareOfEquity(total, share)).toBe(true);
          }
          // Closings always pass, and those of the second strategy come after the entries of the first.
          const lastEntry = intents.filter(isChosen).findLastIndex(({ purpose }) => purpose === 'entry');
          expect(lastEntry).toBeLessThan(settings.risk.maxOrdersPerMinute);
          for (const { symbol } of entries) {
            const held = exposure.bySymbol.get(symbol) ?? 0n;
            expect(held <= shareOfEquity(total, settings.risk.maxPositionFraction)).toBe(true);
          }
        }
      }),
      runs,
    );
  });

  it('places each order once: unique ids, one working entry per strategy and symbol, exits of the whole position', async () => {
    await fc.assert(
      fc.asyncProperty(seeds, async (seed) => {
        const { decisions } = await runBook(new TestMarket(8, seed), MINUTES, settings);
        const intents = decisions.flatMap((decision) => decision.intents);
        expect(new Set(intents.map((intent) => intent.clientOrderId)).size).toBe(intents.length);
        for (const { state, intents: decided } of decisions) {
          const working = [...state.ledger.orders.values()].filter(
            ({ intent, endedAt }) => endedAt === undefined && isChosen(intent),
          );
          const keys = working.map(({ intent }) => `${intent.strategy}/${intent.symbol}`);
          expect(new Set(keys).size).toBe(keys.length);
          for (const exit of decided.filter((intent) => intent.purpose === 'exit')) {
            const position = state.ledger.positions.get(`${exit.strategy}/${exit.symbol}`);
            expect(parseQuantity(exit.quantity)).toBe(magnitude(position?.quantity ?? 0n));
            expect(exit.side).toBe((position?.quantity ?? 0n) > 0n ? 'sell' : 'buy');
          }
        }
      }),
      runs,
    );
  });

  it('never has a position without a confirmed stop of at least its size, and a stop of exactly it where nothing closes it', async () => {
    const seen = { stops: 0, targets: 0, moved: 0 };
    await fc.assert(
      fc.asyncProperty(seeds, fc.nat({ max: MINUTES - 1 }), async (seed, kill) => {
        const { decisions } = await runBook(new TestMarket(8, seed), MINUTES, settings, {
          restartBefore: (index) => index === kill,
          carry: (state) => decodeBookState(encodeBookState(state)),
        });
        for (const { state, fills } of decisions) {
          const legsOf = workingLegsOf(state.ledger);
          const orders = [...state.ledger.orders.values()];
          for (const [key, position] of state.ledger.positions) {
            const { stops, targets } = legsOf(key);
            const open = magnitude(position.quantity);
            const staying = stops.filter((stop) => isConfirmed(stop) && !stop.isCancelRequested);
            expect(coverOf(staying) >= open).toBe(true);
            const isBusy = orders.some(
              ({ intent, endedAt }) =>
                endedAt === undefined && isChosen(intent) && `${intent.strategy}/${intent.symbol}` === key,
            );
            if (isBusy || [...stops, ...targets].some(isTriggered)) continue;
            const wanted = state.protections.get(key)?.stop ?? 0n;
            const [exact, ...same] = stops.filter((stop) => isStopOf(stop, wanted, open));
            expect(exact && same.length === 0).toBe(true);
            const others = stops.filter((stop) => stop !== exact);
            if (exact && isConfirmed(exact))
              expect(others.every(({ isCancelRequested }) => isCancelRequested)).toBe(true);
            if (others.length > 0) seen.moved++;
          }
          for (const { clientOrderId } of fills) {
            const purpose = state.ledger.orders.get(clientOrderId)?.intent.purpose;
            if (purpose === 'stop') seen.stops++;
            if (purpose === 'target') seen.targets++;
          }
        }
      }),
      runs,
    );
    expect(
      Object.values(seen).every((count) => count > 10),
      JSON.stringify(seen),
    ).toBe(true);
  });

  it('never opens or turns a position through an order that reduces', async () => {
    await fc.assert(
      fc.asyncProperty(seeds, async (seed) => {
        const { decisions } = await runBook(new TestMarket(8, seed), MINUTES, settings);
        const held = new Map<string, bigint>();
        for (const { fills, state } of decisions) {
          for (const { clientOrderId, strategy, symbol, side, quantity } of fills) {
            const key = `${strategy}/${symbol}`;
            const before = held.get(key) ?? 0n;
            const after = before + (side === 'buy' ? 1n : -1n) * parseQuantity(quantity);
            if (state.ledger.orders.get(clientOrderId)?.intent.reduceOnly) {
              expect(magnitude(after) < magnitude(before)).toBe(true);
              expect(after === 0n || after > 0n === before > 0n).toBe(true);
            }
            held.set(key, after);
          }
        }
      }),
      runs,
    );
  });

  it('comes to the same end when every broker event is reported twice, and again later', async () => {
    await fc.assert(
      fc.asyncProperty(seeds, async (seed) => {
        const market = new TestMarket(8, seed);
        const plain = await runBook(market, MINUTES, settings);
        const past: BrokerEvent[] = [];
        const repeated = await runBook(market, MINUTES, settings, {
          events: (events) => {
            const all = [...events, ...past.slice(-20), ...events];
            past.push(...events);
            return all;
          },
        });
        expect(recordOf(repeated)).toEqual(recordOf(plain));
      }),
      runs,
    );
  });

  it('goes on from its stored text at any minutes as if it had not stopped, also between commit and submission', async () => {
    await fc.assert(
      fc.asyncProperty(seeds, fc.uniqueArray(fc.nat({ max: MINUTES - 1 }), { maxLength: 10 }), async (seed, kills) => {
        const market = new TestMarket(8, seed);
        const input = commanded(seed);
        const unbroken = await runBook(market, MINUTES, settings, { input });
        const killed = new Set(kills);
        const restarted = await runBook(market, MINUTES, settings, {
          input,
          restartBefore: (index) => killed.has(index),
          carry: (state) => decodeBookState(encodeBookState(state)),
        });
        expect(recordOf(restarted)).toEqual(recordOf(unbroken));
      }),
      runs,
    );
  });

  it('orders nothing but protection in missed minutes and still knows where it stands', async () => {
    await fc.assert(
      fc.asyncProperty(seeds, async (seed) => {
        const isMissed = (index: number) => index % 60 >= 20 && index % 60 < 50;
        const { decisions } = await runBook(new TestMarket(8, seed), MINUTES, settings, {
          input: (input, index) => (isMissed(index) ? { ...input, late: 'CYCLE_NOT_RUN' } : input),
        });
        decisions.forEach((decision, index) => {
          expect(decision.equity.minute).toBe(minuteAt(index + 1));
          // What protects a position is placed all the same.
          if (isMissed(index)) expect(decision.intents.filter(isChosen)).toEqual([]);
        });
      }),
      runs,
    );
  });

  it('leaves the state it was given as it was', async () => {
    const market = new TestMarket(8, 5);
    const texts: string[] = [];
    const { decisions } = await runBook(market, MINUTES, settings, {
      input: (input) => input,
      events: (events) => events,
    });
    for (const decision of decisions) texts.push(encodeBookState(decision.state));
    const again = await runBook(market, MINUTES, settings);
    expect(again.decisions.map((decision) => encodeBookState(decision.state))).toEqual(texts);
  });

  it('gives every order a validity after its decision', async () => {
    const { decisions } = await runBook(new TestMarket(8, 9), MINUTES, settings);
    const intents: OrderIntent[] = decisions.flatMap((decision) => decision.intents);
    for (const { purpose, validUntil, decidedAt } of intents) {
      if (purpose === 'stop' || purpose === 'target') expect(validUntil).toBe(UNTIL_CANCELLED);
      else expect(validUntil - decidedAt).toBe(15 * MINUTE_MS);
    }
  });
});
