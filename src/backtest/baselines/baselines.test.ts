import { describe, expect, it } from 'vitest';
import { allocateBars, createRandom, DAY_MS, HOUR_MS } from '../../core/index.ts';
import { buyAndHold } from './buy-and-hold.ts';
import { equalWeight } from './equal-weight.ts';
import { type MarketPanel, marketPanelOf } from './market-panel.ts';
import { crossSectionalMomentum, momentum14d, timeSeriesMomentum } from './momentum.ts';
import { afterDays, MONDAY, NONE, panelOf } from './panel.fixture.ts';
import type { BaselineRun } from './portfolio.ts';

const FREE = { perNotional: 0 };
const COSTS = { perNotional: 0.01 };

const closeTo = (values: readonly number[]) => values.map((value) => expect.closeTo(value, 12));
const equityOf = ({ equity }: BaselineRun) => [...equity.equity];

describe('the panel', () => {
  it('puts the bars of all symbols on one grid of closes', () => {
    const barsAt = (hours: number[]) => {
      const bars = allocateBars(hours.length);
      for (const [i, hour] of hours.entries()) {
        bars.openTime[i] = MONDAY + hour * HOUR_MS;
        bars.close[i] = 100 + hour;
      }
      return bars;
    };
    const panel = marketPanelOf(
      new Map([
        ['A', barsAt([1, 2, 4])],
        ['B', barsAt([0, 1])],
        ['C', barsAt([])],
      ]),
      HOUR_MS,
    );
    expect(panel).toEqual({
      times: Float64Array.from([1, 2, 3, 4, 5], (hour) => MONDAY + hour * HOUR_MS),
      symbols: ['A', 'B', 'C'],
      close: [
        Float64Array.of(NONE, 101, 102, NONE, 104),
        Float64Array.of(100, 101, NONE, NONE, NONE),
        new Float64Array(5).fill(NONE),
      ],
    });
  });

  it('is refused where a column has other rows than there are times, or the window holds no two closes', () => {
    const panel = panelOf({ A: [1, 2, 3] });
    expect(() => buyAndHold({ ...panel, close: [Float64Array.of(1)] }, FREE, ['A'])).toThrow(/a panel has/);
    expect(() => buyAndHold(panel, FREE, ['A'], { from: afterDays(2) })).toThrow(/no two closes/);
  });
});

describe('buy and hold', () => {
  it('buys at the first close and keeps what it bought', () => {
    const run = buyAndHold(panelOf({ BTC: [100, 110, 99] }), COSTS, ['BTC']);
    // 1 of 100 bought for 0.01: 0.01 units, -0.01 in cash.
    expect(equityOf(run)).toEqual(closeTo([1, 1.09, 0.98]));
    expect([...run.equity.long]).toEqual(closeTo([0, 1.1, 0.99]));
    expect([...run.equity.positions]).toEqual([0, 1, 1]);
    expect(run).toMatchObject({ traded: 1, costs: 0.01, funding: 0 });
  });

  it('buys for equal shares, late what begins late, and sells what ends at its last close', () => {
    const panel = panelOf({ A: [10, 20, NONE, NONE], B: [NONE, 10, NONE, 30], C: [7, 7, 7, 7] });
    const run = buyAndHold(panel, COSTS, ['A', 'B']);
    // Half of the initial equity each. A: +0.5 on row 1, sold there for 1. B: bought on row 1, carried over its hole, thrice the price.
    const afterA = 1 - 0.005 + 0.5;
    const afterB = afterA - 0.01 - 0.005;
    expect(equityOf(run)).toEqual(closeTo([1, afterA, afterB, afterB + 1]));
    expect([...run.equity.positions]).toEqual([0, 1, 1, 1]);
    expect(run.traded).toBeCloseTo(0.5 + 1 + 0.5, 12);
  });

  it('begins and ends with its window', () => {
    const run = buyAndHold(panelOf({ A: [1, 2, 4, 5, 9] }), FREE, ['A'], { from: afterDays(1), to: afterDays(3) });
    expect([...run.equity.times]).toEqual([1, 2, 3].map(afterDays));
    expect(equityOf(run)).toEqual(closeTo([1, 2, 2.5]));
  });

  it('pays funding by the day, on the value at the start of each bar', () => {
    const panel = panelOf({ A: [100, 100, 200, 200] }, 0.5);
    const fundingPerDay = (symbol: string, day: number) =>
      symbol === 'A' ? (day * DAY_MS === MONDAY ? 0.02 : -0.04) : 1;
    const run = buyAndHold(panel, { perNotional: 0, fundingPerDay }, ['A']);
    // The bar that closes at midnight is the last of Monday.
    expect(equityOf(run)).toEqual(closeTo([1, 0.99, 1.98, 1.98 + 0.04]));
    expect(run.funding).toBeCloseTo(0.02, 12);
  });

  it('refuses a symbol that the panel lacks', () => {
    expect(() => buyAndHold(panelOf({ A: [1, 2] }), FREE, ['B'])).toThrow('no closes of B');
  });
});

describe('equal weight', () => {
  it('goes back to equal shares at midnight and drifts in between', () => {
    const panel = panelOf({ A: [100, 200, 200, 200, 400], B: [100, 100, 100, 100, 100] }, 0.5);
    const run = equalWeight(panel, COSTS, { rebalance: 'daily' });
    // Noon: A 1, B 0.5, cash -0.01. Midnight (row 2): 0.745 each, so 0.255 of A sold and 0.245 of B bought for 0.005.
    expect(equityOf(run)).toEqual(closeTo([1, 1.49, 1.49, 1.485, 1.485 + 0.745]));
    expect(run.traded).toBeCloseTo(1 + 0.5, 12);
  });

  it('waits for Monday where it is weekly', () => {
    const rising = [1, 1, 2, 2, 2, 2, 2, 2, 4];
    const flat = rising.map(() => 1);
    const weekly = equalWeight(panelOf({ A: rising, B: flat }), FREE, { rebalance: 'weekly' });
    // Row 0 and row 7 are Mondays: 0.75 each from row 7 on.
    expect(equityOf(weekly)).toEqual(closeTo([1, 1, 1.5, 1.5, 1.5, 1.5, 1.5, 1.5, 2.25]));
    expect(weekly.traded).toBeCloseTo(1 + 0.25 + 0.25, 12);
  });

  it('takes up what begins, lets go what ends, and leaves alone what has no bar', () => {
    const panel = panelOf({ A: [10, 20, 20, 20, 20], B: [10, 10, NONE, NONE, NONE], C: [NONE, NONE, 5, NONE, 10] });
    const run = equalWeight(panel, FREE, { rebalance: 'daily' });
    // Row 1: A 1, B 0.5 sold with its last bar; A alone gets the equity of 1.5. Row 2: 0.75 each of A and C. Row 3: C cannot trade.
    expect(equityOf(run)).toEqual(closeTo([1, 1.5, 1.5, 1.5, 2.25]));
    expect([...run.equity.positions]).toEqual([0, 2, 1, 2, 2]);
    expect(run.traded).toBeCloseTo(1 + (0.5 + 0.5) + (0.75 + 0.75), 12);
  });
});

describe('time-series momentum', () => {
  const options = { lookBackDays: 2, weights: 'equal' } as const;

  it('goes with the sign of each past return once there is one', () => {
    const panel = panelOf({ A: [10, 11, 12, 18, 18], B: [10, 9, 8, 4, 4], C: [5, 5, 5, 5, 5] });
    const run = timeSeriesMomentum(panel, COSTS, options);
    // Row 2: long A, short B, half each; both win a half of it. C did not move. Row 3: equity 1.49, targets 0.745 from 0.75 and 0.25.
    const traded = 1 + (0.75 - 0.745) + (0.745 - 0.25);
    expect(equityOf(run)).toEqual(closeTo([1, 1, 1, 1.49, 1.49 - 0.005]));
    expect([...run.equity.short]).toEqual(closeTo([0, 0, 0, 0.25, 0.745]));
    expect(run.traded).toBeCloseTo(traded, 12);
  });

  it('gives each position the same volatility on request', () => {
    const panel = panelOf({ A: [100, 110, 121, 121], B: [100, 80, 64, 128] });
    const run = timeSeriesMomentum(panel, FREE, { ...options, weights: 'equal-risk' });
    // Returns of 10 % and of -20 %, twice each: two thirds in A, one third short in B.
    expect(equityOf(run)).toEqual(closeTo([1, 1, 1, 2 / 3]));
  });

  it('knows the time before its window, and leaves out what is too young', () => {
    const panel = panelOf({ A: [1, 2, 3, 6], B: [NONE, 2, 3, 9] });
    const run = timeSeriesMomentum(panel, FREE, { ...options, from: afterDays(2) });
    expect(equityOf(run)).toEqual(closeTo([1, 2]));
  });

  it('holds what has no bar at midnight, and nothing of what has ended', () => {
    const panel = panelOf({ A: [1, 2, 3, NONE, 6, 6], B: [4, 5, 6, 9, NONE, NONE], C: [1, 1, 1, 1, 1, 1] });
    const run = timeSeriesMomentum(panel, FREE, options);
    // Row 2: half each. Row 3: B sold for 0.75, A kept without a bar; row 4: A doubled to 1, and is all there is to hold.
    expect(equityOf(run)).toEqual(closeTo([1, 1, 1, 1.25, 1.75, 1.75]));
    expect([...run.equity.long]).toEqual(closeTo([0, 0, 0, 1.25, 1, 1.75]));
  });

  it('is ruined for good', () => {
    const run = timeSeriesMomentum(panelOf({ A: [4, 3, 2, 5, 1] }), FREE, options);
    expect(equityOf(run)).toEqual([1, 1, 1, 0, 0]);
    expect([...run.equity.short]).toEqual([0, 0, 0, 0, 0]);
  });

  it('has 14 days and equal risk as the term of comparison', () => {
    const random = createRandom('term');
    const walk = () => {
      let price = 100;
      return Array.from({ length: 40 }, () => {
        price *= Math.exp(0.02 * random.normal());
        return price;
      });
    };
    const panel = panelOf({ A: walk(), B: walk() });
    const run = momentum14d(panel, COSTS, { to: afterDays(30) });
    expect(run).toEqual(
      timeSeriesMomentum(panel, COSTS, { lookBackDays: 14, weights: 'equal-risk', to: afterDays(30) }),
    );
    expect(run.equity.positions.findIndex((positions) => positions > 0)).toBe(15);
  });
});

describe('cross-sectional momentum', () => {
  const options = { lookBackDays: 1, perSide: 1 };

  it('is long the winners and short the losers', () => {
    const panel = panelOf({ A: [10, 11, 11], B: [10, 12, 18], C: [10, 10, 11], D: [10, 10.5, 10.5] });
    const run = crossSectionalMomentum(panel, COSTS, options);
    // Long B, +50 %; short C, -10 %; half each.
    expect(equityOf(run)).toEqual(closeTo([1, 1, 1 + 0.25 - 0.05 - 0.01]));
    const two = crossSectionalMomentum(panel, FREE, { ...options, perSide: 2 });
    expect(equityOf(two)).toEqual(closeTo([1, 1, 1 + 0.125 - 0.025]));
  });

  it('takes half of a panel that is too small, and nothing of a single symbol', () => {
    const three = panelOf({ A: [10, 11, 22], B: [10, 12, 12], C: [10, 10, 10] });
    expect(equityOf(crossSectionalMomentum(three, FREE, { ...options, perSide: 5 }))).toEqual(closeTo([1, 1, 1]));
    expect(equityOf(crossSectionalMomentum(panelOf({ A: [1, 2, 3] }), FREE, options))).toEqual([1, 1, 1]);
  });

  it('breaks ties by name, whatever the order of the panel', () => {
    const columns = { A: [1, 1, 2], B: [1, 1, 1], C: [1, 1, 0.5] };
    const reversed = Object.fromEntries(Object.entries(columns).reverse());
    const [one, other] = [columns, reversed].map((close) => crossSectionalMomentum(panelOf(close), FREE, options));
    expect(one && equityOf(one)).toEqual(closeTo([1, 1, 1.75]));
    expect(other && equityOf(other)).toEqual(closeTo([1, 1, 1.75]));
  });
});

it('decides nothing by what comes later', () => {
  const random = createRandom('look-ahead');
  const times = Float64Array.from({ length: 96 * 6 }, (_, row) => MONDAY + (row * DAY_MS) / 96);
  const close = Array.from({ length: 4 }, () => {
    let price = 100;
    return times.map(() => {
      price *= Math.exp(0.01 * random.normal());
      return price;
    });
  });
  const panel = { times, symbols: ['A', 'B', 'C', 'D'], close };
  // The bar after a midnight at which all decide.
  const cut = 96 * 4 + 1;
  const changed = {
    ...panel,
    close: close.map((column) => column.map((price, row) => (row > cut ? price * (2 + random.uniform()) : price))),
  };
  const untilCut = ({ equity }: BaselineRun) =>
    [equity.equity, equity.long, equity.short].map((values) => [...values.subarray(0, cut + 1)]);
  const rules: ((panel: MarketPanel) => BaselineRun)[] = [
    (one) => buyAndHold(one, COSTS, ['A', 'B']),
    (one) => equalWeight(one, COSTS, { rebalance: 'daily' }),
    (one) => timeSeriesMomentum(one, COSTS, { lookBackDays: 2, weights: 'equal-risk' }),
    (one) => crossSectionalMomentum(one, COSTS, { lookBackDays: 2, perSide: 1 }),
  ];
  for (const rule of rules) expect(untilCut(rule(changed))).toEqual(untilCut(rule(panel)));
});
