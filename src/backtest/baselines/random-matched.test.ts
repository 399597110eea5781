import { describe, expect, it } from 'vitest';
import { at64, createRandom, DAY_MS, epochMs, HOUR_MS, type Random } from '../../core/index.ts';
import type { EquityCurve } from '../record.ts';
import type { BaselineCosts, MarketPanel } from './market-panel.ts';
import { type MatchedTrip, matchedTripsOf } from './matched-trip.ts';
import { afterDays, MONDAY, NONE, panelOf } from './panel.fixture.ts';
import { type RandomMatchedOptions, randomMatched } from './random-matched.ts';

const FREE = { perNotional: 0 };
const COSTS = { perNotional: 0.01 };

const curveOf = (times: Float64Array, equity: readonly number[] | Float64Array): EquityCurve => ({
  times,
  equity: Float64Array.from(equity),
  long: new Float64Array(times.length),
  short: new Float64Array(times.length),
  positions: new Int32Array(times.length),
});

const trip = (
  symbol: string,
  side: 'long' | 'short',
  [from, to]: readonly [number, number?],
  fraction = 1,
): MatchedTrip => ({
  symbol,
  side,
  openedAt: afterDays(from),
  ...(to === undefined ? {} : { closedAt: afterDays(to) }),
  fraction,
});

/** Each trip bar by bar, its notional a share of the equity at the last midnight: what the replay has to say, the long way. */
function tradeNaively(trips: readonly MatchedTrip[], panel: MarketPanel, costs: BaselineCosts): number[] {
  const equity: number[] = [1];
  let cash = 1;
  let atMidnight = 1;
  const held = new Map<MatchedTrip, number>();
  for (let row = 0; row < panel.times.length; row++) {
    const time = at64(panel.times, row);
    const priceOf = ({ symbol }: MatchedTrip) => panel.close[panel.symbols.indexOf(symbol)]?.[row] ?? Number.NaN;
    for (const [open, quantity] of held) {
      if (open.closedAt !== time) continue;
      cash += quantity * priceOf(open) - Math.abs(quantity * priceOf(open)) * costs.perNotional;
      held.delete(open);
    }
    equity[row] = cash + [...held].reduce((sum, [open, quantity]) => sum + quantity * priceOf(open), 0);
    if (time % DAY_MS === 0) atMidnight = equity[row] ?? 0;
    for (const one of trips) {
      if (one.openedAt !== time) continue;
      const notional = one.fraction * atMidnight;
      const quantity = ((one.side === 'long' ? 1 : -1) * notional) / priceOf(one);
      cash -= quantity * priceOf(one) + notional * costs.perNotional;
      held.set(one, quantity);
    }
  }
  return equity;
}

/** A market of random walks without an edge, with an hourly close. */
function zeroEdgeMarket(random: Random, symbols: number, days: number): MarketPanel {
  const times = Float64Array.from({ length: days * 24 + 1 }, (_, hour) => MONDAY + hour * HOUR_MS);
  const close = Array.from({ length: symbols }, () => {
    let price = 100;
    return times.map(() => {
      price *= 1 + 0.01 * random.normal();
      return price;
    });
  });
  return { times, symbols: Array.from({ length: symbols }, (_, i) => `S${i}`), close };
}

/** Entries by chance into symbols that are free, of both sides. */
function tripsByChance(random: Random, panel: MarketPanel, count: number): MatchedTrip[] {
  const rows = panel.times.length;
  const entries = Array.from({ length: count }, () => random.integer(rows - 25)).sort((a, b) => a - b);
  const busyUntil = new Map<string, number>();
  return entries.flatMap((entry): MatchedTrip[] => {
    const free = panel.symbols.filter((symbol) => (busyUntil.get(symbol) ?? 0) <= entry);
    const symbol = free[random.integer(free.length)];
    if (symbol === undefined) return [];
    const exit = entry + 1 + random.integer(24);
    busyUntil.set(symbol, exit);
    return [
      {
        symbol,
        side: random.uniform() < 0.5 ? 'long' : 'short',
        openedAt: epochMs(at64(panel.times, entry)),
        closedAt: epochMs(at64(panel.times, exit)),
        fraction: 0.1 + 0.1 * random.uniform(),
      },
    ];
  });
}

const options = (seeds: number, more: Partial<RandomMatchedOptions> = {}): RandomMatchedOptions => ({
  random: createRandom('matched'),
  seeds,
  ...more,
});

describe('trips of a run', () => {
  const equity = curveOf(Float64Array.of(afterDays(0), afterDays(1)), [1000, 500]);
  const traded = {
    symbol: 'A',
    side: 'long',
    openedAt: epochMs(MONDAY + HOUR_MS),
    entryPrice: 10,
    quantity: 5,
  } as const;

  it('are sized by the equity at their entry', () => {
    expect(matchedTripsOf([traded, { ...traded, openedAt: afterDays(1) }], equity)).toEqual([
      { symbol: 'A', side: 'long', openedAt: MONDAY + HOUR_MS, fraction: 0.05 },
      { symbol: 'A', side: 'long', openedAt: afterDays(1), fraction: 0.1 },
    ]);
  });

  it('end after the beginning of the bar whose prices triggered their exit', () => {
    const closedAt = afterDays(1);
    const ends = (['exit', 'stop', 'target'] as const).map(
      (exitPurpose) => matchedTripsOf([{ ...traded, closedAt, exitPurpose }], equity)[0]?.closedAt,
    );
    expect(ends).toEqual([closedAt, closedAt + 1, closedAt + 1]);
  });

  it('are dropped where no equity was left', () => {
    expect(matchedTripsOf([traded], curveOf(equity.times, [0, 0]))).toEqual([]);
  });
});

describe('random strategies matched with a run', () => {
  it('trade as the run did: costs on entry and exit, quantities kept, days one after another', () => {
    const panel = panelOf({ A: [100, 110, 121, 121], B: [50, 40, 40, 20] });
    const trips = [trip('A', 'long', [0, 2], 0.5), trip('B', 'short', [1, 3], 1)];
    const { replayed } = randomMatched(
      { equity: curveOf(panel.times, [1, 1, 1, 1]), trips },
      panel,
      COSTS,
      options(1),
    ).totalReturn;
    // A: 0.5 for 0.005, left at 0.605 for 0.00605. B: short for the equity of day 1, 1.045, halved in price on the last day.
    const dayOne = 1 + 0.05 - 0.005;
    const dayTwo = dayOne + 0.055 - 0.00605 - 0.01 * dayOne;
    const dayThree = dayTwo + dayOne / 2 - (0.01 * dayOne) / 2;
    expect(replayed.value).toBeCloseTo(dayThree - 1, 12);
  });

  it('pay funding for the time held', () => {
    const panel = panelOf({ A: [100, 100, 200, 200, 200] }, 0.5);
    const costs = { perNotional: 0, fundingPerDay: (_: string, day: number) => (day * DAY_MS === MONDAY ? 0.02 : 0.1) };
    const run = { equity: curveOf(panel.times, [1, 1, 1, 1, 1]), trips: [trip('A', 'short', [0.5, 1.5], 0.5)] };
    // Half a day of Monday on 0.5, half a day of Tuesday on 1: both received by the short.
    expect(randomMatched(run, panel, costs, options(1)).totalReturn.replayed.value).toBeCloseTo(
      -0.5 + 0.005 + 0.05,
      12,
    );
  });

  it('carry the last close over a hole and after the end of a symbol, and do not pay to leave what is still held', () => {
    const panel = panelOf({ A: [100, NONE, 150, NONE, NONE], B: [10, 10, 10, 10, 20] });
    const replayedOf = (...trips: MatchedTrip[]) =>
      randomMatched({ equity: curveOf(panel.times, [1, 1, 1, 1, 1]), trips }, panel, COSTS, options(1)).totalReturn
        .replayed.value;
    expect(replayedOf(trip('A', 'long', [1, 4]))).toBeCloseTo(0.5 - 0.01 - 0.015, 12);
    expect(replayedOf(trip('B', 'long', [2]))).toBeCloseTo(1 - 0.01, 12);
  });

  it('hold for a bar at least, and leave out what begins outside the market', () => {
    const panel = panelOf({ A: [4, 4, 8], B: [NONE, 1, 1] });
    const replayedOf = (...trips: MatchedTrip[]) => {
      const result = randomMatched({ equity: curveOf(panel.times, [1, 1, 1]), trips }, panel, FREE, options(1));
      return [result.trips, result.totalReturn.replayed.value];
    };
    expect(replayedOf(trip('A', 'long', [1, 1]))).toEqual([1, 1]);
    expect(replayedOf(trip('A', 'long', [2]), trip('A', 'long', [-1, 2]), trip('B', 'long', [0, 1]))).toEqual([0, 0]);
  });

  it('agree with a trade-by-trade account on any market', () => {
    for (let seed = 0; seed < 20; seed++) {
      const random = createRandom(`naive/${seed}`);
      const panel = zeroEdgeMarket(random, 4, 5);
      const trips = tripsByChance(random, panel, 20);
      const naive = tradeNaively(trips, panel, COSTS);
      const result = randomMatched({ equity: curveOf(panel.times, naive), trips }, panel, COSTS, options(1));
      // A trade at midnight costs the naive account on the next day, and the replay on the day that ends: only totals agree to the digit.
      expect(result.totalReturn.replayed.value).toBeCloseTo(result.totalReturn.run.value, 3);
      const free = tradeNaively(trips, panel, FREE);
      const { totalReturn, sharpe, maxDrawdown } = randomMatched(
        { equity: curveOf(panel.times, free), trips },
        panel,
        FREE,
        options(1),
      );
      for (const { run, replayed } of [totalReturn, sharpe, maxDrawdown]) {
        expect(replayed.value).toBeCloseTo(run.value, 10);
      }
    }
  });

  it('measure return, Sharpe ratio and drawdown at UTC day ends', () => {
    const times = Float64Array.of(...[0.5, 1, 1.5, 2, 3, 4, 4.5].map(afterDays));
    const panel = { times, symbols: ['A'], close: [new Float64Array(7).fill(1)] };
    const equity = curveOf(times, [100, 110, 50, 99, 108.9, 98.01, 107.811]);
    const result = randomMatched({ equity, trips: [] }, panel, FREE, options(3));
    expect(result.totalReturn.run.value).toBeCloseTo(0.07811, 12);
    // Whole days: -10 %, +10 %, -10 %.
    const deviation = Math.sqrt((2 * (0.1 - 1 / 30) ** 2 + (0.1 + 1 / 30) ** 2) / 2);
    expect(result.sharpe.run.value).toBeCloseTo((-1 / 30 / deviation) * Math.sqrt(365), 10);
    expect(result.maxDrawdown.run.value).toBeCloseTo(1 - 98.01 / 110, 12);
    // None of three strategies without a trade did as well, and all three fell less.
    expect(result.totalReturn.run).toMatchObject({ percentile: 1, pValue: 0.25 });
    expect(result.maxDrawdown.run).toMatchObject({ percentile: 0, pValue: 1 });
    expect(result.totalReturn.replayed).toEqual({ value: 0, percentile: 0.5, pValue: 1 });
  });

  it('draw among the symbols with a bar at that time and bars to come', () => {
    const panel = panelOf({ A: [1, 1, 2], B: [NONE, NONE, 9], C: [1, NONE, 9], D: [1, 1, NONE] });
    const run = { equity: curveOf(panel.times, [1, 1, 1]), trips: [trip('A', 'long', [1, 2])] };
    expect([...randomMatched(run, panel, FREE, options(50)).totalReturn.random]).toEqual(new Array(50).fill(1));
  });

  it('hold no symbol twice at a time, and as many longs and shorts as the run', () => {
    const panel = panelOf({ A: [1, 1.5, 3], B: [1, 0.75, 1], C: [1, 0.75, 1] });
    const three = ['A', 'B', 'C'].map((symbol) => trip(symbol, 'long', [0, 1], 1 / 3));
    const run = { equity: curveOf(panel.times, [1, 1, 1]), trips: three };
    const { random } = randomMatched(run, panel, FREE, options(100)).totalReturn;
    expect(random.every((value) => Math.abs(value) < 1e-12)).toBe(true);
    const alike = panelOf({ A: [1, 2], B: [1, 2], C: [1, 2] });
    const sides = (['long', 'long', 'short'] as const).map((side, i) => trip('ABC'[i] ?? '', side, [0, 1], 0.2));
    const balanced = randomMatched({ equity: curveOf(alike.times, [1, 1]), trips: sides }, alike, FREE, options(100));
    expect(balanced.totalReturn.random.every((value) => Math.abs(value - 0.2) < 1e-12)).toBe(true);
  });

  it('deal the sides anew', () => {
    const panel = panelOf({ A: [1, 2, 1], B: [1, 2, 1] });
    const trips = [trip('A', 'long', [0, 1], 0.5), trip('A', 'short', [1, 2], 0.5)];
    const { random } = randomMatched(
      { equity: curveOf(panel.times, [1, 1, 1]), trips },
      panel,
      FREE,
      options(100),
    ).totalReturn;
    expect([...new Set(random)]).toEqual([-0.5 - 0.5 * 0.25, 0.5 + 1.5 * 0.25]);
  });

  it('enter at other times on request, where the holding time still fits', () => {
    const panel = panelOf({ A: [1, 2, 6, 6, 30] });
    const run = { equity: curveOf(panel.times, [1, 1, 1, 1, 1]), trips: [trip('A', 'long', [1, 3])] };
    const valuesOf = (more: Partial<RandomMatchedOptions>) => [
      ...new Set(randomMatched(run, panel, FREE, options(100, more)).totalReturn.random),
    ];
    expect(valuesOf({})).toEqual([2]);
    expect(valuesOf({ entryTimes: 'random' })).toEqual([2, 4, 5]);
  });

  it('cannot do what foresight does', () => {
    const panel = zeroEdgeMarket(createRandom('foresight'), 6, 30);
    const trips = tripsByChance(createRandom('foresight trips'), panel, 60).map((one): MatchedTrip => {
      const column = panel.close[panel.symbols.indexOf(one.symbol)] ?? new Float64Array();
      const [entry, exit] = [one.openedAt, one.closedAt ?? 0].map((time) => at64(column, (time - MONDAY) / HOUR_MS));
      return { ...one, side: (exit ?? 0) > (entry ?? 0) ? 'long' : 'short' };
    });
    const equity = curveOf(panel.times, tradeNaively(trips, panel, COSTS));
    for (const entryTimes of ['own', 'random'] as const) {
      const result = randomMatched({ equity, trips }, panel, COSTS, options(199, { entryTimes }));
      for (const { run, replayed } of [result.totalReturn, result.sharpe]) {
        expect([run.pValue, replayed.pValue]).toEqual([0.005, 0.005]);
        expect([run.percentile, replayed.percentile]).toEqual([1, 1]);
      }
    }
  });

  it('are the same for the same seed, whatever their number', () => {
    const panel = zeroEdgeMarket(createRandom('same'), 5, 10);
    const trips = tripsByChance(createRandom('same trips'), panel, 20);
    const run = { equity: curveOf(panel.times, tradeNaively(trips, panel, COSTS)), trips };
    const first = randomMatched(run, panel, COSTS, options(50));
    expect(randomMatched(run, panel, COSTS, options(50))).toEqual(first);
    const more = new Set(randomMatched(run, panel, COSTS, options(60)).totalReturn.random);
    expect(first.totalReturn.random.every((value) => more.has(value))).toBe(true);
    const other = randomMatched(run, panel, COSTS, options(50, { random: createRandom('other') }));
    expect(other.totalReturn.random).not.toEqual(first.totalReturn.random);
  });

  it.each(['own', 'random'] as const)(
    'give a run without an edge any p-value as often, at %s entry times',
    (entryTimes) => {
      const runs = 200;
      const names = ['totalReturn', 'sharpe', 'maxDrawdown'] as const;
      const pValues = names.map((): number[] => []);
      for (let seed = 0; seed < runs; seed++) {
        const random = createRandom(`uniform/${seed}`);
        const panel = zeroEdgeMarket(random, 5, 8);
        const trips = tripsByChance(random, panel, 16);
        const run = { equity: curveOf(panel.times, panel.times), trips };
        const result = randomMatched(run, panel, COSTS, { random, seeds: 59, entryTimes });
        for (const [i, name] of names.entries()) pValues[i]?.push(result[name].replayed.pValue);
      }
      for (const values of pValues) {
        values.sort((a, b) => a - b);
        // Kolmogorov and Smirnov, at one in a thousand, with half a step of the p-values.
        const distance = Math.max(...values.map((value, i) => Math.max(value - i / runs, (i + 1) / runs - value)));
        expect(distance).toBeLessThan(1.95 / Math.sqrt(runs) + 0.01);
        expect(values.filter((value) => value <= 0.05).length / runs).toBeLessThanOrEqual(0.09);
      }
    },
  );

  it('are refused without a seed, and for a symbol that the panel lacks', () => {
    const panel = panelOf({ A: [1, 2] });
    const equity = curveOf(panel.times, [1, 1]);
    expect(() => randomMatched({ equity, trips: [] }, panel, FREE, options(0))).toThrow(/one seed or more/);
    expect(() => randomMatched({ equity, trips: [trip('B', 'long', [0, 1])] }, panel, FREE, options(1))).toThrow(
      'no closes of B',
    );
  });
});
