import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRandom, type EpochMs, milliseconds } from '../core/index.ts';
import { acquireLease, createPostgresJournal, createTestDatabase, listFills, listOrders } from '../database/index.ts';
import { formatQuantity, notionalOf, parseCash, parsePrice, parseQuantity } from '../matching/index.ts';
import type { Strategy, StrategyInput, Target } from '../strategies/index.ts';
import {
  coverOf,
  DEFAULT_PROTECTION_SETTINGS,
  DEFAULT_RISK_SETTINGS,
  magnitude,
  openLedger,
  workingLegsOf,
} from '../trading/index.ts';
import { decodeBookState, encodeBookState } from './book-state-text.ts';
import type { DecideSettings, Decision } from './decide.ts';
import {
  dataOf,
  minuteAt,
  type RunHooks,
  runBook,
  TestMarket,
  testCandle,
  testInstrument,
  testSettings,
} from './decide-fixtures.ts';
import { decidedPartsOf } from './decide-types.ts';

type Wants = (input: StrategyInput) => Target[];

const strategyOf = (name: string, wants: Wants): Strategy => ({
  name,
  decideEvery: '1m',
  holdFor: '4h',
  cooldownMinutes: 0,
  protection: { ...DEFAULT_PROTECTION_SETTINGS, fromSignal: false, rewardToRisk: 2 },
  decide: (input) => ({ targets: wants(input), refusals: [] }),
});

const SYMBOL = 'AUSDT';
const enter = (side: 'long' | 'short', weight: number, minutes = 600): Target => ({
  kind: 'enter',
  symbol: SYMBOL,
  side,
  weight,
  holdUntil: minuteAt(minutes),
});
const close: Target = { kind: 'close', symbol: SYMBOL, reason: 'STRATEGY_SIGNAL_REVERSED' };

/** What is wanted at which minute. */
const at =
  (wants: Record<number, Target>): Wants =>
  ({ minute }) =>
    Object.entries(wants).flatMap(([index, target]) => (minuteAt(Number(index)) === minute ? [target] : []));

/** Four minutes at 100 unless prices are given, by a paper broker. */
function play(wants: Record<string, Wants>, changes: Partial<DecideSettings> = {}, prices = [100, 100, 100, 100]) {
  const settings = testSettings({
    strategies: Object.entries(wants).map(([name, each]) => strategyOf(name, each)),
    risk: { ...DEFAULT_RISK_SETTINGS, maxPositionFraction: 0.5 },
    ...changes,
  });
  const market = {
    instruments: new Map([[SYMBOL, testInstrument(SYMBOL)]]),
    at: (index: number) => ({
      candles: new Map([
        [
          SYMBOL,
          testCandle(SYMBOL, minuteAt(index + 1), {
            open: prices[index] ?? 100,
            high: prices[index] ?? 100,
            low: prices[index] ?? 100,
            close: prices[index] ?? 100,
            volume: 1e6,
          }),
        ],
      ]),
      forecasts: [],
    }),
  };
  return runBook(market, prices.length, settings);
}

const sentOf = ({ intents }: Decision) =>
  intents
    .filter(({ purpose }) => purpose === 'entry' || purpose === 'exit')
    .map(({ strategy, side, purpose, quantity }) => `${strategy} ${purpose} ${side} ${quantity}`);
const nettedOf = ({ netted }: Decision) =>
  netted.map(({ strategy, side, quantity, price, fee }) => `${strategy} ${side} ${quantity} at ${price} fee ${fee}`);
const heldOf = ({ positions }: Decision) => positions.map(({ strategy, quantity }) => `${strategy} ${quantity}`);

describe('opposite orders of strategies in one minute', () => {
  it('cross at the last price without a fee; only the rest is sent', async () => {
    const { decisions } = await play({ a: at({ 1: enter('long', 0.1) }), b: at({ 1: enter('short', 0.04) }) });
    const [first, second] = decisions;
    if (!first || !second) throw new Error('no decisions');
    expect(nettedOf(first)).toEqual(['a buy 4 at 100 fee 0', 'b sell 4 at 100 fee 0']);
    expect(sentOf(first)).toEqual(['a entry buy 6']);
    expect(heldOf(first)).toEqual(['a 4', 'b -4']);
    expect(heldOf(second)).toEqual(['a 10', 'b -4']);
    expect(first.equity.equity).toBe('10000');
    // The fee of 6, not of 14.
    expect(Number(second.equity.fees)).toBeCloseTo(0.3, 3);
  });

  it('have their legs at once: what crossed has a stop, and with the rest one stop and its targets', async () => {
    const { decisions } = await play({ a: at({ 1: enter('long', 0.1) }), b: at({ 1: enter('short', 0.04) }) });
    const legs = (index: number) => {
      const legsOf = workingLegsOf(decisions[index]?.state.ledger ?? openLedger(0n));
      return Object.fromEntries(
        ['a', 'b'].map((name) => {
          const { stops, targets } = legsOf(`${name}/${SYMBOL}`);
          const asText = (list: typeof stops) =>
            list.filter(({ isCancelRequested }) => !isCancelRequested).map(({ intent }) => intent.quantity);
          return [name, { stops: asText(stops), targets: asText(targets) }];
        }),
      );
    };
    expect(legs(0)).toEqual({ a: { stops: ['4'], targets: [] }, b: { stops: ['4'], targets: ['4'] } });
    expect(legs(2)).toEqual({ a: { stops: ['10'], targets: ['10'] }, b: { stops: ['4'], targets: ['4'] } });
    expect(decisions.flatMap(({ notes }) => notes)).toEqual([]);
  });

  it('end the position of an exit that crosses in full, and its legs', async () => {
    const { decisions } = await play(
      { a: at({ 1: enter('long', 0.1), 3: close }), b: at({ 3: enter('long', 0.2) }) },
      {},
      [100, 100, 101, 101],
    );
    const closed = decisions[2];
    if (!closed) throw new Error('no decision');
    expect(nettedOf(closed)).toEqual(['a sell 10 at 101 fee 0', 'b buy 10 at 101 fee 0']);
    expect(heldOf(closed)).toEqual(['b 10']);
    expect(closed.fills.map(({ strategy, realizedPnl }) => [strategy, Number(realizedPnl) > 9])).toEqual([
      ['a', true],
      ['b', false],
    ]);
    const cancelled = new Set(closed.cancels);
    const ofA = [...closed.state.ledger.orders.values()].filter(
      ({ intent, endedAt }) => intent.strategy === 'a' && endedAt === undefined,
    );
    expect(ofA.length).toBeGreaterThan(0);
    expect(ofA.every(({ intent }) => cancelled.has(intent.clientOrderId))).toBe(true);
    // The trade that it ended counts with the next minute.
    expect(decisions[3]?.state.risk.openResults.has(`a/${SYMBOL}`)).toBe(false);
  });

  it('are stored as orders that were filled, beside those that are sent, and what works is found again', async () => {
    const wants = { a: at({ 1: enter('long', 0.1) }), b: at({ 1: enter('short', 0.04) }) };
    const { decisions } = await play(wants);
    const test = await createTestDatabase();
    try {
      const { database } = test;
      const [first] = decisions;
      if (!first) throw new Error('no decision');
      const now = minuteAt(1);
      const held = await acquireLease(database, { book: 'main', holder: 'test', now, duration: milliseconds(1e9) });
      if (!held.acquired) throw new Error('the lease is held');
      const journal = createPostgresJournal({ database, venue: 'v', lease: held.lease });
      await journal.commitCandles([testCandle(SYMBOL, now)]);
      const { state, netted } = first;
      const bookState = encodeBookState(state);
      const rest = { members: [SYMBOL], excluded: [], candles: 1, forecasts: [], stageMs: {}, startedAt: now };
      const step = { inputs: '{}', stateDigest: 'none', texts: new Map() };
      await journal.commitCycle({ book: 'main', minute: now, ...rest, ...decidedPartsOf(first), bookState, step });
      const stored = await listOrders(database, { book: 'main' });
      expect(stored.map(({ purpose, strategy, status }) => `${strategy} ${purpose} ${status}`).sort()).toEqual([
        'a entry FILLED',
        'a entry SUBMITTING',
        'a stop SUBMITTING',
        'b entry FILLED',
        'b stop SUBMITTING',
        'b target SUBMITTING',
      ]);
      expect(new Set(await listFills(database, { book: 'main' }))).toEqual(new Set(netted));
      const snapshot = await journal.loadBook('main');
      expect(snapshot?.openOrders).toHaveLength(4);
      expect(decodeBookState(snapshot?.bookState ?? '')).toEqual(state);
    } finally {
      await test.drop();
    }
  });

  it('do not leave a rest that the venue would refuse', async () => {
    const { decisions } = await play({ a: at({ 1: enter('long', 0.1003) }), b: at({ 1: enter('short', 0.1) }) });
    expect(decisions[0] && sentOf(decisions[0])).toEqual([]);
    expect(decisions[0] && heldOf(decisions[0])).toEqual(['a 10', 'b -10']);
    expect(decisions[0]?.reasonCounts).toEqual({ SIZE_BELOW_MINIMUM: 1 });
  });

  it('cross only within a leg where the venue keeps a long and a short position of its own', async () => {
    const wants = {
      a: at({ 1: enter('long', 0.1), 3: close }),
      b: at({ 1: enter('short', 0.04) }),
      c: at({ 3: enter('long', 0.2) }),
    };
    const [first, , third] = (await play(wants, { areLegsSeparate: true })).decisions;
    if (!first || !third) throw new Error('no decisions');
    expect(sentOf(first)).toEqual(['a entry buy 10', 'b entry sell 4']);
    expect(nettedOf(first)).toEqual([]);
    expect(nettedOf(third).map((line) => line.split(' at ')[0])).toEqual(['a sell 10', 'c buy 10']);
    expect(heldOf(third)).toEqual(['b -4', 'c 10']);
  });

  it('all go to the venue where netting is switched off', async () => {
    const wants = { a: at({ 1: enter('long', 0.1) }), b: at({ 1: enter('short', 0.04) }) };
    const { decisions } = await play(wants, { areStrategiesNetted: false });
    expect(decisions[0] && [sentOf(decisions[0]), nettedOf(decisions[0])]).toEqual([
      ['a entry buy 10', 'b entry sell 4'],
      [],
    ]);
  });

  it('are not both taken where strategies may not hold opposite sides', async () => {
    const wants = { a: at({ 1: enter('long', 0.1) }), b: at({ 1: enter('short', 0.04), 3: enter('short', 0.04) }) };
    const { decisions } = await play(wants, {
      risk: { ...DEFAULT_RISK_SETTINGS, maxPositionFraction: 0.5, allowOppositePositions: false },
    });
    expect(decisions.flatMap(sentOf)).toEqual(['a entry buy 10']);
    expect(decisions.map(({ reasonCounts }) => reasonCounts.RISK_OPPOSITE_POSITION ?? 0)).toEqual([1, 0, 1, 0]);
  });
});

describe('a book of random strategies', () => {
  const NAMES = ['a', 'b', 'c'];
  /** Each minute something of each symbol may be entered or closed, from the seed, the name and the minute alone. */
  const randomly =
    (seed: number, name: string): Wants =>
    ({ minute, portfolio }) => {
      const random = createRandom(seed).fork(name).fork(minute);
      return [...portfolio.markets.keys()].flatMap((symbol): Target[] => {
        const drawn = random.uniform();
        const side = random.uniform() < 0.5 ? 'long' : 'short';
        const weight = 0.02 + 0.05 * random.uniform();
        const holdUntil: EpochMs = minuteAt(10_000);
        if (portfolio.holdings.has(symbol)) {
          return drawn < 0.3 ? [{ kind: 'close', symbol, reason: 'STRATEGY_DRAWN' }] : [];
        }
        return drawn < 0.4 ? [{ kind: 'enter', symbol, side, weight, holdUntil }] : [];
      });
    };
  const settingsOf = (seed: number, changes: Partial<DecideSettings> = {}) =>
    testSettings({
      strategies: NAMES.map((name) => strategyOf(name, randomly(seed, name))),
      risk: {
        ...DEFAULT_RISK_SETTINGS,
        maxGrossExposure: 2,
        maxPositions: 12,
        maxPositionFraction: 0.3,
        maxOrdersPerMinute: 50,
        maxOrdersPerDay: 10_000,
        maxDailyLoss: 1,
        maxDrawdown: 1,
        maxLosingStreak: null,
      },
      ...changes,
    });
  const MINUTES = 60;
  const run = (seed: number, hooks: RunHooks = {}) =>
    runBook(new TestMarket(4, seed), MINUTES, settingsOf(seed), hooks);
  const seeds = fc.integer({ min: 1, max: 1_000_000 });
  const cashOf = ({ side, price, quantity }: Decision['fills'][number]) => {
    const notional = notionalOf(parsePrice(price), parseQuantity(quantity));
    return side === 'buy' ? -notional : notional;
  };

  it('accounts for every unit: accounts of strategies add up to the book, and what crosses nets to nothing', async () => {
    let crossings = 0;
    await fc.assert(
      fc.asyncProperty(seeds, async (seed) => {
        const { decisions } = await run(seed);
        const accounts = new Map(NAMES.map((name) => [name, { cash: 0n, fees: 0n, realized: 0n }]));
        const held = new Map<string, bigint>();
        for (const { fills, netted, positions, equity, state } of decisions) {
          expect(netted.reduce((sum, fill) => sum + cashOf(fill), 0n)).toBe(0n);
          for (const symbol of new Set(netted.map((fill) => fill.symbol))) {
            const of = netted.filter((fill) => fill.symbol === symbol);
            const signed = of.map(({ side, quantity }) => (side === 'buy' ? 1n : -1n) * parseQuantity(quantity));
            expect(signed.reduce((sum, each) => sum + each, 0n)).toBe(0n);
            expect(new Set(of.map(({ price, fee }) => `${price}/${fee}`)).size).toBe(1);
            expect(of[0]?.fee).toBe('0');
            crossings++;
          }
          for (const fill of fills) {
            const account = accounts.get(fill.strategy) ?? { cash: 0n, fees: 0n, realized: 0n };
            accounts.set(fill.strategy, {
              cash: account.cash + cashOf(fill),
              fees: account.fees + parseCash(fill.fee),
              realized: account.realized + parseCash(fill.realizedPnl),
            });
            const key = `${fill.strategy}/${fill.symbol}`;
            const sign = fill.side === 'buy' ? 1n : -1n;
            held.set(key, (held.get(key) ?? 0n) + sign * parseQuantity(fill.quantity));
          }
          let total = parseCash(DEFAULT_RISK_SETTINGS.initialEquity);
          let profit = 0n;
          for (const [name, account] of accounts) {
            const own = positions.filter(({ strategy }) => strategy === name);
            const value = own.reduce(
              (sum, each) => sum + notionalOf(parsePrice(each.markPrice), parseQuantity(each.quantity)),
              0n,
            );
            total += account.cash - account.fees + value;
            profit += account.realized - account.fees;
            const unrealized = own.reduce((sum, each) => sum + parseCash(each.unrealizedPnl), 0n);
            // An account's cash and positions are what it realised and has not realised yet.
            expect(account.cash + value).toBe(account.realized + unrealized);
          }
          expect(parseCash(equity.equity)).toBe(total);
          expect(parseCash(equity.cash)).toBe(parseCash(DEFAULT_RISK_SETTINGS.initialEquity) + profit);
          for (const [key, quantity] of held) {
            expect(state.ledger.positions.get(key)?.quantity ?? 0n).toBe(quantity);
          }
        }
      }),
      { numRuns: 5 },
    );
    expect(crossings).toBeGreaterThan(50);
  });

  it('sends no two orders against each other, and protects what crossed as what filled', async () => {
    await fc.assert(
      fc.asyncProperty(seeds, async (seed) => {
        const { decisions } = await run(seed);
        for (const { intents, state } of decisions) {
          const fresh = intents.filter(
            ({ purpose, symbol }) =>
              (purpose === 'entry' || purpose === 'exit') && state.markets.get(symbol)?.lastMinute === state.minute,
          );
          for (const symbol of new Set(fresh.map((intent) => intent.symbol))) {
            expect(new Set(fresh.filter((intent) => intent.symbol === symbol).map(({ side }) => side)).size).toBe(1);
          }
          const legsOf = workingLegsOf(state.ledger);
          for (const [key, { quantity }] of state.ledger.positions) {
            const kept = legsOf(key).stops.filter(({ isCancelRequested }) => !isCancelRequested);
            expect(coverOf(kept) >= magnitude(quantity), `${key} ${formatQuantity(quantity)}`).toBe(true);
          }
        }
        const ids = decisions.flatMap(({ orderEvents }) =>
          orderEvents.filter(({ sequence }) => sequence === 1).map(({ clientOrderId }) => clientOrderId),
        );
        expect(new Set(ids).size).toBe(ids.length);
      }),
      { numRuns: 5 },
    );
  });

  it('goes on from its stored text at any minute as if it had not stopped', async () => {
    await fc.assert(
      fc.asyncProperty(seeds, fc.uniqueArray(fc.nat({ max: MINUTES - 1 }), { maxLength: 8 }), async (seed, kills) => {
        const unbroken = await run(seed);
        const restarted = await run(seed, {
          restartBefore: (index) => kills.includes(index),
          carry: (state) => decodeBookState(encodeBookState(state)),
        });
        const recordOf = ({ decisions, state }: typeof unbroken) => ({
          minutes: decisions.map(dataOf),
          end: encodeBookState(state),
        });
        expect(recordOf(restarted)).toEqual(recordOf(unbroken));
      }),
      { numRuns: 4 },
    );
  });
});
